"""The reconciler of ``lync_access_edge``: whether the Access Edge service lets anybody federate at all.

Source: Get-, Set-CsAccessEdgeConfiguration (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from typing import Any

from ..errors import InvalidValue
from ..plan import Change, Plan
from . import values
from .reconciler import CONNECTION_ARGUMENTS, OverShell

KIND = "access_edge_configuration"
_ALLOW = "AllowFederatedUsers"
#: Result → property. Which of them there are depends on the kind of routing.
_SHOWN = {
    "allow_federated_users": _ALLOW,
    "allow_outside_users": "AllowOutsideUsers",
    "allow_anonymous_users": "AllowAnonymousUsers",
    "partner_discovery": "EnablePartnerDiscovery",
}
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "allow_federated_users": {"type": "bool", "required": True},
    "open_sip_federation": {"type": "bool", "default": False},
}


def read(item: Any) -> dict[str, bool | None]:
    """Return a configuration as the server gave it; what this kind of routing does not have is None."""
    given = values.properties(item)
    found = {name: given.get(parameter) for name, parameter in _SHOWN.items()}
    return {name: None if value is None else values.boolean(value) for name, value in found.items()}


class AccessEdge(OverShell):
    """The one configuration of all Access Edge services; of its settings only ``AllowFederatedUsers`` is ours."""

    def observe(self) -> dict[str, bool | None]:
        """Read the configuration; a setting that this kind of routing does not have is None."""
        (item,) = self.shell.call("Get-CsAccessEdgeConfiguration")
        return read(item)

    def plan(self, observed: dict[str, bool | None]) -> Plan:
        """At most one change.

        :raises InvalidValue: federation would be opened, and nobody has said that SIP may be as well.
        """
        want = self.params["allow_federated_users"]
        if want == observed["allow_federated_users"]:
            return Plan()
        if want and not self.params["open_sip_federation"]:
            raise InvalidValue(
                f"federation is off in this deployment ({_ALLOW} is false), and turning it on for XMPP opens "
                "federation by SIP as well",
                hint="Look at the allowed SIP domains and at partner discovery, then agree by open_sip_federation: "
                "true; or set allow_federated_users: false. Nothing was changed.",
            )
        return Plan.of([Change("update", KIND, "Global", observed, {**observed, "allow_federated_users": want})])

    def apply(self, plan: Plan, observed: dict[str, bool | None]) -> None:
        """Write the one setting."""
        given = {"Identity": "Global", _ALLOW: self.params["allow_federated_users"]}
        self.carry_out(plan, lambda _change: self.shell.call("Set-CsAccessEdgeConfiguration", given))

    def results(self, observed: dict[str, bool | None], plan: Plan) -> dict[str, Any]:
        """Return the settings that say who may come in, as they are now."""
        if plan and self.params["allow_federated_users"] and observed["partner_discovery"]:
            self.context.warn(
                "EnablePartnerDiscovery is on: with federation, any SIP domain that publishes a record for it may "
                "federate, not only the allowed ones"
            )
        return {"configuration": observed, **self.calls()}
