"""Run a playbook of one side and return what it took."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import command
from .command import ROOT

PLAYBOOKS = ROOT / "bench" / "playbooks"


@dataclass(frozen=True)
class Run:
    """What one run took.

    :ivar figures: metric of ``report.METRICS`` → value.
    :ivar changed: "host: task" of all that changed something.
    """

    figures: dict[str, float]
    changed: tuple[str, ...]


def run(
    python: Path,
    playbook: str,
    inventory: Path,
    hosts: int,
    log: Path,
    tell: Callable[[str], object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Run a playbook of ``bench/playbooks`` with connections made anew, measured.

    :param python: interpreter of the environment whose ``ansible-playbook`` is taken.
    :param hosts: how many hosts it is about; figures per host are divided by it.
    :param log: receives the output.
    :param tell: is told now and then how far it has come.
    :param environment: variables beside our own.
    :raises BenchError: when it fails.
    """
    argv = [str(python.with_name("ansible-playbook")), "-i", str(inventory), str(PLAYBOOKS / playbook)]
    with tempfile.TemporaryDirectory(prefix="fgb-") as folder:
        counts = Path(folder, "counts")
        given = {**(environment or {}), **settings(), "FEDGATE_BENCH_COUNTS": str(counts)}
        used = command.run(playbook, argv, given, log, lambda: tell and tell(how_far(lines(counts), hosts)))
        return tally(used, lines(counts), hosts)


def how_far(counted: Iterable[Mapping[str, Any]], hosts: int) -> str:
    """Return in words which task is under way, and on how many hosts it is done."""
    tasks = [line["task"] for line in counted if "task" in line]
    return f"{tasks[-1]}, on {tasks.count(tasks[-1])} of {hosts} hosts" if tasks else "connecting"


def tally(used: Mapping[str, Any], counted: Iterable[Mapping[str, Any]], hosts: int) -> Run:
    """Sum up the lines that the callback wrote; see ``callbacks/fedgate_bench.py``."""
    every = list(counted)
    modules = [line["on_host"] for line in every if "module" in line]
    figures = {
        "wall": used["wall"],
        "controller CPU": used["cpu"],
        "tasks per host": sum("task" in line for line in every) / hosts,
        "modules per host": sum(modules) / hosts,
        "modules on the controller": float(len(modules) - sum(modules)),
        "sent per host": sum(line.get("sent", 0) for line in every) / hosts / 1000,
    }
    return Run(figures, tuple(f"{line['host']}: {line['task']}" for line in every if line.get("changed")))


def lines(counts: Path) -> list[dict[str, Any]]:
    """Return what the callback wrote so far."""
    return [json.loads(line) for line in counts.read_text().splitlines()] if counts.exists() else []


def settings() -> dict[str, str]:
    """Return the project's ansible.cfg, with one more callback; the same for both sides."""
    return {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": f"{ROOT / 'callback_plugins'}:{ROOT / 'bench' / 'callbacks'}",
        "ANSIBLE_CALLBACKS_ENABLED": "fedgate_summary,fedgate_bench",
    }
