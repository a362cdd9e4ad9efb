"""Locks between processes of one machine: two ``up`` of one lab, two builds of one image, two choices of a subnet."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from .progress import say

PLACE = Path("/run/lock")


@contextlib.contextmanager
def held(name: str) -> Iterator[int]:
    """Hold the lock ``name``; wait for it, and say so, when another process has it.

    The file goes away with the lock. Yields the descriptor: a child that inherits it keeps the lock until it ends,
    so that an orphan of a killed run is waited for.
    """
    path = PLACE / f"fedgate-{name}.lock"
    PLACE.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path) -> int:
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                say("lock", f"waiting for another bin/lab that holds {path}")
                told = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _still_there(path, descriptor):
            return descriptor
        os.close(descriptor)  # its holder removed the file when it was done: ours is a lock on nothing


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
