"""The records that follow from pools and domains."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.fedgate.model.records import Endpoint, derive_records
from hypothesis import given
from hypothesis import strategies as st

from .inventories import lync_site, read, two_sites


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


def test_retired_things_are_removed() -> None:
    found = rrsets(
        two_sites(federation_retired_xmpp_domains=["old.example"], federation_retired_pools=["edge.old.example"])
    )
    for pair in (
        ("_xmpp-server._tcp.old.example", "SRV"),
        ("_xmpp-client._tcp.old.example", "SRV"),
        ("edge.old.example", "A"),
        ("edge.old.example", "AAAA"),
    ):
        assert found[pair] is None


def test_lync_publishes_every_member_and_no_client_records() -> None:
    assert rrsets(lync_site()) == {
        ("_xmpp-server._tcp.contoso.example", "SRV"): ["10 0 5269 access.contoso.example"],
        ("access.contoso.example", "A"): ["192.0.2.31", "192.0.2.32"],
        ("access.contoso.example", "AAAA"): None,
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
