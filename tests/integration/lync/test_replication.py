"""``lync_replication``: the copies of the store are waited for, forced once, and named when they do not come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.replication import ARGUMENTS, Replication
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import VIEWER, Deployment
from .conftest import Options

Apply = Callable[..., dict[str, Any]]
EDGE, OTHER = "edge1.london.contoso.example", "edge1.tokyo.contoso.example"


@pytest.fixture
def apply(options: Options) -> Apply:
    """Return a function that runs the module, patient for a moment only."""
    usual = {"timeout": 0, "interval": 0.05}
    return lambda check=False, tell=print, **more: run_here(
        Replication, ARGUMENTS, {**options, **usual, **more}, check, tell
    )


def write(lync: Deployment) -> None:
    """Have something to copy."""
    lync.world.gateway["ConnectionLimit"] = 2000
    lync.world.written()


def test_all_are_up_to_date(lync: Deployment, apply: Apply) -> None:
    result = apply()
    assert not result["changed"] and result["calls"] == 1 and result["forced"] == []
    assert set(result["replicas"]) == {*lync.world.machines}
    assert result["replicas"][EDGE] == {
        "up_to_date": True,
        "last_status_report": result["replicas"][EDGE]["last_status_report"],
        "product_version": "5.0.8308.0",
    }


def test_what_comes_by_itself_is_waited_for(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.delay(0.3)
    write(lync)
    result = apply(timeout=30)
    assert not result["changed"] and result["calls"] > 1 and lync.world.replication.forced == []
    assert lync.world.seen_by(EDGE).gateway == {"ConnectionLimit": 2000}


def test_a_copy_that_is_lost_is_forced_once(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.trouble(EDGE, "lost")
    write(lync)
    planned = apply(check=True)
    assert [(change["action"], change["name"]) for change in planned["plan"]] == [("run", EDGE)]
    assert lync.world.replication.forced == [] and planned["forced"] == []
    done = apply(timeout=1)
    assert done["plan"] == planned["plan"] and done["forced"] == [EDGE] and lync.world.replication.forced == [EDGE]
    assert done["replicas"][EDGE]["up_to_date"] and not apply()["changed"]


def test_a_copy_that_never_comes_is_named(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.trouble(EDGE, "down")
    lync.world.replication.trouble(OTHER, "lost")
    write(lync)
    result = apply(timeout=1)
    assert result["failed"] and result["error"] == "ReplicaBehind"
    assert EDGE in result["msg"] and OTHER not in result["msg"] and "though it was forced" in result["msg"]
    assert "Replica Replicator Agent" in result["msg"] and "4443" in result["msg"]
    assert sorted(lync.world.replication.forced) == [EDGE, OTHER], "once each"


def test_nothing_is_forced_when_it_must_not_be(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.trouble(EDGE, "lost")
    write(lync)
    result = apply(force=False)
    assert result["failed"] and EDGE in result["msg"] and "forced" not in result["msg"]
    assert lync.world.replication.forced == []


def test_only_those_that_are_asked_for(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.trouble(OTHER, "down")
    write(lync)
    result = apply(replicas=[EDGE.upper()])
    assert list(result["replicas"]) == [EDGE] and not result["changed"]


def test_an_unknown_replica(lync: Deployment, apply: Apply) -> None:
    result = apply(replicas=["nowhere.example"])
    assert result["failed"] and "no replica nowhere.example" in result["msg"] and EDGE in result["msg"]


@pytest.mark.parametrize(("option", "value"), [("timeout", -1), ("timeout", 3601), ("interval", 0), ("interval", 61)])
def test_bounds(lync: Deployment, apply: Apply, option: str, value: int) -> None:
    result = apply(**{option: value})
    assert result["failed"] and f"{option} {value} is out of bounds" in result["msg"] and lync.shells.opened == 0


def test_an_account_that_may_only_look_cannot_force(lync: Deployment, apply: Apply) -> None:
    lync.world.replication.trouble(EDGE, "lost")
    write(lync)
    result = apply(username=VIEWER)
    assert result["error"] == "NotAuthorised" and "Invoke-CsManagementStoreReplication" in result["msg"]


def test_waiting_is_not_in_silence(lync: Deployment, apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.module_utils.fedgate.lync.waiting._LINES", 0.1)
    lync.world.replication.trouble(EDGE, "down")
    write(lync)
    lines: list[str] = []
    apply(timeout=1, force=False, tell=lines.append)
    assert lines and all(f"not up to date on {EDGE}" in line and "of at most 1 s" in line for line in lines)
