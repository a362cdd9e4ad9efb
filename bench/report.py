"""Figures of both sides: medians, ratios, the table, the JSON, and whether a target was missed. Pure functions."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
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
class Target:
    """What a ratio may be at most.

    :ivar ending: end of the names of the cases that it is about.
    :ivar most: the largest ratio, ours by the peer's.
    """

    ending: str
    metric: str
    most: float


@dataclass(frozen=True)
class Verdict:
    """One target held against one case."""

    met: bool
    text: str


def compare(
    suite: str,
    case: str,
    ours: Sequence[Mapping[str, float]],
    peer: Sequence[Mapping[str, float]],
    peer_name: str,
) -> list[Comparison]:
    """Return the medians of all metrics that both sides measured, each over the runs of its side.

    :param ours: metric → value, for each run; likewise ``peer``.
    """
    lines = []
    for metric, unit in METRICS.items():
        if all(metric in run for run in (*ours, *peer)):
            middles = [round(statistics.median(run[metric] for run in side), 3) for side in (ours, peer)]
            lines.append(Comparison(suite, case, metric, unit, middles[0], middles[1], peer_name))
    return lines


def as_json(lines: Iterable[Comparison]) -> str:
    """Return the comparisons as a JSON list, one object a line."""
    return "[\n" + ",\n".join(f" {json.dumps(asdict(line))}" for line in lines) + "\n]\n"


def table(lines: Sequence[Comparison]) -> str:
    """Return a table for people, one block for each case."""
    width = max((len(line.metric) for line in lines), default=0)
    text: list[str] = []
    case = None
    for line in lines:
        if line.case != case:
            case = line.case
            text += ["", case, f"  {'':<{width}}  {'ours':>10}  {'peer':>10}  ours/peer"]
        ratio = "-" if line.ratio is None else f"{line.ratio:.2f}"
        text.append(f"  {line.metric:<{width}}  {line.ours:>10.2f}  {line.peer:>10.2f}  {ratio:>9}  {line.unit}")
    peers = ", ".join(sorted({line.peer_name for line in lines}))
    return "\n".join([*text, "", f"peer: {peers}; medians; less is better"])


def judge(lines: Iterable[Comparison], targets: Iterable[Target]) -> list[Verdict]:
    """Hold the targets against all cases that they are about; a case that was not measured is not judged."""
    wanted = list(targets)
    return [
        Verdict(
            line.ratio <= target.most,
            f"{line.case}: {line.metric} is {line.ratio:.2f} of the peer's; at most {target.most:.2f} is wanted",
        )
        for line in lines
        for target in wanted
        if line.metric == target.metric and line.case.endswith(target.ending) and line.ratio is not None
    ]
