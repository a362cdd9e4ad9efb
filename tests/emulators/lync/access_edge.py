"""Get- and Set-CsAccessEdgeConfiguration. Source: Microsoft's reference of these cmdlets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .binder import Cmdlet, Parameter, boolean, switch, text, uint32
from .console import CmdletError, decorated
from .engine import Call
from .world import GLOBAL, World

#: With routing by DNS SRV records; the reference names the class, that it is decorated is guessed.
TYPE = "Microsoft.Rtc.Management.WritableConfig.Settings.Edge.DisplayAccessEdgeSettingsDnsSrvRouting#Decorated"
#: Setting → its value in a new deployment (those that the reference gives).
DEFAULTS: dict[str, Any] = {
    "AllowAnonymousUsers": False,
    "AllowFederatedUsers": False,
    "AllowOutsideUsers": True,
    "BeClearingHouse": False,
    "EnablePartnerDiscovery": False,
    "EnableArchivingDisclaimer": False,
    "KeepCrlsUpToDateForPeers": True,
    "MarkSourceVerifiableOnOutgoingMessages": True,
    "OutgoingTlsCountForFederatedPartners": 4,
}
#: Those only DNS SRV routing has.
_ROUTING = ("BeClearingHouse", "EnablePartnerDiscovery")


def _settings() -> dict[str, Parameter]:
    found = {}
    for name, value in DEFAULTS.items():
        sets = ("DnsSrvRouting",) if name in _ROUTING else ("Identity", "DnsSrvRouting")
        found[name] = Parameter(boolean if isinstance(value, bool) else uint32, sets)
    return found


def _get(world: World, call: Call) -> Iterator[Any]:
    properties = {"Identity": GLOBAL, **DEFAULTS, **world.access_edge}
    yield decorated([TYPE, TYPE.partition("#")[0], "System.Object"], properties, GLOBAL)


def _set(world: World, call: Call) -> Iterator[Any]:
    if str(call["Identity"] or GLOBAL).lower() != GLOBAL.lower():
        raise CmdletError(f'Cannot find item "{call["Identity"]}".', "ItemNotFound")  # guessed wording
    world.access_edge.update({name: value for name, value in call.given.items() if name in DEFAULTS})
    world.written()
    return iter(())


CMDLETS = (
    Cmdlet(
        "Get-CsAccessEdgeConfiguration",
        {
            "Identity": Parameter(text, ("Identity",)),
            "Filter": Parameter(text, ("Filter",)),
            "LocalStore": Parameter(switch),
        },
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
    ),
    Cmdlet(
        "Set-CsAccessEdgeConfiguration",
        {
            "Identity": Parameter(text, ("Identity",)),
            "UseDnsSrvRouting": Parameter(switch, ("DnsSrvRouting",), mandatory=True),
            **_settings(),
        },
        _set,
        where=frozenset({"front_end"}),
    ),
)
