"""A wire in front of a real DNS server that cuts connections where a test says."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from .bind import Bind


class Cut:
    """Hands whole messages to and fro over TCP, and ends everything in the midst of an answer after some.

    :param allowed: answers that go through, all connections together; of the next one half.
    :param cuts: how many times it cuts; after that all goes through.
    :ivar port: where it listens, at 127.0.0.1.
    """

    def __init__(self, behind: Bind, allowed: int, cuts: int = 10**6) -> None:
        self._behind = (behind.address, behind.port)
        self.allowed = allowed
        self._cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._behind)
            threading.Thread(target=self._pass_on, args=(connection, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, connection), daemon=True).start()

    @staticmethod
    def _pass_on(client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        stream = server.makefile("rb")
        try:
            while head := stream.read(2):
                data = head + stream.read(struct.unpack("!H", head)[0])
                if self.allowed <= 0 and self._cuts:
                    self._cuts -= 1
                    client.sendall(data[: len(data) // 2])
                    break
                self.allowed -= 1
                client.sendall(data)
        except OSError:
            pass
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
