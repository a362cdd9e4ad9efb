"""Zone transfers on the wire: verified from the first message to the last, whole, and otherwise not used."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import dns.message
import dns.name
import dns.rdata
import dns.renderer
import dns.rrset
import dns.tsig
import pytest
from ansible.module_utils.fedgate.dns.rfc2136.transfer import Contents, NoTransfer, transfer, wire_name
from ansible.module_utils.fedgate.dns.wire import Wire

ZONE = "contoso.example"
KEY = dns.tsig.Key("transfer", b"secret", "hmac-sha256")
SOA, OTHER_SOA = (f"@ 300 IN SOA ns hostmaster {serial} 3600 600 86400 60" for serial in (1, 2))
EDGE, LONG, THEIRS = "edge 300 IN A 192.0.2.1", "a.b.c.d.edge 300 IN A 192.0.2.2", "theirs 300 IN TXT x"
#: Makes the messages of an answer: one for each list of records; ``signed`` says which are signed.
Make = Callable[[dns.message.Message], list[bytes]]


class Server:
    """Answers one request with messages that a function makes of it."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, self._listener, contextlib.suppress(OSError):
            stream = connection.makefile("rb")
            data = stream.read(struct.unpack("!H", stream.read(2))[0])
            for message in self._make(dns.message.from_wire(data, keyring={KEY.name: KEY})):
                connection.sendall(struct.pack("!H", len(message)) + message)


def answer(*parts: list[str], signed: str = "", key: dns.tsig.Key = KEY) -> Make:
    """Return what makes an answer of several messages; ``signed`` has a ``y`` for each that is signed, all if empty."""

    def make(request: dns.message.Message) -> list[bytes]:
        wires, context = [], None
        for index, records in enumerate(parts):
            renderer = dns.renderer.Renderer(request.id, 0x8400)
            if index == 0:
                renderer.add_question(request.question[0].name, 252)
            for record in records:
                owner, ttl, rdclass, rdtype, data = record.split(None, 4)
                origin = dns.name.from_text(ZONE)
                rdata = dns.rdata.from_text(rdclass, rdtype, data, origin, relativize=False)
                rrset = dns.rrset.from_rdata(dns.name.from_text(owner, origin), int(ttl), rdata)
                renderer.add_rrset(dns.renderer.ANSWER, rrset)
            renderer.write_header()
            if not signed or signed[index] == "y":
                context = renderer.add_multi_tsig(
                    context, key.name, key, 300, request.id, 0, b"", request.mac, key.algorithm
                )
            elif context is not None:
                context.update(renderer.get_wire())
            wires.append(renderer.get_wire())
        return wires

    return make


def tampered(make: Make, number: int) -> Make:
    """Return what changes the last octet of an address in one of the messages."""

    def change(request: dns.message.Message) -> list[bytes]:
        wires = make(request)
        assert wires[number].count(bytes([192, 0, 2, 1])) == 1
        wires[number] = wires[number].replace(bytes([192, 0, 2, 1]), bytes([192, 0, 2, 9]))
        return wires

    return change


def get(make: Make, most: int = 100) -> Contents:
    sought = {wire_name(f"{name}.{ZONE}"): frozenset({1}) for name in ("edge", "a.b.c.d.edge", "theirs", "none")}
    return transfer(Wire("127.0.0.1", Server(make).port, 2), ZONE, KEY, sought, most)


def shown(contents: Contents) -> dict[str, list[str]]:
    return {
        str(dns.name.from_wire(name, 0)[0]): [str(rdata) for rdata in rdatas]
        for (name, _), (_, rdatas) in contents.sets.items()
    }


@pytest.mark.parametrize(
    "make",
    [
        answer([SOA, EDGE, LONG, THEIRS, SOA]),
        answer([SOA], [EDGE], [LONG, EDGE], [THEIRS, SOA]),
        answer([SOA, EDGE], [LONG], [THEIRS], [SOA], signed="ynny"),
    ],
    ids=["one message", "several", "some not signed"],
)
def test_what_is_sought_is_taken(make: Make) -> None:
    contents = get(make)
    assert shown(contents) == {"edge.contoso.example.": ["192.0.2.1"], "a.b.c.d.edge.contoso.example.": ["192.0.2.2"]}


GOOD = answer([SOA, EDGE], [LONG], [THEIRS, SOA])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (tampered(GOOD, 0), "BadSignature"),
        (tampered(answer([SOA], [EDGE], [SOA], signed="yny"), 1), "BadSignature"),
        (answer([SOA, EDGE, SOA], key=dns.tsig.Key("transfer", b"other", "hmac-sha256")), "BadSignature"),
        (answer([SOA, EDGE, SOA], key=dns.tsig.Key("else", b"secret", "hmac-sha256")), "BadKey"),
        (answer([SOA, EDGE, SOA], key=dns.tsig.Key("transfer", b"secret", "hmac-sha512")), "BadAlgorithm"),
        (answer([SOA, EDGE, SOA], signed="n"), "not signed"),
        (answer([SOA, EDGE], [SOA], signed="ny"), "not signed"),
        (answer([SOA, EDGE], [SOA], signed="yn"), "not signed"),
        (answer([SOA, EDGE], *[[]] * 101, [SOA], signed="y" + "n" * 101 + "y"), "not signed"),
        (answer([SOA, EDGE], [LONG]), "it ended the connection"),
        (answer([]), "it ended the connection"),
        (answer([SOA, EDGE, OTHER_SOA]), "the zone changed meanwhile"),
        (answer([EDGE, SOA]), "does not begin with the zone's SOA"),
        (answer([SOA, EDGE, SOA, LONG]), "more after its end"),
        (lambda request: [wire[:-3] for wire in GOOD(request)], "cannot be read"),
        (lambda request: [b"nonsense"], "cannot be read"),
        (lambda request: [request.wire[:2] + b"\x84\0\0\0\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\0\0\0"], "cannot be read"),
        (lambda request: [dns.message.make_response(request).to_wire()[:3] + b"\5" + b"\0" * 8], "refused: REFUSED"),
        (lambda request: [], "it ended the connection"),
        (lambda request: threading.Event().wait(2.5) or [], "nothing came within 2 s"),
    ],
)
def test_what_is_not_whole_or_not_signed_is_not_used(make: Make, says: str) -> None:
    with pytest.raises(NoTransfer, match=says):
        get(make)


def test_it_is_given_up_as_soon_as_it_is_too_much() -> None:
    with pytest.raises(NoTransfer, match="given up: more than 3 records"):
        get(answer([SOA, EDGE], [LONG, THEIRS]), most=3)


def names() -> Iterator[tuple[str, bool]]:
    yield from ((f"{name}.{ZONE}", True) for name in ("edge", "a.far2", "aliased"))
    yield from ((f"{name}.{ZONE}", False) for name in ("far", "a.far", "b.a.far", "x.aliased"))
    yield ZONE, True


@pytest.mark.parametrize(("name", "its_own"), list(names()))
def test_delegations(name: str, its_own: bool) -> None:
    cuts = ["@ 300 IN NS ns", "far 300 IN NS ns.elsewhere.test.", "aliased 300 IN DNAME elsewhere.test."]
    contents = get(answer([SOA, *cuts, "FAR 300 IN NS ns2.elsewhere.test.", SOA]))
    assert contents.speaks_for(wire_name(name)) is its_own
