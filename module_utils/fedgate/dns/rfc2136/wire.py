"""DNS messages over one TCP connection, several at a time (RFC 7766 §6.2.1.1)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.message
import dns.tsig

from ...errors import Unreachable

#: How many questions are under way at once. Few enough that neither side's buffers fill while the other one writes.
_WINDOW = 40
#: How many times in a row a connection may end without a single answer before the server counts as dead.
_TRIES = 2


class Wire:
    """A connection to one server, made when it is needed and made again when the server ends it.

    :param server: host name or address.
    :param port: TCP port.
    :param timeout: seconds to wait for a connection, and for each answer.
    """

    def __init__(self, server: str, port: int, timeout: float) -> None:
        self.server = server
        self.port = port
        self.timeout = timeout
        self._socket: socket.socket | None = None

    def __str__(self) -> str:
        return f"{self.server} port {self.port}"

    def ask_all(self, queries: Sequence[Any]) -> list[Any]:
        """Send questions, several under way at once, and return the answers in the order of the questions.

        :param queries: unsigned messages without effect: they may be sent twice when a connection ends.
        :raises Unreachable: the server does not answer.
        """
        answers: dict[int, Any] = {}
        tries = 0
        while len(answers) < len(queries):
            open_ones = [index for index in range(len(queries)) if index not in answers]
            before = len(answers)
            try:
                self._round(queries, open_ones[:_WINDOW], answers)
            except (OSError, EOFError) as error:
                self.close()
                tries = 0 if len(answers) > before else tries + 1
                if tries >= _TRIES:
                    raise self._unreachable(error) from error
        return [answers[index] for index in range(len(queries))]

    def _round(self, queries: Sequence[Any], indexes: Sequence[int], answers: dict[int, Any]) -> None:
        # Numbers of our own making: random ones could repeat within the round.
        waiting: dict[int, int] = {}
        for number, index in enumerate(indexes):
            queries[index].id = number
            waiting[number] = index
        self._send(b"".join(_framed(queries[index].to_wire()) for index in indexes))
        while waiting:
            try:
                answer = dns.message.from_wire(self._receive())
            except dns.exception.DNSException as error:
                raise EOFError(f"an answer cannot be read ({type(error).__name__})") from error
            index = waiting.pop(answer.id, -1)
            if index < 0 or not queries[index].is_response(answer):
                raise EOFError("an answer is to another question")
            answers[index] = answer

    def exchange(self, query: Any, wire: bytes) -> Any:
        """Send one signed message once, and return the answer with its signature verified.

        :param query: the message.
        :param wire: its signed form.
        :raises Unreachable: no answer; what the message asks for may or may not have been done.
        :raises dns.exception.DNSException: the answer's signature or form is wrong.
        """
        try:
            self._connect_afresh()
            self._send(_framed(wire))
            data = self._receive()
        except (OSError, EOFError) as error:
            self.close()
            raise self._unreachable(error) from error
        answer = dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac)
        if not query.is_response(answer):
            raise dns.exception.FormError("the answer is to another question")
        return answer

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect_afresh(self) -> None:
        """Connect; give up an idle connection that the server has ended meanwhile, as a change must be sent once."""
        if self._socket is not None:
            self._socket.setblocking(False)
            try:
                ended = self._socket.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                ended = False
            except OSError:
                ended = True
            if ended:
                self.close()
            else:
                self._socket.settimeout(self.timeout)
        self._connected()

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((self.server, self.port), timeout=self.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _send(self, data: bytes) -> None:
        self._connected().sendall(data)

    def _receive(self) -> bytes:
        (length,) = struct.unpack("!H", self._read(2))
        return self._read(length)

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._connected().recv(length)
            if not part:
                raise EOFError("it ended the connection")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, socket.gaierror):
            return Unreachable(
                f"the name of the DNS server {self.server!r} cannot be resolved",
                hint="Check `server` of the DNS provider.",
            )
        reason = str(getattr(error, "strerror", None) or error)
        if isinstance(error, TimeoutError):
            reason = f"nothing came within {self.timeout:g} s"
        return Unreachable(
            f"the DNS server {self} does not answer over TCP: {reason}",
            hint="Check `server` and `port` of the DNS provider, the firewall, and that the server runs.",
        )


def _framed(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire
