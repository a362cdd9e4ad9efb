"""Which names and types of which zones we change: the records, and apart from them the challenges of ACME."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import InvalidValue
from .. import names
from ..values import TYPES

#: Zone → name → its types, in the order of ``TYPES``; all folded and sorted.
Owned = Mapping[str, Mapping[str, tuple[str, ...]]]


def zones_from(zones: Iterable[str]) -> dict[str, str]:
    """Return folded name → name as it was given.

    :raises InvalidValue: one is no domain name, or stands there twice.
    """
    found: dict[str, str] = {}
    for text in zones:
        zone = _name(text, f"zones[{text}]")
        if zone in found:
            raise InvalidValue(f"the zone {zone} stands there twice: {found[zone]!r} and {text!r}", path="zones")
        found[zone] = text
    return found


def of_records(records: Iterable[Mapping[str, Any]], zones: Iterable[str], view: str = "external") -> Owned:
    """Return what the records of a view are, present or not: what is absent or retired is taken away or changed.

    :param records: name, type and perhaps view of each; the rest does not count.
    :param zones: folded names; each record lies in the longest one.
    :raises InvalidValue: no name, an unknown type, or names that lie in none of the zones.
    """
    pairs = []
    for index, record in enumerate(records):
        path = f"records[{index}]"
        pair = _name(record.get("name"), f"{path}.name"), _type(record.get("type"), f"{path}.type")
        if (record.get("view") or "external") == view:
            pairs.append(pair)
    return _by_zone(pairs, zones, "records")


def of_challenges(challenge_names: Iterable[str], zones: Iterable[str]) -> Owned:
    """Return the TXT records of ACME challenges (RFC 8555 §8.4).

    :param challenge_names: owner names, ``_acme-challenge.<name>``, or where a CNAME of that name leads.
    :raises InvalidValue: no name, or names that lie in none of the zones.
    """
    pairs = [(_name(text, f"challenge_names[{index}]"), "TXT") for index, text in enumerate(challenge_names)]
    return _by_zone(pairs, zones, "challenge_names")


def _by_zone(pairs: Iterable[tuple[str, str]], zones: Iterable[str], path: str) -> Owned:
    known, strangers = set(zones), set()
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, rtype in sorted(set(pairs), key=lambda pair: (pair[0], TYPES.index(pair[1]))):
        zone = next((above for above in names.ancestors(name) if above in known), None)
        if zone is None:
            strangers.add(name)
            continue
        held = found.setdefault(zone, {})
        held[name] = (*held.get(name, ()), rtype)
    if strangers:
        raise InvalidValue(
            f"in none of the zones: {', '.join(sorted(strangers))}",
            hint=f"Name their zones; given are: {', '.join(sorted(known)) or 'none'}.",
            path=path,
        )
    return {zone: found[zone] for zone in sorted(found)}


def _name(text: Any, path: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidValue(f"{text!r} is not a domain name", path=path)
    try:
        return names.owner_name(text)
    except InvalidValue as error:
        raise InvalidValue(error.message, hint=error.hint, path=path) from error


def _type(value: Any, path: str) -> str:
    rtype = str(value).upper()
    if rtype not in TYPES:
        raise InvalidValue(f"record type {value!r} is not supported", hint=f"Allowed: {', '.join(TYPES)}.", path=path)
    return rtype
