"""The plan of a gateway: a pure function of what is wanted and what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Optional

from ..plan import Change, Pending, Plan
from .files import matches, shown_seen, shown_wanted
from .wanted import EFFECTS, Observed, Settings


def plan_gateway(settings: Settings, seen: Observed, unit: str, *, check_mode: bool) -> Plan:
    """Return what has to change.

    :param unit: the service's name, as it is shown.
    :param check_mode: whether what does not exist yet may come into being by the steps before this one.
    """
    waiting = _pending(settings, seen, check_mode)
    if waiting:
        return Plan.of((), waiting)
    changes = [*_directories(settings, seen), *_files(settings, seen), *_deletions(settings, seen)]
    changes += _grants(settings, seen)
    changes += _firewall(settings, seen)
    if not settings.removes and settings.mode == "full" and seen.unit.exists and not seen.unit.enabled:
        changes.append(Change("update", "unit", unit, {"enabled": False}, {"enabled": True}))
    operation = operation_of(settings, seen, changes)
    if operation:
        changes.append(_service(unit, operation, seen))
    return Plan.of(changes)


def operation_of(settings: Settings, seen: Observed, changes: Iterable[Change]) -> Optional[str]:
    """Return what the service must be told: ``start``, ``restart``, ``reload`` or None."""
    if not seen.unit.active:
        # In policy_only the server is somebody else's: what they stopped stays stopped.
        return "start" if settings.mode == "full" else None
    needs = [_effect(settings, change) for change in changes]
    if seen.unit.stale or seen.outdated:
        needs.append("restart")
    needs.extend(need for need in (seen.interrupted, seen.fault[1] if seen.fault else None) if need)
    strongest = max(needs, key=EFFECTS.index, default="none")
    return None if strongest == "none" else strongest


def _pending(settings: Settings, seen: Observed, check_mode: bool) -> list[Pending]:
    if not settings.certificate_pending or (check_mode and settings.certificate_changes):
        return []
    return [
        Pending("gateway", path, "The certificate is not issued yet; the next run after its issue goes on from here.")
        for path in seen.missing
    ]


def _directories(settings: Settings, seen: Observed) -> Iterator[Change]:
    if settings.removes:
        return
    for wanted in settings.directories:
        there = seen.files[wanted.path]
        after = {"mode": f"{wanted.mode:04o}", "owner": wanted.owner, "group": wanted.group}
        if there.kind != "directory":
            yield Change("create", "directory", wanted.path, None, after, wanted)
        elif (there.mode, there.owner, there.group) != (wanted.mode, wanted.owner, wanted.group):
            before = {"mode": f"{there.mode:04o}", "owner": there.owner, "group": there.group}
            yield Change("update", "directory", wanted.path, before, after, wanted)


def _files(settings: Settings, seen: Observed) -> Iterator[Change]:
    if settings.removes:
        return
    for wanted in settings.files:
        there = seen.files[wanted.path]
        if matches(wanted, there):
            continue
        # The package's own sample was written by nobody for this host: replacing it is making the file.
        new = there.kind == "absent" or there.sample
        before = None if new else shown_seen(there, secret=wanted.secret)
        yield Change("create" if new else "update", "file", wanted.path, before, shown_wanted(wanted, there), wanted)


def _deletions(settings: Settings, seen: Observed) -> Iterator[Change]:
    secret = {file.path for file in settings.files if file.secret}
    paths = [*settings.absent, *(file.path for file in settings.files)] if settings.removes else settings.absent
    for path in paths:
        there = seen.files[path]
        if there.kind != "absent":
            yield Change("delete", "file", path, shown_seen(there, secret=path in secret), None)
    if settings.removes:
        # Only what is empty can go; whether it will be is known once the files are gone.
        for wanted in sorted(settings.directories, key=lambda directory: directory.path, reverse=True):
            if seen.files[wanted.path].kind == "directory" and _only_ours(wanted.path, settings, seen):
                yield Change("delete", "directory", wanted.path, {}, None)


def _only_ours(path: str, settings: Settings, seen: Observed) -> bool:
    files = {file.path for file in settings.files} | set(settings.absent)
    directories = {entry.path for entry in settings.directories}
    inside = [f"{path}/{name}" for name in seen.files[path].entries]
    return all(entry in files or (entry in directories and _only_ours(entry, settings, seen)) for entry in inside)


def _grants(settings: Settings, seen: Observed) -> Iterator[Change]:
    for path, granted in seen.grants.items():
        if not granted:
            field = "readable by the gateway"
            yield Change("update", "permissions", path, {field: False}, {field: True})


def _firewall(settings: Settings, seen: Observed) -> Iterator[Change]:
    if settings.chain and seen.rules and seen.rules.ports != set(settings.open_ports):
        before, after = sorted(seen.rules.ports), sorted(settings.open_ports)
        yield Change("update", "firewall", settings.chain, {"open": before}, {"open": after})


def _service(unit: str, operation: str, seen: Observed) -> Change:
    before: dict[str, Any] = {"state": "running" if seen.unit.active else "stopped"}
    if seen.fault:
        before["fault"] = seen.fault[0]
    return Change("run", "service", unit, before, {"operation": operation}, operation)


def _effect(settings: Settings, change: Change) -> str:
    """Return what a change takes; a file that goes away takes what its being there had given."""
    if change.kind == "file":
        effects = {file.path: file.effect for file in settings.files}
        if change.action == "update" and _only_rights(change):
            return "none"
        return effects.get(change.name, "restart")
    return "none"


def _only_rights(change: Change) -> bool:
    """Whether a file keeps its bytes, so that the server has nothing to read again."""
    keys = ("sha256", "content")
    before, after = change.before or {}, change.after or {}
    return all(before.get(key) == after.get(key) for key in keys)
