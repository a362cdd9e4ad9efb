"""The hosts: a fleet in a lab of its own, taken down at the end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lab.identity import Identity
from lab.runtime import podman
from lab.shell import text

from .command import ROOT
from .errors import BenchError

CGROUP = Path("/sys/fs/cgroup")


class Fleet:
    """Hosts that are up.

    :ivar state: what ``bin/lab`` remembers: addresses, keys.
    """

    def __init__(self) -> None:
        self.identity = Identity.from_environment()
        self.state: dict[str, Any] = json.loads((self.identity.directory / "lab.json").read_text())
        self._group: dict[str, Any] = yaml.safe_load((self.identity.directory / "fleet.yml").read_text())["fleet"]

    @property
    def names(self) -> list[str]:
        """Return the names of all hosts."""
        return sorted(self._group["hosts"])

    def inventory(self, names: Sequence[str], variables: dict[str, Any]) -> str:
        """Return an inventory (JSON, which is YAML too) of some of the hosts, as the group ``fleet``."""
        hosts = {name: self._group["hosts"][name] for name in names}
        return json.dumps({"fleet": {"hosts": hosts, "vars": {**self._group.get("vars", {}), **variables}}}, indent=1)

    def meters(self, names: Sequence[str]) -> list[Path]:
        """Return the files that count the CPU time of these hosts' control groups."""
        containers = [self.identity.container(name) for name in names]
        paths = text(podman("inspect", "--format", "{{.State.CgroupPath}}", *containers)).split()
        return [meter(path) for path in paths]


def meter(path: str, root: Path = CGROUP) -> Path:
    """Return the file that counts the CPU time of a control group, of whichever version.

    :raises BenchError: when there is none.
    """
    inside = path.lstrip("/")
    for place in (root / inside / "cpu.stat", root / "cpuacct" / inside / "cpuacct.usage"):
        if place.is_file():
            return place
    raise BenchError(f"no CPU time is counted for {path} below {root}: cpuacct (or cpu of v2) is missing")


def used(meters: Sequence[Path]) -> float:
    """Return the CPU seconds that these control groups used since they exist."""
    return sum(_seconds(file.read_text()) for file in meters)


def _seconds(content: str) -> float:
    """Read ``cpuacct.usage`` (ns) or ``cpu.stat`` (a line ``usage_usec``)."""
    words = content.split()
    return int(words[0]) / 1e9 if len(words) == 1 else int(words[words.index("usage_usec") + 1]) / 1e6


@contextmanager
def fleet(count: int, others: Sequence[str] = ()) -> Iterator[Fleet]:
    """Give ``count`` hosts and those named; take the lab down afterwards, unless FEDGATE_KEEP_LAB is set.

    :raises BenchError: when they do not come up.
    """
    os.environ.setdefault("LAB_NAME", "bench")
    try:
        if others:
            _lab("up", *others)
        if "acme" in others:  # it makes a new root at each start
            _lab("acme-root", "--write")
        _lab("fleet", str(count))
        yield Fleet()
    finally:
        if not os.environ.get("FEDGATE_KEEP_LAB"):
            _lab("down")


def _lab(*arguments: str) -> None:
    done = subprocess.run([str(ROOT / "bin" / "lab"), *arguments], check=False)
    if done.returncode:
        raise BenchError(f"bin/lab {' '.join(arguments)} failed ({done.returncode}); what it said stands above")
