"""``lync_access_edge``: federation is opened only by somebody who says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.access_edge import ARGUMENTS, AccessEdge
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import VIEWER, Deployment
from .conftest import Options

Apply = Callable[..., dict[str, Any]]


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that runs the module."""
    return lambda allow, check=False, **more: run_here(
        AccessEdge, ARGUMENTS, {**options, "allow_federated_users": allow, **more}, check
    )


@pytest.mark.parametrize("check", [True, False])
def test_it_is_not_opened_by_the_way(lync: Deployment, apply: Apply, check: bool) -> None:
    result = apply(True, check)
    assert result["failed"] and "opens federation by SIP as well" in result["msg"]
    assert "open_sip_federation: true" in result["msg"] and lync.world.writes == 0


def test_it_is_opened_when_that_is_agreed(lync: Deployment, apply: Apply) -> None:
    planned = apply(True, check=True, open_sip_federation=True)
    assert lync.world.writes == 0
    done, again = apply(True, open_sip_federation=True), apply(True, open_sip_federation=True)
    assert planned["plan"] == done["plan"] and done["changed"] and not again["changed"]
    assert lync.world.access_edge == {"AllowFederatedUsers": True} and "warnings" not in done
    assert (done["calls"], again["calls"]) == (3, 1)
    assert "allow_federated_users: true" in done["diff"][0]["after"]


def test_where_it_is_open_nothing_has_to_be_agreed(lync: Deployment, apply: Apply) -> None:
    lync.world.access_edge["AllowFederatedUsers"] = True
    result = apply(True)
    assert not result["changed"] and result["configuration"] == {
        "allow_federated_users": True,
        "allow_outside_users": True,
        "allow_anonymous_users": False,
        "partner_discovery": False,
    }


def test_it_is_closed(lync: Deployment, apply: Apply) -> None:
    lync.world.access_edge["AllowFederatedUsers"] = True
    assert apply(False)["changed"] and lync.world.access_edge == {"AllowFederatedUsers": False}
    assert not apply(False)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_partner_discovery_is_told(lync: Deployment, apply: Apply, check: bool) -> None:
    lync.world.access_edge["EnablePartnerDiscovery"] = True
    (warning,) = apply(True, check, open_sip_federation=True)["warnings"]
    assert "EnablePartnerDiscovery is on" in warning and "not only the allowed ones" in warning


def test_another_kind_of_routing(lync: Deployment, apply: Apply) -> None:
    """What is not there is not invented."""
    lync.world.access_edge["EnablePartnerDiscovery"] = None
    assert apply(True, open_sip_federation=True)["configuration"]["partner_discovery"] is None


def test_who_may_only_look(lync: Deployment, apply: Apply) -> None:
    assert apply(True, check=True, username=VIEWER, open_sip_federation=True)["changed"]
    result = apply(True, username=VIEWER, open_sip_federation=True)
    assert result["failed"] and "no cmdlet Set-CsAccessEdgeConfiguration" in result["msg"]
    assert not lync.world.access_edge
