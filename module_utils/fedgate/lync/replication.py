"""The reconciler of ``lync_replication``: waits until the copies of the Central Management Store are up to date.

Sources: Get-CsManagementStoreReplicationStatus, Invoke-CsManagementStoreReplication (Lync Server 2013 cmdlets).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..errors import FedgateError, InvalidValue
from ..module import Context
from ..plan import Change, Plan
from . import values
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .shell import Shell
from .waiting import WAITING_ARGUMENTS, read_interval, wait

KIND = "replication"
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    **WAITING_ARGUMENTS,
    "replicas": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 300},
    "force": {"type": "bool", "default": True},
}
_STATUS = "Get-CsManagementStoreReplicationStatus"

#: Whether each replica is up to date, by FQDN.
Observed = dict[str, bool]


class ReplicaBehind(FedgateError):
    """A copy of the Central Management Store does not become up to date."""


def read_replicas(shell: Shell) -> dict[str, dict[str, Any]]:
    """Return the state of all replicas by FQDN: up_to_date, last_status_report, product_version."""
    found = {}
    for item in shell.call(_STATUS):
        given = values.properties(item)
        found[(values.text(given.get("ReplicaFqdn")) or "").lower()] = {
            "up_to_date": values.boolean(given.get("UpToDate")),
            "last_status_report": values.text(given.get("LastStatusReport")),
            "product_version": values.text(given.get("ProductVersion")),
        }
    return found


class Replication(OverShell):
    """The replicas of a deployment, or some of them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.interval = read_interval(params)
        if not 0 <= params["timeout"] <= 3600:
            raise InvalidValue(f"timeout {params['timeout']} is out of bounds", hint="Allowed: 0 to 3600 seconds.")
        self.wanted = [name.lower() for name in params["replicas"]]
        self.states: dict[str, dict[str, Any]] = {}

    def observe(self) -> Observed:
        """Wait until all are up to date, or the time is over. Waiting changes nothing, so check mode waits as well.

        :raises ReplicaBehind: one is not, and it must not be forced.
        """
        observed = self._wait()
        if not self.params["force"]:
            self._demand(observed)
        return observed

    def _wait(self) -> Observed:
        return wait(self._look, _behind, timeout=self.params["timeout"], interval=self.interval, tell=self.context.tell)

    def _look(self) -> Observed:
        self.states = read_replicas(self.shell)
        unknown = [name for name in self.wanted if name not in self.states]
        if unknown:
            raise InvalidValue(
                f"there is no replica {', '.join(unknown)}", hint=f"There are: {', '.join(sorted(self.states))}."
            )
        self.states = {name: self.states[name] for name in self.wanted or sorted(self.states)}
        return {name: state["up_to_date"] for name, state in self.states.items()}

    def plan(self, observed: Observed) -> Plan:
        """Force those that did not become up to date by themselves."""
        return Plan.of(
            Change("run", KIND, name, {"up_to_date": False}, {"up_to_date": True})
            for name, up_to_date in observed.items()
            if not up_to_date
        )

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Have the whole configuration sent again to each of them, once."""
        self.carry_out(
            plan, lambda change: self.shell.call("Invoke-CsManagementStoreReplication", {"ReplicaFqdn": change.name})
        )

    def observe_again(self, plan: Plan) -> Observed:
        """Wait once more. :raises ReplicaBehind: one is not up to date yet."""
        observed = self._wait()
        self._demand(observed)
        return observed

    def _demand(self, observed: Observed) -> None:
        late = [name for name, up_to_date in observed.items() if not up_to_date]
        if not late:
            return
        reports = ", ".join(f"{name} (last report: {self.states[name]['last_status_report']})" for name in late)
        forced = ", though it was forced" if self.params["force"] else ""
        raise ReplicaBehind(
            f"the copy of the Central Management Store is not up to date after {self.params['timeout']} s{forced}: "
            f"{reports}",
            hint="On that computer, look whether the service Replica Replicator Agent runs; towards an Edge Server, "
            "whether port 4443 is open from the Front End. Nothing that leans on the copy should be done before.",
            details={"replicas": self.states},
        )

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return the states, which were forced, and the number of calls."""
        forced = [] if self.context.check_mode else [change.name for change in plan.changes]
        return {"replicas": self.states, "forced": forced, **self.calls()}


def _behind(observed: Observed) -> Optional[str]:
    late = [name for name, up_to_date in observed.items() if not up_to_date]
    return f"replication is not up to date on {', '.join(late)}" if late else None
