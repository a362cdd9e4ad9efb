"""External access policies: who of our own users may federate, and every way to get one wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.model.deployment import read_deployment
from ansible.module_utils.fedgate.model.problems import UNKNOWN

from .inventories import TODAY, Hosts, errors_of, only_error_of, read, two_sites

GLOBAL = {"name": "global", "xmpp_access": False}
SALES = {"name": "sales", "xmpp_access": True, "users": ["alice@contoso.example"]}
GROUP = "CN=Sales,OU=Groups,DC=contoso,DC=example"


def sites(*policies: Any, **shared: Any) -> Hosts:
    """Two sites that have names, with these policies."""
    hosts = two_sites(federation_access_policies=list(policies), **shared)
    for name, variables in hosts.items():
        variables["edge_pool_site"] = name.partition(".")[2].capitalize()
        variables["xmpp_gateway_directory"] = name != "edge1.tokyo"
    return hosts


def scope(hosts: Hosts, host: str = "edge1.london") -> Any:
    return read(hosts).as_facts()["hosts"][host]["scope"]


@pytest.mark.parametrize("shared", [{}, {"federation_access_policies": []}])
def test_without_policies_everybody_may_federate(shared: dict[str, Any]) -> None:
    facts = read(two_sites(**shared)).as_facts()
    assert [host["scope"] for host in facts["hosts"].values()] == [None] * 3
    assert facts["access_policies"] == []


def test_a_gateway_is_told_what_concerns_its_users() -> None:
    london = {"name": "SITE:london", "xmpp_access": True, "description": "Offices"}
    other = {"name": "asia", "xmpp_access": True, "users": ["Bob@Contoso-Asia.example."]}
    hosts = sites(GLOBAL, london, {**SALES, "groups": [GROUP]}, other)
    assert scope(hosts) == {
        "policies": {"site:London": True, "sales": True},
        "hosts": {"contoso.example": "site:London"},
        "users": {"alice@contoso.example": "sales"},
        "groups": {GROUP: "sales"},
    }
    assert scope(hosts, "edge1.tokyo") == {
        "policies": {"global": False, "asia": True},
        "hosts": {"contoso-asia.example": "global"},
        "users": {"bob@contoso-asia.example": "asia"},
        "groups": {},
    }
    published = read(hosts).as_facts()["access_policies"]
    assert [policy["name"] for policy in published] == ["global", "site:London", "sales", "asia"]
    assert published[1] == {**london, "name": "site:London", "users": [], "groups": []}


def test_a_standby_in_another_site_enforces_the_policy_of_the_users_site() -> None:
    hosts = sites(GLOBAL, {"name": "site:Tokyo", "xmpp_access": True})
    hosts["edge1.tokyo"].pop("edge_pool_xmpp_domains")
    for name in ("edge1.london", "edge2.london"):
        hosts[name]["edge_pool_xmpp_domains"] = ["contoso.example", "contoso-asia.example"]
    assert scope(hosts, "edge1.tokyo")["hosts"] == {"contoso.example": "global", "contoso-asia.example": "global"}
    assert scope(hosts) == scope(hosts, "edge1.tokyo")
    warnings = read(hosts).as_facts()["warnings"]
    assert [text for text in warnings if "global and site:Tokyo differ" in text and "contoso.example" in text]


def test_names_are_folded_as_addresses_are() -> None:
    policy = {"name": "sales", "xmpp_access": True, "users": ["STRASSE@contoso.example", "Ünal@contoso.example"]}
    assert list(scope(sites(GLOBAL, policy))["users"]) == ["strasse@contoso.example", "ünal@contoso.example"]


def test_a_policy_that_nobody_has_is_doubtful() -> None:
    warnings = read(sites(GLOBAL, {"name": "sales", "xmpp_access": True})).as_facts()["warnings"]
    assert "federation_access_policies[1]: the policy sales is granted to nobody" in warnings


def with_users(*users: Any) -> list[Any]:
    return [GLOBAL, {**SALES, "users": list(users)}]


def with_groups(*groups: Any) -> list[Any]:
    return [GLOBAL, {**SALES, "groups": list(groups)}]


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ("everybody", ["a list is needed here"]),
        (["sales"], ["[0]: a mapping is needed here", "Known keys"]),
        ([GLOBAL, {**SALES, "EnableXmppAccess": True}], ["[1].EnableXmppAccess: the key EnableXmppAccess is not"]),
        ([GLOBAL, {**SALES, "user": []}], ["Did you mean users?"]),
        ([{"xmpp_access": True}], ["the key name is missing"]),
        ([{"name": "global"}], ["the key xmpp_access is missing"]),
        ([{"name": "global", "xmpp_access": "yes"}], ["true or false is needed here"]),
        ([SALES], ["federation_access_policies: the policy global is missing", "xmpp_access: true or false"]),
        ([GLOBAL, {"name": "Global", "xmpp_access": True}], ["the policy global is written twice"]),
        ([GLOBAL, SALES, {**SALES, "name": "Sales", "users": ["b@contoso.example"]}], ["Sales is written twice"]),
        ([GLOBAL, {**SALES, "name": "tag:sales"}], ["[1].name: the text 'tag:sales' is no name of a policy"]),
        ([GLOBAL, {"name": "site:Lodnon", "xmpp_access": True}], ["no site 'Lodnon'", "Did you mean site:London?"]),
        ([GLOBAL, {"name": "site:", "xmpp_access": True}], ["there is no site ''", "London and Tokyo"]),
        ([{**GLOBAL, "users": ["a@contoso.example"]}], ["[0].users: the policy global is for everybody"]),
        ([GLOBAL, {"name": "site:London", "xmpp_access": True, "groups": [GROUP]}], ["for all users of the site"]),
        (with_users("alice"), ["[1].users[0]: 'alice' is not an address of a user", "alice@contoso.example"]),
        (with_users("alice@contoso.example/desk"), ["is not an address of a user"]),
        (with_users("alice@fabrikam.example"), ["alice@fabrikam.example is no user of ours", "Our domains are"]),
        (with_users("alice@contosso.example"), ["Did you mean contoso.example?"]),
        (
            with_users("alice@contoso.example", "Alice@CONTOSO.example"),
            ["[1].users[1]: alice@contoso.example is", "tw"],
        ),
        (
            [*with_users("a@contoso.example"), {**SALES, "name": "x", "users": ["a@contoso.example"]}],
            ["a policy twice"],
        ),
        (with_groups("Sales"), ["[1].groups[0]: the text 'Sales' is no distinguished name of a group", "CN=Sales,OU="]),
        (with_groups("CN=Sales,,DC=example"), ["no distinguished name"]),
        (with_groups(GROUP, GROUP.lower().replace(",", ", ")), ["granted a policy twice"]),
    ],
)
def test_what_is_wrong_is_said_once(policies: Any, said: list[str]) -> None:
    hosts = sites()
    for variables in hosts.values():
        variables["federation_access_policies"] = policies
    error = only_error_of(hosts)
    assert error.startswith("federation_access_policies") and all(part in error for part in said), error


def test_groups_may_have_escaped_commas() -> None:
    name = r"CN=Sales\, Europe,DC=contoso,DC=example"
    assert list(scope(sites(*with_groups(name)))["groups"]) == [name]


def test_groups_need_a_gateway_with_a_directory() -> None:
    error = only_error_of(two_sites(federation_access_policies=with_groups(GROUP)))
    assert (
        f"{GROUP} is granted a policy, but no gateway asks a directory" in error and "xmpp_gateway_directory" in error
    )


def test_a_site_without_sites() -> None:
    error = only_error_of(two_sites(federation_access_policies=[GLOBAL, {"name": "site:London", "xmpp_access": True}]))
    assert "there is no site 'London'" in error and "edge_pool_site" in error


def test_nothing_is_said_that_follows_from_another_mistake() -> None:
    policies = [GLOBAL, SALES, {"name": "site:London", "xmpp_access": True}]
    hosts = sites(*policies)
    for variables in hosts.values():
        variables["federation_xmpp_domains"] = ["contoso_example", "contoso-asia.example"]
        variables["edge_pool_xmpp_domains"] = ["contoso-asia.example"]
    assert not [error for error in errors_of(hosts) if error.startswith("federation_access_policies")]


def test_of_what_could_not_be_evaluated_nothing_more_is_said() -> None:
    hosts = sites()
    policies = [{"name": UNKNOWN, "xmpp_access": True}, {**SALES, "users": UNKNOWN}]
    for variables in hosts.values():
        variables["federation_access_policies"] = policies
    noted = InvalidValue("it refers to nothing", path="federation_access_policies[0].name")
    with pytest.raises(SeveralErrors) as caught:
        read_deployment(hosts, today=TODAY, noted=[noted])
    assert list(caught.value.errors) == [noted]
