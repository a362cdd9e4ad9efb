"""One systemd unit: what it is doing, and telling it to do something else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Optional

from ..errors import CheckFailed, MissingDependency
from ..module import Context

_FIELDS = (
    "LoadState",
    "ActiveState",
    "MainPID",
    "NeedDaemonReload",
    "UnitFileState",
    "ExecMainStartTimestampMonotonic",
)


@dataclass(frozen=True)
class UnitState:
    """A unit as systemd sees it.

    :ivar exists: whether its unit file is installed.
    :ivar active: whether it runs (also while it reloads).
    :ivar failed: whether it ended by itself, with an error.
    :ivar enabled: whether it starts with the machine.
    :ivar pid: the main process, None when there is none.
    :ivar stale: whether systemd has not read the unit's files since they changed.
    :ivar started: when the main process started (seconds since the epoch), None when it does not run.
    """

    exists: bool
    active: bool
    failed: bool
    enabled: bool
    pid: Optional[int]
    stale: bool
    started: Optional[float]


class Unit:
    """A unit of the running system.

    :param context: runs the programs.
    :param name: the unit's name, such as ``prosody.service``.
    """

    def __init__(self, context: Context, name: str) -> None:
        self.context = context
        self.name = name

    def state(self) -> UnitState:
        """Ask systemd. :raises MissingDependency: when this host does not run systemd."""
        code, out, err = self.context.run(["systemctl", "show", "--property", ",".join(_FIELDS), self.name])
        if code != 0:
            problem = f"systemctl cannot show {self.name}: {(err or out).strip()}"
            raise MissingDependency(problem, hint="Hosts need systemd.")
        return parse_state(out, monotonic=time.clock_gettime(time.CLOCK_MONOTONIC), now=time.time())

    def do(self, operation: str) -> None:
        """Start, stop, restart, reload or enable the unit. :raises CheckFailed: when systemd refuses."""
        if operation == "start":
            # A unit that failed often may hit systemd's start limit, which is no verdict on the new configuration.
            self.context.run(["systemctl", "reset-failed", self.name])
        code, out, err = self.context.run(["systemctl", operation, self.name])
        if code != 0:
            raise CheckFailed(f"systemctl {operation} {self.name}: {(err or out).strip()}")

    def read_again(self) -> None:
        """Let systemd read its unit files again."""
        self.context.run(["systemctl", "daemon-reload"])

    def journal(self, since: float, lines: int = 12) -> str:
        """Return the unit's last journal lines since a moment (seconds since the epoch); empty without a journal."""
        options = ["--since", f"@{int(since)}", "--lines", str(lines), "--output", "cat", "--no-pager", "--quiet"]
        code, out, _ = self.context.run(["journalctl", "--unit", self.name, *options])
        return out.strip() if code == 0 else ""


def parse_state(text: str, *, monotonic: float, now: float) -> UnitState:
    """Read the output of ``systemctl show``.

    :param text: lines ``Name=value``.
    :param monotonic: the monotonic clock now, seconds; systemd counts start times in it.
    :param now: the same moment, seconds since the epoch.
    """
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    pid = int(fields.get("MainPID") or 0)
    since = int(fields.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
    active = fields.get("ActiveState") in ("active", "activating", "reloading")
    return UnitState(
        exists=fields.get("LoadState") == "loaded",
        active=active,
        failed=fields.get("ActiveState") == "failed",
        enabled=fields.get("UnitFileState") in ("enabled", "enabled-runtime", "static", "alias"),
        pid=pid or None,
        stale=fields.get("NeedDaemonReload") == "yes",
        started=now - (monotonic - since) if active and since else None,
    )
