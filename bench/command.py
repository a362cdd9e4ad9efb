"""Run one command, measured by ``measured.py``, and tell now and then that it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "bench" / "measured.py"
#: So often it is told how far a run has come, in seconds.
TELL_EVERY = 15.0
#: How much of a failed run's output is shown.
LAST_LINES = 25


def run(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, tell: Callable[[], object]
) -> dict[str, float]:
    """Run a command to its end.

    :param name: what an error calls it.
    :param environment: beside our own.
    :param log: its output is added there.
    :param tell: is called now and then.
    :returns: ``wall`` and ``cpu`` seconds, of the command and all its descendants.
    :raises BenchError: when it fails.
    """
    # Short: ssh makes sockets in it, and their names have an end.
    with tempfile.TemporaryDirectory(prefix="fgb-") as folder:
        control, result = Path(folder, "c"), Path(folder, "result")
        control.mkdir(mode=0o700)
        given = {**os.environ, **environment, "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control)}
        code = _wait([sys.executable, str(MEASURED), str(result), str(control), str(log), *command], given, tell)
        used = json.loads(result.read_text()) if code == 0 else {"code": f"not measured, {code}"}
    if used["code"] != 0:
        raise BenchError(f"{name} failed ({used['code']}); its output ends:\n{_end(log)}")
    return {each: float(used[each]) for each in ("wall", "cpu")}


def _wait(command: list[str], environment: Mapping[str, str], now_and_then: Callable[[], object]) -> int:
    """Run a command to its end; return its exit code."""
    with subprocess.Popen(command, cwd=ROOT, env=environment) as child:
        try:
            while True:
                try:
                    return child.wait(TELL_EVERY)
                except subprocess.TimeoutExpired:
                    now_and_then()
        except BaseException:  # we are told to stop: so is it
            child.terminate()
            raise


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
