"""Suite ``certificates``: our role ``edge_certificate`` and what a user would write with community.crypto."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import command, fleet, playbook
from .errors import BenchError
from .progress import Progress
from .report import Comparison, Outcome, Target, compare
from .sides import ISSUERS, Side, empty, sides, variables

SUITE = "certificates"
#: First from nothing, then again with nothing to do.
PASSES = ("first run", "nothing to do")
TARGETS = (Target("10 hosts, nothing to do", "wall", 0.5), Target("first run", "wall", 1.0))


@dataclass(frozen=True)
class Case:
    """One issuer with one number of hosts."""

    issuer: str
    hosts: int

    @property
    def title(self) -> str:
        """Return what the report calls it; the pass is added to it."""
        return f"{ISSUERS[self.issuer].title}, {self.hosts} host{'' if self.hosts == 1 else 's'}"


def cases(issuers: Sequence[str], counts: Sequence[int]) -> list[Case]:
    """Return what is to be measured, small things first."""
    every = [Case(issuer, count) for issuer in issuers for count in sorted(set(counts))]
    return [case for case in every if case.hosts <= ISSUERS[case.issuer].most_hosts]


def run(issuers: Sequence[str], counts: Sequence[int], repeat: int) -> Outcome:
    """Bring up the hosts and measure all cases.

    :param repeat: how often each side makes its two runs, in turn with the other one.
    :raises BenchError: when something cannot be carried out.
    """
    wanted = cases(issuers, counts)
    if not wanted:
        raise BenchError("nothing is left to measure: ACME is measured for at most 10 hosts; name fewer hosts")
    peer = Path(os.environ.get("FEDGATE_BENCH_VENV") or command.ROOT / ".venv-bench", "bin", "python")
    name = peer_name(peer)
    others = sorted({host for issuer in issuers for host in ISSUERS[issuer].needs})
    with fleet.fleet(max(case.hosts for case in wanted), others) as hosts, tempfile.TemporaryDirectory() as folder:
        progress = Progress(len(wanted) * repeat * len(PASSES) * 2)
        measured: list[Comparison] = []
        for case in wanted:
            found = Measurement(case, hosts, Path(folder), peer, progress).all(repeat)
            for each in PASSES:
                measured += compare(SUITE, f"{case.title}, {each}", found["ours", each], found["peer", each], name)
        return Outcome(measured, list(TARGETS))


def peer_name(python: Path) -> str:
    """Return the peer's name and version, from its environment. :raises BenchError: when it is not there."""
    program = (
        "import json, pathlib, ansible_collections.community.crypto as c; "
        "print(json.loads(pathlib.Path(c.__path__[0], 'MANIFEST.json').read_text())['collection_info']['version'])"
    )
    try:
        done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchError(f"community.crypto is not installed for {python}: {error}; bin/bench installs it") from error
    return f"community.crypto {done.stdout.strip()}"


class Measurement:
    """All runs of one case."""

    def __init__(self, case: Case, hosts: fleet.Fleet, folder: Path, peer: Path, progress: Progress) -> None:
        self.case = case
        self.hosts = hosts
        self.folder = folder
        self.progress = progress
        self.names = hosts.names[: case.hosts]
        self.meters = hosts.meters(self.names)
        self.sides = sides(ISSUERS[case.issuer], Path(sys.executable), peer)
        self.log = folder / "log"

    def all(self, repeat: int) -> dict[tuple[str, str], list[dict[str, float]]]:
        """Run all rounds; return (side, pass) → figures of each."""
        found: dict[tuple[str, str], list[dict[str, float]]] = {}
        for round_ in range(repeat):
            for side in self._in_turn(round_):
                for each, figures in self._both_passes(side):
                    found.setdefault((side.name, each), []).append(figures)
        return found

    def _in_turn(self, round_: int) -> Sequence[Side]:
        """Return the sides, each of them first in every other round."""
        return self.sides if round_ % 2 == 0 else self.sides[::-1]

    def _both_passes(self, side: Side) -> Iterator[tuple[str, dict[str, float]]]:
        inventory = self._start_from_nothing(side)
        for each in PASSES:
            self.progress.begin(f"{self.case.title}, {side.name}, {each}")
            before = fleet.used(self.meters)
            done = playbook.run(
                side.python, side.playbook, inventory, self.case.hosts, self.log, self.progress.underway
            )
            figures = {**done.figures, "hosts CPU": fleet.used(self.meters) - before}
            self.progress.done(figures["wall"])
            if each == PASSES[0]:
                playbook.run(side.python, "check.yml", inventory, self.case.hosts, self.log)
            elif done.changed:
                raise BenchError(f"{side.name} has nothing to do, yet changes: {', '.join(done.changed[:5])}")
            yield each, figures

    def _start_from_nothing(self, side: Side) -> Path:
        """Remove what was made; return the inventory."""
        place = self.folder / side.name
        empty(place, Path(self.hosts.state["ca_directory"]))
        inventory = place / "inventory.yml"
        given = variables(self.hosts.state, self.names, side, self.case.issuer, place)
        inventory.write_text(self.hosts.inventory(self.names, given))
        inventory.chmod(0o600)
        playbook.run(side.python, "clean.yml", inventory, self.case.hosts, self.log)
        return inventory
