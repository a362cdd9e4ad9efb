"""Putting a planned gateway live: staged, checked, swapped, verified; rolled back when it does not work.

A run that is killed leaves either the former files or the new ones, and a note in memory of what the service is still
owed; the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import Optional

from ..errors import CheckFailed, FedgateError
from ..host.systemd import Unit
from ..module import Context
from ..plan import Change, Plan
from .files import Wanted, discard, group_id, stage, swap, sync_directory, user_id, write
from .firewall import open_ports
from .grants import grant
from .outcome import wait_until_right
from .prosody_check import scrub, secret_words
from .wanted import EFFECTS, Observed, Settings

#: Notes of interrupted runs. Memory: a restarted machine has started its services anew anyway.
_NOTES = "/run/fedgate"
#: Seconds after which a server that cannot start has ended.
_SETTLE = 1.0


def interrupted_operation(unit: str) -> Optional[str]:
    """Return what a killed run still owed the service: ``reload``, ``restart``, or None."""
    try:
        with open(_note(unit), encoding="ascii") as file:
            text = file.read().strip()
    except FileNotFoundError:
        return None
    return text if text in EFFECTS else "restart"


class Transaction:
    """One application of one plan.

    :param settings: what is wanted.
    :param seen: what was there before, for the way back.
    """

    def __init__(self, context: Context, settings: Settings, seen: Observed, unit: Unit, group: str) -> None:
        self.context = context
        self.settings = settings
        self.seen = seen
        self.unit = unit
        self.group = group
        self.began = time.time()

    def carry_out(self, plan: Plan) -> None:
        """Do all of it or none of it. :raises CheckFailed: after what was live before is live again."""
        operation = next((change.subject for change in plan.changes if change.kind == "service"), None)
        self._note(operation)
        try:
            self._change_files(plan)
            self._tell_service(plan, operation)
            self._open_firewall(plan)
        except (FedgateError, OSError) as error:
            raise self._rolled_back(plan, operation, error) from None
        self._forget()

    # Forward ---------------------------------------------------------------------------------------------------------

    def _change_files(self, plan: Plan) -> None:
        for change in _of(plan, "directory", "create", "update"):
            _make_directory(change.subject)
        for change in _of(plan, "permissions", "update"):
            grant(change.name, self.group)
        wanted: list[Wanted] = [change.subject for change in _of(plan, "file", "create", "update")]
        # What names others comes last: the main configuration, then the unit's own files.
        wanted.sort(key=lambda file: (file.path.startswith("/etc/systemd"), file.path == self.settings.config_path))
        _swap_all(wanted)
        # First what names others.
        for change in sorted(_of(plan, "file", "delete"), key=lambda change: not change.name.endswith(".cfg.lua")):
            os.unlink(change.name)
            sync_directory(os.path.dirname(change.name))
        for change in _of(plan, "directory", "delete"):
            os.rmdir(change.name)

    def _tell_service(self, plan: Plan, operation: Optional[str]) -> None:
        if self._touches_unit(plan) or self.seen.unit.stale:
            self.unit.read_again()
        if _of(plan, "unit", "update"):
            self.unit.do("enable")
        if operation is None:
            return
        self.unit.do(operation)
        if self.settings.removes:
            return
        wait_until_right(self.settings, self.unit)

    def _open_firewall(self, plan: Plan) -> None:
        """Last: nothing is let in before the server was seen to work."""
        if _of(plan, "firewall", "update") and self.settings.chain and self.seen.rules:
            open_ports(self.context, self.settings.chain, self.settings.open_ports, self.seen.rules)

    # Back ------------------------------------------------------------------------------------------------------------

    def _rolled_back(self, plan: Plan, operation: Optional[str], error: Exception) -> CheckFailed:
        words = secret_words(self.settings.files)
        journal = scrub(self.unit.journal(self.began) if operation else "", words)
        state = self._roll_back(plan, operation)
        reason = scrub(str(error).rstrip("."), words)
        return CheckFailed(
            f"{self.unit.name}: {reason}. {state}",
            hint=f"The last lines of its log:\n{journal}" if journal else None,
            details={"journal": journal.splitlines()},
        )

    def _roll_back(self, plan: Plan, operation: Optional[str]) -> str:
        """Restore files and service; return, in words, how it stands now."""
        try:
            changed = [change for change in plan.changes if change.kind == "file"]
            for change in changed:
                self._restore(change.name)
            for change in reversed(_of(plan, "directory", "create")):
                with contextlib.suppress(OSError):
                    os.rmdir(change.name)
            if self._touches_unit(plan):
                self.unit.read_again()
            self._restore_service(operation)
        except (FedgateError, OSError) as error:
            return f"The way back failed too ({error}); this host needs a look"
        self._forget()
        return "What was there before is back" + (", and the service runs" if self.seen.unit.active else "")

    def _restore(self, path: str) -> None:
        before = self.seen.files[path]
        if before.kind == "file" and before.data is not None:
            write(Wanted(path, before.data, before.mode, before.owner, before.group))
        elif before.kind == "absent":
            discard(path)

    def _restore_service(self, operation: Optional[str]) -> None:
        if operation is None:
            return
        if not self.seen.unit.active:
            self.unit.do("stop")
            return
        # A reload that failed may have left the running process half changed only in what the files say; the former
        # files and the same operation give the former state.
        self.unit.do("reload" if operation == "reload" and self.unit.state().active else "restart")
        time.sleep(_SETTLE)
        if not self.unit.state().active:
            raise CheckFailed(f"{self.unit.name} does not run with its former files either")

    # Notes -----------------------------------------------------------------------------------------------------------

    def _note(self, operation: Optional[str]) -> None:
        if operation in ("reload", "restart"):
            os.makedirs(_NOTES, mode=0o755, exist_ok=True)
            write(Wanted(_note(self.unit.name), f"{operation}\n".encode(), 0o644, "root", "root"))

    def _forget(self) -> None:
        discard(_note(self.unit.name))

    def _touches_unit(self, plan: Plan) -> bool:
        return any(change.kind == "file" and change.name.startswith("/etc/systemd/") for change in plan.changes)


def _note(unit: str) -> str:
    return f"{_NOTES}/{unit}.owed"


def _of(plan: Plan, kind: str, *actions: str) -> list[Change]:
    return [change for change in plan.changes if change.kind == kind and change.action in actions]


def _make_directory(wanted: Wanted) -> None:
    os.makedirs(wanted.path, mode=0o755, exist_ok=True)
    os.chown(wanted.path, user_id(wanted.owner), group_id(wanted.group))
    os.chmod(wanted.path, wanted.mode)


def _swap_all(wanted: Sequence[Wanted]) -> None:
    """Stage every file before the first one is swapped: a full disk is noticed while nothing has changed."""
    staged: list[tuple[str, Wanted]] = []
    try:
        for file in wanted:
            staged.append((stage(file), file))
        for path, file in staged:
            swap(path, file.path)
    finally:
        for path, _ in staged:
            discard(path)
