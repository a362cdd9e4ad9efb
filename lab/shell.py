"""Running programs: no shell, a steady locale, and children that end when we are told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from .errors import LabError

_children: set[subprocess.Popen[bytes]] = set()
_children_lock = threading.RLock()


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    check: bool = True,
    pass_fds: Sequence[int] = (),
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program and return its exit code and output.

    :param stdin: bytes for its standard input; nothing (end of file) by default.
    :param check: raise when the exit code is not 0.
    :param pass_fds: descriptors that the program keeps open, such as that of a lock.
    :param timeout: seconds after which the program is killed and counts as failed (exit code 124).
    :raises LabError: when it is not there, or failed and ``check`` is set.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            pass_fds=tuple(pass_fds),
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]}: not found") from None
    with _children_lock:
        _children.add(child)
    try:
        out, err = child.communicate(stdin, timeout=timeout)
        code = child.returncode
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        code = 124
    finally:
        with _children_lock:
            _children.discard(child)
    if check and code != 0:
        raise LabError(f"{' '.join(argv[:3])} failed ({code}): {last_words(err, out)}")
    return subprocess.CompletedProcess(list(argv), code, out, err)


def text(argv: Sequence[str], **options: object) -> str:
    """Run a program and return its standard output as text; see ``run``."""
    return run(argv, **options).stdout.decode(errors="replace")  # type: ignore[arg-type]


def last_words(*outputs: bytes, lines: int = 3) -> str:
    """Return the last lines of the first output that says anything, joined to one line."""
    for output in outputs:
        said = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
        if said:
            return " | ".join(said[-lines:])
    return "it said nothing"


def end_children_on_signals() -> None:
    """End the running children when this process is told to end; what is half made is repaired by the next ``up``."""

    def stop(number: int, _frame: FrameType | None) -> None:
        # No lock here: the handler may interrupt the very thread that holds it.
        for child in list(_children):
            child.terminate()
        sys.stderr.write(f"bin/lab: stopped by {signal.Signals(number).name}; run it again to go on\n")
        sys.stderr.flush()
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
