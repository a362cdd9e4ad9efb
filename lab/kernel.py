"""A limit of the machine that hosts with systemd use up: inotify instances, counted over all containers together."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from .errors import LabError
from .progress import say

#: systemd, its logind and what it starts hold five or six; a boot holds a few more for a moment.
PER_HOST = 10
LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")


def make_room(hosts: int) -> None:
    """Make sure that so many hosts can start; raise the limit until the next boot when they could not.

    Without room systemd ends at once, or runs half blind. Debian's limit of 128 is enough for three labs.

    :raises LabError: when there is no room and the limit may not be raised.
    """
    needed = PER_HOST * hosts
    if free(needed) >= needed:
        return
    before = int(LIMIT.read_text())
    after = before + max(512, needed)
    try:
        LIMIT.write_text(f"{after}\n")
    except OSError:
        raise LabError(
            f"{LIMIT} is {before} and used up: {hosts} hosts with systemd need {needed} more; "
            f"raise it on the machine itself: sysctl fs.inotify.max_user_instances={after}"
        ) from None
    say("kernel", f"fs.inotify.max_user_instances raised from {before} to {after} until the next boot")


def free(wanted: int) -> int:
    """Return how many inotify instances can be had now, at most ``wanted``."""
    library = ctypes.CDLL(None)
    taken: list[int] = []
    while len(taken) < wanted:
        descriptor = library.inotify_init1(os.O_CLOEXEC)
        if descriptor < 0:
            break
        taken.append(descriptor)
    for descriptor in taken:
        os.close(descriptor)
    return len(taken)
