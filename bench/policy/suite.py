"""Make the gateway, measure it with our modules and without in turn, hold the results against the targets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..progress import Progress
from ..report import Comparison, Outcome, compare
from . import cases, change
from .cases import KINDS, OURS, PLAIN, SUITE, Kind
from .gateway import Gateway, gateway
from .load import Burst, Generator
from .spread import ratios
from .targets import CHANGE, PEER, UNITS, targets

#: Sent before a kind is measured: streams are made, and what is kept in memory is there.
WARM_UP = 400
#: Seconds between opening the streams and the first burst: to report new streams, on our side, is no cost of stanzas.
SETTLE = 1.0
CHANGES = 3

Found = dict[tuple[str, str], list[Burst]]


def run(sizes: Sequence[int], kinds: Sequence[str], stanzas: int, repeat: int) -> Outcome:
    """Measure all cases.

    :param sizes: numbers of partners in the policy.
    :param kinds: names of ``cases.KINDS``.
    :param stanzas: how many are sent in each burst.
    :param repeat: how often each side is started and measured, in turn with the other one.
    :raises BenchError: when something cannot be carried out.
    """
    print(f"about {cases.seconds(sizes, kinds, repeat, stanzas) / 60:.0f} minutes on two cores that do nothing else")
    progress = Progress(1 + len(sizes) * (1 + 2 * repeat) + CHANGES)
    outcome = Outcome(targets=targets())
    with tempfile.TemporaryDirectory(prefix="fgb-") as folder:
        progress.begin("the gateway")
        with gateway(Path(folder), lambda: progress.underway("its playbooks")) as host:
            progress.done(0)
            measurement = Measurement(host, [KINDS[name] for name in kinds], stanzas, progress, outcome)
            for size in sorted(set(sizes)):
                measurement.size(size, repeat)
            measurement.changes(max(sizes))
    return outcome


class Measurement:
    """All that is measured on one gateway."""

    def __init__(
        self, host: Gateway, kinds: Sequence[Kind], stanzas: int, progress: Progress, outcome: Outcome
    ) -> None:
        self._host, self._kinds, self._stanzas = host, kinds, stanzas
        self._progress, self._outcome = progress, outcome
        self._contexts = host.contexts()

    def size(self, count: int, repeat: int) -> None:
        """Measure with so many partners in the policy."""
        self._progress.begin(f"the policy for {count:,} partners")
        self._host.start(OURS)
        variables = {"federation_partners": cases.partners(count)}
        self._host.play("partners.yml", variables, lambda: self._progress.underway("partners.yml"))
        self._progress.done(0)
        found: Found = {}
        memory: dict[str, list[float]] = {OURS: [], PLAIN: []}
        for pair in cases.rounds(repeat):
            for side in pair:
                self._progress.begin(f"{count:,} partners, {side}")
                memory[side].append(asyncio.run(self._start(side, count, found)))
        self._report(count, found, memory)

    async def _start(self, side: str, count: int, found: Found) -> float:
        """Measure all kinds on one start of the server; return what memory it had before the load, in MB."""
        self._host.start(side)
        memory = self._host.memory()
        took = 0.0
        async with self._generator() as generator:
            await generator.connect(cases.connected(count))
            await asyncio.sleep(SETTLE)
            for kind in self._kinds:
                burst = await self._burst(generator, side, kind, count)
                found.setdefault((side, kind.name), []).append(burst)
                took += burst.wall
        self._progress.done(took)
        return memory

    async def _burst(self, generator: Generator, side: str, kind: Kind, count: int) -> Burst:
        domains = cases.connected(count, kind.partners)
        if kind.added:
            await generator.add(domains)
        await generator.burst(side, kind, domains, WARM_UP)
        return await generator.burst(side, kind, domains, self._stanzas)

    def _generator(self) -> Generator:
        return Generator(self._host, self._contexts)

    def _report(self, count: int, found: Found, memory: Mapping[str, Sequence[float]]) -> None:
        for kind in self._kinds:
            title = cases.title(kind, count)
            ours, plain = found[OURS, kind.name], found[PLAIN, kind.name]
            lines = compare(SUITE, title, [b.figures for b in ours], [b.figures for b in plain], PEER, UNITS)
            spread = ratios([b.figures["CPU per stanza"] for b in ours], [b.figures["CPU per stanza"] for b in plain])
            lines.insert(1, Comparison(SUITE, title, "CPU ratio", "", round(spread.middle, 3), 1.0, PEER))
            self._outcome.lines += lines
            self._outcome.notes.append(f"{title}: CPU per stanza, with our modules by without: {spread}")
        mine, other = ([{"memory": each} for each in memory[side]] for side in (OURS, PLAIN))
        self._outcome.lines += compare(SUITE, f"{count:,} partners, before any load", mine, other, PEER, UNITS)

    def changes(self, count: int) -> None:
        """Measure how soon one more partner is let in."""
        self._host.start(OURS)
        found = []
        for _ in range(CHANGES):
            self._progress.begin(f"one partner added to {count:,}")
            found.append(asyncio.run(self._change(count)))
            self._progress.done(found[-1].wall)
        middle = change.middle(found)
        title = f"{CHANGE} {count:,}"
        for metric, value in (("enforced", middle.enforced), ("playbook", middle.wall)):
            self._outcome.lines.append(Comparison(SUITE, title, metric, "s", round(value, 3), 0.0, "nothing"))
        spread = ", ".join(f"{each.enforced:.2f}" for each in found)
        self._outcome.notes.append(f"{title}: enforced after {spread} s; {middle.streams} open streams kept their ids")

    async def _change(self, count: int) -> change.Change:
        variables = {"federation_partners": cases.partners(count)}
        self._host.play("partners.yml", variables, lambda: self._progress.underway("partners.yml, as it was"))
        async with self._generator() as generator:
            await generator.connect(cases.connected(count))
            await asyncio.sleep(1)  # the status file is written a moment after
            return await change.add_one(self._host, count, self._contexts[0], lambda: None)
