"""How single settings of services are read; each reader raises ValueError that says what it must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def text(value: Any) -> str:
    """Read a setting that is text; a number is taken as text too."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise ValueError("text")
    return str(value).strip()


def whole(value: Any) -> int:
    """Read a setting that is a whole number above zero."""
    if isinstance(value, bool) or not str(value).strip().isdecimal() or int(value) < 1:
        raise ValueError("a whole number above zero")
    return int(value)


def switch(value: Any) -> bool:
    """Read a setting that is on or off."""
    known = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).strip().lower() not in known:
        raise ValueError("true or false")
    return known[str(value).strip().lower()]


def verify(value: Any) -> Any:
    """Read whether a server's certificate is checked: on, off, or the path of a PEM file with its CA."""
    try:
        return switch(value)
    except ValueError:
        return text(value)


def one_of(*allowed: str) -> Callable[[Any], str]:
    """Return a reader for a setting with a few values."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value)

    return read
