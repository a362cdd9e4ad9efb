"""Streams that carry several pairs of domains, one way (multiplexed, XEP-0220) and both ways (XEP-0288), for every row.

A cell that cannot be played is skipped with its reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import PASSWORD, MakePeer
from .gateway import HOSTS, Gateway, row, wait_until
from .peer import Manners, Peer, closing
from .test_negotiation import EXTERNAL, OVER_TLS, PLAIN, ROWS
from .wire import SERVER as STANZAS
from .wire import Closed, Element, Stream

HOST, SIBLING = HOSTS
#: How the stream was authenticated by its first domain, whose own row leaves every way.
FIRST = (EXTERNAL, OVER_TLS, PLAIN)
#: The rows on such streams, and two that ask for a certificate of a partner's own.
TABLE = {
    **ROWS,
    "required-optional-true-valid": (row(certificate="valid"), [EXTERNAL, OVER_TLS]),
    "optional-notsupported-true-valid": (row("optional", "not_supported", certificate="valid", plaintext=True),
                                         [OVER_TLS]),
}  # fmt: skip
#: How a partner comes to a bidirectional stream that it opens itself.
OPENED = (EXTERNAL, OVER_TLS, PLAIN)


def hub_of(name: str, first: str) -> str:
    return f"{first.replace('_', '-')}.{name}.hub.example"


def second(name: str, first: str) -> str:
    return f"{first.replace('_', '-')}.{name}.second.example"


def own(name: str, method: str, way: str) -> str:
    return f"{way}.{method.replace('_', '-')}.{name}.example"


def everybody() -> dict[str, dict[str, object]]:
    """Return all partners of the tables."""
    every_way = row("optional", "optional", plaintext=True)
    found: dict[str, dict[str, object]] = {hub_of("all", first): every_way for first in (*FIRST, "bidi")}
    for name, (rules, _methods) in TABLE.items():
        found[hub_of(name, "alone")] = every_way
        found[second(name, "alone")] = found[second(name, "bidi")] = rules
        for first in FIRST:
            found[hub_of(name, first)] = every_way
            found[second(name, first)] = found[second(name, f"all-{first}")] = rules
        for method in OPENED:
            found.update({own(name, method, way): rules for way in ("in", "out")})
    return found


@pytest.fixture(scope="module", autouse=True)
def server(gateway: Gateway) -> Iterator[None]:
    """A server that leaves it all to the policy, with a user in each of our domains."""
    gateway.configure(strict=False)
    gateway.user(f"adele@{SIBLING}", PASSWORD)
    gateway.restart()
    gateway.enforce(everybody())
    yield
    gateway.configure()
    gateway.restart()


@pytest.fixture
def restored(gateway: Gateway) -> Iterator[None]:
    """For tests that change the policy: all partners are back after them."""
    yield
    gateway.enforce(everybody())


@pytest.fixture
def adele(gateway: Gateway) -> Iterator[Client]:
    """A user of our second domain, online."""
    client = Client(gateway.address, f"adele@{SIBLING}", PASSWORD)
    yield client
    client.close()


def opened(peer: Peer, method: str, both_ways: bool = False) -> Stream:
    """Open a stream that the peer authenticates by one method. :raises Closed: when it is not let in."""
    stream = peer.connect()
    peer.greet(stream, HOST)
    if method != PLAIN:
        peer.starttls(stream)
        peer.greet(stream, HOST)
    if both_ways:
        stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
    if method == EXTERNAL:
        peer.external(stream, HOST)
    elif peer.dialback(stream, HOST) != "valid":
        raise Closed("refused")
    return stream


def carries(gateway: Gateway, stream_id: str, wanted: set[tuple[str, str, str]]) -> None:
    """Wait until a stream carries these pairs: our domain, theirs, and the method."""

    def look() -> bool:
        sessions = [item for item in gateway.status()["sessions"] if item["id"] == stream_id]
        return {(item["local"], item["remote"], item["method"]) for item in sessions} == wanted

    wait_until(look, f"the stream carries {wanted}")


def leaves(name: str, method: str) -> bool:
    return method in TABLE[name][1]


def single(method: str) -> Manners:
    """Return how a peer behaves that is capable of one method."""
    return Manners(
        tls=method != PLAIN, demands_tls=method != PLAIN, external=method == EXTERNAL, dialback=method != EXTERNAL
    )


def message(remote: str, to: str, body: str) -> str:
    return f"<message from='bob@{remote}' to='{to}' type='chat'><body>{body}</body></message>"


def heard(client: Client) -> tuple[str, str]:
    found = client.message()
    return (found.get("from") or "").partition("@")[2], found.findtext("{jabber:client}body") or ""


def messages(client: Client) -> list[Element]:
    return [element for element in client.drain() if element.tag == "{jabber:client}message"]


# Multiplexed: dialback adds pairs to a stream that others opened ------------------------------------------------------


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("first", FIRST)
def test_a_second_domain(
    first: str, name: str, gateway: Gateway, peers: MakePeer, alice: Client, adele: Client, authority: Authority
) -> None:
    """It comes to both of our domains by its own row, whatever authenticated the first one."""
    served = authority.issue(hub_of(name, first), second(name, first), purposes=(SERVER, CLIENT))
    hub, other = peers(hub_of(name, first), served=served), peers(second(name, first), served=served)
    stream = opened(hub, first)
    identifier = gateway.session(hub.domain, "incoming")["id"]
    assert hub.dialback(stream, SIBLING) == "valid"
    how = "external" if first == EXTERNAL else "dialback"
    carried = {(HOST, hub.domain, how), (SIBLING, hub.domain, "dialback")}
    let_in = leaves(name, PLAIN if first == PLAIN else OVER_TLS)
    for to in HOSTS:
        assert hub.dialback(stream, to, other.domain) == ("valid" if let_in else "error")
        if let_in:
            carried.add((to, other.domain, "dialback"))
    stream.send(message(hub.domain, alice.address, "1") + message(hub.domain, adele.address, "2"))
    assert (heard(alice), heard(adele)) == ((hub.domain, "1"), (hub.domain, "2"))
    carries(gateway, identifier, carried)
    stream.send(message(other.domain, alice.address, "3") + message(other.domain, adele.address, "4"))
    if let_in:
        assert (heard(alice), heard(adele)) == ((other.domain, "3"), (other.domain, "4"))
    else:
        assert closing(stream.read).condition == "not-authorized"


@pytest.mark.parametrize("first", FIRST)
def test_a_second_domain_by_its_certificate(first: str) -> None:
    pytest.skip(f"n/a ({first}): SASL authenticates a stream once (RFC 6120, 6.3.4), further domains come by dialback")


@pytest.mark.parametrize("name", TABLE)
def test_a_second_domain_without_a_certificate_of_its_own(name: str, gateway: Gateway, peers: MakePeer) -> None:
    """The first one's counts for nothing."""
    hub, other = peers(hub_of(name, "alone")), peers(second(name, "alone"))
    stream = opened(hub, EXTERNAL)
    identifier = gateway.session(hub.domain, "incoming")["id"]
    let_in = leaves(name, OVER_TLS) and TABLE[name][0]["dialback_certificate"] == "any"
    assert hub.dialback(stream, HOST, other.domain) == ("valid" if let_in else "error")
    more = {(HOST, other.domain, "dialback")} if let_in else set()
    carries(gateway, identifier, {(HOST, hub.domain, "external"), *more})


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("first", FIRST)
def test_all_of_them_on_one_stream(
    first: str, gateway: Gateway, peers: MakePeer, alice: Client, adele: Client, authority: Authority
) -> None:
    """Each pair has its own verdict, and loses no more than that when a partner or a domain of ours is taken out."""
    domains = {name: second(name, f"all-{first}") for name in TABLE}
    served = authority.issue(hub_of("all", first), *domains.values(), purposes=(SERVER, CLIENT))
    hub = peers(hub_of("all", first), served=served)
    others = [peers(domain, served=served).domain for domain in domains.values()]
    stream = opened(hub, first)
    identifier = gateway.session(hub.domain, "incoming")["id"]
    for domain in others:
        for to in HOSTS:
            hub.dialback(stream, to, domain)
    method = PLAIN if first == PLAIN else OVER_TLS
    names = [domain for name, domain in domains.items() if leaves(name, method)]
    carried = {(to, name, "dialback") for to in HOSTS for name in names}
    carried.add((HOST, hub.domain, "external" if first == EXTERNAL else "dialback"))
    carries(gateway, identifier, carried)
    gone = names[0]
    gateway.enforce({domain: rules for domain, rules in everybody().items() if domain != gone})
    carried = {pair for pair in carried if pair[1] != gone}
    carries(gateway, identifier, carried)
    gateway.enforce({domain: rules for domain, rules in everybody().items() if domain != gone}, [SIBLING])
    carried = {pair for pair in carried if pair[0] == SIBLING}
    carries(gateway, identifier, carried)
    stream.send(message(gone, adele.address, "late") + message(names[1], alice.address, "late"))
    stream.send(message(names[1], adele.address, "still here"))
    assert heard(adele) == (names[1], "still here")
    assert messages(alice) == []


