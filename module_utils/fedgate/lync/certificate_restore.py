"""``lync_certificate`` with ``restore`` or ``take_back``: assigns again what was assigned before.

``restore`` says what, where services do not start any more. ``take_back`` leaves it to what is noted on the servers,
where no service has been started yet with what is assigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..certificates import library
from ..errors import InvalidValue
from ..module import Context
from ..plan import Change, Plan
from . import certificate_store, certificate_trial
from .certificate_servers import Servers
from .certificate_store import Held
from .reconciler import Many

#: Kind of planned changes.
ASSIGNED = "certificate_assignment"


class Restoration(Many):
    """The module's four steps; ``restore`` is what another call of it returned as ``previous``."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.servers = Servers(params)
        self.wanted: dict[str, dict[str, str]] = {host: dict(uses) for host, uses in params["restore"].items()}
        self.assigned: list[str] = []
        self.names: list[str] = list(params["take_back"])
        self.directory = certificate_store.demand_directory(params["directory"])
        unknown = sorted(set(self.wanted) - set(self.servers.names))
        if unknown:
            raise InvalidValue(
                f"{', '.join(unknown)} is no member of this pool",
                path="restore",
                hint=f"Give previous as the module returned it for {', '.join(self.servers.names)}.",
            )

    def close(self) -> None:
        """End all sessions."""
        self.servers.close()

    def observe(self) -> dict[str, Held]:
        """Look at the members concerned. :raises InvalidValue: a certificate is not there any more."""
        hosts = self.servers.names if self.names else list(self.wanted)
        held = {host: certificate_store.look(self.servers.session(host)) for host in hosts}
        for host in hosts if self.names else ():
            self.wanted[host] = self._noted(host, held[host])
        for host, uses in self.wanted.items():
            for use, thumbprint in uses.items():
                if held[host].find(thumbprint) is None:
                    raise InvalidValue(
                        f"{thumbprint} for {use} is not in the store of {host} any more",
                        path="restore",
                        hint="Name another one by certificates and thumbprint.",
                    )
        return held

    def _noted(self, host: str, held: Held) -> dict[str, str]:
        shell = self.servers.session(host)
        trials = [certificate_trial.look(shell, self.directory, name) for name in self.names]
        now = library.now()
        return {use: thumbprint for trial in trials for use, thumbprint in trial.back(held, now).items()}

    def plan(self, observed: dict[str, Held]) -> Plan:
        """One change for each member on which something else is assigned."""
        changes = []
        for host, uses in self.wanted.items():
            present = {use: observed[host].assigned.get(use) for use in uses}
            if present != uses:
                before = {use: thumbprint for use, thumbprint in present.items() if thumbprint}
                changes.append(Change("update" if before else "create", ASSIGNED, host, before or None, uses, host))
        return Plan.of(changes)

    def apply(self, plan: Plan, observed: dict[str, Held]) -> None:
        """Assign."""
        self.carry_out(plan, self._restore)

    def _restore(self, change: Change) -> None:
        host = change.subject
        shell = self.servers.session(host)
        certificate_store.restore(shell, self.wanted[host])
        for name in self.names:
            certificate_trial.end(shell, self.directory, name)
        self.assigned.append(host)

    def results(self, observed: dict[str, Held], plan: Plan) -> dict[str, Any]:
        """Return what ``library/lync_certificate.py`` documents under RETURN; ``certificates`` is empty."""
        return {
            "certificates": {},
            "previous": {},
            "reassigned": self.assigned,
            "untried": {},
            "unmanaged": {},
            "calls": self.servers.calls,
        }
