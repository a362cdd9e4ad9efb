"""Run playbooks as a user does, and read what they did from the summary's results file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
#: The integration tests' own lab, so that a demonstration that is left running is not touched.
LAB_NAME = os.environ.get("FEDGATE_TEST_LAB", "test")

#: (host, kind, name, action); for tasks of ansible-core kind is ``task`` and action ``run``.
Named = tuple[str, str, str, str]


@dataclass(frozen=True)
class Rollout:
    """What one run of a playbook did.

    :ivar code: the exit code of ``ansible-playbook``.
    :ivar output: standard output and error together.
    :ivar hosts: results by host, as the summary writes them.
    """

    code: int
    output: str
    hosts: dict[str, Any] = field(default_factory=dict)

    def named_changes(self) -> set[Named]:
        """Return the names of all changes of the run, without their values."""
        named: set[Named] = set()
        for host, result in self.hosts.items():
            for entry in result["plans"]:
                named |= {(host, item["kind"], item["name"], item["action"]) for item in entry["plan"]}
            named |= {(host, "task", task, "run") for task in result["tasks_changed"]}
        return named

    def changed(self) -> dict[str, int]:
        """Return the number of changed tasks by host."""
        return {host: result["changed"] for host, result in self.hosts.items()}


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which commands of the checkout run against the tests' lab."""
    return {**os.environ, "LAB_NAME": LAB_NAME, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **more}


def lab(*arguments: str, check: bool = True) -> str:
    """Run ``bin/lab`` on the tests' lab. :returns: its standard output."""
    result = subprocess.run(
        [str(ROOT / "bin" / "lab"), *arguments],
        env=environment(),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    if check and result.returncode:
        raise AssertionError(f"bin/lab {' '.join(arguments)}: {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def lab_state() -> dict[str, Any]:
    """Return the state of the tests' lab."""
    path = ROOT / "lab" / ".state" / LAB_NAME / "lab.json"
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return state


def play(playbook: str, *arguments: str, variables: dict[str, Any] | None = None, python: str | None = None) -> Rollout:
    """Run a playbook of ``playbooks/`` against the lab's inventory to its end.

    :param variables: extra variables; they win over the inventory's.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = _command(playbook, arguments, variables, Path(folder), python)
        done = subprocess.run(
            command, cwd=ROOT, env=environment(FEDGATE_RESULTS_FILE=str(results)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=900,
        )  # fmt: skip
        hosts = json.loads(results.read_text(encoding="utf-8"))["hosts"] if results.exists() else {}
    return Rollout(done.returncode, done.stdout, hosts)


def play_killed(playbook: str, seconds: float) -> bool:
    """Start a playbook and kill it with all its children after some seconds. :returns: whether it was still running."""
    with tempfile.TemporaryDirectory() as folder:
        command = _command(playbook, (), None, Path(folder), None)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        running = process.poll() is None
        if running:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return running


def _command(
    playbook: str, arguments: tuple[str, ...], variables: dict[str, Any] | None, folder: Path, python: str | None
) -> list[str]:
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/lab", f"playbooks/{playbook}", *arguments]
    if python:
        command = [python, *command]
    if variables is not None:
        file = folder / "variables.json"
        file.write_text(json.dumps(variables), encoding="utf-8")
        command += ["-e", f"@{file}"]
    return command