# Bidirectional: what leaves over streams that partners opened ---------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("method", OPENED)
def test_our_stanzas_over_their_stream(
    method: str, name: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    """They leave over it when the row leaves how it was authenticated. Else over one of ours, or not at all."""
    manners = single(method)
    peer = peers(own(name, method, "in"), manners)
    let_in = leaves(name, method)
    if not let_in:
        with pytest.raises(Closed):
            opened(peer, method, both_ways=True)
        assert [item for item in gateway.sessions(peer.domain) if item["direction"] == "incoming"] == []
        alice.bounce(alice.send(f"bob@{peer.domain}"))
        assert "stanza" not in peer.happened()
        return
    stream = opened(peer, method, both_ways=True)
    assert gateway.session(peer.domain, "incoming")
    alice.send(f"bob@{peer.domain}", "over yours")
    if method == EXTERNAL:
        assert stream.expect(STANZAS, "message").findtext(f"{{{STANZAS}}}body") == "over yours"
        assert peer.happened() == []
    else:  # the stream of ours that asked about the key is there already
        peer.wait("stanza")


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("method", OPENED)
def test_their_stanzas_over_our_stream(
    method: str, name: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    """They come over a stream that we opened when the row leaves how it was authenticated."""
    manners = dataclasses.replace(single(method), bidi=True)
    peer = peers(own(name, method, "out"), manners)
    sent = alice.send(f"bob@{peer.domain}")
    if not leaves(name, method):
        alice.bounce(sent)
        assert "stanza" not in peer.happened() and gateway.sessions(peer.domain) == []
        return
    peer.wait("bidi")
    peer.wait("stanza")
    assert gateway.session(peer.domain, "outgoing")["method"] == ("external" if method == EXTERNAL else "dialback")
    peer.accepted().send(message(peer.domain, alice.address, "over yours"))
    assert heard(alice) == (peer.domain, "over yours")
    peer.accepted().send(message("adatum.example", alice.address, "in a name that is not mine"))
    peer.wait("closed")
    assert messages(alice) == []


@pytest.mark.usefixtures("restored")
def test_a_second_domain_on_a_stream_of_both_ways(
    gateway: Gateway, peers: MakePeer, alice: Client, authority: Authority
) -> None:
    """It is carried towards us by its own verdict; what we send to it goes over a stream of its own."""
    first, name = hub_of("all", "bidi"), second("required-optional-true", "bidi")
    served = authority.issue(first, name, purposes=(SERVER, CLIENT))
    hub, other = peers(first, served=served), peers(name, served=served)
    stream = opened(hub, EXTERNAL, both_ways=True)
    assert hub.dialback(stream, HOST, name) == "valid"
    alice.send(f"bob@{name}", "to the second")
    other.wait("stanza")
    alice.send(f"bob@{first}", "to the first")
    assert stream.expect(STANZAS, "message").findtext(f"{{{STANZAS}}}body") == "to the first"
    # The second is taken away: nothing to it leaves, over whatever stream; the first one's goes on.
    gateway.enforce({domain: rules for domain, rules in everybody().items() if domain != name})
    assert alice.bounce(alice.send(f"bob@{name}"))[0] == "not-allowed"
    alice.send(f"bob@{first}", "still")
    assert stream.expect(STANZAS, "message").findtext(f"{{{STANZAS}}}body") == "still"
