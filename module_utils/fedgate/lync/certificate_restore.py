"""``lync_certificate`` with ``restore``: assigns what was assigned before, where the services do not start any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from ..module import Context
from ..plan import Change, Plan
from . import certificate_store
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
        held = {host: certificate_store.look(self.servers.session(host)) for host in self.wanted}
        for host, uses in self.wanted.items():
            for use, thumbprint in uses.items():
                if held[host].find(thumbprint) is None:
                    raise InvalidValue(
                        f"{thumbprint} for {use} is not in the store of {host} any more",
                        path="restore",
                        hint="Name another one by certificates and thumbprint.",
                    )
        return held

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
        certificate_store.restore(self.servers.session(host), self.wanted[host])
        self.assigned.append(host)

    def results(self, observed: dict[str, Held], plan: Plan) -> dict[str, Any]:
        """Return what ``library/lync_certificate.py`` documents under RETURN; ``certificates`` is empty."""
        return {"certificates": {}, "previous": {}, "reassigned": self.assigned, "calls": self.servers.calls}
