"""UPDATE messages (RFC 2136): conditional on what was found, signed, and cut by bytes."""

from __future__ import annotations

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
from ..records import Key
from ..values import Value


def messages(zone: str, changes: Sequence[RRsetChange], key: Any) -> Iterator[tuple[Any, bytes, Sequence[RRsetChange]]]:
    """Cut one zone's changes into as few halves of halves as fit 64 KiB, TSIG and all.

    :param key: the ``dns.tsig.Key`` that signs.
    :returns: message, signed bytes and changes of each, in order. Made one after the other: a signature ages.
    :raises InvalidValue: the changes of one name alone do not fit.
    """
    yield from _fitting(zone, _units(changes), key)


def probe(zone: str, there: Iterable[Key], key: Any) -> Any:
    """Return a message that changes nothing and asks whether these sets exist (RFC 2136 §2.4.1)."""
    message = _message(zone, key)
    for name, rtype in there:
        message.present(_name(name), rtype)
    return message


def rdata(rtype: str, value: Value) -> Any:
    """Return a value as dnspython's rdata."""
    if rtype == "TXT":
        strings = txt.strings(txt.parse(value.text))
        return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
    return dns.rdata.from_text(dns.rdataclass.IN, rtype, value.text, origin=dns.name.root, relativize=False)


def _fitting(
    zone: str, units: Sequence[Sequence[RRsetChange]], key: Any
) -> Iterator[tuple[Any, bytes, Sequence[RRsetChange]]]:
    parts = list(itertools.chain.from_iterable(units))
    message = _message(zone, key)
    for unit in units:
        _add(message, unit)
    try:
        wire = message.to_wire(max_size=65535)
    except dns.exception.TooBig:
        if len(units) == 1:
            raise InvalidValue(
                f"the records of {parts[0].key[0]} do not fit one message of 64 KiB",
                hint="Give that name fewer values.",
            ) from None
        middle = len(units) // 2
        yield from _fitting(zone, units[:middle], key)
        yield from _fitting(zone, units[middle:], key)
    else:
        yield message, wire, parts


def _units(changes: Iterable[RRsetChange]) -> list[list[RRsetChange]]:
    """Group what must not be torn apart: all changes of one name, as a CNAME's depend on its neighbours'."""
    units: dict[str, list[RRsetChange]] = {}
    for change in changes:
        units.setdefault(change.key[0], []).append(change)
    return list(units.values())


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


def _name(text: str) -> Any:
    return dns.name.from_text(text, origin=dns.name.root)
