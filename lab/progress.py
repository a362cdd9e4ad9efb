"""Progress on standard output: one line a step, with the seconds since the start."""

from __future__ import annotations

import sys
import threading
import time

_started = time.monotonic()
_lock = threading.Lock()


def elapsed() -> float:
    """Return the seconds since this process began."""
    return time.monotonic() - _started


def say(subject: str, text: str) -> None:
    """Print one line: seconds so far, what it is about, what happened. Safe to call from threads."""
    with _lock:
        sys.stdout.write(f"{elapsed():6.1f}s  {subject:<13} {text}\n")
        sys.stdout.flush()
