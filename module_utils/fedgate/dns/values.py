"""Typed record data that compares as DNS compares it, whatever its case, quoting or spelling."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidValue
from . import names, txt

# RFC 8659 §4.1: letters and digits.
_CAA_TAG = re.compile(r"[A-Za-z0-9]{1,15}")
#: RFC 6698 §2.1: usage, selector, matching type; and the octets of a digest by matching type.
_TLSA_RANGES = {"usage": 3, "selector": 1, "matching type": 2}
_TLSA_OCTETS = {1: 32, 2: 64}
_MAX_OCTET = 255


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


@functools.lru_cache(maxsize=4096)  # many services lead to the same few hosts
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


def _number(text: str, what: str, whole: str, most: int = 65535) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise InvalidValue(f"{what} {text!r} of {whole!r} is not a whole number from 0 to {most}")
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


def _caa(text: str) -> Value:
    """RFC 8659: flags, tag, value."""
    parts = text.split(None, 2)
    if len(parts) != 3 or not _CAA_TAG.fullmatch(parts[1]):
        raise InvalidValue(f"{text!r} is not CAA data", hint='Write: flags tag "value", as in 0 issue "ca.example".')
    flags = _number(parts[0], "flags", text, _MAX_OCTET)
    tag, data = parts[1].lower(), txt.parse(parts[2])
    return Value((flags, tag, data), f"{flags} {tag} {txt.quoted(data)}")


def _tlsa(text: str) -> Value:
    """RFC 6698: certificate usage, selector, matching type, data in hexadecimal."""
    parts = text.split()
    if len(parts) < 4 or not re.fullmatch("[0-9A-Fa-f]+", "".join(parts[3:])):
        raise InvalidValue(f"{text!r} is not TLSA data", hint="Write: usage selector matching-type hexadecimal-data.")
    numbers = tuple(_number(part, what, text, most) for part, (what, most) in zip(parts, _TLSA_RANGES.items()))
    data = "".join(parts[3:]).lower()
    octets = _TLSA_OCTETS.get(numbers[2])
    if len(data) % 2 or (octets and len(data) != 2 * octets):
        raise InvalidValue(
            f"the data of TLSA {text!r} is {len(data)} digits long",
            hint=f"Matching type {numbers[2]} has {2 * octets if octets else 'an even number of'} digits.",
        )
    return Value((*numbers, data), f"{numbers[0]} {numbers[1]} {numbers[2]} {data}")


#: How each type is read. A new type is one line here and its function.
_TYPES: Mapping[str, Callable[[str], Value]] = {
    "SRV": _srv, "A": _a, "AAAA": _aaaa, "CNAME": _cname, "TXT": _txt,
    "CAA": _caa, "TLSA": _tlsa,
}  # fmt: skip
TYPES: tuple[str, ...] = tuple(_TYPES)
