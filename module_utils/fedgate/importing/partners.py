"""Partners, limits and access policies of a deployment on Lync Server, as an inventory says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..lync.blocked import SUFFIX
from ..model import negotiation
from ..model.limits import DEFAULTS
from .items import Item

GLOBAL, SITE = "global", "site:"
_LIMITS = (
    "connection_limit", "partner_connection_limit", "keepalive_interval", "stream_establishment_timeout",
    "stream_inactivity_timeout",
)  # fmt: skip


def partners(found: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Return the partners, as ``lync_info`` reads them, in the order of their domains."""
    return [Item(*_partner(one), refused=_block(one)) for one in found]


def blocked(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the domains that are blocked there: entries of the list that are no partners."""
    return [one["domain"].removesuffix(SUFFIX) for one in found if one["domain"].endswith(SUFFIX)]


def _block(one: Mapping[str, Any]) -> str | None:
    names = blocked([one])
    if not names:
        return None
    return f"It is no partner but blocks {names[0]} there, and stays. Block it on Linux too (playbooks/block.yml)."


def _partner(one: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    said: dict[str, Any] = {"domain": one["domain"]}
    if one["additional_domains"]:
        said["additional_domains"] = [Item(name) for name in one["additional_domains"]]
    if one["description"]:
        said["description"] = Item(one["description"])
    said.update({key: one[key] for key in ("type", "tls", "sasl", "dialback")})
    if not one["keepalive"]:
        said["keepalive"] = False
    if one["connection_limit"] is not None:
        said["connection_limit"] = one["connection_limit"]
    if one["proxy_fqdn"]:
        said["proxy_fqdn"] = one["proxy_fqdn"]
    remarks = []
    row = one["tls"], one["sasl"], one["dialback"]
    if one["tls"] in negotiation.LEVELS and one["sasl"] in negotiation.LEVELS:
        if negotiation.PLAINTEXT in negotiation.methods(*row):
            said["allow_plaintext"] = True
            remarks.append(
                "GUESSED allow_plaintext: the server lets this partner in unencrypted; nobody may have agreed to that."
            )
        doubt = negotiation.doubt(*row)
        if doubt and row != negotiation.DEFAULT_ROW:
            remarks.append(f"Doubtful: {doubt}.")
    return said, remarks


def limits(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``federation_limits``; what the server does not say is left to the defaults, which are its own."""
    found: dict[str, Any] = {}
    for name in _LIMITS:
        value = configuration.get(name)
        if value is not None:
            default = getattr(DEFAULTS, name)
            found[name] = Item(value, note="" if value == default else f"by default {default}")
    return found


def policies(
    found: Sequence[Mapping[str, Any]], grants: Mapping[str, str], homes: Mapping[str, str]
) -> tuple[list[Item], list[str]]:
    """Return the access policies with their grants, the global one first, and what else is to be said.

    :param found: as ``lync_info`` reads them; :param grants: address of a user → policy.
    :param homes: address of a user → FQDN of the pool.
    """
    by_policy: dict[str, list[str]] = {}
    for user, policy in sorted(grants.items()):
        by_policy.setdefault(policy.casefold(), []).append(user)
    items = [_policy(one, by_policy.pop(name_of(one).casefold(), []), homes) for one in sorted(found, key=_order)]
    lost = [
        f"{user} has been granted {grants[user]}, which is not there" for users in by_policy.values() for user in users
    ]
    return items, lost


def name_of(one: Mapping[str, Any]) -> str:
    """Return a policy's name as an inventory writes it."""
    name = str(one["name"])
    if name.casefold() == GLOBAL:
        return GLOBAL
    return SITE + name[len(SITE) :] if name.casefold().startswith(SITE) else name


def _order(one: Mapping[str, Any]) -> tuple[bool, bool, str]:
    name = name_of(one)
    return name != GLOBAL, not name.startswith(SITE), name.casefold()


def _policy(one: Mapping[str, Any], users: Sequence[str], homes: Mapping[str, str]) -> Item:
    said: dict[str, Any] = {"name": name_of(one), "xmpp_access": allowed(one)}
    if one.get("description"):
        said["description"] = Item(one["description"])
    if users:
        said["users"] = [Item(user, note=homes.get(user, "")) for user in users]
    remarks = []
    if one["xmpp_access"] and not one["federation_access"]:
        remarks.append(
            "GUESSED xmpp_access: EnableXmppAccess is on there and EnableFederationAccess off, so that nobody gets "
            "through; a run will turn EnableXmppAccess off as well."
        )
    return Item(said, remarks)


def allowed(one: Mapping[str, Any]) -> bool:
    """Tell whether a policy lets its users federate by XMPP: that takes both of its settings."""
    return bool(one["xmpp_access"] and one["federation_access"])
