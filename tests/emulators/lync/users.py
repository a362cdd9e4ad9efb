"""Get-CsUser: who is enabled for the product, and what is granted to them. Source: Microsoft's reference."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, text, uint32
from .console import CmdletError, decorated
from .engine import Call
from .world import User, World

TYPE = "Microsoft.Rtc.Management.ADConnect.Schema.OCSADUser"  # guessed, from OCSADUserOrAppContact
#: Of filters (the syntax of Where-Object), one comparison with a text or $null; others are refused.
_FILTER = re.compile(r"^\s*\{?\s*(\w+)\s+-(eq|ne)\s+(?:(\$null)|\"([^\"]*)\"|'([^']*)')\s*\}?\s*$", re.IGNORECASE)


def _properties(user: User) -> dict[str, Any]:
    name = user.display_name
    return {
        "Identity": f"CN={name},CN=Users,DC=contoso,DC=example",
        "DisplayName": name,
        "UserPrincipalName": user.address,
        "SipAddress": f"sip:{user.address}",
        "Enabled": True,
        "RegistrarPool": user.registrar_pool,
        "ExternalAccessPolicy": user.policy,
    }


def one_user(world: World, identity: Any) -> User:
    """Return the user of a SIP address, principal name or display name.

    :raises CmdletError: none, or several by a wildcard (which the real cmdlets take).
    """
    asked = str(identity).lower()
    address = asked.removeprefix("sip:")
    found = [
        user
        for user in world.users.values()
        if user.address.lower() == address or fnmatch.fnmatchcase(user.display_name.lower(), asked)
    ]
    if len(found) != 1:
        raise CmdletError(
            f'Management object not found for identity "{identity}".',
            "Microsoft.Rtc.Management.AD.ManagementException",  # guessed
            ErrorCategory.NotSpecified,
            "Microsoft.Rtc.Management.AD.ManagementException",
            target=str(identity),
        )
    return found[0]


def _get(world: World, call: Call) -> Iterator[Any]:
    if "Identity" in call:
        found = [one_user(world, call["Identity"])]
    else:
        found = [user for user in world.users.values() if _passes(_properties(user), call["Filter"])]
    for user in found[: call["ResultSize"]]:
        yield decorated([TYPE, "System.Object"], _properties(user), user.display_name)


def _passes(properties: dict[str, Any], condition: str | None) -> bool:
    if condition is None:
        return True
    match = _FILTER.match(condition)
    by_name = {name.lower(): value for name, value in properties.items()}
    if match is None or match[1].lower() not in by_name:
        raise CmdletError(f'Invalid filter: "{condition}".', "InvalidFilter", ErrorCategory.InvalidArgument)  # guessed
    wanted = None if match[3] else (match[4] if match[4] is not None else match[5])
    value = by_name[match[1].lower()]
    same = value is None if wanted is None else str(value).lower() == wanted.lower()
    return same if match[2].lower() == "eq" else not same


CMDLETS = (
    Cmdlet(
        "Get-CsUser",
        {
            "Identity": Parameter(text, ("Identity",)),
            "Filter": Parameter(text, ("Filter",)),
            "ResultSize": Parameter(uint32),
        },
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
        frozenset({"front_end"}),
    ),
)
