"""``lync_service``: services of one server are stopped gracefully, started, and seen to serve."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.service import ARGUMENTS, WindowsServices
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.machines import PROXY, Machine, Ports
from .conftest import Options, options_of, options_of_edge

Apply = Callable[..., dict[str, Any]]


@pytest.fixture
def machine(lync: Deployment) -> Machine:
    """The Edge Server that is worked on."""
    return lync.edge("edge1.london").machine


@pytest.fixture
def apply(lync: Deployment) -> Apply:
    """Return a function that runs the module on that Edge Server."""

    def run(check: bool = False, tell: Callable[[str], object] = print, **more: Any) -> dict[str, Any]:
        usual = {**options_of_edge(lync, "edge1.london"), "interval": 0.05, "start_timeout": 5, "stop_timeout": 5}
        return run_here(WindowsServices, ARGUMENTS, {**usual, **more}, check, tell)

    return run


def plan(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    assert not result.get("failed"), result["msg"]
    return [(change["action"], change["name"], change["after"]["status"]) for change in result["plan"]]


def test_what_runs_is_left_alone(machine: Machine, apply: Apply) -> None:
    result = apply()
    assert plan(result) == [] and machine.history == [] and result["listening"] == [5269, 23456]
    assert result["services"] == {
        PROXY: {"display_name": "Lync Server XMPP Translating Gateway Proxy", "status": "Running"}
    }


@pytest.mark.parametrize("product", ["2013", "2015"])
def test_what_does_not_run_is_started(machine: Machine, apply: Apply, product: str) -> None:
    """Whatever the product's display names begin with."""
    machine.product = product
    machine.services.clear()
    machine.run_setup(xmpp=True)
    machine.xmpp.status, machine.xmpp.start, machine.xmpp.opens = "Stopped", 0.2, 0.2
    planned, done, again = apply(check=True), apply(), apply()
    assert plan(planned) == plan(done) == [("update", PROXY, "Running")] and plan(again) == []
    assert machine.history == [f"start {PROXY}"] and done["listening"] == [5269, 23456]


def test_a_restart_is_graceful_and_of_no_more_than_was_named(lync: Deployment, machine: Machine, apply: Apply) -> None:
    machine.xmpp.drain = 0.3
    planned = apply(check=True, state="restarted")
    assert plan(planned) == [("run", PROXY, "Running")] and machine.history == []
    done = apply(state="restarted")
    assert plan(done) == plan(planned) and machine.history == [f"stop {PROXY}", f"start {PROXY}"]
    assert done["listening"] == [5269, 23456]
    (stop,) = [bound for name, bound in lync.edge("edge1.london").engine.calls if name == "Stop-CsWindowsService"]
    assert {"Graceful", "NoWait"} <= set(stop)


def test_several_services_are_down_together(machine: Machine, apply: Apply) -> None:
    names = ["access_edge", "web_conferencing_edge", "xmpp"]
    assert len(plan(apply(services=names, state="restarted"))) == 3
    assert machine.history == [
        f"{verb} {name}" for verb in ("stop", "start") for name in ("RTCSRV", "RTCDATAPROXY", PROXY)
    ]
    assert machine.services["RTCMEDIARELAY"].status == "Running"


def test_stopping(machine: Machine, apply: Apply) -> None:
    assert plan(apply(state="stopped")) == [("update", PROXY, "Stopped")]
    assert machine.xmpp.status == "Stopped" and plan(apply(state="stopped")) == []


def test_a_service_that_does_not_start(machine: Machine, apply: Apply) -> None:
    machine.xmpp.refuses = True
    result = apply(state="restarted", start_timeout=1)
    assert result["error"] == "ServiceFailed"
    assert "Lync Server XMPP Translating Gateway Proxy is Stopped on localhost" in result["msg"]
    assert "certificate" in result["msg"] and result["services"] == {PROXY: "Stopped"}
    machine.xmpp.refuses = False
    assert plan(apply()) == [("update", PROXY, "Running")], "the second run does what is left"


