"""What would change on our side between two inventories: domains, services, gateways, and limits of all partners."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .access import access_changes
from .differences import CLOSES, NEITHER, OPENS, Difference
from .inventory import Inventory, Said
from .limits import NAMES, WIDER, limit_of_all


def explain_ours(before: Inventory, after: Inventory) -> list[dict[str, Any]]:
    """Return plain data: a name, and its differences, for each thing of ours that changes."""
    return [
        *_domains(before, after),
        *_components(before, after),
        *_moves(before, after),
        *_limits(before, after),
        *(_group(name, difference) for name, difference in access_changes(before, after)),
    ]


def _group(name: str, *found: Difference) -> dict[str, Any]:
    return {"name": name, "differences": [item.as_dict() for item in found]}


def _domains(before: Inventory, after: Inventory) -> Iterable[dict[str, Any]]:
    old, new = before.deployment.xmpp_domains, after.deployment.xmpp_domains
    for domain in new:
        if domain not in old:
            sentence = "becomes a domain of ours: every partner may reach its users"
            source = _listed_at(after, domain).source
            yield _group(domain, Difference(OPENS, "federation_xmpp_domains", None, domain, sentence, source))
    for domain in old:
        if domain not in new:
            source = _listed_at(before, domain).source
            sentence = "is no domain of ours any more: no partner reaches its users"
            yield _group(domain, Difference(CLOSES, "federation_xmpp_domains", domain, None, sentence, source))


def _listed_at(inventory: Inventory, domain: str) -> Said:
    index = inventory.index_of("federation_xmpp_domains", domain)
    return inventory.said("federation_xmpp_domains", domain, *(() if index is None else (index,)))


def _components(before: Inventory, after: Inventory) -> Iterable[dict[str, Any]]:
    old = {item.domain: item.types for item in before.deployment.components}
    new = {item.domain: item.types for item in after.deployment.components}
    for name in sorted({*old, *new}):
        had, has = old.get(name, ()), new.get(name, ())
        inventory = after if name in new else before
        index = inventory.index_of("federation_xmpp_components", name, "domain")
        steps: tuple[str | int, ...] = () if index is None else (index,)
        source = inventory.said("federation_xmpp_components", None, *steps).source
        gained, lost = [kind for kind in has if kind not in had], [kind for kind in had if kind not in has]
        found = [
            Difference(effect, "federation_xmpp_components", list(had), list(has), f"{verb} {kind} partners", source)
            for effect, verb, kinds in ((OPENS, "opens to", gained), (CLOSES, "closes to", lost))
            for kind in kinds
        ]
        if found:
            yield _group(name, *found)


def _moves(before: Inventory, after: Inventory) -> Iterable[dict[str, Any]]:
    old, new = _served_by(before), _served_by(after)
    for domain in new:
        if domain in old and old[domain] != new[domain]:
            sentence = f"moves to {new[domain]}, from {old[domain]}"
            yield _group(domain, Difference(NEITHER, "gateway", old[domain], new[domain], sentence, "edge_pool_*"))


def _served_by(inventory: Inventory) -> dict[str, str]:
    deployment = inventory.deployment
    return {
        domain: f"{pool.active_member} ({pool.fqdn})"
        for pool in deployment.pools
        for domain in deployment.carries(pool)
    }


def _limits(before: Inventory, after: Inventory) -> Iterable[dict[str, Any]]:
    found = []
    for name in NAMES:
        had, has = limit_of_all(before, name), limit_of_all(after, name)
        if had.value != has.value:
            more = name in WIDER and has.value > had.value
            effect = OPENS if more else CLOSES if name in WIDER else NEITHER
            sentence = f"{name} becomes {_word(has.value)}, from {_word(had.value)}"
            found.append(Difference(effect, name, had.value, has.value, sentence, has.source))
    if found:
        yield _group("every partner", *found)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
