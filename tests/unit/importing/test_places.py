"""Edge pools of a topology as an inventory says them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.fedgate.importing.items import plain
from ansible.module_utils.fedgate.importing.places import places
from ansible.module_utils.fedgate.importing.published import Published


def pool(site: str, name: str, *computers: str, version: int = 6) -> dict[str, Any]:
    return {
        "site": site,
        "external_fqdn": name,
        "computers": list(computers),
        "version": version,
        "product": "Lync Server 2010" if version == 5 else "Lync Server 2013",
    }


def deployment(**pools: dict[str, Any]) -> dict[str, Any]:
    return {"sites": {"A": {"xmpp_route": "b"}}, "edge_pools": pools, "sip_domains": ["contoso.example"]}


def test_the_pool_with_the_route_is_first_and_priorities_are_distinct() -> None:
    said = deployment(a=pool("A", "a.example", "a1"), b=pool("B", "b.example", "b1"))
    same = {name: {"edge_pool_priority": 10} for name in ("a.example", "b.example")}
    found, notes = places(said, Published(pools=same), ["contoso.example"], {})
    assert [(place.fqdn, place.variables["edge_pool_priority"]) for place in found] == [
        ("b.example", 10),
        ("a.example", 20),
    ]
    assert "in DNS it is 10, as that of another pool" in " ".join(found[1].remarks) and not notes


def test_groups_have_names_of_their_own() -> None:
    said = deployment(
        a=pool("Büro 1", "a.example", "a1"), b=pool("Büro 1", "b.example", "b1"), c=pool("Edges", "c.example", "c1")
    )
    found, _ = places(said, Published(), ["contoso.example"], {})
    assert sorted(place.group for place in found) == ["a_example", "b_example", "edges_2"]


def test_addresses_are_dealt_by_family_and_shared_where_there_are_fewer() -> None:
    said = deployment(b=pool("B", "b.example", "b1", "b2"))
    dns = Published(addresses={"b.example": ["192.0.2.1", "192.0.2.2", "2001:db8::1"]})
    found, _ = places(said, dns, ["contoso.example"], {})
    assert plain(found[0].hosts) == {
        "b1": {"edge_published_addresses": ["2001:db8::1", "192.0.2.1"]},
        "b2": {"edge_published_addresses": ["192.0.2.2"]},
    }
    one = Published(addresses={"b.example": ["192.0.2.1"]})
    found, _ = places(said, one, ["contoso.example"], {})
    assert plain(found[0].hosts["b2"]) == {"edge_published_addresses": ["192.0.2.1"]}


def test_pools_that_cannot_carry_xmpp_are_named() -> None:
    said = deployment(a=pool("A", "a.example", "a1", version=5), b=pool("B", "", "b1"))
    said["sites"] = {}
    found, notes = places(said, Published(), ["contoso.example"], {})
    assert not found and "Lync Server 2010 has no XMPP proxy" in notes[0]
    assert "no Access Edge FQDN" in notes[1] and "no site has an XMPP route" in notes[2]
