"""What is there: containers as podman lists them, and whether the hosts in them are well."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .identity import Identity
from .runtime import podman
from .setup import MARKER
from .shell import text


@dataclass(frozen=True)
class Seen:
    """A container as podman lists it.

    :ivar pid: of its first process, as podman believes.
    """

    identifier: str
    state: str
    pid: int


def listed(identity: Identity) -> dict[str, Seen]:
    """Return this lab's containers by the names of their hosts, whatever state they are in."""
    found: list[dict[str, Any]] = json.loads(
        text(podman("ps", "--all", "--external", "--filter", f"name=^{identity.prefix}", "--format", "json")) or "[]"
    )
    return {
        name.removeprefix(identity.prefix): Seen(each["Id"], str(each.get("State", "")), int(each.get("Pid") or 0))
        for each in found
        for name in each.get("Names") or []
        if name.startswith(identity.prefix)
    }


def describe(name: str, seen: Seen | None, address: str) -> str:
    """Return a host's condition in a few words: ``up``, ``-`` when it was never made, else what is wrong."""
    if seen is None:
        return "-"
    if seen.state != "running" or not alive(seen):
        return f"gone (podman says {seen.state}); bin/lab up {name} repairs it"
    if read_marker(seen) is None:
        return f"half made; bin/lab up {name} repairs it"
    return "up" if answers(address, 0.5) else f"sshd does not answer; bin/lab up {name} repairs it"


def alive(seen: Seen) -> bool:
    """Tell whether the first process is there, and below conmon, without which podman cannot stop it or see it end."""
    try:
        status = Path(f"/proc/{seen.pid}/stat").read_text()
        parent = Path(f"/proc/{status.rsplit(')', 1)[1].split()[1]}/comm").read_text().strip()
    except (OSError, IndexError):
        return False
    return seen.pid > 1 and parent == "conmon"


def read_marker(seen: Seen) -> dict[str, str] | None:
    """Return what the host says it was made from, None when it was not finished or is not running."""
    try:
        marker = json.loads(Path(f"/proc/{seen.pid}/root{MARKER}").read_text())
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def answers(address: str, seconds: float = 2.0) -> bool:
    """Tell whether a host's sshd greets within this time."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((address, 22), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
