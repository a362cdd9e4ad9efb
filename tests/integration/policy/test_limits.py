"""How many connections there may be: each limit from both sides, in both directions, and when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row, wait_until
from .peer import Peer, closing
from .wire import Stream

HOST = "contoso.example"
ALICE = "alice@contoso.example"
FABRIKAM, ADATUM, LITWARE = "fabrikam.example", "adatum.example", "litware.example"


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins with no streams."""
    gateway.enforce({})
    yield
    gateway.enforce({})


def enforce(gateway: Gateway, *, fabrikam: Any = None, **limits: Any) -> None:
    """Let three partners in; ``fabrikam`` is the first one's own limit."""
    own = {} if fabrikam is None else {"connection_limit": fabrikam}
    partners = {FABRIKAM: {**row(), **own}, ADATUM: row(), LITWARE: row()}
    gateway.enforce(partners, limits=limits)


def refused(peer: Peer, gateway: Gateway, reason: str = "connections") -> None:
    """One more stream is refused, and counted."""
    error = closing(lambda: peer.encrypted(HOST))
    assert (error.condition, error.text) == ("resource-constraint", "There are too many connections")
    gateway.refusal(peer.domain, "incoming", reason)


def is_alive(peer: Peer, stream: Stream, alice: Client, body: str) -> None:
    """A message passes."""
    peer.send_message(stream, ALICE, body)
    assert alice.message().findtext("{jabber:client}body") == body


def gone(gateway: Gateway, peer: Peer, stream: Stream, left: int) -> None:
    """Close a stream and wait until the gateway knows that so many are left."""
    wait_until(lambda: len(gateway.sessions(peer.domain)) == left + 1, "all streams are known")
    stream.close()
    wait_until(lambda: len(gateway.sessions(peer.domain)) == left, "the stream is gone")


@pytest.mark.parametrize("own", [True, False])
def test_connections_of_a_partner(own: bool, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=2 if own else None, partner_connection_limit=9 if own else 2)
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    first, second = fabrikam.admitted(HOST), fabrikam.admitted(HOST)
    refused(fabrikam, gateway)
    is_alive(adatum, adatum.admitted(HOST), alice, "another partner has its own")
    is_alive(fabrikam, first, alice, "the first")
    is_alive(fabrikam, second, alice, "the second")
    gone(gateway, fabrikam, first, left=1)
    is_alive(fabrikam, fabrikam.admitted(HOST), alice, "in the place of the first")
    refused(fabrikam, gateway)


