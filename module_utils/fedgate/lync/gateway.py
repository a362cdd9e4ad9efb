"""The reconciler of ``lync_xmpp_gateway``: the one XMPP gateway configuration of a deployment.

Source: Set-CsXmppGatewayConfiguration (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from ..module import Context
from ..plan import CHANGED_SECRET, SECRET, Change, Plan
from . import values
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .values import UInt32

KIND = "xmpp_gateway_configuration"
#: Option → (parameter, lowest value). Each is a UInt32.
NUMBERS = {
    "connection_limit": ("ConnectionLimit", 1),
    "partner_connection_limit": ("PartnerConnectionLimit", 1),
    "keepalive_interval": ("KeepAliveInterval", 1),
    "stream_establishment_timeout": ("StreamEstablishmentTimeout", 1),
    "stream_inactivity_timeout": ("StreamInactivityTimeout", 1),
    "subscription_refresh_interval": ("SubscriptionRefreshInterval", 1),
}
_LOGGING = ("log_message_bodies", "EnableLoggingAllMessageBodies")
_PASSPHRASE = "DialbackPassphrase"  # noqa: S105 - the parameter's name
_HIGHEST = 2**32 - 1
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    **{name: {"type": "int"} for name in NUMBERS},
    "log_message_bodies": {"type": "bool"},
    "dialback_passphrase": {"type": "str", "no_log": True},
    "rekey": {"type": "bool", "default": False},
}


def read(item: Any) -> dict[str, Any]:
    """Return a configuration as the server gave it; of the passphrase, only whether there is one."""
    given = values.properties(item)
    found: dict[str, Any] = {name: values.number(given.get(NUMBERS[name][0])) for name in NUMBERS}
    found[_LOGGING[0]] = values.boolean(given.get(_LOGGING[1]))
    found["dialback_passphrase"] = SECRET if values.text(given.get(_PASSPHRASE)) else None
    return found


class XmppGateway(OverShell):
    """The global XMPP gateway configuration; settings that are not given are nobody's."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        for name, (_parameter, lowest) in NUMBERS.items():
            value = params[name]
            if value is not None and not lowest <= value <= _HIGHEST:
                raise InvalidValue(f"{name} {value} is out of bounds", hint=f"Allowed: {lowest} to {_HIGHEST}.")
        if params["rekey"] and not params["dialback_passphrase"]:
            raise InvalidValue("rekey is set without a passphrase", hint="Set dialback_passphrase.")
        self.written = False

    def observe(self) -> dict[str, Any]:
        """Read the configuration, and only whether there is a passphrase."""
        (item,) = self.shell.call("Get-CsXmppGatewayConfiguration")
        return read(item)

    def plan(self, observed: dict[str, Any]) -> Plan:
        """At most one change. The server gives no passphrase away, so one that is there stays unless it is replaced."""
        after = dict(observed)
        for name in (*NUMBERS, _LOGGING[0]):
            if self.params[name] is not None:
                after[name] = self.params[name]
        if self._writes_passphrase(observed):
            after["dialback_passphrase"] = CHANGED_SECRET if observed["dialback_passphrase"] else SECRET
        return Plan.of([Change("update", KIND, "Global", observed, after)] if after != observed else [])

    def _writes_passphrase(self, observed: dict[str, Any]) -> bool:
        if not self.params["dialback_passphrase"] or self.written:
            return False
        return self.params["rekey"] or observed["dialback_passphrase"] is None

    def apply(self, plan: Plan, observed: dict[str, Any]) -> None:
        """Write what differs, in one call."""
        (change,) = plan.changes
        given: dict[str, Any] = {}
        for name, value in (change.after or {}).items():
            if value == observed[name]:
                continue
            if name in NUMBERS:
                given[NUMBERS[name][0]] = UInt32(value)
            elif name == _LOGGING[0]:
                given[_LOGGING[1]] = value
        if self._writes_passphrase(observed):
            given[_PASSPHRASE] = self.params["dialback_passphrase"]
        self.carry_out(plan, lambda _change: self._set(given))
        self.written = True

    def _set(self, given: Mapping[str, Any]) -> None:
        self.shell.call("Set-CsXmppGatewayConfiguration", {"Identity": "Global", **given})

    def results(self, observed: dict[str, Any], plan: Plan) -> dict[str, Any]:
        """Return the configuration as it is now, without the passphrase."""
        return {"configuration": observed, **self.calls()}
