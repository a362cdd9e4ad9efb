"""The 13 valid rows of the negotiation table on the wire: both directions, peers of one method each, and one of all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row
from .peer import Manners, Peer
from .wire import TLS, Closed, Stream

HOST = "contoso.example"
TABLE = Path(__file__).parents[2] / "unit" / "model" / "negotiation.csv"
EXTERNAL, OVER_TLS, PLAIN = "sasl_over_tls", "tls_dialback", "tcp_dialback"
#: The methods that a peer is capable of, and how it behaves when it listens.
PEERS = {
    "external": ({EXTERNAL}, Manners(dialback=False, demands_tls=True)),
    "dialback-tls": ({OVER_TLS}, Manners(external=False, demands_tls=True)),
    "dialback-tcp": ({PLAIN}, Manners(external=False, tls=False)),
    "all": ({EXTERNAL, OVER_TLS, PLAIN}, Manners()),
}


def rows() -> dict[str, tuple[dict[str, object], list[str]]]:
    """Return the valid rows: name → rules, and the methods that they leave, the strongest first."""
    found = {}
    for line in csv.DictReader(TABLE.open(encoding="utf-8")):
        if line["verdict"] != "invalid":
            name = f"{line['tls']}-{line['sasl']}-{line['dialback']}".replace("_", "")
            rules = row(line["tls"], line["sasl"], line["dialback"] == "true", plaintext=True)
            found[name] = rules, line["methods"].split("+")
    return found


ROWS = rows()


def domain(name: str, kind: str, direction: str) -> str:
    return f"{direction}.{kind}.{name}.example"


def expected(name: str, kind: str) -> str | None:
    """Return the method by which a peer gets through: the strongest that both are capable of; None for none."""
    return next((method for method in ROWS[name][1] if method in PEERS[kind][0]), None)


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway) -> Iterator[None]:
    """All rows for all peers at once, at a server that leaves it all to the policy, as our own configuration does."""
    gateway.configure(strict=False)
    gateway.restart()
    everyone = {
        domain(name, kind, direction): ROWS[name][0] for name in ROWS for kind in PEERS for direction in ("in", "out")
    }
    gateway.enforce(everyone)
    yield
    gateway.configure()
    gateway.restart()


def test_there_are_thirteen_rows() -> None:
    assert len(ROWS) == 13


def let_in(gateway: Gateway, peer: Peer) -> list[object]:
    """Return the streams that a peer opened. A question about its dialback key leaves one of ours behind."""
    return [item for item in gateway.sessions(peer.domain) if item["direction"] == "incoming"]


def attempt(peer: Peer, kind: str) -> tuple[str, Stream] | None:
    """Let a peer try what it is capable of, offered or not; the one of all methods takes the strongest offered."""
    capable = PEERS[kind][0]
    stream = peer.connect()
    offers = peer.greet(stream, HOST)
    secure = "starttls" in offers and kind != "dialback-tcp"
    if secure:
        peer.starttls(stream)
        offers = peer.greet(stream, HOST)
    if EXTERNAL in capable and secure and "external" in offers:
        peer.external(stream, HOST)
        return EXTERNAL, stream
    method = OVER_TLS if secure else PLAIN
    if method in capable and peer.dialback(stream, HOST) == "valid":
        return method, stream
    return None


def gets_in(peer: Peer, kind: str, wanted: str | None, gateway: Gateway, alice: Client) -> None:
    """Let a peer come in by what it is capable of. :param wanted: the method by which it shall get in; None: not."""
    try:
        got = attempt(peer, kind)
    except Closed:
        got = None
    if wanted is None:
        assert got is None and not let_in(gateway, peer)
        return
    assert got is not None and got[0] == wanted
    session = gateway.session(peer.domain, "incoming")
    assert session["method"] == ("external" if got[0] == EXTERNAL else "dialback")
    assert session["tls"] == (None if got[0] == PLAIN else "TLSv1.3")
    peer.send_message(got[1], "alice@contoso.example", f"from {peer.domain}")
    assert alice.message().get("from") == f"bob@{peer.domain}"


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("name", ROWS)
def test_inbound(name: str, kind: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    gets_in(peers(domain(name, kind, "in"), PEERS[kind][1]), kind, expected(name, kind), gateway, alice)


def is_reached(peer: Peer, wanted: str | None, gateway: Gateway, alice: Client) -> None:
    """Let alice write to a peer. :param wanted: the method by which it shall be reached; None: not."""
    sent = alice.send(f"bob@{peer.domain}")
    if wanted is None:
        alice.bounce(sent)
        assert "stanza" not in peer.happened() and not gateway.sessions(peer.domain)
        return
    assert peer.wait("authenticated") == ("external" if wanted == EXTERNAL else "dialback")
    peer.wait("stanza")
    session = gateway.session(peer.domain, "outgoing")
    assert session["method"] == ("external" if wanted == EXTERNAL else "dialback")
    assert session["tls"] == (None if wanted == PLAIN else "TLSv1.3")


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("name", ROWS)
def test_outbound(name: str, kind: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    is_reached(peers(domain(name, kind, "out"), PEERS[kind][1]), expected(name, kind), gateway, alice)


@pytest.mark.parametrize("direct", [True, False])
def test_direct_tls_where_tls_is_not_supported(direct: bool, gateway: Gateway, peers: MakePeer) -> None:
    """Inbound it is refused, as STARTTLS is not offered."""
    peer = peers(domain("notsupported-optional-true", "all", "in"))
    stream = peer.connect(direct=direct)
    if not direct:
        assert peer.greet(stream, HOST) == {"dialback"}
        return
    with pytest.raises(Closed) as closed:
        peer.greet(stream, HOST)
    assert closed.value.condition == "policy-violation"
    gateway.refusal(peer.domain, "incoming", "tls-not-supported")


def test_a_stubborn_starttls_where_tls_is_not_supported(gateway: Gateway, peers: MakePeer) -> None:
    peer = peers(domain("notsupported-optional-true", "all", "in"))
    stream = peer.connect()
    peer.greet(stream, HOST)
    stream.send(f"<starttls xmlns='{TLS}'/>")
    assert stream.expect(TLS, "proceed", "failure").tag == f"{{{TLS}}}failure"
    assert not let_in(gateway, peer)


def test_nothing_goes_unencrypted_without_the_waiver(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    """The row alone does not do it, whoever wrote the policy."""
    unagreed = {"agreed.example": row("optional", plaintext=True), "unagreed.example": row("optional")}
    status = gateway.status()
    gateway.enforce({**unagreed})
    assert status["state"] == "enforcing"
    peer = peers("unagreed.example", Manners(tls=False, external=False))
    assert alice.bounce(alice.send("bob@unagreed.example"))[0] == "not-allowed"
    gateway.refusal(peer.domain, "outgoing", "tls")
    stream = peer.connect()
    assert peer.greet(stream, HOST) == {"starttls"}
    agreed = peers("agreed.example", Manners(tls=False, external=False))
    assert agreed.greet(agreed.connect(), HOST) == {"starttls", "dialback"}
