"""What would change between two inventories: partner by partner, and whether it opens something or closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..model.partner import TYPES
from ..model.suggest import listed
from . import methods
from .inventory import Entry, Inventory, Said

#: opens: something passes that did not. closes: the contrary. neither: it is done otherwise, and the same passes.
OPENS, CLOSES, NEITHER = "opens", "closes", "neither"


@dataclass(frozen=True)
class Difference:
    """One thing that would change.

    :ivar effect: opens, closes, neither; :ivar what: the key or kind of thing; :ivar before, after: plain values.
    :ivar sentence: in words, without the name of what it is about.
    :ivar source: the line that says so, in the later inventory; in the earlier one for what is gone.
    """

    effect: str
    what: str
    before: Any
    after: Any
    sentence: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: effect, what, before, after, sentence, source."""
        return dict(self.__dict__)


def explain_changes(before: Inventory, after: Inventory) -> dict[str, Any]:
    """Compare two inventories.

    :returns: plain data: ``partners``, each with its domains and differences; ``ours``, likewise for our domains and
        services; ``counts`` of what opens, closes, and does neither.
    """
    partners = _partners(before, after)
    ours = [*_domains(before, after), *_components(before, after), *_moves(before, after)]
    found = [item for group in (*partners, *ours) for item in group["differences"]]
    counts = {effect: sum(item["effect"] == effect for item in found) for effect in (OPENS, CLOSES, NEITHER)}
    return {"partners": partners, "ours": ours, "counts": counts}


def _partners(before: Inventory, after: Inventory) -> list[dict[str, Any]]:
    """Domains of one partner that change alike are told together."""
    old, new = before.entries(), after.entries()
    groups: dict[tuple[str, tuple[tuple[Any, ...], ...]], tuple[list[str], list[Difference]]] = {}
    for domain in sorted({*old, *new}):
        found = list(_of_domain(domain, before, old.get(domain), after, new.get(domain)))
        if not found:
            continue
        entry = new.get(domain) or old[domain]
        alike = tuple((item.effect, item.what, item.sentence) for item in found)
        groups.setdefault((entry.partner.domain, alike), ([], found))[0].append(domain)
    return [
        {"partner": partner, "domains": domains, "differences": [item.as_dict() for item in found]}
        for (partner, _alike), (domains, found) in groups.items()
    ]


def _of_domain(
    domain: str, before: Inventory, old: Entry | None, after: Inventory, new: Entry | None
) -> Iterable[Difference]:
    if old and new:
        for difference in _COMPARED:
            yield from difference(old, new)
        return
    if new:
        said = new.names(domain)
        sentence = f"becomes a partner: {new.partner.type}, by {_methods(new)}"
        yield Difference(OPENS, "partner", None, _facts(new), sentence, said.source)
    elif old:
        left = after.entry(domain)
        expires = left.said("expires") if left else None
        end = f"the entry expired after {expires.value}" if expires else "nothing lists it any more"
        source = expires.source if expires else old.names(domain).source
        sentence = f"is a partner no more: {end}; it was {old.partner.type}, by {_methods(old)}"
        yield Difference(CLOSES, "partner", _facts(old), None, sentence, source)


def _facts(entry: Entry) -> dict[str, Any]:
    return {"type": entry.partner.type, "methods": list(methods.left(entry.partner))}


def _methods(entry: Entry) -> str:
    return listed([methods.WORDS[name] for name in methods.left(entry.partner)], "or")


def _row_sources(entry: Entry) -> str:
    """Name the lines of the row that decides on the methods."""
    said = [entry.said(key) for key in ("tls", "sasl", "dialback", "dialback_certificate", "allow_plaintext")]
    given = list(dict.fromkeys(item.source for item in said if item.place))
    return ", ".join(given) or entry.said("domain").source


