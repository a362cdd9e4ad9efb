"""External access policies: those of the inventory, and as the server has them.

Source: New-, Set-, Grant-CsExternalAccessPolicy (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import FedgateError, InvalidValue, raise_together
from . import values

GLOBAL = "global"
SITE = "site:"
#: The server's prefix of policies that are granted to users.
TAG = "tag:"
#: Setting → parameter of the cmdlets.
PARAMETERS = {
    "description": "Description",
    "xmpp_access": "EnableXmppAccess",
    "federation_access": "EnableFederationAccess",
    "public_cloud_access": "EnablePublicCloudAccess",
    "public_cloud_audio_video_access": "EnablePublicCloudAudioVideoAccess",
    "outside_access": "EnableOutsideAccess",
}
#: Settings beside XMPP that concern other things: a policy that is made anew takes them over from the global one.
FLAGS = tuple(name for name in PARAMETERS if name != "description")
_NAME = re.compile(r"[\w][\w .-]{0,63}")
# Grant-CsExternalAccessPolicy and Get-CsUser take * as a wildcard.
_USER = re.compile(r"[^\s@*\"'<>:/\\]+@[^\s@*\"'<>:/\\]+\.[^\s@*\"'<>:/\\]+")


@dataclass(frozen=True)
class Policy:
    """One external access policy.

    :ivar name: ``global``, ``site:<name>``, or its own without ``tag:``.
    :ivar settings: by the names of ``PARAMETERS``; of a wanted one only those that are the inventory's.
    :ivar users: whom a wanted one is granted to: SIP addresses in lower case, without ``sip:``.
    """

    name: str
    settings: Mapping[str, Any]
    users: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as it is compared."""
        return self.name.casefold()

    @property
    def granted(self) -> bool:
        """Whether it is one that is granted to users."""
        return self.key != GLOBAL and not self.key.startswith(SITE)


def read(item: Any) -> Policy:
    """Return a policy as the server gave it."""
    given = values.properties(item)
    settings: dict[str, Any] = {name: values.boolean(given.get(PARAMETERS[name])) for name in FLAGS}
    settings["description"] = values.text(given.get(PARAMETERS["description"])) or ""
    return Policy(bare(values.text(given.get("Identity")) or ""), settings)


def bare(identity: str) -> str:
    """Return a policy's name without ``Tag:``."""
    return identity[len(TAG) :] if identity.lower().startswith(TAG) else identity


def read_user(item: Any) -> tuple[str, str | None]:
    """Return a user as Get-CsUser gives one: (address, name of the policy that is granted, None for none)."""
    given = values.properties(item)
    address = (values.text(given.get("SipAddress")) or "").lower()
    granted = values.text(given.get("ExternalAccessPolicy"))
    return address[4:] if address.startswith("sip:") else address, bare(granted) if granted else None


def wanted(items: Iterable[Mapping[str, Any]], ignore_groups: bool) -> list[Policy]:
    """Return the policies of the inventory, checked.

    :param items: as ``federation_model`` publishes them, with settings of these products' own.
    :param ignore_groups: whether somebody has agreed that grants to groups do nothing here.
    :raises FedgateError: all that is wrong with them.
    """
    found: dict[str, Policy] = {}
    holders: dict[str, str] = {}
    errors: list[FedgateError] = []
    for index, item in enumerate(items):
        policy = _policy(item)
        for message, hint in [*_wrong(policy, item, ignore_groups), *_twice(policy, found, holders)]:
            errors.append(InvalidValue(message, hint=hint, path=f"policies[{index}]"))
        found.setdefault(policy.key, policy)
        for user in policy.users:
            holders.setdefault(user, policy.name)
    raise_together(errors)
    return list(found.values())


def _policy(item: Mapping[str, Any]) -> Policy:
    settings = {name: item.get(name) for name in PARAMETERS if item.get(name) is not None}
    if item["xmpp_access"]:
        settings.setdefault("federation_access", True)
    name = bare_scope(str(item["name"]).strip())
    users = tuple(dict.fromkeys(str(user).strip().lower() for user in item.get("users") or ()))
    return Policy(name, settings, users)


def bare_scope(name: str) -> str:
    """Return a name with its scope as the inventory writes it."""
    if name.lower() == GLOBAL:
        return GLOBAL
    return SITE + name[len(SITE) :].strip() if name.lower().startswith(SITE) else name


Wrong = Iterator["tuple[str, str]"]


def _wrong(policy: Policy, item: Mapping[str, Any], ignore_groups: bool) -> Wrong:
    plain = policy.name.removeprefix(SITE)
    if not _NAME.fullmatch(plain):
        hint = "Write global, site:<name>, or a name of letters, digits, spaces, dots and hyphens (no tag:)."
        yield f"{policy.name!r} is no name of a policy", hint
    if policy.users and not policy.granted:
        yield f"the policy {policy.name} is granted to nobody by name", "Grant a policy with a name of its own."
    for user in policy.users:
        if not _USER.fullmatch(user):
            hint = "Write one address, like alice@contoso.example: without sip: and wildcards."
            yield f"{user!r} is not an address of a user", hint
    if item["xmpp_access"] and policy.settings["federation_access"] is False:
        hint = "Leave federation_access out, or set xmpp_access: false."
        yield f"{policy.name}: XMPP needs EnableFederationAccess as well, and federation_access is false", hint
    if item.get("groups") and not ignore_groups:
        hint = "Grant it to users by name, or agree by ignore_groups: true that groups neither give nor take access."
        yield f"{policy.name}: Lync Server grants policies to users only, not to {item['groups'][0]}", hint


def _twice(policy: Policy, found: Mapping[str, Policy], holders: Mapping[str, str]) -> Wrong:
    if policy.key in found:
        yield f"the policy {policy.name} is written twice", "Remove one of the two, or put them together."
    for user in policy.users:
        if user in holders:
            yield (
                f"{user} is granted {holders[user]} and {policy.name}",
                "A user has at most one policy: leave one out.",
            )
