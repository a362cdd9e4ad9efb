"""What is measured: how many partners, what happens to them, and what the suite is held against. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..report import AtMost, Target, Times

SUITE = "lync"
PEER = "one session per partner"
#: From nothing; then a tenth of them has become another; then again with nothing to do.
FIRST, CHANGED, SECOND = PASSES = ("first run", "a tenth changed", "nothing to do")
MOST_PARTNERS = 10_000
#: Metric → unit, in the order of the table.
UNITS: Mapping[str, str] = {
    "wall": "s",
    "CPU": "s",
    "sessions": "sessions",
    "pipelines": "pipelines",
    "requests": "requests",
}
_TYPES = ("federated", "public_verified", "public_unverified")


@dataclass(frozen=True)
class Case:
    """So many partners."""

    partners: int

    @property
    def title(self) -> str:
        """Return what the report calls it; the pass is added to it."""
        return f"{self.partners:,} partner{'s' if self.partners > 1 else ''}"


def partners(count: int, changed: bool = False) -> list[dict[str, Any]]:
    """Return so many partners, as an inventory has them.

    :param changed: whether every tenth has another note and another setting.
    """
    return [
        {
            "domain": f"partner{number}.example",
            "description": f"Contract {number}{', renewed' if changed and number % 10 == 0 else ''}",
            "type": _TYPES[number % len(_TYPES)],
            "tls": "required",
            "sasl": "required",
            "dialback": False,
            "keepalive": not (changed and number % 10 == 0),
            "connection_limit": 10,
        }
        for number in range(count)
    ]


def targets() -> list[Target]:
    """Return the targets."""
    thousand = Case(1000).title
    found: list[Target] = [AtMost(f"{thousand}, {each}", "sessions", 1) for each in PASSES]
    found += [
        AtMost(f"{thousand}, {FIRST}", "pipelines", 1050),
        AtMost(f"{thousand}, {CHANGED}", "pipelines", 150),
        AtMost(f"{thousand}, {SECOND}", "pipelines", 3),
    ]
    return [*found, *(Times(f"{thousand}, {each}", "wall", 2, PEER) for each in PASSES)]
