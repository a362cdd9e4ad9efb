"""Run one command and write what it used: ``measured.py RESULT CONTROL_FOLDER LOG COMMAND…``. Needs no packages.

A process of its own, because it becomes the parent of all that the command leaves behind: ssh's connection masters go
on in the background, and their CPU time would count for nobody.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

#: prctl(2): orphaned descendants become children of this process.
PR_SET_CHILD_SUBREAPER = 36
#: prctl(2): the command gets this signal when we are killed, and does not go on alone.
PR_SET_PDEATHSIG = 1
LEFTOVER_SECONDS = 10.0


def main(arguments: list[str]) -> int:
    """Run the command; return 0 when it could be measured, whatever its own exit code."""
    result, control, log, *command = arguments
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(log, "ab") as output:
        began = time.monotonic()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0),
        )
        code = child.wait()
        wall = time.monotonic() - began
    end_connections(Path(control))
    reap()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    Path(result).write_text(json.dumps({"code": code, "wall": wall, "cpu": used.ru_utime + used.ru_stime}))
    return 0


def end_connections(control: Path) -> None:
    """Tell ssh's connection masters to go, so that the next run begins without connections, and reap them."""
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for socket in control.iterdir():
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "unused"], check=False, **quiet)


def reap() -> None:
    """Wait for all descendants, but not for ever."""
    end = time.monotonic() + LEFTOVER_SECONDS
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
