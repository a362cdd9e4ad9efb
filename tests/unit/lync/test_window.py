"""When a maintenance window is open, over midnight, days and changes of the clock."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.lync.window import DAYS, Window, read_window


def window(begin: str = "22:00", end: str = "04:00", days: tuple[str, ...] = DAYS, zone: str = "UTC") -> Window:
    return read_window({"begin": begin, "end": end, "days": list(days), "timezone": zone})


def at(text: str) -> datetime:
    """A moment of the week of Monday 2026-06-01, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


CASES = [
    (window(), "2026-06-01T21:59", "2026-06-01T22:00"),
    (window(), "2026-06-01T22:00", None),
    (window(), "2026-06-02T03:59", None),
    (window(), "2026-06-02T04:00", "2026-06-02T22:00"),
    (window("10:00", "12:00"), "2026-06-01T11:00", None),
    (window("10:00", "12:00"), "2026-06-01T12:00", "2026-06-02T10:00"),
    (window("00:00", "00:00"), "2026-06-01T17:00", None),
    # The night that begins on Saturday is open on Sunday morning, and not on Sunday evening.
    (window(days=("sat",)), "2026-06-07T03:00", None),
    (window(days=("sat",)), "2026-06-07T23:00", "2026-06-13T22:00"),
    (window(days=("mon",)), "2026-06-02T05:00", "2026-06-08T22:00"),
    # 22:00 in London is 21:00 UTC in summer.
    (window(zone="Europe/London"), "2026-06-01T20:30", "2026-06-01T21:00"),
    (window(zone="Europe/London"), "2026-06-01T21:30", None),
    (window(zone="Asia/Tokyo"), "2026-06-01T14:00", None),
]


@pytest.mark.parametrize(("one", "now", "opens"), CASES)
def test_when_it_is_open(one: Window, now: str, opens: str | None) -> None:
    assert one.is_open(at(now)) == (opens is None)
    assert one.next(at(now)) == at(opens or now)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"begin": "24:00"}, "window.begin '24:00'"),
    ({"begin": "10 pm"}, 'in quotation marks: "22:00"'),
    ({"end": "1320"}, "window.end '1320'"),
    ({"days": ()}, "window.days is empty"),
    ({"zone": "Europe/Atlantis"}, "window.timezone 'Europe/Atlantis'"),
    ({"zone": "../etc/passwd"}, "window.timezone"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        window(**given)
    assert told in str(caught.value)