def test_without_limits_in_the_policy_microsofts_hold(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    gateway.enforce({FABRIKAM: row()})
    fabrikam = peers(FABRIKAM)
    streams = [fabrikam.admitted(HOST) for _ in range(20)]
    refused(fabrikam, gateway)
    is_alive(fabrikam, streams[-1], alice, "the twentieth")


def test_both_directions_count(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=2)
    fabrikam = peers(FABRIKAM)
    fabrikam.admitted(HOST)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    refused(fabrikam, gateway)


def test_a_stanza_that_finds_no_place_comes_back(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=1)
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    assert (condition, text) == ("resource-constraint", f"partner {FABRIKAM} has as many connections as it may have")
    gateway.refusal(FABRIKAM, "outgoing", "connections")
    gone(gateway, fabrikam, stream, left=0)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")


def test_connections_in_all(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, connection_limit=2)
    fabrikam, adatum, litware = peers(FABRIKAM), peers(ADATUM), peers(LITWARE)
    first = fabrikam.admitted(HOST)
    alice.send(f"bob@{ADATUM}")
    adatum.wait("stanza")
    refused(litware, gateway, "connections-in-all")
    assert alice.bounce(alice.send(f"bob@{LITWARE}"))[0] == "resource-constraint"
    gateway.refusal(LITWARE, "outgoing", "connections-in-all")
    gone(gateway, fabrikam, first, left=0)
    is_alive(litware, litware.admitted(HOST), alice, "in the place of another partner")


def test_all_domains_of_a_partner_share_its_connections(gateway: Gateway, peers: MakePeer) -> None:
    rules = {**row(), "connection_limit": 1, "partner": FABRIKAM}
    gateway.enforce({FABRIKAM: rules, ADATUM: rules})
    peers(FABRIKAM).admitted(HOST)
    refused(peers(ADATUM), gateway)


def test_who_only_claims_to_be_the_partner_takes_no_place(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=2)
    fabrikam = peers(FABRIKAM)
    for _ in range(3):
        fabrikam.encrypted(HOST)
    first, second = fabrikam.admitted(HOST), fabrikam.admitted(HOST)
    is_alive(fabrikam, first, alice, "the first")
    is_alive(fabrikam, second, alice, "the second")


def test_the_last_place_is_given_once(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=1)
    fabrikam = peers(FABRIKAM)
    first, _ = fabrikam.encrypted(HOST)
    second, _ = fabrikam.encrypted(HOST)
    fabrikam.external(first, HOST)
    assert closing(lambda: fabrikam.external(second, HOST)).condition == "resource-constraint"
    is_alive(fabrikam, first, alice, "still there")


def test_who_waits_longest_makes_room_in_the_crowd(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, connection_limit=3)
    fabrikam = peers(FABRIKAM)
    crowd = [fabrikam.connect() for _ in range(3)]
    for stream in crowd:
        fabrikam.greet(stream, HOST)
    is_alive(fabrikam, fabrikam.admitted(HOST), alice, "the fourth")
    assert closing(crowd[0].read).condition == "resource-constraint"
    gateway.refusal(FABRIKAM, "incoming", "connections-in-all")
    for stream in crowd[1:]:
        fabrikam.starttls(stream)


def test_one_more_domain_on_a_stream_takes_a_place(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    gateway.enforce({FABRIKAM: row(), ADATUM: {**row(), "connection_limit": 1}})
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    streams = [fabrikam.admitted(HOST), fabrikam.admitted(HOST)]
    adatum.admitted(HOST)
    assert [fabrikam.dialback(stream, HOST, ADATUM) for stream in streams] == ["error", "error"]
    gateway.refusal(ADATUM, "incoming", "connections")
    is_alive(fabrikam, streams[0], alice, "its own domain is as it was")


def test_more_connections_at_once_and_fewer_from_the_youngest(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=2)
    fabrikam = peers(FABRIKAM)
    streams = [fabrikam.admitted(HOST), fabrikam.admitted(HOST)]
    wait_until(lambda: len(gateway.sessions(FABRIKAM)) == 2, "both streams are known")
    before = {item["id"] for item in gateway.sessions(FABRIKAM)}
    enforce(gateway, fabrikam=3)
    streams.append(fabrikam.admitted(HOST))
    wait_until(lambda: len(gateway.sessions(FABRIKAM)) == 3, "the third is known")
    assert before < {item["id"] for item in gateway.sessions(FABRIKAM)}
    enforce(gateway, fabrikam=2)
    assert closing(streams[2].read).condition == "resource-constraint"
    assert {item["id"] for item in gateway.sessions(FABRIKAM)} == before
    enforce(gateway, fabrikam=9, connection_limit=1)
    assert closing(streams[1].read).condition == "resource-constraint"
    is_alive(fabrikam, streams[0], alice, "the oldest")


def test_a_reload_of_the_module_counts_what_is_there(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, fabrikam=2)
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    said = gateway.log().count("is in force")
    gateway.shell('module:reload("fedgate_policy", "*")')
    assert gateway.log().count("is in force") == said + 1
    refused(fabrikam, gateway)
    is_alive(fabrikam, stream, alice, "after the reload")


UNSOUND = [
    {"connection_limit": 0},
    {"partner_connection_limit": -1},
    {"partner_connection_limit": 2**32},
    {"stream_inactivity_timeout": "600"},
    {"keepalive_interval": True},
    {"keepalive": 1},
    {"stanza_rate": 0.5},
    {"stanza_size": 9999},
    {"connections": 5},
    [1],
    5,
]


@pytest.mark.parametrize("limits", UNSOUND, ids=str)
def test_a_policy_with_unsound_limits_is_not_loaded(limits: object, gateway: Gateway) -> None:
    before = gateway.status()["digest"]
    gateway.policy({}, limits=limits)
    status = gateway.hangup(lambda status: "limits" in (status["reason"] or ""))
    assert (status["digest"], status["state"]) == (before, "enforcing")


@pytest.mark.parametrize(
    "own", [{"connection_limit": 0}, {"keepalive": "no"}, {"stanza_rate": "5"}, {"stanza_size": 1}, {"proxy_fqdn": 5}]
)
def test_a_policy_with_unsound_limits_of_a_partner_is_not_loaded(own: dict[str, Any], gateway: Gateway) -> None:
    before = gateway.status()["digest"]
    gateway.policy({FABRIKAM: {**row(), **own}})
    status = gateway.hangup(lambda status: FABRIKAM in (status["reason"] or ""))
    assert (status["digest"], status["state"]) == (before, "enforcing")
