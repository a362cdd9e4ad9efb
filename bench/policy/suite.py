"""Make two gateways, measure them with our modules and without by turns, hold the results against the targets."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from ..progress import Progress
from ..report import Comparison, Outcome, compare
from . import cases, change, cores
from .cases import KINDS, OURS, PLAIN, SUITE, Kind
from .gateway import Gateway
from .load import Burst, Generator, Partners
from .making import contexts, gateways
from .spread import ratios
from .targets import CHANGE, PEER, UNITS, targets

#: Sent before a kind is measured: streams are made, and what is kept in memory is there.
WARM_UP = 400
#: So many stanzas go to one gateway before the other one gets as many: the weather lasts longer than that.
BURST = 500
#: Seconds between opening the streams and the first burst: to report new streams, on our side, is no cost of stanzas.
SETTLE = 1.0
CHANGES = 3

Found = dict[tuple[str, str], list[Burst]]


def run(sizes: Sequence[int], kinds: Sequence[str], stanzas: int, repeat: int) -> Outcome:
    """Measure all cases.

    :param sizes: numbers of partners in the policy.
    :param kinds: names of ``cases.KINDS``.
    :param stanzas: how many each side gets in each round, of each kind.
    :param repeat: how often both sides are started and measured.
    :raises BenchError: when something cannot be carried out.
    """
    print(f"about {cases.seconds(sizes, kinds, repeat, stanzas) / 60:.0f} minutes on two cores that do nothing else")
    progress = Progress(1 + len(sizes) * (1 + repeat) + CHANGES)
    outcome = Outcome(targets=targets())
    with tempfile.TemporaryDirectory(prefix="fgb-") as folder:
        progress.begin("the gateways")
        with gateways(Path(folder), lambda: progress.underway("their playbooks")) as sides:
            progress.done(0)
            trust = contexts(sides[OURS].hosts, Path(folder))
            measurement = Measurement(sides, trust, [KINDS[name] for name in kinds], stanzas, progress, outcome)
            for size in sorted(set(sizes)):
                measurement.size(size, repeat)
            measurement.changes(max(sizes))
    return outcome


class Measurement:
    """All that is measured on a pair of gateways."""

    def __init__(
        self,
        sides: Mapping[str, Gateway],
        trust: tuple[ssl.SSLContext, ssl.SSLContext],
        kinds: Sequence[Kind],
        stanzas: int,
        progress: Progress,
        outcome: Outcome,
    ) -> None:
        self._sides, self._kinds, self._stanzas = sides, kinds, stanzas
        self._client, self._server = trust
        self._progress, self._outcome = progress, outcome

    def size(self, count: int, repeat: int) -> None:
        """Measure with so many partners in the policy."""
        self._progress.begin(f"the policy for {count:,} partners")
        self._sides[OURS].start()
        variables = {"federation_partners": cases.partners(count)}
        self._sides[OURS].play("partners.yml", variables, lambda: self._progress.underway("partners.yml"))
        self._progress.done(0)
        found: Found = {}
        memory: dict[str, list[float]] = {OURS: [], PLAIN: []}
        for number in range(repeat):
            self._progress.begin(f"{count:,} partners, round {number + 1}")
            with cores.beside() as core:
                for side, host in self._sides.items():
                    host.start()
                    host.pin(core)
                    memory[side].append(host.memory())
                self._progress.done(asyncio.run(self._round(count, found)))
        self._report(count, found, memory)

    async def _round(self, count: int, found: Found) -> float:
        """Measure all kinds on one start of both servers; return how many seconds the bursts took."""
        took = 0.0
        async with AsyncExitStack() as stack:
            partners = await stack.enter_async_context(self._partners())
            generators = {
                side: await stack.enter_async_context(Generator(host, self._client, partners))
                for side, host in self._sides.items()
            }
            for generator in generators.values():
                await generator.connect(cases.connected(count))
            await asyncio.sleep(SETTLE)
            for kind in self._kinds:
                for side, burst in (await self._series(generators, kind, count)).items():
                    found.setdefault((side, kind.name), []).append(burst)
                    took += burst.wall
        return took

    async def _series(self, generators: Mapping[str, Generator], kind: Kind, count: int) -> dict[str, Burst]:
        """Send stanzas of one kind to both, burst by burst; return what each side's bursts took together."""
        domains = cases.connected(count, kind.partners)
        bursts: dict[str, list[Burst]] = {side: [] for side in generators}
        for side, generator in generators.items():
            if kind.added:
                await generator.add(domains)
            await generator.burst(side, kind, domains, WARM_UP)
        for pair in cases.turns(-(-self._stanzas // BURST)):
            for side in pair:
                bursts[side].append(await generators[side].burst(side, kind, domains, min(BURST, self._stanzas)))
        return {side: Burst.sum(each) for side, each in bursts.items()}

    def _partners(self) -> Partners:
        return Partners(self._sides[OURS].near, self._server)

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
        self._sides[OURS].start()
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
        host, variables = self._sides[OURS], {"federation_partners": cases.partners(count)}
        host.play("partners.yml", variables, lambda: self._progress.underway("partners.yml, as it was"))
        async with self._partners() as partners, Generator(host, self._client, partners) as generator:
            await generator.connect(cases.connected(count))
            await asyncio.sleep(1)  # the status file is written a moment after
            return await change.add_one(host, count, self._client, lambda: None)
