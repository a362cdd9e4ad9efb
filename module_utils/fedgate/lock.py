"""One change at a time on a machine: two pipelines, or a run and what a killed one left behind, wait for each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator

from .errors import FedgateError

#: Seconds that a second run waits; the longest change, a gateway's start with its checks, takes a fraction of it.
PATIENCE = 120.0
_PAUSE = 0.2


class Busy(FedgateError):
    """Another run is changing this machine, and does not come to its end."""


def lock_file() -> str:
    """Return the file that stands for the right to change this machine; root keeps it where only root can write."""
    if os.geteuid() == 0:
        os.makedirs("/run/fedgate", mode=0o755, exist_ok=True)
        return "/run/fedgate/lock"
    return os.path.join(tempfile.gettempdir(), f"fedgate-{os.geteuid()}.lock")


@contextlib.contextmanager
def one_at_a_time(path: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock while the body runs; it goes with the process, however that ends.

    :param patience: seconds to wait for it.
    :raises Busy: when somebody else kept it all that time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _take(descriptor, patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Busy(
                    f"another run has been changing this machine for more than {patience:.0f} s",
                    hint="Let it end, or look for its python process there; then run again. Nothing was changed.",
                ) from None
            time.sleep(_PAUSE)
        else:
            return
