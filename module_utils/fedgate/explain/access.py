"""Who of our own users may federate: the access policy that counts for one, and what a change of policies opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..model.access import GLOBAL, SITE, AccessPolicy, home_sites
from .differences import CLOSES, OPENS, Difference
from .inventory import Inventory, Said

VARIABLE = "federation_access_policies"


@dataclass(frozen=True)
class Access:
    """What counts for a user of ours, or for those of a domain whom nothing names.

    :ivar policy: its name; None without policies: everybody may.
    :ivar allowed: whether they may federate; :ivar said: the line that says so.
    :ivar otherwise: policies of groups that say the contrary to their members, whom only the directory knows.
    """

    policy: str | None
    allowed: bool
    said: Said
    otherwise: tuple[Said, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: policy, allowed, because, otherwise."""
        otherwise = [said.as_dict() for said in self.otherwise]
        return {"policy": self.policy, "allowed": self.allowed, "because": self.said.as_dict(), "otherwise": otherwise}


def access_of(inventory: Inventory, domain: str, user: str | None = None) -> Access:
    """Find the policy that counts: granted to the user, to a group, the site's, the global one.

    :param domain: one of our XMPP domains; :param user: the part before the @, None for those whom nothing names.
    """
    policies = inventory.deployment.access
    if not policies:
        return Access(None, True, Said(VARIABLE, []))
    address = f"{user}@{domain}"
    for index, policy in enumerate(policies if user else ()):
        if address in policy.users:
            return Access(policy.name, policy.xmpp_access, _granted(inventory, index, policy, "users"))
    site = home_sites([domain], inventory.deployment.pools)[domain]
    names = [policy.name for policy in policies]
    index = names.index(f"{SITE}{site}" if f"{SITE}{site}" in names else GLOBAL)
    held = policies[index]
    said = inventory.said(VARIABLE, held.xmpp_access, index, "xmpp_access").called(held.name)
    groups = [
        _granted(inventory, at, policy, "groups")
        for at, policy in enumerate(policies)
        if policy.groups and policy.xmpp_access != held.xmpp_access and _asks_directory(inventory, domain)
    ]
    return Access(held.name, held.xmpp_access, said, tuple(groups))


def _granted(inventory: Inventory, index: int, policy: AccessPolicy, key: str) -> Said:
    return inventory.said(VARIABLE, policy.xmpp_access, index, key).called(policy.name)


def _asks_directory(inventory: Inventory, domain: str) -> bool:
    pools = [pool for pool in inventory.deployment.pools if domain in pool.xmpp_domains]
    return any(host.directory for pool in pools for host in pool.members)


def access_changes(before: Inventory, after: Inventory) -> Iterable[tuple[str, Difference]]:
    """Yield whom a change of policies concerns, and the change: domains, users with a grant, groups."""
    old, new = before.deployment, after.deployment
    for domain in new.xmpp_domains:
        if domain in old.xmpp_domains:
            had, has = access_of(before, domain), access_of(after, domain)
            yield from _change(f"users of {domain} without a policy of their own", had.allowed, has.allowed, has.said)
    granted = {user for policy in (*old.access, *new.access) for user in policy.users}
    for address in sorted(granted):
        user, _, domain = address.partition("@")
        if domain in old.xmpp_domains and domain in new.xmpp_domains:
            had, has = access_of(before, domain, user), access_of(after, domain, user)
            yield from _change(address, had.allowed, has.allowed, has.said)
    yield from _groups(before, after)


def _groups(before: Inventory, after: Inventory) -> Iterable[tuple[str, Difference]]:
    """Of a group without a policy it is not known what holds for its members: nothing is taken for granted."""
    old, new = _by_group(before), _by_group(after)
    for group in sorted({*old, *new}):
        had, has = old.get(group), new.get(group)
        said = has or Said(VARIABLE, None)
        name = f"members of {group}"
        if had and has:
            yield from _change(name, had.value, has.value, said)
        elif has and has.value:
            yield name, Difference(OPENS, VARIABLE, None, True, "may federate", said.source)
        elif has:
            yield name, Difference(CLOSES, VARIABLE, None, False, "may not federate", said.source)
        elif had:
            effect = CLOSES if had.value else OPENS
            sentence = "have no policy of their group any more: " + ("they might" if had.value else "they might not")
            yield name, Difference(effect, VARIABLE, had.value, None, f"{sentence} federate by it", had.source)


def _by_group(inventory: Inventory) -> dict[str, Said]:
    return {
        group: _granted(inventory, index, policy, "groups")
        for index, policy in enumerate(inventory.deployment.access)
        for group in policy.groups
    }


def _change(name: str, had: bool, has: bool, said: Said) -> Iterable[tuple[str, Difference]]:
    if had != has:
        sentence = "may federate now" if has else "may federate no more"
        yield name, Difference(OPENS if has else CLOSES, VARIABLE, had, has, sentence, said.source)
