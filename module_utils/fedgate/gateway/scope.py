"""Who of our own users may federate, as the policy file says it. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue

#: What is granted a policy: our domains (for all users whom nothing else concerns), addresses, groups of the directory.
GRANTS = ("hosts", "users", "groups")


def checked_scope(scope: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a scope with all its parts.

    :param scope: ``policies`` (name to true or false), and ``hosts``, ``users``, ``groups``, each to a policy's name.
    :raises InvalidValue: when a policy is neither true nor false, or one is granted that is not there.
    """
    found = {part: dict(scope.get(part) or {}) for part in ("policies", *GRANTS)}
    for name, access in found["policies"].items():
        if not isinstance(access, bool):
            raise InvalidValue(f"scope: policy {name} is {access!r}", hint="Write true or false.")
    for part in GRANTS:
        for whom, name in found[part].items():
            if name not in found["policies"]:
                known = ", ".join(found["policies"]) or "none"
                raise InvalidValue(
                    f"scope: {whom} is granted {name!r}, which is no policy", hint=f"In policies are: {known}."
                )
    return found


def demand_directory(scope: Mapping[str, Any] | None, directory: bool) -> None:
    """Refuse grants to groups where no directory knows the users. :raises InvalidValue: naming the first group."""
    groups = sorted((scope or {}).get("groups") or {})
    if groups and not directory:
        raise InvalidValue(
            f"scope: the group {groups[0]} is granted a policy, but the gateway asks no directory for its users",
            hint="Set xmpp_gateway_directory, or grant the policy to users by name (federation_access_policies).",
        )
