"""UPDATE messages (RFC 2136): conditional on what was found, signed, and full where there are several."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.update

from ...errors import InvalidValue
from .. import txt
from ..changes import RRsetChange
from ..records import Key, RRset
from ..values import Value
from . import packing

#: Octets of a message over TCP (RFC 1035 §4.2.2).
_LIMIT = 65535


def messages(zone: str, changes: Sequence[RRsetChange], key: Any) -> Iterator[tuple[Any, bytes, Sequence[RRsetChange]]]:
    """Fill as few messages of 64 KiB with one zone's changes as they need, TSIG and all.

    Names that lead to one another, as SRV records to hosts, share a message where one can hold them.

    :param key: the ``dns.tsig.Key`` that signs.
    :returns: message, signed bytes and changes of each, in order. Made one after the other: a signature ages.
    :raises InvalidValue: the changes of one name alone do not fit.
    """
    room = _room(zone, key)
    left = packing.units(changes, lambda part: _size(zone, part), room)

    def make(units: Sequence[packing.Unit]) -> tuple[tuple[Any, bytes, int], int] | None:
        message = _message(zone, key)
        for unit in units:
            _add(message, unit.changes)
        try:
            wire = message.to_wire(max_size=_LIMIT)
        except dns.exception.TooBig:
            return None
        return (message, wire, len(units)), len(wire) - (_LIMIT - room)

    while left:
        try:
            message, wire, count = packing.largest(left, _LIMIT - room, room, make)
        except ValueError:
            raise InvalidValue(
                f"the records of {left[0].name} do not fit one message of 64 KiB",
                hint="Give that name fewer values.",
            ) from None
        yield message, wire, list(itertools.chain.from_iterable(unit.changes for unit in left[:count]))
        left = left[count:]


def probes(zone: str, there: Sequence[RRset], key: Any) -> list[list[RRset]]:
    """Cut sets into parts of which ``probe`` makes one message each; at least one part, which may be empty."""
    room = _room(zone, key)
    parts: list[list[RRset]] = [[]]
    used = 0
    for found in there:
        size = _owner(zone, found.name) + packing.RECORD
        if used + size > room:
            parts.append([])
            used = 0
        parts[-1].append(found)
        used += size
    return parts


def probe(zone: str, sets: Iterable[Key], key: Any, there: bool = True) -> Any:
    """Return a message that changes nothing and asks whether all these sets exist, or none (RFC 2136 §2.4)."""
    message = _message(zone, key)
    for name, rtype in sets:
        (message.present if there else message.absent)(_name(name), rtype)
    return message


@functools.lru_cache(maxsize=4096)  # many services lead to the same few hosts
def rdata(rtype: str, value: Value) -> Any:
    """Return a value as dnspython's rdata."""
    if rtype == "TXT":
        strings = txt.strings(txt.parse(value.text))
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
    return dns.rdata.from_text(dns.rdataclass.IN, rtype, value.text, origin=dns.name.root, relativize=False)


def _room(zone: str, key: Any) -> int:
    """Return how many octets of a message are left for conditions and changes."""
    return _LIMIT - len(_message(zone, key).to_wire())


def _owner(zone: str, name: str) -> int:
    """Return how many octets an owner name takes at most: its end is a pointer to the zone's name."""
    return len(name) - len(zone) + packing.POINTER


def _size(zone: str, part: Sequence[RRsetChange]) -> packing.Size:
    """Return how many octets the conditions and records of one name's changes take at most."""
    owner = _owner(zone, part[0].key[0])
    conditions = [length for change in part for length in _conditions(change)]
    records = [length for change in part for length in _records(change)]
    count = len(conditions) + len(records)
    return packing.Size(
        conditions=owner + (len(conditions) - 1) * packing.POINTER + len(conditions) * packing.RECORD + sum(conditions),
        total=count * (owner + packing.RECORD) + sum(conditions) + sum(records),
        saved=(count - 1) * (owner - packing.POINTER),
    )


def _conditions(change: RRsetChange) -> list[int]:
    """Return how many octets of data each condition has."""
    if change.before is None:  # asks twice that something is absent
        return [0, 0]
    if change.key[1] == "TXT":  # it may be cut into other strings than ours
        return [len(found.to_wire()) for found in change.before.raw]
    return [_length(change.key[1], value) for value in change.before.values]


def _records(change: RRsetChange) -> list[int]:
    """Return how many octets of data each changing record has: another set is removed first."""
    removal = [] if change.before is None else [0]
    return removal + [_length(change.key[1], value) for value in (change.after.values if change.after else ())]


@functools.lru_cache(maxsize=4096)
def _length(rtype: str, value: Value) -> int:
    return len(rdata(rtype, value).to_wire())


def _message(zone: str, key: Any) -> Any:
    message = dns.update.UpdateMessage(_name(zone))
    message.use_tsig(key)
    return message


def _add(message: Any, unit: Sequence[RRsetChange]) -> None:
    """Add the changes of one name. Removals first: a CNAME beside other records would be dropped silently."""
    own = {change.key[1] for change in unit}
    for change in unit:
        _add_condition(message, change, own)
    for change in unit:
        if change.before is not None:
            message.delete(_name(change.key[0]), change.key[1])
    for change in unit:
        if change.after is not None:
            name, rtype = change.key
            message.add(_name(name), change.after.ttl, *[rdata(rtype, value) for value in change.after.values])


def _add_condition(message: Any, change: RRsetChange, own: set[str]) -> None:
    """Make the message void if the set is not as it was found, or if an alias appeared meanwhile."""
    name, rtype = _name(change.key[0]), change.key[1]
    if change.before is not None:
        message.present(name, *change.before.raw)
        return
    if rtype == "CNAME" and own == {"CNAME"}:
        message.absent(name)
        return
    message.absent(name, rtype)
    if "CNAME" not in own:
        message.absent(name, "CNAME")


@functools.lru_cache(maxsize=4096)
def _name(text: str) -> Any:
    return dns.name.from_text(text, origin=dns.name.root)
