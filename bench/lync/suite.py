"""Bring up the server, run both sides in turn, hold what they made against what was asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import BenchError
from ..progress import Progress
from ..report import Outcome, compare
from .cases import CHANGED, FIRST, PASSES, SECOND, SUITE, UNITS, Case, partners, targets
from .place import FrontEnd
from .sides import OURS, Module, Side, Usual, peer_title

#: A side one of whose runs took longer than so many seconds is not run again.
ONCE_OVER = 45.0

Figures = dict[str, float]
Found = dict[tuple[str, str], list[Figures]]


def run(sizes: Sequence[int], repeat: int) -> Outcome:
    """Measure.

    :param sizes: how many partners.
    :param repeat: how often each side makes its three runs, in turn with the other one.
    :raises BenchError: when something cannot be carried out.
    """
    outcome = Outcome(targets=targets())
    progress = Progress(2 * len(PASSES) * len(sizes) * repeat)
    with tempfile.TemporaryDirectory(prefix="fgb-") as folder:
        place = FrontEnd(Path(folder))
        try:
            for size in sorted(set(sizes)):
                measurement = Measurement(Case(size), place, Path(folder), progress)
                found = measurement.all(repeat)
                for each in PASSES:
                    title = f"{measurement.case.title}, {each}"
                    ours, peer = found[OURS, each], found[Usual.name, each]
                    outcome.lines += compare(SUITE, title, ours, peer, peer_title(), UNITS)
                outcome.notes += measurement.notes
        finally:
            place.close()
    return outcome


class Measurement:
    """All runs of one case.

    :ivar notes: which side was run once only.
    """

    def __init__(self, case: Case, place: FrontEnd, folder: Path, progress: Progress) -> None:
        self.case = case
        self.notes: list[str] = []
        self._place = place
        self._folder = folder
        self._progress = progress

    def all(self, repeat: int) -> Found:
        """Run all rounds; return (side, pass) → figures of each round."""
        found: Found = {}
        sides: list[Side] = [Module(), Usual()]
        for round_ in range(repeat):
            for side in sides[::-1] if round_ % 2 else sides[:]:
                slowest = self._passes(side, found)
                if slowest > ONCE_OVER and round_ < repeat - 1:
                    sides.remove(side)
                    self._progress.total -= (repeat - round_ - 1) * len(PASSES)
                    self.notes.append(f"not run again: {slowest:.0f} s: {side.name}, {self.case.title}")
        return found

    def _passes(self, side: Side, found: Found) -> float:
        """Run a side from nothing, with changes, and again; return the seconds of its slowest run."""
        self._place.reset()
        slowest = 0.0
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            for each in PASSES:
                wanted = partners(self.case.partners, each != FIRST)
                figures = self._one(side, Path(folder), each, wanted)
                slowest = max(slowest, figures["wall"])
                found.setdefault((side.name, each), []).append(figures)
        return slowest

    def _one(self, side: Side, folder: Path, each: str, wanted: list[dict[str, object]]) -> Figures:
        self._progress.begin(f"{self.case.title}, {side.name}, {each}")
        self._place.clear()
        writes = self._place.writes
        used = side.run(folder, self._place.way(), wanted, self._tell)
        self._progress.done(used["wall"])
        done = self._place.writes - writes
        expected = {FIRST: len(wanted), CHANGED: -(-len(wanted) // 10), SECOND: 0}[each]
        if done != expected or (wrong := self._place.wrong(wanted)):
            told = f"{done} changes instead of {expected}" if done != expected else f"not as asked for: {wrong[:3]}"
            raise BenchError(f"{side.name}, {self.case.title}, {each}: {told}")
        return {**used, **self._place.counts()}

    def _tell(self) -> None:
        self._progress.underway(f"{self._place.counts()['pipelines']:.0f} pipelines")
