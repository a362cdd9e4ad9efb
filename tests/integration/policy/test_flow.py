"""Stanza rate and stanza size of a partner: what is below passes, what is above waits or ends the stream."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row
from .peer import Manners, Peer, closing
from .wire import Stream

HOST = "contoso.example"
ALICE = "alice@contoso.example"
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"
#: The least that may be set, RFC 6120 §13.12.
LEAST = 10000


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins with no streams."""
    gateway.enforce({})
    yield
    gateway.enforce({})


def enforce(gateway: Gateway, fabrikam: dict[str, Any], **limits: Any) -> None:
    """Let two partners in; the first has limits of its own."""
    gateway.enforce({FABRIKAM: {**row(), **fabrikam}, ADATUM: row()}, limits=limits)


def sized(peer: Peer, size: int) -> str:
    """Return a message of so many bytes."""
    begin, end = f"<message from='bob@{peer.domain}' to='{ALICE}' type='chat'><body>", "</body></message>"
    return f"{begin}{'x' * (size - len(begin) - len(end))}{end}"


def length_of(alice: Client) -> int:
    """Wait for the next message; return the length of its body."""
    return len(alice.message().findtext("{jabber:client}body") or "")


# Size ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("size", [LEAST, 3 * LEAST])
def test_size(size: int, own: bool, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_size": size} if own else {}, stanza_size=LEAST if own else size)
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    for _ in range(3):
        stream.send(sized(fabrikam, size) + sized(fabrikam, 200) + sized(fabrikam, size))
        assert [length_of(alice) > 9000 for _ in range(3)] == [True, False, True]
    stream.send(sized(fabrikam, size + 1))
    error = closing(stream.read)
    assert (error.condition, error.text) == ("policy-violation", "The stanza is too big")
    gateway.refusal(FABRIKAM, "incoming", "stanza-size")
    assert alice.drain() == []


@pytest.mark.parametrize("size", [2 * LEAST, 600_000])
def test_much_too_big(size: int, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_size": LEAST}, stanza_size=1_000_000)
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    stream = fabrikam.admitted(HOST)

    def send() -> None:
        with contextlib.suppress(OSError):  # the gateway does not wait for the end
            stream.send(sized(fabrikam, size))
        stream.read()

    assert closing(send).condition in ("policy-violation", "")  # "": reset before it was read
    gateway.refusal(FABRIKAM, "incoming", "stanza-size")
    adatum.admitted(HOST).send(sized(adatum, size))
    assert length_of(alice) > size - 200


def test_size_on_a_stream_of_ours(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    """A bidirectional stream: the partner's stanzas come on it."""
    enforce(gateway, {"stanza_size": LEAST})
    fabrikam = peers(FABRIKAM, Manners(bidi=True))
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    stream = fabrikam.latest()
    stream.send(sized(fabrikam, LEAST))
    assert length_of(alice) > LEAST - 200
    stream.send(sized(fabrikam, LEAST + 1))
    gateway.refusal(FABRIKAM, "outgoing", "stanza-size")
    assert alice.drain() == []


def test_another_size_holds_for_present_streams(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_size": LEAST})
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    before = gateway.session(FABRIKAM, "incoming")["id"]
    enforce(gateway, {"stanza_size": 5 * LEAST})
    stream.send(sized(fabrikam, 5 * LEAST))
    assert length_of(alice) > 4 * LEAST
    assert gateway.session(FABRIKAM, "incoming")["id"] == before
    enforce(gateway, {"stanza_size": LEAST})
    stream.send(sized(fabrikam, LEAST + 1))
    assert closing(stream.read).condition == "policy-violation"


# Rate ---------------------------------------------------------------------------------------------------------------


def flood(stream: Stream, peer: Peer, count: int) -> None:
    """Send numbered messages of 2 kB, faster than they may be."""
    for number in range(count):
        body = f"{number} {'x' * 2000}"
        stream.send(f"<message from='bob@{peer.domain}' to='{ALICE}' type='chat'><body>{body}</body></message>")


def received(alice: Client, count: int) -> list[str]:
    """Wait for so many messages; return the sender and number of each."""
    found = []
    for _ in range(count):
        message = alice.message()
        body = message.findtext("{jabber:client}body") or ""
        found.append(f"{message.get('from', '').partition('@')[2].partition('/')[0]} {body.split()[0]}")
    return found


@pytest.mark.parametrize("own", [True, False])
def test_who_sends_too_fast_is_slowed_down_and_loses_nothing(
    own: bool, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, {"stanza_rate": 5} if own else {}, stanza_rate=1000 if own else 5)
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    fast, other = fabrikam.admitted(HOST), adatum.admitted(HOST)
    flood(fast, fabrikam, 40)
    gateway.refusal(FABRIKAM, "incoming", "stanza-rate")  # it waits now
    flood(other, adatum, 5)
    came = received(alice, 45)
    assert [item for item in came if item.startswith(FABRIKAM)] == [f"{FABRIKAM} {number}" for number in range(40)]
    assert came[-1] == f"{FABRIKAM} 39", "the other partner did not have to wait"
    assert gateway.session(FABRIKAM, "incoming")


@pytest.fixture
def mod_limits(gateway: Gateway) -> Iterator[None]:
    """Prosody's own limit of bytes a second, 30 kB, which pauses connections too."""
    gateway.stop()
    gateway.configure(modules=("limits",))
    gateway.start()
    yield
    gateway.stop()
    gateway.configure()
    gateway.start()


def test_prosodys_own_pauses_do_not_end_ours(
    gateway: Gateway, mod_limits: None, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, {"stanza_rate": 2})
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    slow, other = fabrikam.admitted(HOST), adatum.admitted(HOST)
    flood(other, adatum, 24)
    flood(slow, fabrikam, 24)
    came = received(alice, 48)
    assert came.index(f"{ADATUM} 23") < came.index(f"{FABRIKAM} 12")


def test_who_stays_below_is_not_slowed_down(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_rate": 40})
    fabrikam = peers(FABRIKAM)
    flood(fabrikam.admitted(HOST), fabrikam, 40)
    assert len(received(alice, 40)) == 40
    assert "Slowed down" not in gateway.log().rpartition("Policy generation")[2]


def test_all_streams_of_a_partner_share_its_rate(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_rate": 5})
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    streams = [fabrikam.admitted(HOST), fabrikam.admitted(HOST)]
    flood(streams[0], fabrikam, 20)
    flood(streams[1], fabrikam, 20)
    flood(adatum.admitted(HOST), adatum, 5)
    came = received(alice, 45)
    assert came[-1].startswith(FABRIKAM)
    assert sorted(came) == sorted([f"{FABRIKAM} {n}" for n in range(20)] * 2 + [f"{ADATUM} {n}" for n in range(5)])


def test_a_paused_stream_is_not_idle(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_rate": 1}, stream_inactivity_timeout=2)
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    flood(stream, fabrikam, 9)
    assert len(received(alice, 9)) == 9


def test_a_higher_rate_holds_for_present_streams(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, {"stanza_rate": 2})
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    flood(stream, fabrikam, 4)
    assert len(received(alice, 4)) == 4
    before = gateway.session(FABRIKAM, "incoming")["id"]
    enforce(gateway, {"stanza_rate": 1000})
    flood(stream, fabrikam, 400)
    assert len(received(alice, 400)) == 400
    assert gateway.session(FABRIKAM, "incoming")["id"] == before
