"""Who of our own users may federate, as it gets into the policy file."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.gateway.policy import generation_of, parse, successor
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy
from ansible.module_utils.fedgate.gateway.scope import demand_directory

from ..model.test_access import GLOBAL, GROUP, SALES, scope, sites

pytestmark = pytest.mark.edge
HOST = "contoso.example"


def compiled(given: Any) -> dict[str, Any]:
    return dict(compile_policy([], [HOST], scope=given).rules)


def test_without_a_scope_the_file_says_nothing_of_it() -> None:
    assert "scope" not in compiled(None)


def test_what_the_model_publishes_is_taken_as_it_is() -> None:
    published = scope(sites(GLOBAL, {**SALES, "groups": [GROUP]}))
    assert compiled(published)["scope"] == published
    assert published["users"] == {"alice@contoso.example": "sales"}


def test_parts_that_are_not_said_are_empty() -> None:
    assert compiled({"policies": {"global": True}, "hosts": {HOST: "global"}, "users": None})["scope"] == {
        "policies": {"global": True}, "hosts": {HOST: "global"}, "users": {}, "groups": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"policies": {"global": "no"}}, "policy global is 'no'"),
        ({"policies": {}, "hosts": {HOST: "global"}}, "contoso.example is granted 'global', which is no policy"),
        ({"policies": {"global": True}, "users": {"a@contoso.example": "sales"}}, "In policies are: global."),
        ({"policies": {"global": True}, "groups": {GROUP: True}}, "is granted True, which is no policy"),
    ],
)
def test_a_grant_of_a_policy_that_is_not_there_is_refused(given: Any, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        compiled(given)
    assert said in str(caught.value)


def test_groups_need_a_directory() -> None:
    demand_directory(None, False)
    demand_directory(scope(sites(GLOBAL, SALES)), False)
    granted = scope(sites(GLOBAL, {**SALES, "groups": [GROUP]}))
    demand_directory(granted, True)
    with pytest.raises(InvalidValue, match="the group CN=Sales,.* asks no directory .*xmpp_gateway_directory"):
        demand_directory(granted, False)


def test_a_change_of_scope_is_the_next_generation() -> None:
    first = parse(successor(None, compiled(None)))
    second = parse(successor(first, compiled(scope(sites(GLOBAL, SALES)))))
    third = parse(successor(second, compiled(scope(sites(GLOBAL, SALES)))))
    assert [generation_of(item) for item in (first, second, third)] == [1, 2, 2]
