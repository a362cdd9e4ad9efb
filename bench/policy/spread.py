"""Ratios of pairs of measurements, and how far apart they lie. Pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Ratios of several rounds, each of two runs that followed one another.

    :ivar middle: their median.
    :ivar low, high: their quartiles; with fewer than four rounds the smallest and the largest.
    :ivar count: how many there were.
    """

    middle: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Return it in words."""
        between = "half of them" if self.count >= 4 else "all"
        return f"median {self.middle:.3f} of {self.count} rounds, {between} between {self.low:.3f} and {self.high:.3f}"


def ratios(ours: Sequence[float], plain: Sequence[float]) -> Spread:
    """Return how the first figures relate to the second ones, round by round.

    Both runs of a round met the same weather on a shared machine; those of different rounds did not.

    :raises ValueError: when they are not as many, none, or one to divide by is not positive.
    """
    if len(ours) != len(plain) or not ours:
        raise ValueError(f"{len(ours)} and {len(plain)} figures make no pairs")
    if min(plain) <= 0:
        raise ValueError(f"{min(plain)}: nothing was used, nothing can be compared with it")
    found = sorted(mine / other for mine, other in zip(ours, plain))
    if len(found) < 4:
        return Spread(statistics.median(found), found[0], found[-1], len(found))
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return Spread(middle, low, high, len(found))
