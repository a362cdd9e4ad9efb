"""One change at a time on a machine: two pipelines, or a run and what a killed one left behind, wait for each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from typing import Optional

from .errors import FedgateError

#: Seconds that a second run waits; the longest change, a gateway's start with its checks, takes a fraction of it.
PATIENCE = 120.0
_PAUSE = 0.2


class Busy(FedgateError):
    """Another run is changing this machine, and does not come to its end."""


def lock_file() -> str:
    """Return the file that stands for the right to change this machine; root keeps it where only root can write.

    ``FEDGATE_LOCK`` names another one, on a controller whose runs have nothing in common. It does not reach gateways.
    """
    if os.environ.get("FEDGATE_LOCK"):
        return os.environ["FEDGATE_LOCK"]
    if os.geteuid() == 0:
        return "/run/fedgate/lock"
    return os.path.join(tempfile.gettempdir(), f"fedgate-{os.geteuid()}.lock")


@contextlib.contextmanager
def one_at_a_time(path: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock while the body runs; it goes with the process, however that ends, and leaves no file behind.

    :param patience: seconds to wait for it.
    :raises Busy: when somebody else kept it all that time.
    """
    descriptor = _take(path, time.monotonic() + patience, patience)
    try:
        yield
    finally:
        # Still held: who waits for this file notices that it is no longer the one of that name.
        with contextlib.suppress(OSError):
            os.unlink(path)
        if os.path.basename(os.path.dirname(path)) == "fedgate":
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(path))
        os.close(descriptor)


def _take(path: str, end: float, patience: float) -> int:
    """Return the descriptor that holds the lock."""
    while True:
        descriptor = _try(path)
        if descriptor is not None:
            return descriptor
        if time.monotonic() > end:
            raise Busy(
                f"another run has been changing this machine for more than {patience:.0f} s",
                hint="Let it end, or look for its python process there; then run again. Nothing was changed.",
            )
        time.sleep(_PAUSE)


def _try(path: str) -> Optional[int]:
    """Return a descriptor if the lock was free and its file is still the one of that name, else None."""
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:  # the one before has just taken the folder away
        return None
    except FileExistsError:  # likewise, between makedirs' attempt and its look at what is there
        if os.path.isfile(folder):
            raise
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held, named = os.fstat(descriptor), os.stat(path)
        if (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
