"""Who runs on which core: both gateways on one, so that both meet whatever else that core does; the load beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator


def shared(cores: Collection[int]) -> int:
    """Return the core for the gateways: the last one. :raises ValueError: when there is none."""
    if not cores:
        raise ValueError("no core to run on")
    return max(cores)


def others(cores: Collection[int]) -> set[int]:
    """Return the cores for the load generator: all but the gateways', or that one too when there is no other."""
    return set(cores) - {shared(cores)} or set(cores)


@contextlib.contextmanager
def beside() -> Iterator[int]:
    """Keep this process off the gateways' core until the end; give that core's number."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, others(before))
    try:
        yield shared(before)
    finally:
        os.sched_setaffinity(0, before)
