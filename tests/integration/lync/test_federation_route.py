"""``lync_federation_route``: one Edge pool carries XMPP for all sites, and moving it is seen before it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.federation_route import ARGUMENTS, FederationRoute
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import VIEWER, Deployment
from .conftest import Options

Apply = Callable[..., dict[str, Any]]
LONDON, TOKYO = "edgepool.london.contoso.example", "edge1.tokyo.contoso.example"


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that leads the route through a pool."""
    return lambda edge_pool, check=False, **more: run_here(
        FederationRoute, ARGUMENTS, {**options, "edge_pool": edge_pool, **more}, check
    )


def routes(lync: Deployment) -> dict[str, str | None]:
    return {site.name: site.xmpp_route for site in lync.world.topology.sites.values()}


def test_it_is_as_wanted(lync: Deployment, apply: Apply) -> None:
    result = apply(LONDON.upper())
    assert not result["changed"] and result["routes"] == {"London": LONDON, "Tokyo": None} and result["calls"] == 2
    assert lync.world.writes == 0


@pytest.mark.parametrize("name", ["XmppFederationRoute", "XmppExternalFederationRoute"])
def test_failover(lync: Deployment, apply: Apply, name: str) -> None:
    """Under either name of the parameter that Microsoft's texts give."""
    lync.world.topology.route_parameter = name
    planned, done, again = (apply("edge.tokyo.contoso.example", check) for check in (True, False, False))
    assert planned["plan"] == done["plan"] and done["changed"] and not again["changed"]
    assert [(change["name"], change["after"]) for change in done["plan"]] == [
        ("London", {"edge_pool": TOKYO}),
        ("Tokyo", {"edge_pool": TOKYO}),
    ]
    assert routes(lync) == {"London": f"EdgeServer:{TOKYO}", "Tokyo": f"EdgeServer:{TOKYO}"}
    assert done["left"] == [LONDON] and LONDON in done["warnings"][0] and "stop the XMPP proxy" in done["warnings"][0]
    assert again["left"] == [] and "warnings" not in again


def test_a_server_that_shows_one_name_and_takes_the_other(
    lync: Deployment, apply: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible.module_utils.fedgate.lync.topology.ROUTE_NAMES", ("XmppFederationRoute",))
    lync.world.topology.route_parameter = "XmppExternalFederationRoute"
    lync.world.topology.sites["London"].xmpp_route = None
    result = apply(LONDON, sites=["London"])
    # It is not seen there, so the second look says so; it was written all the same.
    assert result["error"] == "NotConverged" and routes(lync)["London"] == f"EdgeServer:{LONDON}"


def test_the_first_route(lync: Deployment, apply: Apply) -> None:
    lync.world.topology.sites["London"].xmpp_route = None
    result = apply(LONDON)
    assert result["routes"] == {"London": LONDON, "Tokyo": None} and result["left"] == []


def test_chosen_sites(lync: Deployment, apply: Apply) -> None:
    result = apply(LONDON, sites=["tokyo", "London"])
    assert [change["name"] for change in result["plan"]] == ["Tokyo"]


WRONG: list[tuple[Options, str]] = [
    ({"edge_pool": "edge.paris.contoso.example"}, f"There are: {LONDON} (edge.london.contoso.example)"),
    ({"edge_pool": "pool1.contoso.example"}, "is no Edge pool of this deployment"),
    ({"edge_pool": LONDON, "sites": ["Paris"]}, "There are: London, Tokyo"),
    ({"edge_pool": TOKYO, "sites": ["Tokyo"]}, f"keep another XMPP route than {TOKYO}: London (by {LONDON})"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_refused(lync: Deployment, apply: Apply, given: Options, told: str) -> None:
    result = apply(**given)
    assert result["failed"] and told in result["msg"] and lync.world.writes == 0


@pytest.mark.parametrize("product", ["2010", "2019"])
def test_a_pool_without_the_gateway(lync: Deployment, apply: Apply, product: str) -> None:
    lync.world.topology.pools[TOKYO].product = product
    result = apply(TOKYO)
    assert result["failed"] and "has no XMPP gateway" in result["msg"] and lync.world.writes == 0


def test_an_account_that_may_only_look(lync: Deployment, apply: Apply) -> None:
    assert apply(TOKYO, check=True, username=VIEWER)["changed"]
    result = apply(TOKYO, username=VIEWER)
    assert result["error"] == "NotAuthorised" and "Set-CsSite" in result["msg"]
    assert result["applied"] == [] and result["left"] == [
        "update federation_route London",
        "update federation_route Tokyo",
    ]
