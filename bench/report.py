"""Figures of both sides: medians, ratios, the table, the JSON, and whether a target was missed. Pure functions."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Optional

#: Metric → unit, in the order of the table; of all of them less is better.
METRICS: dict[str, str] = {
    "wall": "s",
    "controller CPU": "s",
    "hosts CPU": "s",
    "tasks per host": "tasks",
    "modules per host": "runs",
    "modules on the controller": "runs",
    "sent per host": "kB",
}


@dataclass(frozen=True)
class Comparison:
    """One line of the report; the fields are the keys of the JSON."""

    suite: str
    case: str
    metric: str
    unit: str
    ours: float
    peer: float
    peer_name: str

    @property
    def ratio(self) -> Optional[float]:
        """Return ours by the peer's, None where the peer has nothing to divide by."""
        return self.ours / self.peer if self.peer else None


@dataclass(frozen=True)
class Verdict:
    """One target held against one case."""

    met: bool
    text: str


@dataclass(frozen=True)
class Target:
    """What the ratio of ours by the peer's may be at most.

    :ivar ending: end of the names of the cases that it is about.
    :ivar limit: the largest ratio.
    :ivar peer: begin of the name of the peer that it is about.
    """

    ending: str
    metric: str
    limit: float
    peer: str = ""

    def about(self, line: Comparison) -> bool:
        """Tell whether a line is to be held against it."""
        named = line.case.endswith(self.ending) and line.peer_name.startswith(self.peer)
        return named and line.metric == self.metric and line.peer > 0

    def verdict(self, line: Comparison) -> Verdict:
        """Hold it against a line that it is about."""
        ratio = line.ours / line.peer
        text = f"is {ratio:.2f} of the peer's; at most {self.limit:.2f} is wanted"
        return Verdict(ratio <= self.limit, f"{line.case}: {line.metric} {text}")


class Times(Target):
    """How many times ours the peer's must be at least."""

    def verdict(self, line: Comparison) -> Verdict:
        """Hold it against a line that it is about."""
        times = line.peer / line.ours if line.ours else math.inf
        text = f"of {line.peer_name} is {times:.1f} times ours; at least {self.limit:g} times is wanted"
        return Verdict(times >= self.limit, f"{line.case}: {line.metric} {text}")


class Excess(Target):
    """By how much ours may exceed the peer's."""

    def verdict(self, line: Comparison) -> Verdict:
        """Hold it against a line that it is about."""
        more = round(line.ours - line.peer, 3)
        text = f"is {more:+.2f} {line.unit} beside {line.peer_name}; at most {self.limit:+.2f} {line.unit} is wanted"
        return Verdict(more <= self.limit, f"{line.case}: {line.metric} {text}")


class AtMost(Target):
    """What ours may be at most, whatever the peer's."""

    def about(self, line: Comparison) -> bool:
        """Tell whether a line is to be held against it."""
        return line.case.endswith(self.ending) and line.metric == self.metric

    def verdict(self, line: Comparison) -> Verdict:
        """Hold it against a line that it is about."""
        text = f"{line.ours:g} {line.unit}; at most {self.limit:g} is wanted"
        return Verdict(line.ours <= self.limit, f"{line.case}: {line.metric} {text}")


@dataclass
class Outcome:
    """What a suite found.

    :ivar targets: those that it is held against.
    :ivar notes: what else there is to say: what was left out, and why.
    """

    lines: list[Comparison] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(
    suite: str,
    case: str,
    ours: Sequence[Mapping[str, float]],
    peer: Sequence[Mapping[str, float]],
    peer_name: str,
    units: Mapping[str, str] = METRICS,
) -> list[Comparison]:
    """Return the medians of all metrics that both sides measured, each over the runs of its side.

    :param ours: metric → value, for each run; likewise ``peer``.
    :param units: metric → unit, in the order of the table.
    """
    lines = []
    for metric, unit in units.items():
        if all(metric in run for run in (*ours, *peer)):
            middles = [round(statistics.median(run[metric] for run in side), 3) for side in (ours, peer)]
            lines.append(Comparison(suite, case, metric, unit, middles[0], middles[1], peer_name))
    return lines


def as_json(lines: Iterable[Comparison]) -> str:
    """Return the comparisons as a JSON list, one object a line."""
    return "[\n" + ",\n".join(f" {json.dumps(asdict(line))}" for line in lines) + "\n]\n"


def table(lines: Sequence[Comparison]) -> str:
    """Return a table for people, one block for each case and peer."""
    width = max((len(line.metric) for line in lines), default=0)
    text: list[str] = []
    block = None
    for line in lines:
        if (line.case, line.peer_name) != block:
            block = (line.case, line.peer_name)
            text += ["", f"{line.case}; peer: {line.peer_name}"]
            text.append(f"  {'':<{width}}  {'ours':>10}  {'peer':>10}  ours/peer")
        ratio = "-" if line.ratio is None else f"{line.ratio:.2f}"
        text.append(f"  {line.metric:<{width}}  {line.ours:>10.2f}  {line.peer:>10.2f}  {ratio:>9}  {line.unit}")
    return "\n".join([*text, "", "medians; less is better"])


def judge(lines: Iterable[Comparison], targets: Iterable[Target]) -> list[Verdict]:
    """Hold the targets against all cases that they are about; a case that was not measured is not judged."""
    wanted = list(targets)
    found = [target.verdict(line) for line in lines for target in wanted if target.about(line)]
    # What is said of ours alone is the same beside each peer.
    return list(dict.fromkeys(found))
