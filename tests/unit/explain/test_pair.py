"""What is said of a pair of addresses: the same as the rules, the compiled policy, and the lines of the inventory."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.explain.inventory import Inventory
from ansible.module_utils.fedgate.explain.pair import explain_pair
from ansible.module_utils.fedgate.explain.pair_text import pair_text
from ansible.module_utils.fedgate.explain.rights import VERDICTS, rights
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy
from ansible.module_utils.fedgate.model.partner import TYPES
from ansible.module_utils.fedgate.model.problems import UNKNOWN

from ..model.inventories import TODAY, two_sites
from ..model.test_access import GLOBAL, GROUP, SALES, sites
from .sources import inventory, with_partners

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "model" / "negotiation.csv").open(encoding="utf-8")))
CAROL, ALICE = "carol@fabrikam.example", "alice@contoso.example"


def partner(**fields: Any) -> dict[str, Any]:
    return {"domain": "fabrikam.example", **fields}


def explained(*, who: str = CAROL, whom: str = ALICE, **fields: Any) -> dict[str, Any]:
    return explain_pair(with_partners(partner(**fields)), who, whom)


@pytest.mark.parametrize("certificate", ["any", "valid"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tls']}-{row['sasl']}-{row['dialback']}")
def test_methods_are_those_of_the_table(row: dict[str, str], certificate: str) -> None:
    fields: dict[str, Any] = {"tls": row["tls"], "sasl": row["sasl"], "dialback": row["dialback"] == "true"}
    fields.update(dialback_certificate=certificate, allow_plaintext=True)
    wanted = [method for method in row["methods"].split("+") if method]
    if certificate == "valid":
        wanted = [method for method in wanted if method != "tcp_dialback"]
    if not wanted:
        with pytest.raises(SeveralErrors):
            explained(**fields)
        return
    found = explained(**fields)
    for direction in ("incoming", "outgoing"):
        assert [item["method"] for item in found["methods"][direction]] == wanted
        for item in found["methods"][direction]:
            plain = item["method"] == "tcp_dialback"
            needs = item["method"] == "sasl_over_tls" or certificate == "valid"
            assert item["certificate"] == ("none" if plain else "valid" if needs else "any")
            assert ("plaintext" in item["transports"]) is plain
    said = {item["name"]: item["value"] for item in found["settings"]}
    policy = compile_policy([{**partner(**fields), "type": "public_unverified"}], ["contoso.example"])
    compiled = policy.rules["partners"]["fabrikam.example"]
    assert {key: said[key] for key in compiled if key != "partner"} == {
        key: value for key, value in compiled.items() if key != "partner"
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tls']}-{row['sasl']}-{row['dialback']}")
def test_plaintext_without_the_waiver_is_no_answer(row: dict[str, str]) -> None:
    fields: dict[str, Any] = {"tls": row["tls"], "sasl": row["sasl"], "dialback": row["dialback"] == "true"}
    if "tcp_dialback" in row["methods"] or not row["methods"]:
        with pytest.raises(SeveralErrors):
            explained(**fields)
    else:
        assert "plaintext" not in str(explained(**fields)["methods"])


def test_each_value_has_its_line_or_is_a_default() -> None:
    found = explained(type="federated", sasl="optional")
    sources = {item["name"]: item["source"] for item in found["settings"]}
    assert sources == {
        "type": "inventory.yml:federation_partners/0/type",
        "tls": "default",
        "sasl": "inventory.yml:federation_partners/0/sasl",
        "dialback": "default",
        "dialback_certificate": "default",
        "allow_plaintext": "default",
        "proxy_fqdn": "default",
        "expires": "default",
    }
    assert found["partner"]["source"] == "inventory.yml:federation_partners/0/domain"
    assert found["ours"]["source"] == "inventory.yml:federation_xmpp_domains/0"
    assert found["gateways"][0]["domains"]["source"] == "inventory.yml:edge_pool_xmpp_domains"
    assert found["gateways"][0]["priority"]["source"] == "default"
    assert found["components"][0]["because"]["source"] == "inventory.yml:federation_xmpp_components/0/federated"
    assert all(item["because"]["source"] == sources["type"] for item in found["rights"])
    text = pair_text(found)
    assert all(source in text for source in {*sources.values(), found["partner"]["source"], found["ours"]["source"]})


def test_a_value_without_a_known_line_has_its_place() -> None:

    known = Inventory(two_sites(), origin_of=lambda _host, _steps: None, today=TODAY)
    found = explain_pair(known, CAROL, ALICE)
    assert found["partner"]["source"] == "federation_partners[0].domain"


def test_an_additional_domain_has_a_line_of_its_own() -> None:
    found = explained(who="carol@Fabrikam-Asia.example.", additional_domains=["other.example", "fabrikam-asia.example"])
    assert found["allowed"]
    assert found["who"] == "carol@fabrikam-asia.example"
    assert found["partner"]["domain"] == "fabrikam.example"
    assert found["partner"]["source"] == "inventory.yml:federation_partners/0/additional_domains/1"


@pytest.mark.parametrize(
    ("who", "reason", "sentence"),
    [
        ("contoso-asia.example", "own-domain", "contoso-asia.example is one of our own domains"),
        (
            "a@stranger.example",
            "not-a-partner",
            "stranger.example stands in none of federation_partners (inventory.yml:federation_partners)",
        ),
        (
            "a@conference.fabrikam.example",
            "not-a-partner",
            "fabrikam.example does, but a partner's names count one by one",
        ),
        ("a@fabrikan.example", "not-a-partner", "listed is fabrikam.example"),
        ("example.example", "not-a-partner", "example.example stands in none of"),
    ],
)
def test_who_is_no_partner(who: str, reason: str, sentence: str) -> None:
    found = explained(who=who)
    assert (found["allowed"], found["reason"]) == (False, reason)
    assert sentence in found["because"]
    assert not found["rights"] and not found["methods"]["incoming"]
    assert found["because"] in pair_text(found) and "no federation" in pair_text(found)


def test_addresses_are_compared_as_servers_do() -> None:
    found = explained(who="STRASSE@FABRIKAM.example", whom="Ünal@contoso.example.")
    assert (found["who"], found["whom"]) == ("strasse@fabrikam.example", "ünal@contoso.example")


def test_no_partner_at_all() -> None:
    found = explain_pair(with_partners(), CAROL, ALICE)
    assert (
        found["because"] == "fabrikam.example stands in none of federation_partners (inventory.yml:federation_partners)"
    )
    hosts = two_sites()
    for variables in hosts.values():
        del variables["federation_partners"]
    assert explain_pair(inventory(hosts), CAROL, ALICE)["because"] == "no partner is listed at all"


def test_an_expired_partner() -> None:
    found = explained(expires="2026-11-22")
    assert (found["allowed"], found["reason"]) == (False, "expired")
    assert "expired after 2026-11-22 (inventory.yml:federation_partners/0/expires)" in found["because"]
    assert explained(expires="2026-11-23")["allowed"]


def test_a_current_entry_counts_more_than_an_expired_one() -> None:
    known = with_partners(partner(expires="2020-01-01"), partner(type="federated"), partner(expires="2020-01-01"))
    found = explain_pair(known, CAROL, ALICE)
    assert found["allowed"] and found["settings"][0]["value"] == "federated"


def test_gateways_are_told_in_the_order_in_which_they_serve() -> None:
    hosts = two_sites()
    hosts["edge1.tokyo"]["edge_pool_xmpp_domains"] = ["contoso.example", "contoso-asia.example"]
    found = explain_pair(inventory(hosts), CAROL, ALICE)
    assert [(item["host"], item["carries"]) for item in found["gateways"]] == [
        ("edge1.london", True),
        ("edge1.tokyo", False),
    ]
    assert found["gateways"][0]["standbys"] == ["edge2.london"]


def test_direct_tls_is_told_where_the_pool_has_a_port() -> None:
    hosts = two_sites()
    assert explain_pair(inventory(hosts), CAROL, ALICE)["methods"]["incoming"][0]["transports"] == ["starttls"]
    for name in ("edge1.london", "edge2.london"):
        hosts[name]["edge_pool_direct_tls_server_port"] = 5270
    found = explain_pair(inventory(hosts), CAROL, ALICE)
    assert found["methods"]["incoming"][0]["transports"] == ["starttls", "direct_tls"]


@pytest.mark.parametrize("kind", TYPES)
def test_components_are_open_to_whom_the_policy_names(kind: str) -> None:
    listed = [
        {"domain": "conference.contoso.example", "federated": True},
        {"domain": "rooms.contoso.example", "federated": ["public_verified", "public_unverified"]},
        {"domain": "inside.contoso.example"},
        {"domain": "conference.contoso-asia.example", "federated": True},
    ]
    known = inventory(
        federation_partners=[partner(type=kind)],
        federation_xmpp_components=[{"kind": "muc", **item} for item in listed],
    )
    found = {item["domain"]: item for item in explain_pair(known, CAROL, ALICE)["components"]}
    names = [item.domain for item in known.deployment.components_of(["contoso.example"])]
    facts = [item.as_facts() for item in known.deployment.components]
    policy = compile_policy([partner(type=kind)], ["contoso.example", *names], facts).rules["components"]
    assert sorted(found) == sorted(names)
    assert [name for name in sorted(names) if found[name]["open"]] == policy.get(kind, [])
    assert found["inside.contoso.example"]["because"]["source"] == "default"
    for name in names:
        asked = explain_pair(known, CAROL, f"room@{name}")
        assert asked["allowed"] is found[name]["open"]
        assert asked["reason"] == (None if asked["allowed"] else "component-closed")


def test_types_are_told_from_the_most_to_the_least() -> None:
    rank = {verdict: -VERDICTS.index(verdict) for verdict in VERDICTS}
    for rooms in (False, True):
        tables = [{(one.what, one.direction): one for one in rights(kind, "c", "a", rooms=rooms)} for kind in TYPES]
        for cell in tables[0]:
            order = [rank[table[cell].verdict] for table in tables]
            assert order == sorted(order, reverse=True), cell
            assert all("{" not in table[cell].meaning for table in tables)
    assert {one.what for one in rights("federated", "c", "a")} == {
        "message", "presence", "subscription", "note", "PEP", "vCard", "MUC", "IQ", "disco",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "whom", "message"),
    [
        ("carol@fabrikam.example/desk", ALICE, "who: 'carol@fabrikam.example/desk' has a resource. Leave out"),
        ("@fabrikam.example", ALICE, "who: '@fabrikam.example' is not an XMPP address"),
        ("ca rol@fabrikam.example", ALICE, "who: 'ca rol@fabrikam.example' is not an XMPP address"),
        ("carol@", ALICE, "who: 'carol@' is not an XMPP address: a domain name is missing here"),
        ("carol", ALICE, "who: 'carol' is not an XMPP address: 'carol' has only one label"),
        ("carol@192.0.2.1", ALICE, "is an IP address, not a domain name"),
        ("*.example", ALICE, "is a wildcard"),
        ("a\x1b[2Jb@x.example", ALICE, "who: 'a\\x1b[2Jb@x.example' is not an XMPP address"),
        (CAROL, "alice@contosso.example", "contosso.example is none of our domains. Did you mean contoso.example?"),
        (ALICE, CAROL, f"who is at the partner, whom is ours: write who={CAROL} whom={ALICE}."),
    ],
)  # fmt: skip
def test_bad_questions(who: str, whom: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        explained(who=who, whom=whom)
    assert message in str(caught.value)


def test_secrets_that_nobody_could_open_do_not_matter() -> None:

    noted = [InvalidValue("this cannot be evaluated", path="federation_dns_provider.tsig_secret")]
    hosts = two_sites()
    for variables in hosts.values():
        variables["federation_dns_provider"]["tsig_secret"] = UNKNOWN
    known = Inventory(hosts, origin_of=lambda _host, _steps: None, today=TODAY, noted=noted)
    assert explain_pair(known, CAROL, ALICE)["allowed"]
    other = [InvalidValue("this cannot be evaluated", path="edge_published_addresses of edge1.london")]
    with pytest.raises(SeveralErrors, match="cannot be evaluated"):
        Inventory(hosts, origin_of=lambda _host, _steps: None, today=TODAY, noted=other)


def test_limits_are_the_partners_own_or_those_of_all() -> None:
    known = inventory(
        federation_partners=[partner(stanza_rate=20, keepalive=False)],
        federation_limits={"stanza_rate": 500, "stanza_size": 20000, "connection_limit": 300},
    )
    told = {item["name"]: (item["value"], item["source"]) for item in explain_pair(known, CAROL, ALICE)["further"]}
    assert told == {
        "stanza_rate": (20, "inventory.yml:federation_partners/0/stanza_rate"),
        "stanza_size": (20000, "inventory.yml:federation_limits/stanza_size"),
        "partner_connection_limit": (20, "default"),
        "keepalive": (False, "inventory.yml:federation_partners/0/keepalive"),
        "keepalive_interval": (300, "default"),
        "stream_establishment_timeout": (60, "default"),
        "stream_inactivity_timeout": (600, "default"),
        "connection_limit of all partners together": (300, "inventory.yml:federation_limits/connection_limit"),
    }
    policy = compile_policy(
        known.deployment.as_facts()["partners"], ["contoso.example"], limits=known.deployment.limits.as_facts()
    ).rules
    assert policy["partners"]["fabrikam.example"]["stanza_rate"] == told["stanza_rate"][0]
    assert policy["limits"]["stanza_size"] == told["stanza_size"][0]


def test_what_is_told_of_access_is_what_the_gateway_is_told() -> None:
    site = {"name": "site:London", "xmpp_access": True}
    asia = {"name": "asia", "xmpp_access": False, "users": ["bob@contoso.example"]}
    known = inventory(sites(GLOBAL, site, SALES, asia))
    scope = known.deployment.as_facts()["hosts"]["edge1.london"]["scope"]
    for user in ("alice", "bob", "dora", None):
        whom = f"{user}@contoso.example" if user else "contoso.example"
        told = explain_pair(known, CAROL, whom)
        name = scope["users"].get(whom, scope["hosts"]["contoso.example"])
        assert told["access"]["policy"] == name
        assert told["access"]["allowed"] is told["allowed"] is scope["policies"][name]
        assert told["reason"] == (None if told["allowed"] else "no-access")
    refused = explain_pair(known, CAROL, "bob@contoso.example")
    policy = "the access policy asia (inventory.yml:federation_access_policies/3/users)"
    assert refused["because"] == f"{policy} does not let bob@contoso.example federate"
    assert explain_pair(known, CAROL, ALICE)["access"]["because"]["source"].endswith("/2/users")
    assert explain_pair(known, CAROL, "akira@contoso-asia.example")["because"].startswith("the access policy global")
    assert explain_pair(known, CAROL, "room@conference.contoso.example")["access"] is None


def test_groups_may_say_the_contrary() -> None:
    known = inventory(sites(GLOBAL, {"name": "sales", "xmpp_access": True, "groups": [GROUP]}))
    found = explain_pair(known, CAROL, "dora@contoso.example")
    assert not found["allowed"] and found["because"].endswith("federate; that of a group may")
    assert [item["name"] for item in found["access"]["otherwise"]] == ["sales"]
    assert "only members of its groups, as the directory says (inventory.yml:" in pair_text(found)
    without = explain_pair(known, CAROL, "akira@contoso-asia.example")
    assert without["access"]["otherwise"] == []


def test_without_policies_everybody_may() -> None:
    found = explained(type="federated")
    assert found["access"] == {
        "policy": None,
        "allowed": True,
        "because": {
            "name": "federation_access_policies", "value": [], "place": None, "origin": None, "source": "default",
        },
        "otherwise": [],
    }  # fmt: skip
    assert "Who of ours" not in pair_text(found)
