"""Waiting for something that a server does by itself: bounded, and not in silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Optional, TypeVar

from ..errors import InvalidValue

Seen = TypeVar("Seen")
#: Options of modules that wait; ``timeout`` is each module's own.
WAITING_ARGUMENTS: dict[str, Any] = {"interval": {"type": "float", "default": 5.0}}
#: Seconds between two lines that say how far it is.
_LINES = 30.0


def read_interval(params: Mapping[str, Any]) -> float:
    """Return the seconds between two looks. :raises InvalidValue: out of bounds."""
    interval = float(params["interval"])
    if not 0.05 <= interval <= 60:
        raise InvalidValue(f"interval {interval:g} is out of bounds", hint="Allowed: 0.05 to 60 seconds.")
    return interval


def wait(
    look: Callable[[], Seen],
    waits_for: Callable[[Seen], Optional[str]],
    *,
    timeout: float,
    interval: float,
    tell: Callable[[str], object],
) -> Seen:
    """Look again and again until there is nothing left to wait for, or the time is over; return what was seen last.

    :param look: asks the server.
    :param waits_for: says in a few words what is waited for, for whoever watches; None when it is there.
    :param timeout: seconds; at least one look is taken.
    :param interval: seconds between two looks.
    :param tell: shows a line.
    """
    begun = time.monotonic()
    told = begun
    while True:
        seen = look()
        missing = waits_for(seen)
        now = time.monotonic()
        if missing is None or now - begun >= timeout:
            return seen
        if now - told >= _LINES:
            tell(f"{missing}: {now - begun:.0f} s of at most {timeout:.0f} s")
            told = now
        time.sleep(min(interval, max(0.0, timeout - (now - begun))))
