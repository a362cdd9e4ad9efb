"""Servers that misbehave on the wire: each ends in one clear error, and soon."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Optional

import dns.message
import dns.rcode
import pytest
from ansible.module_utils.fedgate.dns.rfc2136.provider import Rfc2136
from ansible.module_utils.fedgate.errors import Refused, Unreachable

from .bind import Bind

Answer = Callable[[bytes], Optional[bytes]]
NAME = "edge.contoso.example"


class Odd:
    """Takes TCP connections and answers each message by a function; None ends the connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        while head := stream.read(2):
            data = self._answer(stream.read(struct.unpack("!H", head)[0]))
            if data is None:
                return
            stream.write(struct.pack("!H", len(data)) + data)
            stream.flush()


@pytest.fixture
def odd() -> Iterator[Callable[[Answer], Rfc2136]]:
    servers = []

    def start(answer: Answer) -> Rfc2136:
        servers.append(Odd(answer))
        options = Bind.options(servers[-1].port)
        return Rfc2136.from_options({**options, "timeout": 1})

    yield start
    for server in servers:
        server.close()


def _reply(data: bytes, rcode: int = dns.rcode.NOERROR, question: bool = True, number: int = 0) -> bytes:
    query = dns.message.from_wire(data)
    answer = dns.message.make_response(query)
    answer.set_rcode(rcode)
    answer.id = (query.id + number) % 65536
    if not question:
        answer.question = []
    return answer.to_wire()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda data: None, "it ended the connection"),
        (lambda data: b"nonsense", "cannot be read"),
        (lambda data: _reply(data, number=9), "another question"),
        (lambda data: _reply(data, question=False), "another question"),
        (lambda data: threading.Event().wait(1.5) or None, "nothing came within 1 s"),
    ],
    ids=["hangs up", "nonsense", "another number", "no question", "silence"],
)
def test_no_usable_answer(odd: Callable[[Answer], Rfc2136], answer: Answer, says: str) -> None:
    with pytest.raises(Unreachable, match=says):
        odd(answer).read([(NAME, "A")])


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.REFUSED, dns.rcode.NOTIMP])
def test_errors_without_a_question(odd: Callable[[Answer], Rfc2136], rcode: int) -> None:
    seen = odd(lambda data: _reply(data, rcode, question=False)).read([(NAME, "A")])
    assert isinstance(seen.strangers[NAME], Refused)
    assert dns.rcode.to_text(dns.rcode.Rcode(rcode)) in str(seen.strangers[NAME])


def test_a_server_that_ends_the_connection_after_each_answer(odd: Callable[[Answer], Rfc2136]) -> None:
    turns: list[int] = []

    def every_other(data: bytes) -> Optional[bytes]:
        turns.append(1)
        return _reply(data, dns.rcode.REFUSED) if len(turns) % 2 else None

    names = [(f"host{number}.contoso.example", "A") for number in range(10)]
    assert len(odd(every_other).read(names).strangers) == 10
