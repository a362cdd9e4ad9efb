"""What one address at a partner and one of ours may do to each other, and which lines of the inventory say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidValue
from ..model.components import Component, parent_domain
from ..model.domains import is_under
from ..model.pools import Pool
from ..model.suggest import did_you_mean, listed
from . import methods
from .access import Access, access_of
from .addresses import Address, read_address
from .inventory import Entry, Inventory, Said
from .rights import rights
from .whole import whole_deployment

_DOMAINS, _COMPONENTS = "federation_xmpp_domains", "federation_xmpp_components"
#: What of a partner's entry decides, in the order in which it is told.
SETTINGS = ("type", "tls", "sasl", "dialback", "dialback_certificate", "allow_plaintext", "proxy_fqdn", "expires")


@dataclass(frozen=True)
class Question:
    """A pair of addresses, and what was found about either.

    :ivar who: at the partner; :ivar whom: ours.
    :ivar entry: the partner's, also an expired one; None when the domain is not listed.
    :ivar component: ours, when ``whom`` is at one; :ivar parent: our XMPP domain, that of the component or ``whom``'s.
    """

    inventory: Inventory
    who: Address
    whom: Address
    entry: Entry | None
    component: Component | None
    parent: str

    @property
    def pools(self) -> list[Pool]:
        """The pools that may serve our side, the one that does so now first."""
        deployment = self.inventory.deployment
        found = [pool for pool in deployment.pools if self.parent in pool.xmpp_domains]
        return sorted(found, key=lambda pool: pool.priority)


def explain_pair(inventory: Inventory, who: str, whom: str) -> dict[str, Any]:
    """Explain one pair of addresses.

    :param who: address of a user at a partner, or a domain: any of its users.
    :param whom: address of a user of ours, of a chat room, or a domain.
    :returns: plain data: who, whom, allowed, reason, because, partner, ours, gateways, settings, methods, rights,
        access, components, further.
    :raises InvalidValue: for what is no address, and when ``whom`` is not ours.
    """
    question = _ask(inventory, read_address("who", who), read_address("whom", whom))
    reason, because = _verdict(question)
    entry = question.entry
    allowed = reason is None
    pools = question.pools
    return {
        "who": str(question.who),
        "whom": str(question.whom),
        "allowed": allowed,
        "reason": reason,
        "because": because,
        "partner": entry and {"domain": entry.partner.domain, **entry.names(question.who.domain).as_dict()},
        "ours": _ours(question).as_dict(),
        "gateways": [_gateway(question, pool, pool is pools[0]) for pool in pools],
        "settings": [entry.said(key).as_dict() for key in SETTINGS] if entry else [],
        "methods": methods.describe(entry.partner, pools[0]) if allowed and entry else {"incoming": [], "outgoing": []},
        "rights": _rights(question) if allowed else [],
        "access": access.as_dict() if (access := _access(question)) and entry else None,
        "components": [_component(question, item) for item in _components_of(question)],
        "further": [item.as_dict() for item in whole_deployment(inventory, entry)] if allowed else [],
    }


def _ask(inventory: Inventory, who: Address, whom: Address) -> Question:
    deployment = inventory.deployment
    component = next((item for item in deployment.components if item.domain == whom.domain), None)
    if component is None and whom.domain not in deployment.xmpp_domains:
        raise _not_ours(inventory, who, whom)
    parent = component.parent if component else whom.domain
    return Question(inventory, who, whom, inventory.entry(who.domain), component, parent)


def _not_ours(inventory: Inventory, who: Address, whom: Address) -> InvalidValue:
    ours = [*inventory.deployment.xmpp_domains, *(item.domain for item in inventory.deployment.components)]
    if who.domain in ours:
        hint = f"who is at the partner, whom is ours: write who={whom} whom={who}."
    else:
        meant = did_you_mean(whom.domain, ours)
        known = f"Ours are {listed(ours[:10], 'and')}{' and others' if len(ours) > 10 else ''}."
        hint = f"Did you mean {meant}? {known}" if meant else known
    return InvalidValue(f"{whom.domain} is none of our domains", path="whom", hint=hint)


def _verdict(question: Question) -> tuple[str | None, str]:
    """Return why the pair does not federate (None: it does), and a sentence."""
    inventory, domain, entry = question.inventory, question.who.domain, question.entry
    own = [*inventory.deployment.xmpp_domains, *(item.domain for item in inventory.deployment.components)]
    if domain in own:
        return "own-domain", f"{domain} is one of our own domains; nobody comes from there by federation"
    if entry is None:
        return "not-a-partner", _not_listed(inventory, domain)
    said = entry.names(domain)
    if inventory.expired(entry):
        expires = entry.said("expires")
        return "expired", f"the entry of {domain} ({said.source}) expired after {expires.value} ({expires.source})"
    component = question.component
    if component and entry.partner.type not in component.types:
        return "component-closed", _closed(question, component, entry)
    access = _access(question)
    if access and not access.allowed:
        return "no-access", _without_access(question, access)
    return None, f"{domain} is a partner ({said.source})"


def _not_listed(inventory: Inventory, domain: str) -> str:
    lists = [f"{item.name} ({item.source})" for item in inventory.lists()]
    searched = f"{domain} stands in none of {listed(lists, 'and')}" if lists else "no partner is listed at all"
    known = list(inventory.entries())
    above = parent_domain(domain, known)
    if above:
        return f"{searched}; {above} does, but a partner's names count one by one, not what is below them"
    below = next((name for name in known if is_under(name, domain)), None)
    meant = below or did_you_mean(domain, known, nearness=0.85)
    return f"{searched}; listed is {meant}" if meant else searched


def _access(question: Question) -> Access | None:
    """Return who of ours may federate; rooms are for all who are in them."""
    return None if question.component else access_of(question.inventory, question.parent, question.whom.user)


def _without_access(question: Question, access: Access) -> str:
    whose = str(question.whom) if question.whom.user else f"users of {question.whom.domain} without one of their own"
    sentence = f"the access policy {access.policy} ({access.said.source}) does not let {whose} federate"
    return f"{sentence}; that of a group may" if access.otherwise else sentence


def _closed(question: Question, component: Component, entry: Entry) -> str:
    opened = listed(component.types, "and") if component.types else "nobody"
    said, kind = _federated(question, component), entry.said("type")
    return (
        f"{component.domain} is open to {opened} ({said.source}), and {entry.partner.domain} is {kind.value} "
        f"({kind.source})"
    )


def _ours(question: Question) -> Said:
    variable, domain, key = _DOMAINS, question.parent, None
    if question.component:
        variable, domain, key = _COMPONENTS, question.component.domain, "domain"
    index = question.inventory.index_of(variable, domain, key)
    steps: tuple[str | int, ...] = () if index is None else (index,)
    return question.inventory.said(variable, domain, *steps)


def _gateway(question: Question, pool: Pool, carries: bool) -> dict[str, Any]:
    lync = question.inventory.deployment.lync
    served = question.inventory.said_of_pool(pool, "edge_pool_xmpp_domains", list(pool.xmpp_domains))
    return {
        "pool": pool.fqdn,
        "backend": pool.backend,
        "front_end": lync.front_end if lync and not pool.linux else None,
        "host": pool.active_member,
        "standbys": [host.name for host in pool.members if host.name != pool.active_member],
        "carries": carries,
        "priority": question.inventory.said_of_pool(pool, "edge_pool_priority", pool.priority).as_dict(),
        "domains": served.as_dict(),
    }


def _rights(question: Question) -> list[dict[str, Any]]:
    if question.entry is None:
        return []
    them, us = question.who.user or "their user", question.whom.user or "our user"
    if them == us:
        them, us = str(question.who), str(question.whom)
    kind = question.entry.said("type")
    found = rights(question.entry.partner.type, them, us, rooms=question.component is not None)
    return [{**right.as_dict(), "because": kind.as_dict()} for right in found]


def _components_of(question: Question) -> list[Component]:
    return (
        [question.component] if question.component else question.inventory.deployment.components_of([question.parent])
    )


def _component(question: Question, component: Component) -> dict[str, Any]:
    kind = question.entry.partner.type if question.entry else None
    said = _federated(question, component)
    return {
        "domain": component.domain,
        "kind": component.kind,
        "open": _verdict_is_open(question) and kind in component.types,
        "types": list(component.types),
        "because": said.as_dict(),
    }


def _verdict_is_open(question: Question) -> bool:
    return _verdict(question)[0] in (None, "component-closed", "no-access")


def _federated(question: Question, component: Component) -> Said:
    index = question.inventory.index_of(_COMPONENTS, component.domain, "domain")
    if index is None:
        return Said("federated", list(component.types))
    said = question.inventory.said(_COMPONENTS, list(component.types), index, "federated")
    return said if question.inventory.gives(_COMPONENTS, index, "federated") else Said("federated", [])
