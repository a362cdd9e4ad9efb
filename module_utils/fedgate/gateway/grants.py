"""Reading rights of the server's group on certificate generations.

The keys stay root's; the group may enter the folders and read key and chain of the live generation. Later generations
take group and modes from the live one, so a renewal needs no second grant.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from .files import group_id, look

#: Folders above the pool's own that may have to be opened; /etc itself is everybody's.
_TOP = "/etc"
_DIRECTORY_MODE = 0o750
_FILE_MODE = 0o640


def is_granted(pool: str, group: str) -> bool:
    """Whether the group can read the live generation below ``pool``; false when there is none."""
    if look(os.path.join(pool, "current")).kind == "absent":
        return False
    return all(_fits(path, group) for path in _paths(pool))


def has_chain(pool: str) -> bool:
    """Whether a certificate was issued and installed below ``pool``."""
    return os.path.isfile(os.path.join(pool, "current", "chain.pem"))


def grant(pool: str, group: str) -> None:
    """Give the group its reading rights."""
    number = group_id(group)
    for path in _paths(pool):
        if not _fits(path, group):
            os.chown(path, 0, number)
            os.chmod(path, _DIRECTORY_MODE if os.path.isdir(path) else _FILE_MODE)


def _paths(pool: str) -> Iterator[str]:
    """Yield the folders down to the live generation, then its files."""
    yield from reversed(list(_ancestors(pool)))
    yield pool
    generation = os.path.realpath(os.path.join(pool, "current"))
    yield generation
    for name in ("key.pem", "chain.pem"):
        path = os.path.join(generation, name)
        if os.path.exists(path):
            yield path


def _ancestors(path: str) -> Iterator[str]:
    parent = os.path.dirname(path)
    while parent not in (_TOP, "/"):
        yield parent
        parent = os.path.dirname(parent)


def _fits(path: str, group: str) -> bool:
    found = look(path)
    needed = stat.S_IRGRP | stat.S_IXGRP if found.kind == "directory" else stat.S_IRGRP
    by_group = found.group == group and found.mode & needed == needed
    if path.endswith("/key.pem"):
        return by_group and not found.mode & stat.S_IRWXO
    return by_group or found.mode & (needed >> 3) == needed >> 3