def test_a_service_that_does_not_let_go(machine: Machine, apply: Apply) -> None:
    machine.xmpp.drain = 60
    result = apply(state="restarted", stop_timeout=1)
    assert (
        result["error"] == "ServiceFailed" and "is StopPending" in result["msg"] and "graceful: false" in result["msg"]
    )
    machine.xmpp.changes_at = 0
    assert plan(apply()) == [("update", PROXY, "Running")]


def test_a_service_that_is_just_stopping_is_started_after_that(machine: Machine, apply: Apply) -> None:
    machine.xmpp.drain = 0.5
    machine.xmpp.begin_stop(graceful=True)
    assert plan(apply()) == [("update", PROXY, "Running")] and machine.xmpp.status == "Running"


@pytest.mark.parametrize("state", ["started", "restarted"])
def test_ports_that_stay_closed(machine: Machine, apply: Apply, state: str) -> None:
    machine.xmpp.ports = (5269,)
    result = apply(state=state, start_timeout=1)
    assert result["error"] == "ServiceFailed" and "nothing listens on port 23456 of localhost" in result["msg"]


def test_a_server_where_setup_was_not_run(machine: Machine, apply: Apply) -> None:
    machine.run_setup(xmpp=False)
    result = apply()
    assert result["error"] == "NotInstalled" and "XMPP Translating Gateway Proxy" in result["msg"]
    assert "run setup again" in result["msg"] and machine.history == []


def test_a_front_end(lync: Deployment) -> None:
    machine = lync.world.machines["fe1.contoso.example"]
    machine.xmpp.status = "Stopped"
    options = {**options_of(lync), "interval": 0.05}
    assert plan(run_here(WindowsServices, ARGUMENTS, options, False)) == [("update", "RTCXMPPTGW", "Running")]
    result = run_here(WindowsServices, ARGUMENTS, {**options, "services": ["access_edge"]}, False)
    assert result["failed"] and "Allowed: xmpp" in result["msg"]


