"""The reconciler of ``lync_service``: services of one server, stopped gracefully and started, and seen to serve.

Sources: Get-, Start-, Stop-CsWindowsService (Lync Server 2013 cmdlet reference); Get-NetTCPConnection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Optional

from ..errors import FedgateError, InvalidValue
from ..module import Context
from ..plan import Action, Change, Pending, Plan
from . import tcp, windows_service
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .waiting import WAITING_ARGUMENTS, read_interval, wait
from .window import WINDOW_ARGUMENT, Window, read_window
from .windows_service import ON_EDGE, RUNNING, STOPPED, TITLES, Service, listening, read_wanted

KIND = "service"
#: What the XMPP proxy of an Edge Server listens on: partners, and the Front End (by MTLS).
PORTS = (5269, 23456)
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    **WAITING_ARGUMENTS,
    "services": {"type": "list", "elements": "str", "choices": list(ON_EDGE), "default": ["xmpp"]},
    "state": {"type": "str", "choices": ["started", "restarted", "stopped"], "default": "started"},
    "since": {"type": "str"},
    "graceful": {"type": "bool", "default": True},
    "window": WINDOW_ARGUMENT,
    "stop_timeout": {"type": "int", "default": 600},
    "start_timeout": {"type": "int", "default": 120},
    "external_address": {"type": "str"},
    "peers": {"type": "list", "elements": "str", "default": []},
    "certificates": {"type": "list", "elements": "str", "default": []},
    "directory": {"type": "str", "default": r"C:\Windows\Temp"},
}


class ServiceFailed(FedgateError):
    """A service did not do what it was asked to."""


class PeersDown(FedgateError):
    """No other server of the pool serves, so this one must not be stopped."""


@dataclass(frozen=True)
class Observed:
    """The services of one server at one moment.

    :ivar services: by what options call them.
    :ivar ports: which of the proxy's are open; None where nobody asked.
    :ivar started: when services were started, by their short names; empty where nobody asked.
    """

    services: Mapping[str, Service]
    ports: Optional[frozenset[int]] = None
    started: Mapping[str, datetime] = field(default_factory=dict)


class WindowsServices(OverShell):
    """Some services of one server."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.interval = read_interval(params)
        self.window: Optional[Window] = read_window(params["window"]) if params["window"] else None
        self.restarted = False
        known = TITLES[self.connection.endpoint]
        unknown = [key for key in params["services"] if key not in known]
        if unknown or not params["services"]:
            raise InvalidValue(
                f"services {', '.join(unknown) or 'is empty'}: there is none such on {self.connection.endpoint}",
                hint=f"Allowed: {', '.join(known)}.",
            )
        self.since = _since(params["since"])
        if self.since and (params["state"] != "restarted" or self.connection.endpoint != "edge"):
            raise InvalidValue(
                "since goes with state restarted and endpoint edge only",
                hint="A Front End does not tell when a service was started. Leave since out.",
            )
        if params["certificates"] and (params["state"] == "stopped" or self.connection.endpoint != "edge"):
            raise InvalidValue(
                "certificates goes with endpoint edge and services that are started",
                hint="Leave certificates out.",
            )
        if params["certificates"]:
            from .certificate_store import demand_directory

            self.directory = demand_directory(params["directory"])
        for name in ("stop_timeout", "start_timeout"):
            if not 1 <= params[name] <= 3600:
                raise InvalidValue(f"{name} {params[name]} is out of bounds", hint="Allowed: 1 to 3600 seconds.")
        #: Only the proxy's ports are ours to look at.
        self.ports = PORTS if self.connection.endpoint == "edge" and "xmpp" in params["services"] else ()

    def observe(self) -> Observed:
        """Look at the services, and at the ports of a proxy that is meant to stay up.

        :raises NotInstalled: setup has not brought a service.
        :raises ServiceFailed: it runs, and its ports stay closed.
        """
        services = self._services()
        up = all(service.status == RUNNING for service in services.values())
        state = self.params["state"]
        if not self.ports or not up or state == "stopped" or (state == "restarted" and not self.restarted):
            return Observed(services, started=windows_service.started(self.shell) if self.since else {})
        return Observed(services, self._wait_for_ports())

    def _services(self) -> dict[str, Service]:
        return read_wanted(self.shell, self.params["services"])

    def plan(self, observed: Observed) -> Plan:
        """One change a service; what would interrupt users waits for the maintenance window."""
        state = self.params["state"]
        changes = []
        for service in observed.services.values():
            target = STOPPED if state == "stopped" else RUNNING
            again = state == "restarted" and service.status == RUNNING and self._is_old(service, observed)
            action: Action = "run" if again else "update"
            if action == "run" or service.status != target:
                before, after = {"status": service.status}, {"status": target}
                changes.append(Change(action, KIND, service.name, before, after, service))
        now = datetime.now(timezone.utc)
        if self.window is None or self.window.is_open(now) or not any(map(_interrupts, changes)):
            return Plan.of(changes)
        opens = self.window.next(now).astimezone(self.window.zone)
        sentence = f"the maintenance window, which opens at {opens:%a %Y-%m-%d %H:%M %Z}; then run again"
        late = [Pending(KIND, change.name, sentence) for change in changes if _interrupts(change)]
        return Plan.of([change for change in changes if not _interrupts(change)], late)

    def _is_old(self, service: Service, observed: Observed) -> bool:
        """Tell whether a service that runs has to be restarted: once, or because it was started too early."""
        if self.restarted:
            return False
        moment = observed.started.get(service.name.upper())
        return self.since is None or moment is None or moment < self.since

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Stop what has to be stopped, then start what has to run, and wait for each.

        :raises PeersDown: no other member of the pool serves.
        :raises ServiceFailed: a service does not stop, does not start, or its ports stay closed.
        """
        stopping = [change.subject for change in plan.changes if _interrupts(change)]
        starting = [change.subject for change in plan.changes if (change.after or {})["status"] == RUNNING]
        if stopping:
            self._demand_peers()
            self._all("Stop", stopping, {"Graceful": None} if self.params["graceful"] else {})
        self.restarted = True
        if starting:
            self._until([service for service in starting if service.status == "StopPending"], "Stop")
            self._start(starting)

    def _start(self, services: list[Service]) -> None:
        """Start services and see them serve; where they do not, with the certificate that was assigned before."""
        try:
            self._bring_up(services)
        except ServiceFailed as error:
            if not self.params["certificates"]:
                raise
            from . import service_trial

            raise service_trial.go_back(
                self.shell, *self._noted(), self.connection.host, error, self._begin_again
            ) from error
        if self.params["certificates"]:
            from . import service_trial

            service_trial.served(self.shell, *self._noted())

    def _noted(self) -> tuple[str, list[str]]:
        return self.directory, self.params["certificates"]

    def _bring_up(self, services: list[Service]) -> None:
        self._all("Start", services, {})
        if self.ports:
            self._wait_for_ports()

    def _begin_again(self) -> None:
        services = list(self._services().values())
        self._all("Stop", [service for service in services if service.status != STOPPED], {})
        self._bring_up(services)

    def _all(self, verb: str, services: list[Service], more: Mapping[str, Any]) -> None:
        """Ask for all of them, then wait: the cmdlet's own waiting has no bound."""
        for service in services:
            self.shell.call(f"{verb}-CsWindowsService", {"Name": service.name, "NoWait": None, **more})
        self._until(services, verb)

    def _until(self, services: list[Service], verb: str) -> None:
        """Wait until services are what they were asked to be. :raises ServiceFailed: the time is over."""
        target = STOPPED if verb == "Stop" else RUNNING
        timeout = self.params["stop_timeout" if verb == "Stop" else "start_timeout"]
        names = {service.key for service in services}

        def left(seen: Mapping[str, Service]) -> Optional[str]:
            others = [seen[key] for key in names if seen[key].status != target]
            told = ", ".join(f"{one.display_name} is {one.status}" for one in others)
            return f"{told} on {self.connection.host}" if others else None

        seen = wait(self._services, left, timeout=timeout, interval=self.interval, tell=self.context.tell)
        told = left(seen)
        if told:
            raise ServiceFailed(
                f"asked to {verb.lower()}, and after {timeout} s {told}",
                hint=_HINTS[verb],
                details={"services": {one.name: one.status for one in seen.values()}},
            )

    def _demand_peers(self) -> None:
        peers = self.params["peers"]
        if peers and not any(tcp.answers(peer, PORTS[0]) for peer in peers):
            raise PeersDown(
                f"none of the other members of the pool ({', '.join(peers)}) answers on port {PORTS[0]}, so "
                f"{self.connection.host} is not stopped",
                hint="Bring one of them up first, or leave peers out to interrupt federation.",
            )

    def _wait_for_ports(self) -> frozenset[int]:
        def left(seen: frozenset[int]) -> Optional[str]:
            closed = [str(port) for port in self.ports if port not in seen]
            return f"nothing listens on port {' and '.join(closed)} of {self.connection.host}" if closed else None

        seen = wait(
            self._open, left, timeout=self.params["start_timeout"], interval=self.interval, tell=self.context.tell
        )
        told = left(seen)
        if told:
            raise ServiceFailed(
                f"the services run, and after {self.params['start_timeout']} s {told}",
                hint="Look at the certificate that is assigned to the Access Edge, and at the events of the product "
                "on that server.",
            )
        return seen

    def _open(self) -> frozenset[int]:
        """Ask the server; where it cannot tell, connect from here: 5269 outside, 23456 at the internal interface."""
        found = listening(self.shell, self.ports)
        if found is None:
            outside = self.params["external_address"] or self.connection.host
            places = {port: outside if port == PORTS[0] else self.connection.host for port in self.ports}
            found = {port for port, host in places.items() if tcp.answers(host, port)}
        return frozenset(found)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return the services and the open ports, and the number of calls."""
        shown = {one.name: {"display_name": one.display_name, "status": one.status} for one in _sorted(observed)}
        ports = None if observed.ports is None else sorted(observed.ports)
        return {"services": shown, "listening": ports, **self.calls()}


def _since(text: Optional[str]) -> Optional[datetime]:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = datetime.min
    if moment is not None and moment.tzinfo is None:
        raise InvalidValue(
            f"since {text!r} is no moment with a time zone", hint="Write it by ISO 8601: 2026-11-27T22:15:00+00:00."
        )
    return moment


def _sorted(observed: Observed) -> list[Service]:
    return sorted(observed.services.values(), key=lambda service: service.name)


def _interrupts(change: Change) -> bool:
    """Tell whether users notice: something that runs is stopped, for good or for a moment."""
    return change.action == "run" or (change.after or {})["status"] == STOPPED


_HINTS = {
    "Stop": "It takes no new conversations any more and waits for the present ones. Run again to go on waiting, or "
    "with graceful: false.",
    "Start": "Look at the events of the product on that server (Event Viewer, Applications and Services Logs). A "
    "certificate that cannot be used is the usual reason. Other servers of the pool were left alone.",
}
