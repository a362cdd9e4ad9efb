"""The records that follow from pools and domains."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.model.records import Endpoint, derive_records
from hypothesis import given
from hypothesis import strategies as st

from .inventories import SHARED, lync_site, read, two_sites


def rrsets(hosts: dict[str, dict[str, Any]]) -> dict[tuple[str, str], list[str] | None]:
    """Return values by name and type; None for what is absent."""
    return {
        (record["name"], record["type"]): record["values"] if record["state"] == "present" else None
        for record in read(hosts).as_facts()["records"]
    }


def test_two_sites_with_a_domain_each() -> None:
    found = rrsets(two_sites())
    assert found == {
        ("_xmpp-server._tcp.contoso.example", "SRV"): ["10 0 5269 edge.london.contoso.example"],
        ("_xmpp-server._tcp.conference.contoso.example", "SRV"): ["10 0 5269 edge.london.contoso.example"],
        ("_xmpp-server._tcp.contoso-asia.example", "SRV"): ["20 0 5269 edge.tokyo.contoso.example"],
        ("_xmpp-client._tcp.contoso.example", "SRV"): ["10 0 5222 edge.london.contoso.example"],
        ("_xmpp-client._tcp.contoso-asia.example", "SRV"): ["20 0 5222 edge.tokyo.contoso.example"],
        # The standby member's addresses are not published.
        ("edge.london.contoso.example", "A"): ["192.0.2.11"],
        ("edge.london.contoso.example", "AAAA"): ["2001:db8::11"],
        ("edge.tokyo.contoso.example", "A"): ["192.0.2.21"],
        ("edge.tokyo.contoso.example", "AAAA"): None,
        # No pool speaks direct TLS; what may be left of it goes.
        ("_xmpps-server._tcp.contoso.example", "SRV"): None,
        ("_xmpps-server._tcp.conference.contoso.example", "SRV"): None,
        ("_xmpps-server._tcp.contoso-asia.example", "SRV"): None,
        ("_xmpps-client._tcp.contoso.example", "SRV"): None,
        ("_xmpps-client._tcp.contoso-asia.example", "SRV"): None,
    }


def test_pools_of_one_domain_share_one_rrset() -> None:
    hosts = two_sites()
    hosts["edge1.tokyo"]["edge_pool_xmpp_domains"] = ["contoso-asia.example", "contoso.example"]
    assert rrsets(hosts)["_xmpp-server._tcp.contoso.example", "SRV"] == [
        "10 0 5269 edge.london.contoso.example",
        "20 0 5269 edge.tokyo.contoso.example",
    ]


def test_another_active_member_moves_the_address() -> None:
    hosts = two_sites()
    for name in ("edge1.london", "edge2.london"):
        hosts[name]["edge_pool_active_member"] = "edge2.london"
    found = rrsets(hosts)
    assert found["edge.london.contoso.example", "A"] == ["192.0.2.12"]
    assert found["edge.london.contoso.example", "AAAA"] is None


def test_client_records_are_removed_when_not_published() -> None:
    found = rrsets(two_sites(federation_publish_xmpp_client=False))
    assert found["_xmpp-client._tcp.contoso.example", "SRV"] is None
    assert found["_xmpp-server._tcp.contoso.example", "SRV"]


def test_a_component_that_is_not_federated_has_no_record() -> None:
    component = {"domain": "conference.contoso.example", "kind": "muc"}
    found = rrsets(two_sites(federation_xmpp_components=[component]))
    assert found["_xmpp-server._tcp.conference.contoso.example", "SRV"] is None


@pytest.mark.parametrize(
    ("records", "state"), [(None, "retired"), ("no_service", "retired"), ("absent", "absent")], ids=str
)
def test_what_becomes_of_retired_things(records: str | None, state: str) -> None:
    hosts = two_sites(federation_retired_xmpp_domains=["old.example"], federation_retired_pools=["edge.old.example"])
    for variables in hosts.values():
        variables["federation_retired_records"] = records
    states = {(record.name, record.type): (record.state, record.values) for record in read(hosts).records()}
    assert {pair: found for pair, found in states.items() if "old" in pair[0]} == {
        ("_xmpp-server._tcp.old.example", "SRV"): (state, ()),
        ("_xmpp-client._tcp.old.example", "SRV"): (state, ()),
        ("_xmpps-server._tcp.old.example", "SRV"): ("absent", ()),
        ("_xmpps-client._tcp.old.example", "SRV"): ("absent", ()),
        ("edge.old.example", "A"): ("absent", ()),
        ("edge.old.example", "AAAA"): ("absent", ()),
    }


def test_direct_tls_where_the_pool_speaks_it() -> None:
    hosts = two_sites()
    hosts["edge1.tokyo"].update(
        edge_pool_direct_tls_server_port=5270,
        edge_pool_direct_tls_client_port=443,
        edge_pool_xmpp_domains=["contoso-asia.example", "contoso.example"],
    )
    found = rrsets(hosts)
    # London has the lower number for contoso.example, but does not speak it: only Tokyo is named there.
    assert found["_xmpps-server._tcp.contoso.example", "SRV"] == ["20 0 5270 edge.tokyo.contoso.example"]
    assert found["_xmpps-server._tcp.conference.contoso.example", "SRV"] == ["20 0 5270 edge.tokyo.contoso.example"]
    assert found["_xmpps-client._tcp.contoso-asia.example", "SRV"] == ["20 0 443 edge.tokyo.contoso.example"]
    assert found["_xmpp-server._tcp.contoso-asia.example", "SRV"] == ["20 0 5269 edge.tokyo.contoso.example"]
    for variables in hosts.values():
        variables["federation_publish_xmpp_client"] = False
    assert rrsets(hosts)["_xmpps-client._tcp.contoso-asia.example", "SRV"] is None


INSIDE = {
    "kind": "rfc2136", "name": "inside", "view": "internal", "server": "192.0.2.54", "tsig_name": "inside",
    "tsig_secret": "Y2FuYXJ5LXRzaWc=",
}  # fmt: skip


def with_inside(zones: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Two sites with a provider for each view; one host of London has an address of its own inside."""
    outside = {**SHARED["federation_dns_provider"], "name": "outside"}
    hosts = two_sites(federation_dns_provider=None, federation_dns_providers=[outside, {**INSIDE, "zones": zones}])
    hosts["edge1.london"]["edge_internal_addresses"] = ["10.0.0.11"]
    return hosts


