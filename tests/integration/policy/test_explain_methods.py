"""The methods that are told of a partner are those by which it gets through, by the policy of the same inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.fedgate.explain.pair import explain_pair
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy

from .client import Client
from .conftest import MakePeer
from .explained import inventory
from .gateway import Gateway
from .office import HOST
from .test_negotiation import EXTERNAL, PEERS, PLAIN, attempt, let_in
from .wire import Closed

ROWS: dict[str, dict[str, Any]] = {
    "default": {},
    "usual": {"sasl": "optional"},
    "dialback": {"sasl": "not_supported", "dialback_certificate": "valid"},
    "waived": {"tls": "optional", "sasl": "optional", "allow_plaintext": True},
    "plain": {"tls": "not_supported", "sasl": "not_supported", "allow_plaintext": True},
}
UNLISTED, EXPIRED = "unlisted.example", "expired.example"


def domain(name: str, kind: str, direction: str) -> str:
    return f"{kind}.{direction}.{name}.example"


PARTNERS = [
    {"domain": domain(name, kind, direction), "type": "federated", **row}
    for name, row in ROWS.items()
    for kind in PEERS
    for direction in ("incoming", "outgoing")
] + [{"domain": EXPIRED, "type": "federated", "expires": "2026-01-01"}]
KNOWN = inventory(PARTNERS, [])


def strongest(who: str, kind: str, direction: str) -> dict[str, Any] | None:
    """Return the first of the methods told of a pair that a kind of peer is capable of."""
    told = explain_pair(KNOWN, f"bob@{who}", f"alice@{HOST}")["methods"][direction]
    return next((item for item in told if item["method"] in PEERS[kind][0]), None)


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway) -> Iterator[None]:
    """The policy that this inventory is compiled to."""
    gateway.configure(strict=False)
    gateway.restart()
    compiled = compile_policy(KNOWN.deployment.as_facts()["partners"], [HOST])
    gateway.enforce(compiled.rules["partners"], compiled.rules["local_hosts"])
    yield
    gateway.configure()
    gateway.restart()


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("name", ROWS)
def test_incoming(name: str, kind: str, gateway: Gateway, peers: MakePeer) -> None:
    peer = peers(domain(name, kind, "incoming"), PEERS[kind][1])
    try:
        got = attempt(peer, kind)
    except Closed:
        got = None
    told = strongest(peer.domain, kind, "incoming")
    assert (got and got[0]) == (told and told["method"])
    if told is None:
        assert not let_in(gateway, peer)
    else:
        session = gateway.session(peer.domain, "incoming")
        assert session["method"] == ("external" if told["method"] == EXTERNAL else "dialback")


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("name", ROWS)
def test_outgoing(name: str, kind: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    peer = peers(domain(name, kind, "outgoing"), PEERS[kind][1])
    sent = alice.send(f"bob@{peer.domain}")
    told = strongest(peer.domain, kind, "outgoing")
    if told is None:
        alice.bounce(sent)
        assert "stanza" not in peer.happened() and not gateway.sessions(peer.domain)
        return
    peer.wait("stanza")
    session = gateway.session(peer.domain, "outgoing")
    assert session["method"] == ("external" if told["method"] == EXTERNAL else "dialback")
    assert (session["tls"] is None) is (told["method"] == PLAIN) is (told["transports"] == ["plaintext"])


@pytest.mark.parametrize("who", [UNLISTED, EXPIRED])
def test_who_is_told_to_be_no_partner_is_refused(who: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    assert not explain_pair(KNOWN, f"bob@{who}", f"alice@{HOST}")["allowed"]
    peer = peers(who)
    assert alice.bounce(alice.send(f"bob@{who}"))[0] == "not-allowed"
    with pytest.raises(Closed):
        peer.external(peer.encrypted(HOST)[0], HOST)
    gateway.refusal(who, "incoming", "not-a-partner")
