"""A wire that counts: DNS over TCP, passed on to a server unchanged, each message to it counted by its kind."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter

ADDRESS = "127.0.0.1"
#: Kinds of messages. An UPDATE of conditions only changes nothing (RFC 2136 §3.2).
CHANGES, CONDITIONS, TRANSFER, QUERY, OTHER = "UPDATE", "UPDATE of conditions only", "AXFR", "QUERY", "other"
KINDS = (QUERY, TRANSFER, CONDITIONS, CHANGES, OTHER)
_OPCODE_QUERY, _OPCODE_UPDATE = 0, 5
_TRANSFERS = (251, 252)  # IXFR, AXFR
_HEADER = struct.Struct("!HHHHHH")
_CHUNK = 65536


class Wire:
    """Listens on a port of the loopback, and passes on.

    :param server: port of the server.
    :ivar port: where clients connect.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._listener = socket.create_server((ADDRESS, 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def counts(self) -> dict[str, int]:
        """Return how many messages of each kind came since the last ``clear``."""
        with self._lock:
            return {kind: self._counts[kind] for kind in KINDS}

    def clear(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._counts.clear()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((ADDRESS, self._server))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        self._pass_on_counted(client, server)

    def _pass_on_counted(self, client: socket.socket, server: socket.socket) -> None:
        waiting = b""
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                whole, waiting = split(waiting + data)
                with self._lock:  # before the server can answer: nobody asks for counts too early
                    self._counts.update(map(kind, whole))
                server.sendall(data)
        _end(server)


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole messages at the start of a stream (RFC 1035 §4.2.2), and what is left."""
    messages = []
    while len(data) >= 2 and len(data) >= 2 + (length := int.from_bytes(data[:2], "big")):
        messages.append(data[2 : 2 + length])
        data = data[2 + length :]
    return messages, data


def kind(message: bytes) -> str:
    """Return the kind of a message to a server."""
    if len(message) < _HEADER.size:
        return OTHER
    _, flags, _, _, updates, _ = _HEADER.unpack_from(message)
    opcode = flags >> 11 & 15
    if opcode == _OPCODE_UPDATE:
        return CHANGES if updates else CONDITIONS
    if opcode == _OPCODE_QUERY:
        return TRANSFER if _question_type(message) in _TRANSFERS else QUERY
    return OTHER


def _question_type(message: bytes) -> int:
    """Return the type that the first question asks for; its name is not compressed."""
    place = _HEADER.size
    while place < len(message) and message[place]:
        place += 1 + message[place]
    return int.from_bytes(message[place + 1 : place + 3], "big")


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    _end(target)
    source.close()


def _end(sock: socket.socket) -> None:
    """Say that nothing more comes."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
