"""Get- and Set-CsXmppGatewayConfiguration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .binder import Cmdlet, Parameter, boolean, switch, text, uint32
from .console import CmdletError, decorated
from .engine import Call
from .world import GLOBAL, World

TYPE = "Microsoft.Rtc.Management.WritableConfig.Settings.XmppFederation.XmppGatewaySettings#Decorated"  # guessed
#: Parameter → its value in a new deployment.
DEFAULTS: dict[str, Any] = {
    "ConnectionLimit": 1000,
    "PartnerConnectionLimit": 20,
    "KeepAliveInterval": 300,
    "StreamEstablishmentTimeout": 60,
    "StreamInactivityTimeout": 600,
    "SubscriptionRefreshInterval": 28800,
    "DialbackPassphrase": "",
    "EnableLoggingAllMessageBodies": False,
}
_READERS = {"DialbackPassphrase": text, "EnableLoggingAllMessageBodies": boolean}
_SETTINGS = {name: Parameter(_READERS.get(name, uint32)) for name in DEFAULTS}


def _get(world: World, call: Call) -> Iterator[Any]:
    properties = {"Identity": GLOBAL, **DEFAULTS, **world.gateway}
    # guessed: what is shown of a passphrase that is set
    properties["DialbackPassphrase"] = "********" if properties["DialbackPassphrase"] else ""
    yield decorated([TYPE, TYPE.partition("#")[0], "System.Object"], properties, GLOBAL)


def _set(world: World, call: Call) -> Iterator[Any]:
    if str(call["Identity"] or GLOBAL).lower() != GLOBAL.lower():
        raise CmdletError(f'Cannot find item "{call["Identity"]}".', "ItemNotFound")  # guessed wording
    world.gateway.update({name: value for name, value in call.given.items() if name in DEFAULTS})
    world.written()
    return iter(())


CMDLETS = (
    Cmdlet(
        "Get-CsXmppGatewayConfiguration",
        {"Identity": Parameter(text), "LocalStore": Parameter(switch)},
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
    ),
    Cmdlet(
        "Set-CsXmppGatewayConfiguration",
        {"Identity": Parameter(text), **_SETTINGS},
        _set,
        where=frozenset({"front_end"}),
    ),
)
