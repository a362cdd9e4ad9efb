"""Records that exist, as an inventory would say them: what a variable can say, and what stays a note."""

from __future__ import annotations

from datetime import date
from typing import Any

from ansible.module_utils.fedgate.dns import imported
from ansible.module_utils.fedgate.dns.records import RRset
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.model.deployment import read_deployment

DOMAIN, POOL = "contoso.example", "edge.contoso.example"


def rrset(name: str, rtype: str, *texts: str, ttl: int = 300) -> RRset:
    return RRset.of(name, rtype, ttl, [parse(rtype, text) for text in texts])


SERVED = (
    rrset(f"_xmpp-server._tcp.{DOMAIN}", "SRV", f"10 0 5269 {POOL}"),
    rrset(POOL, "A", "192.0.2.10"),
)


def said(*more: RRset, internal: tuple[RRset, ...] = ()) -> dict[str, Any]:
    return imported.inventory([DOMAIN], [*SERVED, *more], internal)


def test_direct_tls_sip_and_inside_addresses() -> None:
    found = said(
        rrset(f"_xmpps-server._tcp.{DOMAIN}", "SRV", f"10 0 443 {POOL}"),
        rrset(f"_xmpps-client._tcp.{DOMAIN}", "SRV", "0 0 0 ."),
        rrset(f"_sipfederationtls._tcp.{DOMAIN}", "SRV", f"10 0 5061 {POOL}"),
        internal=(rrset(POOL, "A", "10.0.0.10"),),
    )
    pool = found["pools"][POOL]
    assert pool["edge_pool_direct_tls_server_port"] == 443 and "edge_pool_direct_tls_client_port" not in pool
    assert pool["edge_internal_addresses"] == ["10.0.0.10"]
    assert found["all"]["federation_sip_domains"] == [DOMAIN]
    assert found["all"]["federation_publish_sip_federation"] is True and found["notes"] == []


def test_what_caa_says() -> None:
    found = said(rrset(POOL, "CAA", '0 issue "ca.example; x=y"', '0 iodef "mailto:a@b.example"'))
    wanted = {"issuers": ["ca.example; x=y"], "iodef": "mailto:a@b.example", "names": [POOL]}
    assert found["all"]["federation_caa"] == wanted
    assert said(rrset(POOL, "CAA", '0 issue ";"'))["all"]["federation_caa"]["issuers"] == []


def test_what_no_variable_says_is_noted() -> None:
    odd = [
        rrset(POOL, "CAA", '0 issuewild "ca.example"'),
        rrset(f"_5269._tcp.{POOL}", "TLSA", "2 0 0 3082"),
        rrset(f"_xmpps-server._tcp.{DOMAIN}", "SRV", "10 0 443 other.contoso.example"),
    ]
    found = said(*odd)
    assert "federation_caa" not in found["all"] and "federation_publish_tlsa" not in found["all"]
    for one in odd:
        assert any(one.name in note and one.values[0].text in note for note in found["notes"]), one
    two = said(rrset(POOL, "CAA", '0 issue "a.example"'), rrset(DOMAIN, "CAA", '0 issue "b.example"'))
    assert "federation_caa" not in two["all"] and len(two["notes"]) == 2


def test_targets_are_looked_up_once_each() -> None:
    keys = imported.targets(SERVED)
    assert keys == sorted({(POOL, "A"), (POOL, "AAAA"), (POOL, "CAA"), (f"_5269._tcp.{POOL}", "TLSA")})


def test_the_inventory_leads_to_the_same_records() -> None:
    other = "edge.asia.contoso.example"
    records = [
        *SERVED[1:],
        rrset(f"_xmpp-server._tcp.{DOMAIN}", "SRV", f"10 5 5269 {POOL}", f"20 0 5269 {other}"),
        rrset(f"_xmpp-client._tcp.{DOMAIN}", "SRV", f"10 5 5222 {POOL}", f"20 0 5222 {other}"),
        rrset(f"_xmpps-server._tcp.{DOMAIN}", "SRV", f"10 5 5270 {POOL}"),
        rrset(other, "A", "192.0.2.20"),
        rrset(other, "AAAA", "2001:db8::20"),
        rrset(POOL, "CAA", '0 issue "ca.example"'),
    ]
    found = imported.inventory([DOMAIN], records, ())
    assert found["notes"] == []
    hosts = {f"host-{fqdn}": {**found["all"], **pool} for fqdn, pool in found["pools"].items()}
    deployment = read_deployment(hosts, today=date(2026, 11, 24))
    derived = {(one.name, one.type): one for one in deployment.records() if one.state == "present"}
    assert derived.keys() == {one.key for one in records}
    for one in records:
        assert [parse(one.type, text) for text in derived[one.key].values] == list(one.values)
        assert derived[one.key].ttl == one.ttl