def test_the_internal_view_leads_to_internal_addresses() -> None:
    records = read(with_inside()).records()
    views = {
        view: {(one.name, one.type): one.values for one in records if one.view == view}
        for view in ("external", "internal")
    }
    assert list(views["external"]) == list(views["internal"])
    assert {pair: views["internal"][pair] for pair in views["internal"] if "edge" in pair[0]} == {
        ("edge.london.contoso.example", "A"): ("10.0.0.11",),
        ("edge.london.contoso.example", "AAAA"): (),
        ("edge.tokyo.contoso.example", "A"): ("192.0.2.21",),
        ("edge.tokyo.contoso.example", "AAAA"): (),
    }
    services = [pair for pair in views["external"] if pair[1] == "SRV"]
    assert services and all(views["external"][pair] == views["internal"][pair] for pair in services)
    facts = read(with_inside()).as_facts()["records"]
    assert [record["view"] for record in facts] == [record.view for record in records]


def test_the_internal_view_has_what_its_zones_hold() -> None:
    records = read(with_inside(["contoso-asia.example"])).records()
    services = ("xmpp-server", "xmpp-client", "xmpps-server", "xmpps-client")
    assert {record.name for record in records if record.view == "internal"} == {
        f"_{service}._tcp.contoso-asia.example" for service in services
    }


def test_without_a_provider_inside_there_is_one_view() -> None:
    hosts = two_sites()
    before = read(hosts).records()
    hosts["edge1.london"]["edge_internal_addresses"] = ["10.0.0.11"]
    assert read(hosts).records() == before and {record.view for record in before} == {"external"}


def test_sip_federation_is_asked_for() -> None:
    names = ["_sipfederationtls._tcp.contoso.example", "_sipfederationtls._tcp.corp.contoso.example"]
    assert not any(name in pair for pair in rrsets(lync_site()) for name in names)
    on = rrsets(lync_site(federation_publish_sip_federation=True))
    off = rrsets(lync_site(federation_publish_sip_federation=False))
    for name in names:
        assert on[name, "SRV"] == ["10 0 5061 access.contoso.example"]
        assert off[name, "SRV"] is None


