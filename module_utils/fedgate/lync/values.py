"""Values as they come over the wire, in the shapes that they have there.

An enumeration arrives as a string or as an object with a string form, by its depth; a list of a type that the client
does not know may arrive as an object, or as raw XML; its items may be written ``Key=name``.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree


class UInt32(int):
    """A number for a parameter of type UInt32: plain ones are sent as Int32, which ends at 2³¹−1."""


class Secret(str):
    """A text for a parameter of type SecureString: it is encrypted with a key of this session before it is sent."""

    def __repr__(self) -> str:
        return "Secret()"


_SERIALIZED = "{http://schemas.microsoft.com/powershell/2004/04}"
_KEY = re.compile(r"^[A-Za-z]+=")


def properties(item: Any) -> dict[str, Any]:
    """Return the properties of an object; what is none has none."""
    found: dict[str, Any] = {}
    for name in ("adapted_properties", "extended_properties"):
        found.update(getattr(item, name, None) or {})
    return found


def text(value: Any) -> str | None:
    """Return a string, also that of an enumeration; None for null."""
    if value is None:
        return None
    if isinstance(value, (str, int, float, bool)):
        return str(value)
    form = getattr(value, "to_string", None)
    return str(form if form is not None else value)


def texts(value: Any) -> list[str]:
    """Return a list of strings in any of its shapes; without ``Key=`` before the items."""
    if value is None:
        return []
    if isinstance(value, str) and "<" in value:
        value = _from_xml(value)
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, (list, tuple)):
        inner = properties(value)
        value = inner.get("Value", inner.get("value")) or ([] if inner == {} else list(inner.values()))
        value = value if isinstance(value, (list, tuple)) else [value]
    return [_KEY.sub("", str(text(item))) for item in value if item is not None]


def _from_xml(raw: str) -> list[str]:
    try:
        root = ElementTree.fromstring(raw)  # noqa: S314 - from a server that we have logged in to
    except ElementTree.ParseError:
        return [raw]
    return [item.text or "" for item in root.iter() if item.tag in ("S", f"{_SERIALIZED}S")]


def number(value: Any) -> int | None:
    """Return a whole number; None for null or an empty text."""
    found = text(value)
    return int(found) if found else None


def boolean(value: Any) -> bool:
    """Return a Boolean, which may have arrived as its name."""
    return value if isinstance(value, bool) else str(text(value)).lower() == "true"


def octets(value: Any) -> bytes:
    """Return bytes, which may have arrived one by one."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, int):
        return bytes([value])
    return bytes(int(item) for item in value or ())
