"""The pace: full at once, never more than allowed in any second, slower when told so, and back again."""

from __future__ import annotations

import time

from ansible.module_utils.fedgate.dns.route53.pace import Pace, pause
from hypothesis import given
from hypothesis import strategies as st


def test_never_more_than_allowed_in_any_stretch() -> None:
    pace, times = Pace(40.0), []
    began = time.monotonic()
    for _ in range(90):
        pace.wait()
        times.append(time.monotonic())
        pace.sent()
    assert times[39] - began < 0.2  # no pause before the first ones
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[40:]))
    assert times[-1] - began < 3


def test_fewer_than_one_a_second() -> None:
    pace = Pace(0.5)
    pace.wait()
    pace.sent()
    pace.slow_down()
    assert pace.per_second == 0.5 and Pace(0.2).per_second == 0.2


def test_slows_down_and_comes_back() -> None:
    pace = Pace(5.0)
    for _ in range(20):
        pace.slow_down()
    assert pace.per_second == 0.5
    for _ in range(100):
        pace.speed_up()
    assert pace.per_second == 5.0


@given(st.integers(0, 60))
def test_pauses_grow_up_to_a_limit(turn: int) -> None:
    assert 0.25 <= pause(turn) <= 8.0 and pause(0) <= 0.5 <= pause(2)
