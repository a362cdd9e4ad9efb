"""What would change between two inventories: partner by partner, and whether it opens something or closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..model.partner import TYPES
from ..model.suggest import listed
from . import methods
from .differences import CLOSES, NEITHER, OPENS, Difference
from .inventory import Entry, Inventory, Said
from .limits import OF_A_PARTNER, limit_of
from .ours import explain_ours


def explain_changes(before: Inventory, after: Inventory) -> dict[str, Any]:
    """Compare two inventories.

    :returns: plain data: ``partners``, each with its domains and differences; ``ours``, likewise for our domains and
        services; ``counts`` of what opens, closes, and does neither.
    """
    partners = _partners(before, after)
    ours = explain_ours(before, after)
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


def _by_limits(old: Entry, new: Entry) -> Iterable[Difference]:
    for key in OF_A_PARTNER:
        if getattr(old.partner, key) == getattr(new.partner, key):
            continue  # that of all partners may be another one; this is told once, for all
        had, has = limit_of(old, key), limit_of(new, key)
        effect = OPENS if has.value > had.value else CLOSES if has.value < had.value else NEITHER
        sentence = f"its {key} becomes {_limit(has)}, from {_limit(had)}"
        yield Difference(effect, key, had.value, has.value, sentence, has.source)


def _limit(said: Said) -> str:
    return f"{said.value}{'' if said.own else ', as for everybody'}"


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
    _by_methods, _by_certificate, _by_type, _by_limits, _by_expiry, _by_waivers, _by_the_rest,
)  # fmt: skip
