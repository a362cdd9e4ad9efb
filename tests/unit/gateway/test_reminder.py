"""Telling a server a second time."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.gateway.reminder import Reminder


def test_it_is_done_once_when_its_time_has_come() -> None:
    times = [100.0]
    done: list[float] = []
    reminder = Reminder(lambda: done.append(times[-1]), 5, lambda: times[-1])
    for now in (100.0, 104.9, 105.0, 106.0, 200.0):
        times.append(now)
        reminder.ask()
    assert done == [105.0]


def test_an_action_that_fails_is_not_done_again() -> None:
    def fail() -> None:
        raise OSError("no")

    reminder = Reminder(fail, 0)
    with pytest.raises(OSError, match="no"):
        reminder.ask()
    reminder.ask()
