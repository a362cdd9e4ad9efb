"""Who of our own users may federate by XMPP: external access policies, as ``CsExternalAccessPolicy`` has them.

A policy is ``global``, ``site:<name>``, or has a name of its own and is granted to users and directory groups. What is
nearest to the user counts: a grant to the user, a grant to a group, the site's policy, the global one. Of two groups
of one user the one that refuses counts, so that no order of any list matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .pools import Pool
from .reading import Fields, Reader, shown
from .suggest import did_you_mean, listed
from .variables import DIRECTORY

GLOBAL = "global"
SITE = "site:"
KEYS = ("name", "xmpp_access", "description", "users", "groups")
# What New-CsExternalAccessPolicy takes as the identity of a user policy, without its optional "tag:".
_NAME = re.compile(r"[\w][\w .-]{0,63}")
# RFC 4514: attribute=value, the comma escaped by a backslash.
_RDN = re.compile(r"\s*[A-Za-z][A-Za-z0-9-]*\s*=\s*(?:[^,\\]|\\.)+")


@dataclass(frozen=True)
class AccessPolicy:
    """One external access policy.

    :ivar name: ``global``, ``site:<name>`` or its own; :ivar xmpp_access: whether its users may federate by XMPP.
    :ivar users: bare JIDs that it is granted to; :ivar groups: distinguished names of groups that it is granted to.
    """

    name: str
    xmpp_access: bool
    description: str | None = None
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def as_facts(self) -> dict[str, Any]:
        """Return the policy as plain data."""
        facts = {key: getattr(self, key) for key in KEYS}
        return {**facts, "users": list(self.users), "groups": list(self.groups)}


def home_sites(domains: Sequence[str], pools: Sequence[Pool]) -> dict[str, str | None]:
    """Return for each domain the site of its users: that of the pool which carries it, the lowest priority number.

    A standby in another site enforces the same, also while it stands in: it is the inventory that moves users.
    """
    found: dict[str, str | None] = {}
    for domain in domains:
        serving = [pool for pool in pools if domain in pool.xmpp_domains]
        found[domain] = min(serving, key=lambda pool: pool.priority).site if serving else None
    return found


def _holding(policies: Sequence[AccessPolicy], site: str | None) -> AccessPolicy:
    by_name = {policy.name: policy for policy in policies}
    return by_name.get(f"{SITE}{site}") or by_name[GLOBAL]


def scope_of(
    policies: Sequence[AccessPolicy], sites: Mapping[str, str | None], directory: bool
) -> dict[str, Any] | None:
    """Return what a gateway must know of the policies to decide on its users.

    :param sites: for each domain that it serves, the site of its users; None for a domain without one.
    :param directory: whether its users may be in a directory; where they are not, nobody is in a group.
    :returns: ``policies`` (name to access) that count here; ``hosts``, ``users``, ``groups``: for each domain, address
        and distinguished name the policy's name. None when there are no policies: everybody may federate.
    """
    if not policies:
        return None
    hosts = {domain: _holding(policies, site).name for domain, site in sites.items()}
    users = {user: policy.name for policy in policies for user in policy.users if user.partition("@")[2] in sites}
    groups = {group: policy.name for policy in policies for group in policy.groups if directory}
    used = {*hosts.values(), *users.values(), *groups.values()}
    access = {policy.name: policy.xmpp_access for policy in policies if policy.name in used}
    return {"policies": access, "hosts": hosts, "users": users, "groups": groups}


def read_access(reader: Reader, domains: Sequence[str], pools: Sequence[Pool] | None) -> list[AccessPolicy]:
    """Read ``federation_access_policies``.

    :param domains: ours, XMPP and SIP; empty when they could not be read. :param pools: None when likewise.
    """
    sites = None if pools is None else list(dict.fromkeys(pool.site for pool in pools if pool.site))
    found: dict[str, AccessPolicy] = {}
    granted = _Grants(reader)
    items = reader.items()
    for item in items:
        fields = item.fields(KEYS, required=("name", "xmpp_access"))
        policy = _policy(fields, domains, sites, granted) if fields else None
        if policy is None:
            continue
        key = policy.name.casefold()
        if key in found:
            item.wrong(f"the policy {policy.name} is written twice", "Remove one of the two, or put them together.")
        found.setdefault(key, policy)
    names = [item.value.get("name") if isinstance(item.value, Mapping) else None for item in items]
    readable = [name.strip().lower() for name in names if isinstance(name, str)]
    if items and len(readable) == len(items) and GLOBAL not in readable:
        hint = "Add name: global with xmpp_access: true or false, for all whom no other policy concerns."
        reader.wrong("the policy global is missing", hint)
    return list(found.values())


def check_failover(
    policies: Sequence[AccessPolicy], domains: Sequence[str], pools: Sequence[Pool], reader: Reader
) -> None:
    """Warn where a domain would get another policy when the inventory lets another pool carry it."""
    for domain in domains if policies else ():
        serving = sorted((pool for pool in pools if domain in pool.xmpp_domains), key=lambda pool: pool.priority)
        held = {_holding(policies, pool.site).name: _holding(policies, pool.site).xmpp_access for pool in serving}
        if len(set(held.values())) > 1:
            text = f"{listed(held, 'and')} differ, and pools of these sites serve {domain}: who may federate there"
            reader.problems.warn(reader.where, f"{text} changes when edge_pool_priority moves the domain")


def check_groups(policies: Sequence[AccessPolicy], pools: Sequence[Pool], reader: Reader) -> None:
    """Groups need a Linux gateway whose users are in a directory."""
    groups = [group for policy in policies for group in policy.groups]
    linux = [host for pool in pools if pool.linux for host in pool.members]
    if groups and linux and not any(host.directory for host in linux):
        hint = f"Set {DIRECTORY} for the gateways of its members, or grant the policy to users by name."
        reader.wrong(f"{groups[0]} is granted a policy, but no gateway asks a directory for its users", hint)


class _Grants:
    """Notes whom a second policy is granted."""

    def __init__(self, reader: Reader) -> None:
        self.problems = reader.problems
        self.first: dict[str, Reader] = {}

    def take(self, item: Reader, key: str, what: str) -> bool:
        if key not in self.first:
            self.first[key] = item
            return True
        place = self.problems.place(self.first[key].where)
        item.wrong(f"{what} is granted a policy twice", f"The other one stands at {place}. Leave one of the two.")
        return False


def _policy(
    fields: Fields, domains: Sequence[str], sites: Sequence[str] | None, granted: _Grants
) -> AccessPolicy | None:
    name = _name(fields.at("name"), sites) if fields.has("name") else None
    access = fields.read("xmpp_access", Reader.flag, False)
    description = fields.read("description", Reader.text, None)
    if name and (name == GLOBAL or name.startswith(SITE)):
        for key in ("users", "groups"):
            if fields.has(key):
                whose = "everybody" if name == GLOBAL else "all users of the site"
                hint = "Grant a policy with a name of its own."
                fields.at(key).wrong(f"the policy {name} is for {whose} and is granted to nobody by name", hint)
        return AccessPolicy(name, access, description)
    users = [_user(item, domains, granted) for item in fields.at("users").items()] if fields.has("users") else []
    groups = [_group(item, granted) for item in fields.at("groups").items()] if fields.has("groups") else []
    if name is None:
        return None
    if not users and not groups:
        fields.reader.problems.warn(fields.reader.where, f"the policy {name} is granted to nobody")
    return AccessPolicy(name, access, description, _known(users), _known(groups))


def _known(items: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(item for item in items if item is not None)


def _name(reader: Reader, sites: Sequence[str] | None) -> str | None:
    text = reader.text()
    if text is None:
        return None
    text = text.strip()
    if text.lower() == GLOBAL:
        return GLOBAL
    if text.lower().startswith(SITE):
        return _site(reader, text[len(SITE) :].strip(), sites)
    if not _NAME.fullmatch(text):
        hint = "Write global, site:<edge_pool_site>, or a name of letters, digits, spaces, dots and hyphens (no tag:)."
        reader.wrong(f"{shown(text)} is no name of a policy", hint)
        return None
    return text


def _site(reader: Reader, typed: str, sites: Sequence[str] | None) -> str | None:
    if sites is None:
        return None
    by_key = {site.lower(): site for site in sites}
    if typed.lower() in by_key:
        return SITE + by_key[typed.lower()]
    meant = by_key.get(did_you_mean(typed, by_key) or "")
    hint = f"Sites are {listed(sites, 'and')} (edge_pool_site)." if sites else "Give pools a site by edge_pool_site."
    reader.wrong(f"there is no site {typed!r}", f"Did you mean site:{meant}? {hint}" if meant else hint)
    return None


def _user(item: Reader, domains: Sequence[str], granted: _Grants) -> str | None:
    address = item.user("alice@contoso.example")
    if address is None:
        return None
    domain = address.partition("@")[2]
    if domains and domain not in domains:
        meant = did_you_mean(domain, domains)
        hint = f"Did you mean {meant}?" if meant else f"Our domains are {listed(domains, 'and')}."
        item.wrong(f"{address} is no user of ours", hint)
        return None
    return address if granted.take(item, address, address) else None


def _group(item: Reader, granted: _Grants) -> str | None:
    text = item.text()
    if text is None:
        return None
    text = text.strip()
    parts = re.findall(r"(?:[^,\\]|\\.)+", text)
    if not all(_RDN.fullmatch(part) for part in parts) or ",".join(parts) != text or len(parts) < 2:
        hint = "Write it like CN=Sales,OU=Groups,DC=contoso,DC=example."
        item.wrong(f"{shown(text)} is no distinguished name of a group", hint)
        return None
    key = ",".join(re.sub(r"\s*=\s*", "=", part.strip(), count=1) for part in parts).casefold()
    return text if granted.take(item, f"group {key}", text) else None
