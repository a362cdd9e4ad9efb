"""The lab's name server: BIND 9, authoritative, with signed dynamic updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import zones
from ..resolver import Outside
from ..setup import File, Setup


def setup(state: Mapping[str, Any], _certificates: Mapping[str, tuple[bytes, bytes]]) -> Setup:
    """Return the files of the lab's own zones; those of the world outside come with every ``up``."""
    files = tuple(File(path, text, 0o640, "bind", "bind") for path, text in sorted(zones.files(state).items()))
    # A journal without its zone file, or the reverse, would keep named from starting; on a new host there is neither.
    return Setup(
        files, "chown bind:bind /var/lib/bind\nnamed-checkconf -z > /dev/null\nsystemctl enable --quiet --now named\n"
    )


def outside(world: Outside, address: str) -> Setup:
    """Return what follows the controller's network: root zone and mirror names, loaded without a restart."""
    files = tuple(
        File(path, text, 0o640, "bind", "bind") for path, text in sorted(zones.outside_files(world, address).items())
    )
    return Setup(files, "if systemctl -q is-active named; then rndc -q reconfig && rndc -q reload .; fi\n")
