"""A stanza that follows another one over the same stream is spared what was found for that one, while it holds.

In each test something has passed before, so that the next one of its kind would pass at the first look.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import HOSTS, Gateway, row, wait_until
from .office import HOST, ROOMS
from .peer import Peer, closing
from .wire import CLIENT, Stream

ALICE = f"alice@{HOST}"
FABRIKAM = "fabrikam.example"
FEDERATED, UNVERIFIED = row(), row(kind="public_unverified")
BOB = f"bob@{FABRIKAM}"


@pytest.fixture
def fabrikam(gateway: Gateway, peers: MakePeer) -> Iterator[Peer]:
    """The partner, federated at first."""
    gateway.enforce({})
    gateway.enforce({FABRIKAM: FEDERATED})
    yield peers(FABRIKAM)
    gateway.enforce({})


def bodies(alice: Client) -> list[str]:
    return [item.findtext(f"{{{CLIENT}}}body") or "" for item in alice.drain() if item.tag == f"{{{CLIENT}}}message"]


def say(stream: Stream, body: str, user: str = "bob", more: str = "") -> None:
    stream.send(f"<message from='{user}@{FABRIKAM}/desk' to='{ALICE}' type='chat'><body>{body}</body>{more}</message>")


def heard(alice: Client) -> str:
    """Wait for the next message; return its body."""
    return alice.message().findtext(f"{{{CLIENT}}}body") or ""


def warmed(fabrikam: Peer, alice: Client) -> Stream:
    """Return a stream over which users of the partner have written twice each."""
    stream = fabrikam.admitted(HOST)
    for number, user in enumerate(("bob", "eve", "bob", "eve")):
        say(stream, str(number), user)
        assert heard(alice) == str(number)
    return stream


def add(alice: Client, contact: str, subscription: str = "") -> None:
    item = f"<item jid='{contact}'{subscription}/>"
    alice.write(f"<iq type='set' id='item'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
    alice.drain()


def test_another_type_holds_for_the_next_stanza(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    stream = warmed(fabrikam, alice)
    gateway.enforce({FABRIKAM: UNVERIFIED})
    say(stream, "stranger")
    gateway.refusal(FABRIKAM, "incoming", "stranger")
    gateway.enforce({FABRIKAM: FEDERATED})
    say(stream, "again")
    assert heard(alice) == "again", "nothing came between"


def test_who_is_no_partner_any_more_is_out(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    stream = warmed(fabrikam, alice)
    alice.send(BOB)
    fabrikam.wait("stanza")
    gateway.enforce({})
    assert closing(stream.read).condition == "policy-violation"
    assert alice.bounce(alice.send(BOB))[0] == "not-allowed"


def test_a_scope_holds_for_the_next_stanza_both_ways(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    stream = warmed(fabrikam, alice)
    for _ in range(2):
        alice.send(BOB)
        fabrikam.wait("stanza")
    fabrikam.happened()
    scope = {"policies": {"none": False}, "hosts": {HOST: "none"}, "users": {}, "groups": {}}
    gateway.enforce({FABRIKAM: FEDERATED}, scope=scope)
    say(stream, "shut out")
    gateway.refusal(FABRIKAM, "incoming", "scope")
    fabrikam.wait("stanza")  # the answer, as of somebody who does not exist
    alice.bounce(alice.send(BOB))
    gateway.refusal(FABRIKAM, "outgoing", "scope")
    assert "stanza" not in fabrikam.happened() and bodies(alice) == []


def test_consent_is_asked_each_time(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    gateway.enforce({FABRIKAM: UNVERIFIED})
    for contact in (BOB, f"eve@{FABRIKAM}"):
        add(alice, contact)
    stream = warmed(fabrikam, alice)
    add(alice, BOB, " subscription='remove'")
    say(stream, "from eve", "eve")
    say(stream, "from bob", "bob")
    gateway.refusal(FABRIKAM, "incoming", "stranger")
    say(stream, "from eve again", "eve")
    assert [heard(alice) for _ in range(2)] == ["from eve", "from eve again"]


def test_each_of_our_hosts_has_a_way_of_its_own(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    """A stream that was authenticated for one host says things to another, which it may not."""
    stream = warmed(fabrikam, alice)
    gateway.enforce({FABRIKAM: FEDERATED}, [*HOSTS, ROOMS], components={"federated": []})
    say(stream, "first")
    stream.send(f"<presence from='{BOB}/x' to='new@{ROOMS}/x'/>")
    say(stream, "second")
    gateway.refusal(FABRIKAM, "incoming", "component", ROOMS)
    assert [heard(alice) for _ in range(2)] == ["first", "second"]
    assert f"new@{ROOMS}" not in gateway.shell(f'muc:list("{ROOMS}")')


def test_an_invitation_is_looked_at(fabrikam: Peer, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    public = "public.example"
    gateway.enforce({FABRIKAM: FEDERATED, public: UNVERIFIED})
    stream = warmed(fabrikam, alice)
    for inviter, arrives in ((f"eve@{public}/x", False), (f"eve@{FABRIKAM}/x", True)):
        invite = f"<x xmlns='http://jabber.org/protocol/muc#user'><invite from='{inviter}'/></x>"
        say(stream, inviter, more=invite)
        say(stream, "after")
        came = [heard(alice) for _ in range(2 if arrives else 1)]
        assert came == ([inviter, "after"] if arrives else ["after"])


def test_a_stanza_that_is_too_big_ends_the_stream(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    gateway.enforce({FABRIKAM: {**FEDERATED, "stanza_size": 10000}})
    stream = warmed(fabrikam, alice)
    say(stream, "x" * 10000)
    assert closing(stream.read).condition == "policy-violation"
    gateway.refusal(FABRIKAM, "incoming", "stanza-size")
    assert bodies(alice) == []


def test_all_are_counted(fabrikam: Peer, gateway: Gateway, alice: Client) -> None:
    def passed() -> tuple[int, int]:
        found = next((one for one in gateway.status()["partners"] if one["remote"] == FABRIKAM), None)
        return (found["stanzas"]["incoming"], found["stanzas"]["outgoing"]) if found else (0, 0)

    before = passed()
    warmed(fabrikam, alice)
    for _ in range(3):
        alice.send(BOB)
        fabrikam.wait("stanza")
    wait_until(lambda: passed() == (before[0] + 4, before[1] + 3), "all are counted")