def test_waiting_is_not_in_silence(machine: Machine, apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.module_utils.fedgate.lync.waiting._LINES", 0.1)
    machine.xmpp.drain = 60
    lines: list[str] = []
    apply(state="stopped", stop_timeout=1, tell=lines.append)
    assert lines and "Proxy is StopPending on localhost" in lines[0] and "of at most 1 s" in lines[0]


class TestSince:
    """A restart that is needed is seen on the server, not remembered."""

    def test_only_what_was_started_before(self, machine: Machine, apply: Apply) -> None:
        moment = datetime.now(timezone.utc).isoformat()
        machine.services["RTCSRV"].started = datetime.now(timezone.utc)
        given = {"services": ["access_edge", "xmpp"], "state": "restarted", "since": moment}
        planned, done, again = apply(check=True, **given), apply(**given), apply(**given)
        assert plan(planned) == plan(done) == [("run", PROXY, "Running")] and plan(again) == []
        assert machine.history == [f"stop {PROXY}", f"start {PROXY}"]

    def test_a_run_that_was_cut_off_is_finished(self, machine: Machine, apply: Apply) -> None:
        moment = datetime.now(timezone.utc).isoformat()
        machine.xmpp.begin_stop(graceful=False)
        given = {"services": ["access_edge", "xmpp"], "state": "restarted", "since": moment}
        assert plan(apply(**given)) == [("run", "RTCSRV", "Running"), ("update", PROXY, "Running")]
        assert plan(apply(**given)) == []

    @pytest.mark.parametrize("since", ["2026-11-27T22:15:00", "yesterday"])
    def test_a_moment_without_a_zone(self, lync: Deployment, apply: Apply, since: str) -> None:
        result = apply(state="restarted", since=since)
        assert result["failed"] and f"since {since!r} is no moment with a time zone" in result["msg"]
        assert lync.edge("edge1.london").shells.opened == 0

    def test_it_is_for_restarts(self, apply: Apply) -> None:
        assert "goes with state restarted" in apply(since="2026-11-27T22:15:00+00:00")["msg"]


class TestWindow:
    def window(self, begins_in: timedelta) -> dict[str, Any]:
        """A window of two hours that begins then."""
        begin = datetime.now(timezone.utc) + begins_in
        return {"begin": f"{begin:%H:%M}", "end": f"{begin + timedelta(hours=2):%H:%M}"}

    def test_inside(self, machine: Machine, apply: Apply) -> None:
        result = apply(state="restarted", window=self.window(timedelta(hours=-1)))
        assert plan(result) == [("run", PROXY, "Running")] and result["pending"] == []

    @pytest.mark.parametrize("state", ["restarted", "stopped"])
    def test_outside_it_is_pending(self, machine: Machine, apply: Apply, state: str) -> None:
        result = apply(state=state, window=self.window(timedelta(hours=3)))
        assert plan(result) == [] and machine.history == [] and not result["changed"]
        (pending,) = result["pending"]
        assert pending["name"] == PROXY and "the maintenance window, which opens at" in pending["waiting_for"]

    def test_what_is_down_is_started_at_any_time(self, machine: Machine, apply: Apply) -> None:
        machine.xmpp.status = "Stopped"
        result = apply(services=["access_edge", "xmpp"], state="restarted", window=self.window(timedelta(hours=3)))
        assert plan(result) == [("update", PROXY, "Running")] and machine.history == [f"start {PROXY}"]
        assert [item["name"] for item in result["pending"]] == ["RTCSRV"]

    def test_a_bad_one(self, lync: Deployment, apply: Apply) -> None:
        result = apply(window={"begin": "22", "end": "04:00"})
        assert result["failed"] and "window.begin '22'" in result["msg"]
        assert lync.edge("edge1.london").shells.opened == 0


class TestSeenFromTheController:
    """Where the server has no cmdlet to tell its ports, and for the other members of the pool."""

    @pytest.fixture
    def open_ports(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
        """Two ports of this machine that are open while the proxy says so."""
        numbers = tuple(_free() for _ in range(2))
        monkeypatch.setattr("ansible.module_utils.fedgate.lync.service.PORTS", numbers)
        machine.xmpp.ports = numbers
        ports = Ports(machine, numbers)
        yield numbers
        ports.stop()

    def test_an_old_server(self, machine: Machine, apply: Apply, open_ports: tuple[int, int]) -> None:
        machine.cmdlets_of_network = False
        result = apply(state="restarted", external_address="127.0.0.1")
        assert plan(result) == [("run", PROXY, "Running")] and result["listening"] == sorted(open_ports)
        machine.xmpp.ports = open_ports[:1]
        result = apply(start_timeout=1)
        assert f"nothing listens on port {open_ports[1]}" in result["msg"]

    def test_another_member_serves(self, machine: Machine, apply: Apply, open_ports: tuple[int, int]) -> None:
        assert plan(apply(state="restarted", peers=["127.0.0.1"])) == [("run", PROXY, "Running")]

    def test_no_other_member_serves(self, machine: Machine, apply: Apply, open_ports: tuple[int, int]) -> None:
        result = apply(state="restarted", peers=["nowhere.invalid"])
        assert result["error"] == "PeersDown" and "nowhere.invalid" in result["msg"] and machine.history == []


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        number: int = one.getsockname()[1]
        return number


WRONG: list[tuple[Options, str]] = [
    ({"services": []}, "services is empty"),
    ({"start_timeout": 0}, "start_timeout 0 is out of bounds"),
    ({"stop_timeout": 3601}, "stop_timeout 3601 is out of bounds"),
    ({"interval": 0.01}, "interval 0.01 is out of bounds"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_refused(lync: Deployment, apply: Apply, given: Options, told: str) -> None:
    result = apply(**given)
    assert result["failed"] and told in result["msg"] and lync.edge("edge1.london").shells.opened == 0
