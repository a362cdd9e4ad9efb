"""Bring up the servers, run all sides in turn, hold what they made against what was asked for."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from .. import command
from ..errors import BenchError
from ..progress import Progress
from ..report import Comparison, Outcome, compare
from .cases import PASSES, SERVERS, SUITE, Case, Rate, plan
from .named import Named
from .records import Row, others, rows
from .route53 import Route53
from .sides import OURS, Given, Playbook, Side, ours, peer, peer_names
from .targets import UNITS, targets

#: A side one of whose runs took longer is not run again: its median would tell nothing more.
ONCE_OVER = 45.0

Figures = dict[str, float]


class Place(Protocol):
    """A server with a zone.

    :ivar kinds: requests that are told apart.
    :ivar changing: the one of them that changes something.
    """

    kinds: tuple[str, ...]
    changing: str

    def reset(self, count: int, rate: Rate) -> None:
        """Make the zone anew, with so many other records; allow so many requests per second."""

    def clear(self) -> None:
        """Begin to count anew."""

    def counts(self) -> dict[str, int]:
        """Return how many requests of each kind came since ``clear``."""

    def rows(self) -> list[Row]:
        """Return all records but those of the zone itself, not counted."""

    def provider(self) -> dict[str, Any]:
        """Return what ``dns_records`` is given."""

    def settings(self) -> dict[str, Any]:
        """Return address and credentials."""

    def close(self) -> None:
        """End it."""


def run(
    servers: Sequence[str],
    sizes: Sequence[int],
    zones: Sequence[int],
    rates: Sequence[Rate],
    peers: Sequence[str],
    repeat: int,
) -> Outcome:
    """Measure all cases that these name.

    :param repeat: how often each side makes its two runs, in turn with the others.
    :raises BenchError: when something cannot be carried out.
    """
    wanted = plan(servers, sizes, zones, rates, peers)
    if not wanted.peers:
        raise BenchError("nothing is left to measure:\n" + "\n".join(wanted.notes))
    python = Path(os.environ.get("FEDGATE_BENCH_VENV") or command.ROOT / ".venv-bench", "bin", "python")
    names = {server: peer_names(server, python) for server in {case.server for case in wanted.peers}}
    outcome = Outcome(notes=wanted.notes)
    progress = Progress(sum(1 + len(peers) for peers in wanted.peers.values()) * repeat * len(PASSES))
    starts = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fgb-")))
        places: dict[str, Place] = {}
        for case, taking_part in wanted.peers.items():
            if case.server not in places:
                places[case.server] = _place(case.server, folder, python)
                stack.callback(places[case.server].close)
            starts.append(_start(folder))
            sides = [ours(Path(sys.executable)), *(peer(name, case.server, python) for name in taking_part)]
            measurement = Measurement(case, sides, places[case.server], folder, progress)
            outcome.lines += _lines(case, measurement.all(repeat), taking_part, names[case.server])
            outcome.notes += measurement.notes
    start = statistics.median(starts)
    outcome.notes.append(f"Ansible's own start, with a module that does nothing: {start:.2f} s")
    outcome.targets = targets(start)
    return outcome


def _place(server: str, folder: Path, python: Path) -> Place:
    return Route53(python) if server == "route53" else Named(folder / "named")


def _start(folder: Path) -> float:
    """Return what Ansible takes for itself, in seconds."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        nothing = Playbook("nothing", Path(sys.executable), "dns_nothing.yml")
        nothing.prepare(Path(place), Given(Case("", 0, 0), {}, {}))
        return nothing.run(Path(place), lambda: None)["wall"]


def _lines(
    case: Case, found: Mapping[tuple[str, str], list[Figures]], peers: Sequence[str], names: Mapping[str, str]
) -> Iterator[Comparison]:
    """Return the comparisons of a case, without what neither side asked for."""
    for each in PASSES:
        for name in peers:
            if (name, each) in found:
                title = f"{case.title}, {each}"
                lines = compare(SUITE, title, found[OURS, each], found[name, each], names[name], UNITS[case.server])
                yield from (line for line in lines if line.ours or line.peer)


def reason(output: str) -> str:
    """Return the line of a failed run's output that says most: the last one with an error, else the last one."""
    said = [line.strip() for line in output.splitlines() if line.strip()]
    return ([line for line in said if line.startswith("msg:") or "Error" in line] or said)[-1]


class Measurement:
    """All runs of one case.

    :ivar notes: which sides were run once only, or failed.
    """

    def __init__(self, case: Case, sides: Sequence[Side], place: Place, folder: Path, progress: Progress) -> None:
        self.case = case
        self.notes: list[str] = []
        self._sides = list(sides)
        self._place = place
        self._folder = folder
        self._progress = progress

    def all(self, repeat: int) -> dict[tuple[str, str], list[Figures]]:
        """Run all rounds; return (side, pass) → figures of each round. A peer that fails has none."""
        found: dict[tuple[str, str], list[Figures]] = {}
        for round_ in range(repeat):
            for side in self._sides[::-1] if round_ % 2 else self._sides[:]:
                try:
                    both = self._both_passes(side, round_ == 0)
                except BenchError as error:
                    if side.name == OURS:
                        raise
                    self._leave_out(side, repeat - round_ - 1, f"failed: {reason(str(error))}")
                    found = {key: figures for key, figures in found.items() if key[0] != side.name}
                    continue
                for each, figures in both.items():
                    found.setdefault((side.name, each), []).append(figures)
                slowest = max(figures["wall"] for figures in both.values())
                if slowest > ONCE_OVER and side.name != OURS and repeat - round_ > 1:
                    self._leave_out(side, repeat - round_ - 1, f"not run again: {slowest:.0f} s")
        return found

    def _leave_out(self, side: Side, rounds: int, why: str) -> None:
        self._sides.remove(side)
        self._progress.total -= rounds * len(PASSES)
        self.notes.append(f"{why}: {side.name}, {self.case.title}")

    def _both_passes(self, side: Side, look: bool) -> dict[str, Figures]:
        """Run a side from nothing, and again. :param look: whether the zone is held against what was asked for."""
        self._place.reset(self.case.others, self.case.rate)
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            folder = Path(place)
            side.prepare(folder, Given(self.case, self._place.provider(), self._place.settings()))
            found = {}
            for each in PASSES:
                found[each] = self._one_pass(side, folder, each)
                if look and each == PASSES[0]:
                    self._check(side)
            return found

    def _one_pass(self, side: Side, folder: Path, each: str) -> Figures:
        self._progress.begin(f"{self.case.title}, {side.name}, {each}")
        self._place.clear()
        used = side.run(folder, lambda: self._progress.underway(f"{sum(self._place.counts().values())} requests"))
        counts = self._place.counts()
        self._progress.done(used["wall"])
        if each == PASSES[1] and counts[self._place.changing]:
            raise BenchError(f"{side.name} has nothing to do, yet changes something ({self.case.title})")
        return {**used, "requests": float(sum(counts.values())), **counts}

    def _check(self, side: Side) -> None:
        """Demand that the zone holds what was asked for, and the others as they were."""
        found, wanted = self._place.rows(), [*others(self.case.others), *rows(self.case.records)]
        if sorted(found) != sorted(wanted):
            wrong = sorted(set(found) ^ set(wanted))[:3]
            raise BenchError(
                f"{side.name} made something else of {SERVERS[self.case.server]}: {len(found)} records "
                f"instead of {len(wanted)}; {wrong}"
            )
