"""Get-, New-, Set-, Remove-, Grant-CsExternalAccessPolicy. Source: Microsoft's reference of these cmdlets."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, boolean, switch, text
from .console import CmdletError, decorated
from .engine import Call
from .users import one_user
from .world import GLOBAL, AccessPolicy, World

#: The reference names the class; that it is decorated is guessed, from XmppAllowedPartner.
TYPE = "Microsoft.Rtc.Management.WritableConfig.Policy.ExternalAccess.ExternalAccessPolicy#Decorated"
#: Setting → its value in a new policy, in the order in which they are shown.
DEFAULTS: dict[str, Any] = {
    "Description": None,
    "EnableFederationAccess": False,
    "EnableXmppAccess": False,
    "EnablePublicCloudAccess": False,
    "EnablePublicCloudAudioVideoAccess": False,
    "EnableOutsideAccess": False,
}
_SETTINGS = {name: Parameter(text if name == "Description" else boolean) for name in DEFAULTS}


def _as_object(policy: AccessPolicy) -> Any:
    properties = {"Identity": policy.identity, **DEFAULTS, **policy.settings}
    return decorated([TYPE, TYPE.partition("#")[0], "System.Object"], properties, policy.identity)


def identity_of(name: str) -> str:
    """Return the identity that a name stands for: a plain one is that of a policy for users."""
    if name.lower() == GLOBAL.lower():
        return GLOBAL
    for scope in ("Site:", "Tag:"):
        if name.lower().startswith(scope.lower()):
            return scope + name[len(scope) :]
    return f"Tag:{name}"


def _one(world: World, name: Any) -> AccessPolicy:
    policy = world.access_policies.get(identity_of(str(name)).lower())
    if policy is None:
        raise CmdletError(
            f'Cannot find "ExternalAccessPolicy" "{identity_of(str(name))}" because it does not exist.',  # guessed
            "ItemNotFound",
            ErrorCategory.ObjectNotFound,
            "Microsoft.Rtc.Management.Core.ManagementException",
            target=str(name),
        )
    return policy


def _get(world: World, call: Call) -> Iterator[Any]:
    if "Identity" in call:
        yield _as_object(_one(world, call["Identity"]))
        return
    pattern = (call["Filter"] or "*").lower()
    for policy in world.access_policies.values():
        # The name of a policy for users is matched without its scope too (example 3, and the parameter's text).
        names = {policy.identity.lower(), policy.identity.lower().removeprefix("tag:")}
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            yield _as_object(policy)


def _new(world: World, call: Call) -> Iterator[Any]:
    identity = identity_of(call["Identity"])
    if identity == GLOBAL or identity.lower() in world.access_policies:
        raise CmdletError(  # that it fails is documented; the wording is guessed
            f'"{identity}" already exists.',
            "DuplicateItem",
            ErrorCategory.InvalidArgument,
            "Microsoft.Rtc.Management.Core.ManagementException",
            target=identity,
        )
    if identity.startswith("Site:"):
        _demand_site(world, identity)
    policy = AccessPolicy(identity, {name: value for name, value in call.given.items() if name in DEFAULTS})
    world.access_policies[identity.lower()] = policy
    world.written()
    yield _as_object(policy)


def _demand_site(world: World, identity: str) -> None:
    if identity.partition(":")[2].lower() not in {site.lower() for site in world.topology.sites}:
        raise CmdletError(f'Cannot find site "{identity}".', "SiteNotFound", ErrorCategory.ObjectNotFound)  # guessed


def _set(world: World, call: Call) -> Iterator[Any]:
    policy = _one(world, call["Identity"] or GLOBAL)
    policy.settings.update({name: value for name, value in call.given.items() if name in DEFAULTS})
    world.written()
    return iter(())


def _remove(world: World, call: Call) -> Iterator[Any]:
    policy = _one(world, call["Identity"])
    if policy.identity == GLOBAL:
        policy.settings.clear()
        call.console.warnings.append('Global configuration for "ExternalAccessPolicy" cannot be removed.')
    else:
        del world.access_policies[policy.identity.lower()]
    world.written()
    return iter(())


def _grant(world: World, call: Call) -> Iterator[Any]:
    """``$null`` takes a policy back. A new policy may be unknown here for a while (seen in public scripts)."""
    user = one_user(world, call["Identity"])
    name = call["PolicyName"]
    if name is not None:
        policy = world.access_policies.get(identity_of(name).lower())
        if policy is None or not policy.identity.startswith("Tag:") or policy.unknown_for:
            if policy is not None and policy.unknown_for:
                policy.unknown_for -= 1
            raise CmdletError(
                f'Policy "{name}" is not a user policy. You can assign only a user policy to a specific user.',
                "NotUserPolicy",  # guessed
                ErrorCategory.InvalidArgument,
                target=str(name),
            )
        name = policy.identity.removeprefix("Tag:")
    user.policy = name
    world.granted()
    return iter(())


_WRITERS = frozenset({"front_end"})
_IDENTITY = Parameter(text, mandatory=True)
CMDLETS = (
    Cmdlet(
        "Get-CsExternalAccessPolicy",
        {
            "Identity": Parameter(text, ("Identity",)),
            "Filter": Parameter(text, ("Filter",)),
            "LocalStore": Parameter(switch),
        },
        _get,
        frozenset({"CsAdministrator", "CsViewOnlyAdministrator"}),
    ),
    Cmdlet("New-CsExternalAccessPolicy", {"Identity": _IDENTITY, **_SETTINGS}, _new, where=_WRITERS),
    Cmdlet("Set-CsExternalAccessPolicy", {"Identity": Parameter(text), **_SETTINGS}, _set, where=_WRITERS),
    Cmdlet("Remove-CsExternalAccessPolicy", {"Identity": _IDENTITY}, _remove, where=_WRITERS),
    Cmdlet(
        "Grant-CsExternalAccessPolicy",
        {"Identity": _IDENTITY, "PolicyName": Parameter(text, mandatory=True)},
        _grant,
        where=_WRITERS,
    ),
)
