"""Record sets as typed values that compare as DNS compares them: sets, whatever their order, case or quoting."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidValue
from . import names, txt

#: (owner name, type): what is owned, looked up and changed.
Key = tuple[str, str]
_MAX_TTL = 2**31 - 1  # seconds (RFC 2181 §8)


@dataclass(frozen=True, order=True)
class Value:
    """One record's data.

    :ivar order: where it stands among others of its type when they are shown.
    :ivar text: the one text form; equal data has equal text.
    :ivar leads_to: the folded host name that a client goes on to, if the type names one.
    """

    order: tuple[Any, ...] = field(compare=True, repr=False)
    text: str
    leads_to: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class RRset:
    """All records of one name and type.

    :ivar name: folded owner name.
    :ivar type: ``SRV``, ``A`` and so on.
    :ivar ttl: seconds.
    :ivar values: sorted, each once; never empty.
    :ivar raw: the provider's own form of what it found, for its conditions; not compared.
    """

    name: str
    type: str
    ttl: int
    values: tuple[Value, ...]
    raw: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, rtype: str, ttl: int, values: Iterable[Value], raw: Any = None) -> RRset:
        """Make a set from values in any order."""
        return cls(name, rtype, ttl, tuple(sorted(set(values))), raw)

    @property
    def key(self) -> Key:
        """The owner name and the type."""
        return self.name, self.type

    def fields(self) -> dict[str, Any]:
        """Return what people see in a plan: ttl (seconds) and the values as text."""
        return {"ttl": self.ttl, "values": [value.text for value in self.values]}


@dataclass(frozen=True)
class Wanted:
    """What one name and type shall hold.

    :ivar values: sorted; empty when there shall be no such records.
    :ivar ttl: seconds; 0 when there shall be none.
    """

    name: str
    type: str
    ttl: int = 0
    values: tuple[Value, ...] = ()

    @property
    def key(self) -> Key:
        """The owner name and the type."""
        return self.name, self.type


def parse(rtype: str, text: str) -> Value:
    """Read one record's data of a type.

    :raises InvalidValue: it is not data of that type, or the type is none of ours.
    """
    if rtype not in _TYPES:
        raise InvalidValue(f"record type {rtype!r} is not supported", hint=f"Allowed: {', '.join(TYPES)}.")
    return _TYPES[rtype](str(text).strip() if rtype != "TXT" else str(text))


def _srv(text: str) -> Value:
    """RFC 2782: priority, weight, port, target."""
    parts = text.split()
    if len(parts) != 4:
        raise InvalidValue(f"{text!r} is not SRV data", hint="Write: priority weight port target.")
    numbers = tuple(_number(part, what, text) for part, what in zip(parts, ("priority", "weight", "port")))
    target = names.fold(parts[3])
    return Value((*numbers, target), f"{numbers[0]} {numbers[1]} {numbers[2]} {target}", target)


def _number(text: str, what: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise InvalidValue(f"{what} {text!r} of {whole!r} is not a whole number from 0 to 65535")
    return int(text)


def _a(text: str) -> Value:
    return _address(text, ipaddress.IPv4Address, "an IPv4 address")


def _aaaa(text: str) -> Value:
    return _address(text, ipaddress.IPv6Address, "an IPv6 address")


def _address(text: str, kind: Callable[[str], Any], what: str) -> Value:
    try:
        address = kind(text)
    except ValueError as error:
        raise InvalidValue(f"{text!r} is not {what}") from error
    if getattr(address, "scope_id", None):
        raise InvalidValue(f"{text!r} names an interface; that means nothing in DNS")
    return Value((int(address),), str(address))


def _cname(text: str) -> Value:
    target = names.fold(text)
    return Value((target,), target, target)


def _txt(text: str) -> Value:
    data = txt.parse(text)
    return Value((data,), txt.quoted(data))


#: How each type is read. A new type is one line here and its function.
_TYPES: Mapping[str, Callable[[str], Value]] = {"SRV": _srv, "A": _a, "AAAA": _aaaa, "CNAME": _cname, "TXT": _txt}
TYPES: tuple[str, ...] = tuple(_TYPES)


def wanted_from(records: Iterable[Mapping[str, Any]]) -> list[Wanted]:
    """Read the records of the arguments and hold them against each other.

    :param records: name, type, state, ttl, values of each.
    :raises InvalidValue: naming the record by its index, ``records[3].values[0]``.
    """
    wanted: list[Wanted] = []
    seen: dict[Key, int] = {}
    for index, record in enumerate(records):
        one = _wanted(record, f"records[{index}]")
        if one.key in seen:
            raise InvalidValue(
                f"{one.name} {one.type} stands already in records[{seen[one.key]}]",
                hint="Give all values of one name and type in one record.",
                path=f"records[{index}]",
            )
        seen[one.key] = index
        wanted.append(one)
    _check_together(wanted, seen)
    return wanted


def _wanted(record: Mapping[str, Any], path: str) -> Wanted:
    rtype = str(record["type"]).upper()
    try:
        name = names.owner_name(str(record["name"]))
    except InvalidValue as error:
        raise InvalidValue(error.message, hint=error.hint, path=f"{path}.name") from error
    if (record.get("state") or "present") == "absent":
        return Wanted(name, rtype)
    values = _values(rtype, record.get("values") or [], path, name)
    ttl = record.get("ttl")
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl <= _MAX_TTL:
        raise InvalidValue(
            f"the time to live of {name} {rtype} is {ttl!r}",
            hint="Give whole seconds, usually 300 to 900.",
            path=f"{path}.ttl",
        )
    return Wanted(name, rtype, ttl, values)


def _values(rtype: str, texts: Iterable[Any], path: str, name: str) -> tuple[Value, ...]:
    values = []
    for index, text in enumerate(texts):
        try:
            value = parse(rtype, text)
            if value.leads_to is not None and not (rtype == "SRV" and value.leads_to == names.ROOT):
                (names.host_name if rtype == "SRV" else names.owner_name)(value.leads_to)
        except InvalidValue as error:
            raise InvalidValue(
                f"{name} {rtype}: {error.message}", hint=error.hint, path=f"{path}.values[{index}]"
            ) from error
        values.append(value)
    found = tuple(sorted(set(values)))
    if not found:
        raise InvalidValue(
            f"{name} {rtype} shall be present but has no values",
            hint="Give values, or state: absent.",
            path=f"{path}.values",
        )
    alone = rtype == "CNAME" or any(rtype == "SRV" and value.leads_to == names.ROOT for value in found)
    if alone and len(found) > 1:
        raise InvalidValue(
            f"{name} {rtype} can have one value only, not {len(found)}",
            hint="A CNAME stands alone, and so does an SRV target '.' (no such service).",
            path=f"{path}.values",
        )
    return found


def _check_together(wanted: list[Wanted], index_of: Mapping[Key, int]) -> None:
    """What single records cannot tell: an alias stands alone, and SRV targets are hosts with addresses (RFC 2782)."""
    present = {one.key for one in wanted if one.values}
    mentioned = {one.key for one in wanted}
    aliases = {name for name, rtype in present if rtype == "CNAME"}
    for one in wanted:
        path = f"records[{index_of[one.key]}]"
        if one.values and one.type != "CNAME" and one.name in aliases:
            raise InvalidValue(
                f"{one.name} cannot be {one.type} and CNAME at once", hint="A CNAME stands alone.", path=path
            )
        for value in one.values if one.type == "SRV" else ():
            _check_target(value, aliases, present, mentioned, f"{path}.values")


def _check_target(value: Value, aliases: set[str], present: set[Key], mentioned: set[Key], path: str) -> None:
    target = value.leads_to or names.ROOT
    if target in aliases:
        raise InvalidValue(
            f"the SRV target {target} is a CNAME",
            hint="An SRV record leads to a host's own name (RFC 2782).",
            path=path,
        )
    addresses = {(target, "A"), (target, "AAAA")}
    if addresses & mentioned and not addresses & present:
        raise InvalidValue(
            f"the SRV target {target} has no address: its A and AAAA records shall be absent",
            hint="Give it addresses, or take it out of the SRV record.",
            path=path,
        )
