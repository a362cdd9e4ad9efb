"""Streams that partners open: every row with TLS required, against every kind of peer."""

from __future__ import annotations

import pytest

from ..pki import CLIENT, SERVER, Authority, Served
from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row
from .peer import Peer, closing
from .rows import ROWS, domain, partners
from .wire import SASL, Stream

HOST = "contoso.example"
BAD = ["self-signed", "other name", "expired"]
KINDS = ["external", "dialback", "external bad", "no TLS", *BAD]

#: Per row: what a peer gets that tries SASL EXTERNAL, dialback with a valid certificate, dialback with a bad one.
#: A method's name when it is let in, else the reason of its refusal.
EXPECTED = {
    "required-true": ("external", "sasl", "certificate"),
    "required-false": ("external", "sasl", "certificate"),
    "optional-true": ("external", "dialback ok", "dialback ok"),
    "optional-true-valid": ("external", "dialback ok", "certificate"),
    "optional-false": ("external", "dialback", "certificate"),
    "never-true": ("not offered", "dialback ok", "dialback ok"),
    "never-true-valid": ("not offered", "dialback ok", "certificate"),
}


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway) -> None:
    """All rows at once."""
    gateway.enforce(partners(KINDS))


def assert_refused(gateway: Gateway, peer: Peer, reason: str) -> None:
    gateway.refusal(peer.domain, "incoming", reason)
    assert not [item for item in gateway.sessions(peer.domain) if item["direction"] == "incoming"]


def try_dialback(gateway: Gateway, peer: Peer, alice: Client, expected: str) -> None:
    if expected == "certificate":
        error = closing(lambda: peer.encrypted(HOST))
        assert error.condition == "not-authorized"
        assert_refused(gateway, peer, expected)
        return
    stream, offers = peer.encrypted(HOST)
    assert ("dialback" in offers) == (expected == "dialback ok")
    if expected != "dialback ok":
        assert closing(lambda: peer.dialback(stream, HOST)).condition == "not-authorized"
        assert_refused(gateway, peer, expected)
        return
    assert peer.dialback(stream, HOST) == "valid"
    peer.wait("verify")
    assert gateway.session(peer.domain, "incoming")["method"] == "dialback"
    delivered(peer, stream, alice)


def delivered(peer: Peer, stream: Stream, alice: Client) -> None:
    peer.send_message(stream, "alice@contoso.example", f"from {peer.domain}")
    assert alice.message().get("from") == f"bob@{peer.domain}"


@pytest.mark.parametrize("name", ROWS)
def test_external(name: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    peer = peers(domain(name, "external"))
    stream, offers = peer.encrypted(HOST)
    if EXPECTED[name][0] == "not offered":
        assert "external" not in offers
        stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
        assert closing(stream.read).condition
        assert not gateway.sessions(peer.domain)
        return
    assert "external" in offers
    peer.external(stream, HOST)
    delivered(peer, stream, alice)
    session = gateway.session(peer.domain, "incoming")
    assert (session["method"], session["tls"], session["certificate"]) == ("external", "TLSv1.3", "valid")
    assert session["local"] == HOST


@pytest.mark.parametrize("name", ROWS)
def test_dialback_with_a_valid_certificate(name: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    try_dialback(gateway, peers(domain(name, "dialback")), alice, EXPECTED[name][1])


@pytest.mark.parametrize(
    ("name", "kind"), [(name, BAD[0]) for name in ROWS] + [("never-true-valid", kind) for kind in BAD[1:]]
)
def test_dialback_with_a_bad_certificate(
    name: str, kind: str, gateway: Gateway, peers: MakePeer, alice: Client, authority: Authority
) -> None:
    peer = peers(domain(name, kind), served=bad(authority, kind, domain(name, kind)))
    try_dialback(gateway, peer, alice, EXPECTED[name][2])


def bad(authority: Authority, kind: str, name: str) -> Served:
    """Return a certificate that does not stand for a name."""
    shown = "other.example" if kind == "other name" else name
    return authority.issue(
        shown, purposes=(SERVER, CLIENT), self_signed=kind == "self-signed", days=-3 if kind == "expired" else 90
    )


@pytest.mark.parametrize("name", ROWS)
def test_external_with_a_bad_certificate(name: str, gateway: Gateway, peers: MakePeer, authority: Authority) -> None:
    peer = peers(domain(name, "external bad"), served=bad(authority, "other name", ""))
    if EXPECTED[name][2] == "certificate":
        assert closing(lambda: peer.encrypted(HOST)).condition == "not-authorized"
        return
    stream, offers = peer.encrypted(HOST)
    assert "external" not in offers
    stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
    assert closing(stream.read).condition
    assert not gateway.sessions(peer.domain)


@pytest.mark.parametrize("name", ROWS)
def test_without_tls(name: str, gateway: Gateway, peers: MakePeer) -> None:
    peer = peers(domain(name, "no TLS"))
    stream = peer.connect()
    assert peer.greet(stream, HOST) == {"starttls"}
    assert closing(lambda: peer.dialback(stream, HOST)).condition == "policy-violation"
    assert_refused(gateway, peer, "tls")


@pytest.mark.parametrize("kind", ["federated", "public_verified", "public_unverified"])
def test_dialback_serves_every_type_of_partner(kind: str, gateway: Gateway, peers: MakePeer) -> None:
    """The question about the key leaves for partners whose stanzas are stripped, too."""
    name = f"{kind.replace('_', '-')}.typed.example"
    gateway.enforce({**partners(KINDS), name: row(sasl="not_supported", kind=kind)})
    peer = peers(name)
    stream, _ = peer.encrypted(HOST)
    assert peer.dialback(stream, HOST) == "valid"
