"""The whole: what is published, and mistakes that only the whole shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import SeveralErrors
from ansible.module_utils.fedgate.model.deployment import read_deployment

from .inventories import TODAY, Hosts, errors_of, lync_site, only_error_of, read, two_sites


def test_facts_of_two_sites() -> None:
    facts = read(two_sites()).as_facts()
    assert list(facts) == [
        "xmpp_domains", "partners", "access_policies", "limits", "lync", "pools", "hosts", "records", "tlsa",
        "authorities", "warnings",
    ]  # fmt: skip
    assert facts["xmpp_domains"] == ["contoso.example", "contoso-asia.example"]
    room = {"domain": "conference.contoso.example", "kind": "muc", "federated": True}
    assert facts["pools"]["edge.london.contoso.example"] == {
        "fqdn": "edge.london.contoso.example",
        "site": None,
        "backend": "prosody",
        "xmpp_domains": ["contoso.example"],
        "components": [room],
        "certificate_names": ["contoso.example", "conference.contoso.example"],
        "priority": 10,
        "weight": 0,
        "direct_tls_ports": {"server": None, "client": None},
        "members": ["edge1.london", "edge2.london"],
        "active_member": "edge1.london",
        "published_addresses": ["192.0.2.11", "2001:db8::11"],
    }
    assert facts["hosts"]["edge1.london"] == {
        "pool": "edge.london.contoso.example",
        "backend": "prosody",
        "active": True,
        "xmpp_domains": ["contoso.example"],
        "components": [room],
        "federated_hosts": ["contoso.example", "conference.contoso.example"],
        "scope": None,
        "certificate_names": ["contoso.example", "conference.contoso.example"],
        "listen_addresses": ["*", "::"],
        "direct_tls_ports": {"server": None, "client": None},
        "published_addresses": ["192.0.2.11", "2001:db8::11"],
    }
    assert facts["hosts"]["edge2.london"]["active"] is False
    assert facts["hosts"]["edge1.tokyo"]["active"] is True
    assert facts["warnings"] == []


def test_facts_are_plain_and_hold_no_secret() -> None:
    text = json.dumps(read(two_sites()).as_facts())
    for canary in ("canary", "Y2FuYXJ5", "tsig", "passphrase"):
        assert canary not in text


def test_facts_of_lync() -> None:
    facts = read(lync_site(edge_pool_additional_names=["lyncdiscover.contoso.example"])).as_facts()
    pool = facts["pools"]["access.contoso.example"]
    assert pool["certificate_names"] == [
        "access.contoso.example",
        "webconf.contoso.example",
        "sip.contoso.example",
        "sip.corp.contoso.example",
        "contoso.example",
        "lyncdiscover.contoso.example",
    ]
    assert pool["published_addresses"] == ["192.0.2.31", "192.0.2.32"]
    assert [facts["hosts"][name]["active"] for name in ("lync1", "lync2")] == [True, True]


def test_names_do_not_depend_on_the_order_of_the_inventory() -> None:
    domains = ["contoso.example", "contoso-asia.example"]
    names = []
    for order in (domains, domains[::-1]):
        hosts = two_sites(federation_xmpp_domains=order)
        del hosts["edge1.tokyo"]
        for variables in hosts.values():
            variables["edge_pool_xmpp_domains"] = order
            variables["edge_pool_additional_names"] = ["b.contoso.example", "a.contoso.example"]
        names.append(read(hosts).certificate_names(read(hosts).pools[0]))
    assert (
        names[0]
        == names[1]
        == [
            "contoso-asia.example",
            "contoso.example",
            "conference.contoso.example",
            "a.contoso.example",
            "b.contoso.example",
        ]
    )


def test_a_standby_pool_is_prepared_and_closed() -> None:
    hosts = two_sites()
    for variables in hosts.values():
        del variables["edge_pool_xmpp_domains"]
    facts = read(hosts).as_facts()["hosts"]
    assert facts["edge1.london"]["active"] is True
    assert facts["edge1.tokyo"]["active"] is False
    assert facts["edge1.tokyo"]["xmpp_domains"] == ["contoso.example", "contoso-asia.example"]


def test_a_domain_has_one_process_when_pools_overlap() -> None:
    hosts = two_sites()
    hosts["edge1.tokyo"]["edge_pool_xmpp_domains"] = ["contoso-asia.example", "contoso.example"]
    deployment = read(hosts)
    facts = deployment.as_facts()["hosts"]
    assert facts["edge1.tokyo"]["xmpp_domains"] == ["contoso-asia.example"]
    assert facts["edge1.tokyo"]["federated_hosts"] == ["contoso-asia.example"]
    assert "contoso.example" in facts["edge1.tokyo"]["certificate_names"]


def test_a_component_follows_its_nearest_domain() -> None:
    component = {"domain": "rooms.asia.contoso.example", "kind": "muc", "federated": True}
    hosts = two_sites(
        federation_xmpp_domains=["contoso.example", "asia.contoso.example"], federation_xmpp_components=[component]
    )
    hosts["edge1.tokyo"]["edge_pool_xmpp_domains"] = ["asia.contoso.example"]
    pools = read(hosts).as_facts()["pools"]
    assert pools["edge.london.contoso.example"]["components"] == []
    assert pools["edge.tokyo.contoso.example"]["components"] == [component]


ALL: list[tuple[dict[str, Any], list[str]]] = [
    ({"federation_xmpp_domains": "contoso.example"}, ["federation_xmpp_domains: a list is needed here, not a text"]),
    ({"federation_xmpp_domains": None}, ["federation_xmpp_domains: no XMPP domain is given"]),
    (
        {"federation_xmpp_domains": ["contoso.example", "contoso-asia.example", "Contoso.example."]},
        ["federation_xmpp_domains[2]: contoso.example is written twice", "at federation_xmpp_domains[0] already"],
    ),
    (
        {"federation_xmpp_domains": ["contoso.example", "contoso-asia.example", "new.example"]},
        ["federation_xmpp_domains[2]: new.example is served by no pool", "edge_pool_xmpp_domains of a pool"],
    ),
    (
        {"federation_xmpp_components": [{"domain": "rooms.other.example"}]},
        ["federation_xmpp_components[0].domain: rooms.other.example is under none of federation_xmpp_domains"],
    ),
    ({"federation_xmpp_components": [{"domain": "contoso.example"}]}, ["is one of federation_xmpp_domains"]),
    ({"federation_xmpp_components": [{"kind": "muc"}]}, ["[0]: the key domain is missing"]),
    (
        {"federation_xmpp_components": [{"domain": "r.contoso.example"}, {"domain": "R.contoso.example"}]},
        ["[1]: the component r.contoso.example is written twice"],
    ),
    ({"federation_xmpp_components": [{"domain": "r.contoso.example", "kind": "proxy"}]}, ["Allowed are muc."]),
    ({"federation_dns_ttl": 59}, ["federation_dns_ttl: 59 is out of bounds", "60 to 86400 seconds"]),
    ({"federation_dns_ttl": "300"}, ["federation_dns_ttl: a whole number", "Remove the quotation marks"]),
    ({"federation_publish_xmpp_client": "false"}, ["-e '{\"federation_publish_xmpp_client\": …}'"]),
    ({"federation_dns_resolvers": ["dns.example"]}, ["federation_dns_resolvers[0]", "is not an IP address"]),
    ({"federation_trust_anchors": "ca.pem"}, ["federation_trust_anchors: a list is needed"]),
    ({"federation_proxy_env": {"http_proxy": 1}}, ["federation_proxy_env.http_proxy: a text is needed"]),
    ({"federation_proxy_env": "http://u:canary@p"}, ["federation_proxy_env: a mapping is needed"]),
    (
        {"federation_retired_xmpp_domains": ["Contoso.example"]},
        ["federation_retired_xmpp_domains: contoso.example is still in use"],
    ),
    (
        {"federation_retired_pools": ["edge.tokyo.contoso.example"]},
        ["federation_retired_pools: edge.tokyo.contoso.example is still in use"],
    ),
    (
        {"federation_retired_records": "gone"},
        ["federation_retired_records: the text 'gone' is not allowed here", "Allowed are no_service and absent."],
    ),
    ({"federation_publish_tlsa": "yes"}, ["federation_publish_tlsa: true or false is needed"]),
    ({"federation_publish_sip_federation": 1}, ["federation_publish_sip_federation: true or false is needed"]),
    ({"federation_publish_sip_federation": True}, ["federation_publish_sip_federation: no pool is a Lync pool"]),
    ({"federation_partner": []}, ["federation_partner: no variable of this name", "Did you mean federation_partners?"]),
    ({"federation_flavour": 1}, ["federation_flavour: no variable of this name", "without our prefix"]),
    ({"federation_partners_": []}, ["federation_partners_: no variable of this name"]),
]


@pytest.mark.parametrize(("changes", "parts"), ALL, ids=lambda value: str(value)[:70])
def test_wrong_for_all(changes: dict[str, Any], parts: list[str]) -> None:
    error = only_error_of(two_sites(**changes))
    for part in parts:
        assert part in error, error
    assert "canary" not in error


def with_host(name: str, **changes: Any) -> Hosts:
    hosts = two_sites()
    hosts[name].update(changes)
    return hosts


ONE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("edge1.tokyo", {"edge_pool_fqdn": None}, ["edge_pool_fqdn of edge1.tokyo: edge1.tokyo belongs to no pool"]),
    (
        "edge1.tokyo",
        {"edge_pool_fqdn": "192.0.2.21"},
        ["edge_pool_fqdn of edge1.tokyo: '192.0.2.21' is an IP address", "RFC 2782", "edge_published_addresses"],
    ),
    ("edge1.tokyo", {"edge_pool_fqdn": "edge_tokyo.contoso.example"}, ["underscore"]),
    ("edge1.tokyo", {"edge_published_addresses": []}, ["edge1.tokyo serves edge.tokyo.contoso.example, but has no"]),
    ("edge1.tokyo", {"edge_published_addresses": None}, ["edge_published_addresses of edge1.tokyo", "no published"]),
    ("edge1.tokyo", {"edge_published_addresses": "192.0.2.21"}, ["edge_published_addresses of edge1.tokyo: a list"]),
    (
        "edge1.tokyo",
        {"edge_published_addresses": ["edge.example"]},
        ["[0] of edge1.tokyo: 'edge.example' is not an IP"],
    ),
    ("edge1.tokyo", {"edge_published_addresses": ["192.0.2.1/24"]}, ["without prefix length or port"]),
    ("edge1.tokyo", {"edge_published_addresses": ["127.0.0.1"]}, ["127.0.0.1 is a loopback address"]),
    ("edge1.tokyo", {"edge_published_addresses": ["::"]}, [":: is the unspecified address"]),
    ("edge1.tokyo", {"edge_published_addresses": ["fe80::1"]}, ["fe80::1 is a link-local address"]),
    ("edge1.tokyo", {"edge_published_addresses": ["224.0.0.1"]}, ["224.0.0.1 is a multicast address"]),
    ("edge1.tokyo", {"edge_listen_addresses": ["all"]}, ["edge_listen_addresses[0] of edge1.tokyo", "listen on"]),
    ("edge1.tokyo", {"edge_pool_backend": "ejabberd"}, ["the text 'ejabberd'", "Allowed are prosody and lync"]),
    ("edge1.tokyo", {"edge_pool_priority": 70000}, ["edge_pool_priority of edge.tokyo", "0 to 65535"]),
    ("edge1.tokyo", {"edge_pool_weight": -1}, ["edge_pool_weight of edge.tokyo", "-1 is out of bounds"]),
    (
        "edge1.tokyo",
        {"edge_pool_direct_tls_server_port": 0},
        ["edge_pool_direct_tls_server_port of edge.tokyo.contoso.example: 0 is out of bounds", "1 to 65535"],
    ),
    (
        "edge1.tokyo",
        {"edge_pool_direct_tls_client_port": 5222},
        ["edge_pool_direct_tls_client_port", "5222 is the port for connections that begin without TLS", "such as 5270"],
    ),
    (
        "edge1.tokyo",
        {"edge_pool_direct_tls_client_port": 443, "edge_pool_direct_tls_server_port": 443},
        ["edge_pool_direct_tls_client_port of edge.tokyo.contoso.example: 443 is the port for servers already"],
    ),
    ("edge1.tokyo", {"edge_internal_addresses": "10.0.0.1"}, ["edge_internal_addresses of edge1.tokyo: a list"]),
    ("edge1.tokyo", {"edge_internal_addresses": ["127.0.0.1"]}, ["127.0.0.1 is a loopback address"]),
    ("edge1.tokyo", {"edge_pool_active_member": "edge1.tokio"}, ["no host of this pool", "Did you mean edge1.tokyo?"]),
    ("edge1.tokyo", {"edge_pool_xmpp_domains": ["contoso-asia.exampel"]}, ["Did you mean contoso-asia.example?"]),
    ("edge1.tokyo", {"edge_pool_additional_names": ["*.contoso.example"]}, ["is a wildcard"]),
    ("edge1.tokyo", {"edge_published_adresses": []}, ["of edge1.tokyo", "Did you mean edge_published_addresses?"]),
    ("edge1.tokyo", {"federation_dns_ttl": 600}, ["federation_dns_ttl: hosts disagree", "edge1.tokyo: the number 600"]),
    (
        "edge2.london",
        {"edge_pool_priority": 30},
        [
            "edge_pool_priority of edge.london.contoso.example: hosts disagree",
            "edge1.london: nothing; edge2.london: the number 30",
            "for all hosts of the pool",
        ],
    ),
    (
        "edge2.london",
        {"federation_certificate": {"issuer": "manual", "requests_directory": "/r"}},
        ["hosts disagree: edge1.london: another value; edge2.london: another value"],
    ),
    (
        "edge1.tokyo",
        {"federation_partners": [{"domain": "other.example", "type": "federated"}]},
        ["federation_partners: hosts disagree", "such as federation_partners_edge1_london"],
    ),
]


@pytest.mark.parametrize(("host", "changes", "parts"), ONE, ids=lambda value: str(value)[:70])
def test_wrong_for_one_host(host: str, changes: dict[str, Any], parts: list[str]) -> None:
    error = only_error_of(with_host(host, **changes))
    for part in parts:
        assert part in error, error
    assert "canary" not in error


@pytest.mark.parametrize("backend", ["prosody", "lync"])
def test_pools_of_one_domain_need_priorities_of_their_own(backend: str) -> None:
    hosts = two_sites(edge_pool_backend=backend, federation_sip_domains=["contoso.example"])
    for variables in hosts.values():
        variables["edge_pool_priority"] = 10
        del variables["edge_pool_xmpp_domains"]
    error = only_error_of(hosts)
    assert "edge.london.contoso.example and edge.tokyo.contoso.example both have priority 10" in error
    assert "for contoso.example and contoso-asia.example" in error


def test_too_many_names() -> None:
    names = [f"n{number}.contoso.example" for number in range(99)]
    hosts = two_sites()
    hosts["edge1.tokyo"]["edge_pool_additional_names"] = names
    assert len(read(hosts).as_facts()["pools"]["edge.tokyo.contoso.example"]["certificate_names"]) == 100
    hosts["edge1.tokyo"]["edge_pool_additional_names"] = [*names, "one.more.example"]
    assert "would need 101 names. Issuers take at most 100" in only_error_of(hosts)


def test_lync_needs_sip_domains() -> None:
    error = only_error_of(lync_site(federation_sip_domains=None))
    assert "access.contoso.example is a Lync pool, but no SIP domain is given" in error


@pytest.mark.parametrize("name", ["edge_pool_direct_tls_server_port", "edge_pool_direct_tls_client_port"])
def test_lync_speaks_no_direct_tls(name: str) -> None:
    error = only_error_of(lync_site(**{name: 5270}))
    assert f"{name} of access.contoso.example: Lync speaks no direct TLS. Remove it" in error


def test_keys_of_lync_are_not_known() -> None:
    error = only_error_of(lync_site(federation_publish_tlsa=True))
    assert error.startswith("federation_publish_tlsa: all pools are Lync pools, whose keys are not known here")


def test_empty_group() -> None:
    with pytest.raises(SeveralErrors) as caught:
        read_deployment({}, today=TODAY, group="gateways")
    assert "gateways: the group has no hosts" in str(caught.value)


def test_shared_addresses_and_names_are_doubtful() -> None:
    hosts = with_host("edge1.tokyo", edge_published_addresses=["192.0.2.11"], edge_pool_fqdn="contoso-asia.example")
    first, second = read(hosts).warnings
    assert "have the same address 192.0.2.11" in first
    assert "contoso-asia.example is an XMPP domain too" in second


def test_all_errors_are_reported_together_each_once() -> None:
    hosts = two_sites(federation_dns_ttl=1, federation_partner=[], federation_trust_anchors="x")
    hosts["edge1.tokyo"]["edge_published_addresses"] = ["127.0.0.1"]
    errors = errors_of(hosts)
    assert len(errors) == 4, errors


def test_origin_is_named() -> None:
    def origin_of(host: str, steps: tuple[Any, ...]) -> str | None:
        return "group_vars/edges.yml:3:5" if steps[0] == "federation_dns_ttl" else None

    with pytest.raises(SeveralErrors) as caught:
        read_deployment(two_sites(federation_dns_ttl=1), today=TODAY, origin_of=origin_of)
    assert "federation_dns_ttl (group_vars/edges.yml:3:5): 1 is out of bounds" in str(caught.value)
