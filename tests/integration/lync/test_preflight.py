"""``lync_preflight``: each manual step that is missing is named, all together, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.preflight import ARGUMENTS, CMDLETS, look
from ansible.module_utils.fedgate.module import report_here

from ...emulators.lync.deployment import VIEWER, Deployment
from ...emulators.lync.topology import Pool
from ...emulators.lync.world import User
from .conftest import Options, options_of_edge

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(lync: Deployment, options: Options) -> Check:
    """Return a function that looks at the Front End of a deployment in which all is prepared."""
    lync.world.access_edge["AllowFederatedUsers"] = True
    return lambda **more: report_here(look, ARGUMENTS, {**options, **more})


def found(result: dict[str, Any]) -> list[str]:
    assert result["error"] == "NotPrepared" and result["failed"] and not result["changed"]
    assert all(item["told"] in result["msg"] and item["to_do"] in result["msg"] for item in result["findings"])
    return [item["check"] for item in result["findings"]]


def test_a_prepared_deployment(lync: Deployment, check: Check) -> None:
    result = check()
    assert not result.get("failed") and result["findings"] == []
    assert result["checks"] == ["cmdlets", "route", "services", "federation", "users"]
    assert lync.world.writes == 0 and not [name for name, _ in lync.engine.calls if not name.startswith("Get-")]


def test_each_missing_step_is_named_in_one_run(lync: Deployment, check: Check) -> None:
    world = lync.world
    world.access_edge["AllowFederatedUsers"] = False
    world.topology.sites["London"].xmpp_route = None
    world.machines["fe1.contoso.example"].run_setup(xmpp=False)
    world.topology.add_pool(Pool("new.contoso.example", "London", "Registrar", ("new.contoso.example",), "2019"))
    world.users["dora@contoso.example"] = User("dora@contoso.example", "Dora", "new.contoso.example")
    result = check()
    assert found(result) == ["route", "services", "federation", "users"]
    assert "4 manual steps are missing; nothing was changed" in result["msg"]
    for told in (
        "Topology Builder",
        "XMPP Translating Gateway",
        "AllowFederatedUsers is false",
        "dora@contoso.example",
    ):
        assert told in result["msg"]
    assert world.writes == 0


def test_a_role_that_is_missing_is_named_with_its_cmdlets(lync: Deployment, check: Check) -> None:
    result = check(username=VIEWER)
    assert found(result) == ["cmdlets"] and "CsAdministrator" in result["msg"]
    lacking = [name for name in CMDLETS if name.partition("-")[0] != "Get"]
    assert f"lack {', '.join(lacking)}. " in result["msg"] and "Get-CsSite" not in result["msg"]


def test_what_cannot_be_looked_at_is_no_second_finding(lync: Deployment, check: Check) -> None:
    lync.world.roles["viewer"] = frozenset({"CsServerAdministrator"})
    assert found(check(username=VIEWER)) == ["cmdlets"]


@pytest.mark.parametrize("product", ["2010", "2019"])
class TestUsers:
    @pytest.fixture(autouse=True)
    def others(self, lync: Deployment, product: str) -> None:
        """Seven users on a pool that does not reach the gateway."""
        lync.world.topology.add_pool(Pool("other.contoso.example", "Tokyo", "Registrar", ("o.example",), product))
        for number in range(7):
            name = f"user{number}@contoso.example"
            lync.world.users[name] = User(name, name, "other.contoso.example")

    def test_they_are_named(self, check: Check) -> None:
        result = check()
        assert found(result) == ["users"] and "user4@contoso.example and 2 more" in result["msg"]
        assert "other.contoso.example, which runs" in result["msg"]

    def test_only_some_have_to_reach_partners(self, check: Check) -> None:
        assert not check(users=["alice@contoso.example"]).get("failed")
        result = check(users=["sip:User3@contoso.example", "alice@contoso.example"])
        assert found(result) == ["users"] and "user3@contoso.example" in result["msg"] and "user4" not in result["msg"]

    def test_a_pool_may_stay(self, check: Check) -> None:
        assert not check(ignore_pools=["OTHER.contoso.example"]).get("failed")


def test_users_are_not_asked_for_without_need(lync: Deployment, check: Check) -> None:
    check()
    assert "Get-CsUser" not in [name for name, _ in lync.engine.calls]


def test_federation_that_this_run_turns_on(lync: Deployment, check: Check) -> None:
    lync.world.access_edge["AllowFederatedUsers"] = False
    assert found(check()) == ["federation"] and not check(federation=False).get("failed")


def test_an_edge_server(lync: Deployment, check: Check) -> None:
    options = options_of_edge(lync, "edge2.london")
    assert check(**options)["checks"] == ["services"]
    lync.edge("edge2.london").machine.xmpp.status = "Stopped"
    assert not check(**options).get("failed"), "that is no manual step"
    lync.edge("edge2.london").machine.run_setup(xmpp=False)
    result = check(**options)
    assert found(result) == ["services"] and "Run setup again there" in result["msg"]
