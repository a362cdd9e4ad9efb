"""What the suite ``policy`` is held against."""

from __future__ import annotations

from ..report import AtMost, Target

PEER = "Prosody without our modules"
CHANGE = "one partner added to"
#: Metric → unit, in the order of the table.
UNITS = {"CPU per stanza": "µs", "gateway busy": "%", "generator busy": "%", "memory": "MB"}
#: The number of partners that the targets speak of.
MANY = 10_000


class Ratio(AtMost):
    """What the median ratio may be at most, with so many partners."""

    def about(self, line: object) -> bool:
        """Tell whether a line is to be held against it."""
        return getattr(line, "case", "").startswith(self.ending) and getattr(line, "metric", "") == self.metric


def targets() -> list[Target]:
    """Return the targets."""
    return [
        Ratio(f"{MANY:,} partners, ", "CPU ratio", 1.05),
        AtMost(f"{CHANGE} {MANY:,}", "enforced", 3.0),
    ]
