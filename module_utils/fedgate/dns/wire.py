"""DNS messages over one TCP connection, several at a time (RFC 7766 §6.2.1.1)."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import dns.exception
import dns.message
import dns.tsig

from ..errors import Unreachable

#: How many questions are under way at once. Few enough that neither side's buffers fill while the other one writes: a
#: question has at most 275 octets.
_WINDOW = 100
#: How many times in a row a connection may end without a single answer before the server counts as dead.
_TRIES = 2


class Wire:
    """A connection to one server, made when it is needed and made again when the server ends it.

    :param server: host name or address.
    :param port: TCP port.
    :param timeout: seconds to wait for a connection, and for each answer.
    :param requests: where each message that is sent is counted by its kind: ``QUERY``, ``UPDATE``, ``AXFR``.
    """

    def __init__(self, server: str, port: int, timeout: float, requests: Counter[str] | None = None) -> None:
        self.server = server
        self.port = port
        self.timeout = timeout
        self.requests: Counter[str] = Counter() if requests is None else requests
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
            before = len(answers)
            try:
                self._connected()
            except (OSError, UnicodeError) as error:
                raise self._unreachable(error) from error
            try:
                self._ask_open_ones(queries, answers)
            except (OSError, EOFError) as error:
                self.close()
                tries = 0 if len(answers) > before else tries + 1
                # Who takes a connection and says nothing will not say more on another one.
                if tries >= _TRIES or (tries and isinstance(error, TimeoutError)):
                    raise self._unreachable(error) from error
        return [answers[index] for index in range(len(queries))]

    def _ask_open_ones(self, queries: Sequence[Any], answers: dict[int, Any]) -> None:
        """Ask what has no answer yet; with each answer that comes, another question goes."""
        to_ask = iter([index for index in range(len(queries)) if index not in answers])
        waiting: dict[int, int] = {}
        self._ask_more(queries, to_ask, waiting)
        while waiting:
            try:
                answer = dns.message.from_wire(_without_additional(self._receive()), ignore_trailing=True)
            except dns.exception.DNSException as error:
                raise EOFError(f"an answer cannot be read ({type(error).__name__})") from error
            index = waiting.pop(answer.id, -1)
            if index < 0 or not queries[index].is_response(answer):
                raise EOFError("an answer is to another question")
            answers[index] = answer
            if len(waiting) <= _WINDOW // 2:
                self._ask_more(queries, to_ask, waiting)

    def _ask_more(self, queries: Sequence[Any], to_ask: Iterator[int], waiting: dict[int, int]) -> None:
        """Send as many questions as may be under way."""
        data = []
        # Numbers of our own making: random ones could repeat among those that are under way.
        free = (number for number in range(2 * _WINDOW) if number not in waiting)
        while len(waiting) < _WINDOW and (index := next(to_ask, None)) is not None:
            number = next(free)
            queries[index].id = number
            waiting[number] = index
            data.append(_framed(queries[index].to_wire()))
        if data:
            self.requests["QUERY"] += len(data)
            self._send(b"".join(data))

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._socket is not None

    def exchange(self, query: Any, wire: bytes) -> Any:
        """Send one signed update once, and return the answer with its signature verified.

        :param query: the message.
        :param wire: its signed form.
        :raises Unreachable: no answer; what the message asks for may or may not have been done.
        :raises dns.exception.DNSException: the answer's signature or form is wrong.
        """
        try:
            self._connect_afresh()
            self.requests["UPDATE"] += 1
            self._send(_framed(wire))
            data = self._receive()
        except (OSError, EOFError, UnicodeError) as error:
            self.close()
            raise self._unreachable(error) from error
        answer = dns.message.from_wire(data, keyring=query.keyring, request_mac=query.mac)
        if not query.is_response(answer):
            raise dns.exception.FormError("the answer is to another question")
        return answer

    def transfer(self, wire: bytes) -> Iterator[bytes]:
        """Ask for a zone transfer on a connection of its own, and yield its messages as they come.

        The connection ends with the generator: whoever has seen enough closes that.

        :param wire: the signed request.
        :raises Unreachable: nothing comes, or no more.
        """
        aside = Wire(self.server, self.port, self.timeout)
        try:
            self.requests["AXFR"] += 1
            aside._send(_framed(wire))
            while True:
                yield aside._receive()
        except (OSError, EOFError) as error:
            raise self._unreachable(error) from error
        finally:
            aside.close()

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
        if isinstance(error, (socket.gaierror, UnicodeError)):  # the latter: it is no name at all
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


def _without_additional(wire: bytes) -> bytes:
    """Return an unsigned answer without what a server adds unasked: to read that takes a third of the time."""
    return wire[:10] + b"\0\0" + wire[12:]


def _framed(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire
