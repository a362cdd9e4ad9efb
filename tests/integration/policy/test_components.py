"""Components are closed to partners, but for those that the policy names for the partner's type."""

from __future__ import annotations

import pytest

from .conftest import MakePeer
from .gateway import HOSTS, Gateway, row
from .peer import closing

HOST, ROOMS = "contoso.example", "conference.contoso.example"
PARTNERS = {
    "federated": ("adatum.example", row()),
    "public_verified": ("proseware.example", row(kind="public_verified")),
    "public_unverified": ("litware.example", row(kind="public_unverified")),
}


def enforce(gateway: Gateway, components: object) -> None:
    gateway.enforce({})
    gateway.enforce(dict(PARTNERS.values()), [*HOSTS, ROOMS], components=components)


@pytest.mark.parametrize("open_to", [[], ["federated"], ["public_verified"], ["federated", "public_unverified"]])
def test_a_component_is_there_for_the_types_that_name_it(open_to: list[str], gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, {kind: [ROOMS if kind in open_to else HOST] for kind in PARTNERS})
    for kind, (domain, _) in PARTNERS.items():
        peer = peers(domain)
        if kind in open_to:
            peer.external(peer.encrypted(ROOMS)[0], ROOMS)
            continue
        stream = peer.connect()
        error = closing(lambda p=peer, s=stream: p.greet(s, ROOMS))
        assert (error.condition, error.text) == ("policy-violation", "Federation is not permitted")
        gateway.refusal(domain, "incoming", "component", ROOMS)


def test_a_closed_component_hears_and_says_nothing_over_other_streams(gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, {})
    adatum = peers("adatum.example")
    stream, _ = adatum.encrypted(HOST)
    adatum.external(stream, HOST)
    stream.send(f"<presence from='x@adatum.example/x' to='new@{ROOMS}/x'/>")
    gateway.refusal("adatum.example", "incoming", "component", ROOMS)
    gateway.shell(f'xmpp:ping("{ROOMS}", "adatum.example")')
    gateway.refusal("adatum.example", "outgoing", "component", ROOMS)
    assert f"new@{ROOMS}" not in gateway.shell(f'muc:list("{ROOMS}")')


def test_a_component_that_closes_loses_its_streams_only(gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, {"federated": [ROOMS]})
    adatum = peers("adatum.example")
    for host in (HOST, ROOMS):
        stream, _ = adatum.encrypted(host)
        adatum.external(stream, host)
    gateway.enforce(dict(PARTNERS.values()), [*HOSTS, ROOMS], components={"public_verified": [ROOMS]})
    assert closing(stream.read).condition == "policy-violation"
    assert [item["local"] for item in gateway.sessions("adatum.example")] == [HOST]


@pytest.mark.parametrize("components", [[1], {"friends": [ROOMS]}, {"federated": ROOMS}, {"federated": [1]}])
def test_a_policy_with_unsound_components_is_not_loaded(components: object, gateway: Gateway) -> None:
    enforce(gateway, {})
    before = gateway.status()["digest"]
    gateway.policy({}, components=components)
    status = gateway.hangup(lambda status: "components" in (status["reason"] or ""))
    assert status["digest"] == before
