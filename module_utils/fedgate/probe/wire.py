"""A TCP connection to a server that nobody has reason to trust: every read has a limit in bytes and in time."""

from __future__ import annotations

import socket
import ssl
from typing import Optional, Union

from .offers import is_legacy
from .values import Deadline
from .xml import Stream, StreamFault, read_stream

#: Seconds for one TCP connection; partners' servers give up about then and try the next address.
CONNECT_TIMEOUT = 5.0
#: Packets of one stream; an honest server needs two or three, one that sends byte by byte shall not keep us busy.
MAX_PACKETS = 500


class Wire:
    """A connection, before and after TLS.

    :param address: IP address.
    :param port: TCP port.
    :param deadline: end of this look; nothing waits longer.
    :raises OSError: when it cannot be connected (``TimeoutError`` when it took too long).
    """

    def __init__(self, address: str, port: int, deadline: Deadline) -> None:
        self._deadline = deadline
        self._buffer = b""
        self._socket: Union[socket.socket, ssl.SSLSocket] = socket.create_connection(
            (address, port), timeout=deadline.left(CONNECT_TIMEOUT)
        )

    def close(self) -> None:
        """Close without waiting for the other side."""
        self._socket.close()

    def send(self, text: str) -> None:
        """Send text. :raises OSError: when the other side is gone."""
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(text.encode())

    def begin(self, header: str) -> None:
        """Send a stream header; what comes from now on is a new stream. :raises OSError: when that fails."""
        self._buffer = b""
        self.send(header)

    def read(self, children: int) -> Stream:
        """Read until the stream has that many elements, is of a version that has no features, or is closed.

        :raises StreamFault: when it is no stream, too long, or the connection ended before.
        :raises OSError: when the connection breaks (``TimeoutError`` when the deadline passed).
        """
        for _ in range(MAX_PACKETS):
            stream = read_stream(self._buffer)
            if len(stream.children) >= children or stream.closed or is_legacy(stream):
                return stream
            self._socket.settimeout(self._deadline.left())
            data = self._socket.recv(8192)
            if not data:
                raise StreamFault("closed the connection" + ("" if self._buffer else " without a word"))
            self._buffer += data
        raise StreamFault(f"sent {MAX_PACKETS} packets and is still not ready")

    def after(self, stream: Stream) -> bytes:
        """Return the bytes that came after the stream's last complete element."""
        return self._buffer[stream.ends[-1] :] if stream.ends else self._buffer

    def secure(self, context: ssl.SSLContext, domain: str) -> ssl.SSLSocket:
        """Do the TLS handshake as client, naming ``domain`` (SNI). :raises OSError: when it fails."""
        self._socket.settimeout(self._deadline.left())
        secured = context.wrap_socket(self._socket, server_hostname=domain, suppress_ragged_eofs=True)
        self._socket = secured
        return secured


def reason(error: Optional[BaseException]) -> str:
    """Say in a few words why a connection failed."""
    if isinstance(error, (TimeoutError, socket.timeout)):  # not the same before Python 3.10
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "connection reset"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error.args[-1]).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
