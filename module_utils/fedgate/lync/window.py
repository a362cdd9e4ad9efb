"""A maintenance window: when services that users lean on may be stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import InvalidValue
from ..model.lync_edges import DAYS

WINDOW_ARGUMENT: dict[str, Any] = {
    "type": "dict",
    "options": {
        "begin": {"type": "str", "required": True},
        "end": {"type": "str", "required": True},
        "days": {"type": "list", "elements": "str", "choices": list(DAYS), "default": list(DAYS)},
        "timezone": {"type": "str", "default": "UTC"},
    },
}
_TIME = re.compile(r"(\d{1,2}):(\d{2})\Z")


@dataclass(frozen=True)
class Window:
    """A span of each of some days.

    :ivar begin: local time; :ivar end: local time, of the next day when it is not later than ``begin``.
    :ivar days: on which it begins, 0 for Monday.
    """

    begin: time
    end: time
    days: frozenset[int]
    zone: tzinfo

    def _span(self, day: datetime) -> tuple[datetime, datetime]:
        begin = datetime.combine(day.date(), self.begin, self.zone)
        last = day.date() + timedelta(days=0 if self.end > self.begin else 1)
        return begin, datetime.combine(last, self.end, self.zone)

    def next(self, now: datetime) -> datetime:
        """Return when it is open next: ``now`` itself while it is open.

        :param now: with a time zone.
        """
        local = now.astimezone(self.zone)
        for offset in range(-1, 8):
            day = local + timedelta(days=offset)
            begin, end = self._span(day)
            if day.weekday() in self.days and now < end:
                return max(now, begin)
        raise AssertionError("a week has each day")

    def is_open(self, now: datetime) -> bool:
        """Tell whether services may be stopped now."""
        return self.next(now) == now


def read_window(given: Mapping[str, Any]) -> Window:
    """Return a window as the option describes it. :raises InvalidValue: a time, or the time zone."""
    try:
        zone = ZoneInfo(given["timezone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidValue(
            f"window.timezone {given['timezone']!r} is not known", hint="Use a name such as UTC or Europe/London."
        ) from None
    if not given["days"]:
        raise InvalidValue("window.days is empty", hint=f"Allowed: {', '.join(DAYS)}; leave it out for all.")
    days = frozenset(DAYS.index(day) for day in given["days"])
    return Window(_time("begin", given["begin"]), _time("end", given["end"]), days, zone)


def _time(name: str, text: str) -> time:
    match = _TIME.match(str(text))
    try:
        if match:
            return time(int(match[1]), int(match[2]))
    except ValueError:
        pass
    raise InvalidValue(
        f"window.{name} {text!r} is no time of a day", hint='Write hours and minutes in quotation marks: "22:00".'
    )
