"""Streams that we open to partners: every row with TLS required, against every kind of peer."""

from __future__ import annotations

import pytest

from ..pki import Authority
from .client import Client
from .conftest import MakePeer
from .gateway import Gateway
from .peer import Manners
from .rows import ROWS, domain, partners

#: What a peer can do; the certificate is its own.
KINDS = {
    "both": Manners(),
    "external only": Manners(dialback=False),
    "dialback only": Manners(external=False),
    "refuses our certificate": Manners(accepts_external=False),
    "both, bad certificate": Manners(),
    "external only, bad certificate": Manners(dialback=False),
    "no TLS": Manners(tls=False),
}
#: Per row, in the order of KINDS: the method, or "!" and the reason of the refusal.
EXPECTED = {
    "required-true": ("external", "external", "!sasl", "!sasl", "!certificate", "!certificate", "!tls"),
    "required-false": ("external", "external", "!sasl", "!sasl", "!certificate", "!certificate", "!tls"),
    "optional-true": ("external", "external", "dialback", "dialback", "dialback", "!by them", "!tls"),
    "optional-true-valid": ("external", "external", "dialback", "dialback", "!certificate", "!certificate", "!tls"),
    "optional-false": ("external", "external", "!sasl", "!sasl", "!certificate", "!certificate", "!tls"),
    "never-true": ("dialback", "!by them", "dialback", "dialback", "dialback", "!by them", "!tls"),
    "never-true-valid": ("dialback", "!by them", "dialback", "dialback", "!certificate", "!certificate", "!tls"),
}


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway) -> None:
    """All rows at once."""
    gateway.enforce(partners(KINDS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ROWS)
def test_row(name: str, kind: str, gateway: Gateway, peers: MakePeer, alice: Client, authority: Authority) -> None:
    expected = EXPECTED[name][list(KINDS).index(kind)]
    served = authority.issue("other.example") if "bad" in kind else None
    peer = peers(domain(name, kind), KINDS[kind], served)
    sent = alice.send(f"bob@{peer.domain}")
    if not expected.startswith("!"):
        assert peer.wait("authenticated") == expected
        peer.wait("stanza")
        session = gateway.session(peer.domain, "outgoing")
        assert (session["method"], session["tls"]) == (expected, "TLSv1.3")
        return
    condition, text = alice.bounce(sent)
    assert not gateway.sessions(peer.domain)
    assert "stanza" not in peer.happened()
    if expected == "!by them":
        return
    gateway.refusal(peer.domain, "outgoing", expected[1:])
    assert condition == "not-allowed"
    assert peer.domain in text
    if expected == "!sasl":
        assert f"partner {peer.domain} did not accept our certificate for SASL EXTERNAL" in text
        assert "clientAuth" in text
        assert (
            f"{peer.domain} did not accept our certificate for SASL EXTERNAL (does it carry clientAuth?)"
            in gateway.log()
        )
