"""``federation_lync`` and ``edge_pool_lync``: what they say, and every mistake in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .inventories import Hosts, lync_site, only_error_of, partners, read, two_sites

ACCOUNT = {"username": "CONTOSO\\admin", "password": "canary-password"}


def reached(**settings: Any) -> dict[str, Any]:
    return {"federation_lync": {"front_end": "pool1.contoso.example", **ACCOUNT, **settings}}


def mixed(**shared: Any) -> Hosts:
    """London and Tokyo on Linux, and a Lync pool that serves a third domain."""
    sip = {"federation_sip_domains": ["na.contoso.example"]}
    domains = {"federation_xmpp_domains": ["contoso.example", "contoso-asia.example", "na.contoso.example"]}
    hosts = two_sites(**{**reached(), **sip, **domains, **shared})
    own = {"edge_pool_fqdn": "edge.redmond.contoso.example", "edge_pool_backend": "lync"}
    own |= {"edge_pool_xmpp_domains": ["na.contoso.example"], "edge_published_addresses": ["192.0.2.31"]}
    own["federation_certificate"] = {"issuer": "manual", "requests_directory": "requests"}
    some = next(iter(hosts.values()))
    hosts["lync1"] = {key: value for key, value in some.items() if key.startswith("federation_")} | own
    return hosts


def test_facts_hold_what_is_managed_and_no_account() -> None:
    facts = read(lync_site()).as_facts()
    assert facts["lync"] == {
        "front_end": "pool1.contoso.example",
        "registrar_pool": "pool1.contoso.example",
        "purge": False,
        "subscription_refresh_interval": None,
        "log_message_bodies": None,
        "hosts": ["lync1", "lync2"],
        "open_sip_federation": False,
        "ignore_groups": False,
        "ignore_pools": [],
        "access_policies": [],
    }
    assert "canary" not in json.dumps(facts) and "CONTOSO" not in json.dumps(facts)


def test_only_hosts_of_lync_pools_are_named() -> None:
    facts = read(mixed()).as_facts()
    assert facts["lync"]["hosts"] == ["lync1"]
    assert facts["warnings"] == []


def test_everything_may_be_said() -> None:
    given = {
        "port": 8443,
        "authentication": "ntlm",
        "ca_file": "ca.pem",
        "registrar_pool": "Pool2.contoso.example",
        "purge": True,
        "subscription_refresh_interval": 14400,
        "log_message_bodies": False,
    }
    facts = read(lync_site(**reached(**given))).as_facts()["lync"]
    assert facts["registrar_pool"] == "pool2.contoso.example" and facts["purge"] is True
    assert (facts["subscription_refresh_interval"], facts["log_message_bodies"]) == (14400, False)


@pytest.mark.parametrize("front_end", ["192.0.2.1", "localhost"])
def test_a_front_end_may_be_reached_through_a_tunnel(front_end: str) -> None:
    facts = read(lync_site(**reached(front_end=front_end, registrar_pool="pool1.contoso.example"))).as_facts()["lync"]
    assert (facts["front_end"], facts["registrar_pool"]) == (front_end, "pool1.contoso.example")


def test_a_ticket_needs_no_account() -> None:
    way = {"front_end": "pool1.contoso.example", "authentication": "kerberos"}
    assert read(lync_site(federation_lync=way)).lync is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"front_end": None}, "the key front_end is missing"),
        ({"front_end": "pool1"}, "has only one label"),
        ({"frontend": "pool1.contoso.example"}, "Did you mean front_end?"),
        ({"password": None}, "authentication negotiate needs password"),
        ({"password": ["canary-password"]}, "the secret is empty or not a text"),
        ({"username": None}, "authentication negotiate needs username"),
        ({"authentication": "digest"}, "Allowed are negotiate, ntlm, kerberos and basic"),
        ({"port": 0}, "Allowed are 1 to 65535"),
        ({"purge": "yes"}, "true or false is needed here"),
        ({"subscription_refresh_interval": 0}, "Allowed are 1 to 4294967295 seconds"),
        ({"dialback_passphrase": ""}, "the secret is empty or not a text"),
    ],
)
def test_mistakes_are_told(given: dict[str, Any], said: str) -> None:
    error = only_error_of(lync_site(**reached(**given)))
    assert error.startswith("federation_lync") and said in error
    assert "canary" not in error


def test_a_mapping_is_needed() -> None:
    assert "a mapping is needed here" in only_error_of(lync_site(federation_lync="pool1.contoso.example"))


def test_hosts_must_agree_and_show_no_password() -> None:
    hosts = lync_site()
    hosts["lync2"]["federation_lync"] = {**hosts["lync1"]["federation_lync"], "password": "canary-other"}
    error = only_error_of(hosts)
    assert "hosts disagree" in error and "canary" not in error


def test_lync_hosts_that_cannot_be_reached_are_warned_of() -> None:
    deployment = read(lync_site(federation_lync=None))
    (warning,) = deployment.warnings
    assert "the servers of access.contoso.example are not touched" in warning
    assert deployment.as_facts()["lync"] is None


def test_it_is_warned_of_where_there_is_no_lync_pool() -> None:
    deployment = read(two_sites(**reached()))
    (warning,) = deployment.warnings
    assert "no pool is a Lync pool" in warning and deployment.as_facts()["lync"] is None


@pytest.mark.parametrize(
    ("rule", "value"), [("dialback_certificate", "valid"), ("stanza_rate", 5), ("stanza_size", 20000)]
)
def test_rules_that_lync_does_not_know_must_be_waived(rule: str, value: Any) -> None:
    partner = {"domain": "fabrikam.example", "sasl": "optional", rule: value}
    error = only_error_of(mixed(**partners(partner)))
    assert error.startswith(f"federation_partners[0].{rule}") and f"waive: [{rule}]" in error
    assert "edge.redmond.contoso.example" in error
    read(mixed(**partners({**partner, "waive": [rule]})))
    # Servers that are not touched lose no rule.
    read(mixed(federation_lync=None, **partners(partner)))


def test_limits_that_lync_does_not_know_are_warned_of() -> None:
    deployment = read(mixed(federation_limits={"stanza_rate": 50, "stanza_size": 524288}))
    (warning,) = deployment.warnings
    assert warning.startswith("federation_limits.stanza_rate") and "on Linux gateways only" in warning


POLICIES: list[dict[str, Any]] = [
    {"name": "global", "xmpp_access": False},
    {"name": "site:london", "xmpp_access": True},
    {"name": "site:Redmond", "xmpp_access": True},
    {"name": "sales", "xmpp_access": True, "users": ["akira@contoso-asia.example", "ann@na.contoso.example"]},
    {"name": "tokyo", "xmpp_access": True, "users": ["akari@contoso-asia.example"]},
    {"name": "later", "xmpp_access": True},
]


def sited(**shared: Any) -> Hosts:
    hosts = mixed(**shared)
    for name, site in (("edge1.london", "london"), ("edge2.london", "london"), ("lync1", "Redmond")):
        hosts[name]["edge_pool_site"] = site
    return hosts


def test_only_policies_that_concern_lync_are_made_there() -> None:
    facts = read(sited(federation_access_policies=POLICIES)).as_facts()
    there = {policy["name"]: policy["users"] for policy in facts["lync"]["access_policies"]}
    assert there == {"global": [], "site:Redmond": [], "sales": ["ann@na.contoso.example"], "later": []}
    assert len(facts["access_policies"]) == len(POLICIES)


def test_groups_must_be_agreed_to_be_without_meaning() -> None:
    group = {"name": "contractors", "xmpp_access": False, "groups": ["CN=Contractors,DC=contoso,DC=example"]}
    hosts = sited(federation_access_policies=[POLICIES[0], group])
    hosts["edge1.tokyo"]["xmpp_gateway_directory"] = True
    error = only_error_of(hosts)
    assert error.startswith("federation_access_policies[1].groups") and "ignore_groups" in error
    for variables in hosts.values():
        variables["federation_lync"] = reached(ignore_groups=True)["federation_lync"]
    facts = read(hosts).as_facts()["lync"]
    assert [policy["name"] for policy in facts["access_policies"]] == ["global"] and facts["ignore_groups"]


CA = "ca1.contoso.example\\Contoso CA"


@pytest.mark.parametrize(
    "certificate",
    [
        {"issuer": "local_ca", "ca_directory": "/srv/ca"},
        {"issuer": "enterprise_ca", "enterprise_ca": CA},
        {
            "issuer": "enterprise_ca",
            "enterprise_ca": CA,
            "enterprise_ca_account": "CONTOSO\\ca",
            "enterprise_ca_password": "canary-password",
        },
    ],
)
def test_who_certifies_edge_servers(certificate: dict[str, Any]) -> None:
    for name in ("federation_certificate", "federation_media_certificate"):
        deployment = read(lync_site(**{**reached(), name: certificate}))
        assert not deployment.warnings and "canary" not in json.dumps(deployment.as_facts())
    assert deployment.pools[0].media is not None and deployment.pools[0].media.issuer == certificate["issuer"]


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        ({}, "issuer: enterprise_ca needs enterprise_ca"),
        ({"enterprise_ca": "Contoso CA"}, "names no enterprise CA"),
        ({"enterprise_ca": CA, "enterprise_ca_account": "CONTOSO\\ca"}, "go together, and only one of them is set"),
        ({"enterprise_ca": CA, "enterprise_ca_password": "canary"}, "go together, and only one of them is set"),
        ({"enterprise_ca": CA, "key": {"type": "rsa", "size": 3072}}, "Allowed are 2048 and 4096"),
        ({"issuer": "enterprise_CA"}, "Allowed are acme, local_ca, manual and enterprise_ca"),
    ],
)
def test_wrong_ways_to_an_enterprise_ca(certificate: dict[str, Any], said: str) -> None:
    given = {"issuer": "enterprise_ca", **certificate}
    for name in ("federation_certificate", "federation_media_certificate"):
        error = only_error_of(lync_site(**{**reached(), name: given}))
        assert error.startswith(name) and said in error and "canary" not in error


def test_an_enterprise_ca_needs_the_edge_server_to_answer() -> None:
    given = {"issuer": "enterprise_ca", "enterprise_ca": CA}
    by_hand = {"transport": "handover", "handover_directory": "handover"}
    hosts = lync_site(**{**reached(), "federation_media_certificate": given, "edge_pool_lync": by_hand})
    assert "Allowed there are manual, local_ca and acme" in only_error_of(hosts)


def test_linux_gateways_ask_no_enterprise_ca() -> None:
    hosts = mixed(federation_certificate={"issuer": "enterprise_ca", "enterprise_ca": CA})
    hosts["lync1"]["federation_certificate"] = {"issuer": "enterprise_ca", "enterprise_ca": CA}
    with pytest.raises(Exception, match="asked by Edge Servers of Lync only"):
        read(hosts)


def test_short_lived_certificates_for_media_are_warned_of() -> None:
    acme = {"directory_url": "https://acme.example/d", "state_directory": "/s", "agree_to_terms": True}
    (warning,) = read(lync_site(**reached(), federation_media_certificate={"issuer": "acme", "acme": acme})).warnings
    assert warning.startswith("federation_media_certificate.issuer") and "less than 180 days" in warning


def test_logged_bodies_are_warned_of() -> None:
    (warning,) = read(lync_site(**reached(log_message_bodies=True))).warnings
    assert warning.startswith("federation_lync.log_message_bodies") and "private data" in warning


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": "5986"}, "Remove the quotation marks"),
        ({"authentication": "kerberos"}, "Allowed are negotiate, ntlm, basic and certificate"),
        ({"authentication": "certificate", "client_key": "k.pem"}, "client_certificate is missing"),
        ({"handover_restart": True}, "it has no meaning with winrm"),
        ({"client_certificate": "c.pem"}, "client_certificate has no meaning with negotiate"),
        ({"password": "canary"}, "the key password is not known"),
        ({"transport": "handover"}, "handover_directory is missing"),
        ({"handover_directory": "handover"}, "it has no meaning with winrm"),
    ],
)
def test_mistakes_about_edges_are_told(given: dict[str, Any], said: str) -> None:
    error = only_error_of(lync_site(edge_pool_lync=given))
    assert error.startswith("edge_pool_lync") and said in error and "canary" not in error


def test_edges_may_be_reached_by_certificate() -> None:
    way = {"authentication": "certificate", "client_certificate": "c.pem", "client_key": "k.pem", "ca_file": "ca.pem"}
    read(lync_site(edge_pool_lync=way))


def test_what_is_managed_on_edges_is_a_fact() -> None:
    window = {"begin": "22:00", "end": "04:00", "days": ["sat"], "timezone": "Europe/London"}
    facts = read(lync_site(edge_pool_lync={"transport": "by_hand", "window": window})).as_facts()
    assert facts["hosts"]["lync1"]["edge"] == {
        "transport": "by_hand",
        "handover_directory": None,
        "handover_restart": False,
        "window": window,
    }
    assert read(lync_site()).as_facts()["hosts"]["lync1"]["edge"]["transport"] == "winrm"
    way = {"transport": "handover", "handover_directory": "handover"}
    assert read(lync_site(edge_pool_lync=way)).as_facts()["hosts"]["lync1"]["edge"] == {
        **way,
        "handover_restart": False,
        "window": None,
    }
    assert "edge" not in read(two_sites()).as_facts()["hosts"]["edge1.tokyo"]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"begin": 1320, "end": "04:00"}, "not a number"),
        ({"begin": "22", "end": "04:00"}, "is no time of the day"),
        ({"begin": "22:00"}, "the key end is missing"),
        ({"begin": "22:00", "end": "04:00", "days": ["saturday"]}, "Allowed are mon, tue"),
    ],
)
def test_mistakes_about_the_window_are_told(window: dict[str, Any], said: str) -> None:
    error = only_error_of(lync_site(edge_pool_lync={"window": window}))
    assert error.startswith("edge_pool_lync.window") and said in error


def test_a_linux_pool_has_no_such_edges() -> None:
    hosts = mixed()
    hosts["edge1.tokyo"]["edge_pool_lync"] = {"port": 5986}
    error = only_error_of(hosts)
    assert "it has a meaning on Lync pools only" in error
