"""A gateway on a host of the lab: playbooks for it, its server started, its CPU time and memory read."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.runtime import podman

from .. import command, fleet, playbook
from ..command import ROOT
from ..errors import BenchError

CONFIGURATION = "/etc/prosody/prosody.cfg.lua"
STATUS = "/run/prosody/fedgate.json"
START_SECONDS, PAUSE = 30.0, 0.05


class Gateway:
    """A host, with a gateway on it.

    :param name: the host's, in the lab.
    :param folder: for what is written beside, and the log of the playbooks.
    :ivar address: its address; :ivar near: this machine's on the same network, which the partners have.
    """

    def __init__(self, hosts: fleet.Fleet, name: str, folder: Path) -> None:
        self.hosts, self.name, self._folder = hosts, name, folder
        self.container = hosts.identity.container(name)
        self.address: str = hosts.state["addresses"][name]
        self.near = self.address.rpartition(".")[0] + ".1"

    def play(
        self, name: str, variables: Mapping[str, Any], tell: Callable[[], object], *others: str
    ) -> list[dict[str, Any]]:
        """Run a playbook for this host, and others too; return the lines of the callback ``fedgate_bench``."""
        python = Path(sys.executable)
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            given, counts = Path(place, "variables.json"), Path(place, "counts")
            given.write_text(json.dumps(variables))
            argv = [
                str(python.with_name("ansible-playbook")), "-i", str(ROOT / "inventories" / "lab"),
                str(ROOT / "playbooks" / name), "--limit", ",".join((self.name, *others)), "-e", f"@{given}",
            ]  # fmt: skip
            environment = {**playbook.settings(), "FEDGATE_BENCH_COUNTS": str(counts)}
            command.run(name, argv, environment, self._folder / "log", tell)
            return playbook.lines(counts)

    def start(self) -> None:
        """Restart the server, and wait until it listens."""
        listens = "ss -Hltn | grep -q ':5269 ' && ss -Hltn | grep -q ':5222 '"
        tries = int(START_SECONDS / PAUSE)
        self.shell(
            f"systemctl restart prosody; for i in $(seq {tries}); do {listens} && exit 0; sleep {PAUSE}; done; exit 1"
        )

    def meter(self) -> Callable[[], float]:
        """Return what reads the CPU seconds of the host's control group: the server, and a systemd that sleeps."""
        meters = self.hosts.meters([self.name])
        return lambda: fleet.used(meters)

    def pin(self, core: int) -> None:
        """Keep the server, all of its threads, on one core until it ends."""
        self.shell(f"taskset -acp {core} {self._pid()}")

    def memory(self) -> float:
        """Return how much memory of its own the server has, in MB."""
        return resident(self.shell(f"cat /proc/{self._pid()}/status"))

    def _pid(self) -> int:
        return int(self.shell("systemctl show --property MainPID --value prosody"))

    def status(self) -> dict[str, Any]:
        """Return what our modules report."""
        found: dict[str, Any] = json.loads(self.shell(f"cat {STATUS}"))
        return found

    def write(self, path: str, text: str) -> None:
        """Write a file of the host, keeping its owner and mode."""
        self.shell(f"cat >{path}", text)

    def shell(self, script: str, given: str = "") -> str:
        """Run a script on the host. :raises BenchError: when it fails."""
        argv = podman("exec", "-i", self.container, "sh", "-c", script)
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(
                f"{self.name}: {script!r} failed ({done.returncode}): {done.stderr[-500:]}{done.stdout[-500:]}"
            )
        return done.stdout


def resident(status: str) -> float:
    """Read ``VmRSS`` of a file /proc/PID/status, as MB (10⁶ bytes). :raises BenchError: when it is not there."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024 / 1e6
    raise BenchError("the server has no VmRSS in its /proc/PID/status; does it run?")