def _by_methods(old: Entry, new: Entry) -> Iterable[Difference]:
    had, has = methods.left(old.partner), methods.left(new.partner)
    source = _row_sources(new)
    for name in has:
        if name not in had:
            sentence = f"gains {methods.WORDS[name]}"
            yield Difference(OPENS, "methods", list(had), list(has), sentence, source)
    for name in had:
        if name not in has:
            sentence = f"loses {methods.WORDS[name]}"
            yield Difference(CLOSES, "methods", list(had), list(has), sentence, source)
    if had == has and old.partner.row != new.partner.row:
        sentence = f"another row that leaves the same: {listed([methods.WORDS[name] for name in has], 'and')}"
        yield Difference(NEITHER, "row", list(old.partner.row), list(new.partner.row), sentence, source)


def _by_certificate(old: Entry, new: Entry) -> Iterable[Difference]:
    both = [name for name in methods.left(old.partner) if name in methods.left(new.partner)]
    for name in both:
        had, has = (methods.demands_certificate(entry.partner, name) for entry in (old, new))
        if had != has:
            effect, need = (CLOSES, "needs a valid certificate now") if has else (OPENS, "takes any certificate now")
            said = new.said("dialback_certificate")
            values = old.partner.dialback_certificate, new.partner.dialback_certificate
            yield Difference(effect, said.name, *values, f"{methods.WORDS[name]} {need}", said.source)


def _by_type(old: Entry, new: Entry) -> Iterable[Difference]:
    had, has = old.partner.type, new.partner.type
    if had != has:
        # From the one that may do most to the one that may do least.
        effect = OPENS if TYPES.index(has) < TYPES.index(had) else CLOSES
        yield Difference(effect, "type", had, has, f"its type becomes {has}, from {had}", new.said("type").source)


def _by_limit(old: Entry, new: Entry) -> Iterable[Difference]:
    had, has = old.partner.connection_limit, new.partner.connection_limit
    if had != has:
        effect = OPENS if has is None or (had is not None and has > had) else CLOSES
        sentence = f"its limit of connections becomes {has or 'that of the server'}, from {had or 'that of the server'}"
        yield Difference(effect, "connection_limit", had, has, sentence, new.said("connection_limit").source)


def _by_expiry(old: Entry, new: Entry) -> Iterable[Difference]:
    had, has = old.said("expires"), new.said("expires")
    if had.value != has.value:
        effect = OPENS if has.value is None or (had.value is not None and has.value > had.value) else CLOSES
        sentence = f"is let in until {has.value}" if has.value else "is let in without an end"
        sentence += f", before until {had.value}" if had.value else ", before without an end"
        yield Difference(effect, "expires", had.value, has.value, sentence, has.source)


def _by_waivers(old: Entry, new: Entry) -> Iterable[Difference]:
    had, has = set(old.partner.waive), set(new.partner.waive)
    said = new.said("waive")
    for rule in sorted(has - had):
        yield Difference(OPENS, "waive", sorted(had), sorted(has), f"the loss of {rule} is agreed to", said.source)
    for rule in sorted(had - has):
        yield Difference(CLOSES, "waive", sorted(had), sorted(has), f"the loss of {rule} is not agreed to", said.source)


def _by_the_rest(old: Entry, new: Entry) -> Iterable[Difference]:
    keys = ["proxy_fqdn", "keepalive"]
    if not [*_by_methods(old, new), *_by_certificate(old, new)]:
        keys += ["dialback_certificate", "allow_plaintext"]  # what they do was not told, as they do nothing here
    for key in keys:
        had, has = old.said(key), new.said(key)
        if had.value != has.value:
            sentence = f"{key} becomes {_word(has.value)}, from {_word(had.value)}"
            yield Difference(NEITHER, key, had.value, has.value, sentence, has.source)
    if old.partner.domain != new.partner.domain:
        sentence = f"belongs to the partner {new.partner.domain}, before to {old.partner.domain}"
        source = new.said("domain").source
        yield Difference(NEITHER, "domain", old.partner.domain, new.partner.domain, sentence, source)


def _word(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


_COMPARED: tuple[Callable[[Entry, Entry], Iterable[Difference]], ...] = (
    _by_methods, _by_certificate, _by_type, _by_limit, _by_expiry, _by_waivers, _by_the_rest,
)  # fmt: skip


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