def test_tlsa_is_asked_for() -> None:
    name = "_5269._tcp.edge.london.contoso.example"
    assert (name, "TLSA") not in rrsets(two_sites())
    off = read(two_sites(federation_publish_tlsa=False, federation_retired_pools=["edge.old.example"])).as_facts()
    absent = {record["name"] for record in off["records"] if record["type"] == "TLSA" and record["state"] == "absent"}
    assert absent == {name, "_5269._tcp.edge.tokyo.contoso.example", "_5269._tcp.edge.old.example"}
    assert off["tlsa"] == []
    on = read(two_sites(federation_publish_tlsa=True)).as_facts()
    # Which keys serve is known to hosts only: what is not said is not touched.
    assert not [record for record in on["records"] if record["type"] == "TLSA"]
    assert on["tlsa"][0] == {"name": name, "type": "TLSA", "ttl": 300, "pool": "edge.london.contoso.example"}
    assert len(on["tlsa"]) == 2


@pytest.mark.parametrize(
    ("certificate", "warned"),
    [({"reuse_key": True}, False), ({}, True), ({"issuer": "manual", "requests_directory": "/r"}, False)],
    ids=str,
)
def test_a_new_key_must_not_serve_before_its_record(certificate: dict[str, Any], warned: bool) -> None:
    hosts = two_sites(federation_publish_tlsa=True)
    for variables in hosts.values():
        variables["federation_certificate"].update(certificate)
    warnings = [text for text in read(hosts).warnings if "a new key would serve before others know" in text]
    assert len(warnings) == (2 if warned else 0)


def test_a_retired_pool_loses_its_caa_too() -> None:
    hosts = two_sites(federation_caa={"issuers": ["letsencrypt.org"]}, federation_retired_pools=["edge.old.example"])
    assert rrsets(hosts)["edge.old.example", "CAA"] is None


def test_lync_publishes_every_member_and_no_client_records() -> None:
    assert rrsets(lync_site()) == {
        ("_xmpp-server._tcp.contoso.example", "SRV"): ["10 0 5269 access.contoso.example"],
        ("access.contoso.example", "A"): ["192.0.2.31", "192.0.2.32"],
        ("access.contoso.example", "AAAA"): None,
        ("_xmpps-server._tcp.contoso.example", "SRV"): None,
    }


def test_every_record_has_the_ttl() -> None:
    assert {record.ttl for record in read(two_sites(federation_dns_ttl=600)).records()} == {600}
    assert {record.ttl for record in read(two_sites()).records()} == {300}


NAMES = st.sampled_from([f"d{number}.example" for number in range(6)])
ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.10", "192.0.2.9", "2001:db8::1", "2001:db8::a"])


@st.composite
def endpoints(draw: st.DrawFn) -> list[Endpoint]:
    """Pools with different names and priorities, as the model demands."""
    return [
        Endpoint(
            fqdn=f"edge{number}.example",
            priority=number,
            weight=draw(st.integers(0, 65535)),
            addresses=tuple(draw(st.lists(ADDRESSES, unique=True))),
            server_names=tuple(draw(st.lists(NAMES, unique=True))),
            client_names=tuple(draw(st.lists(NAMES, unique=True))),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


@given(endpoints(), st.randoms(), st.booleans())
def test_order_of_input_does_not_matter(pools: list[Endpoint], random: Any, client: bool) -> None:
    shuffled = [
        Endpoint(
            pool.fqdn,
            pool.priority,
            pool.weight,
            tuple(random.sample(pool.addresses, len(pool.addresses))),
            tuple(random.sample(pool.server_names, len(pool.server_names))),
            tuple(random.sample(pool.client_names, len(pool.client_names))),
        )
        for pool in random.sample(pools, len(pools))
    ]
    assert derive_records(shuffled, publish_client=client) == derive_records(pools, publish_client=client)


@given(endpoints())
def test_every_pair_appears_once(pools: list[Endpoint]) -> None:
    pairs = [(record.name, record.type) for record in derive_records(pools, retired_domains=["d0.example"])]
    assert len(pairs) == len(set(pairs))
