"""What would be done, as values: the same plan is shown in check mode, rendered as a diff, and carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Stands for a value that exists only once the plan was carried out (a key, a serial number, a request).
KNOWN_AFTER_APPLY = "known after apply"
#: Stands for a secret in anything that people or logs may see.
SECRET = "secret"  # noqa: S105 - the word that is shown instead of one
CHANGED_SECRET = "changed (secret)"  # noqa: S105

Action = Literal["create", "update", "delete", "run"]


@dataclass(frozen=True)
class Change:
    """One change of one thing.

    :ivar action: ``create``, ``update``, ``delete``, or ``run`` for something that leaves no new thing (a reload).
    :ivar kind: the kind of thing, in the field's words: ``rrset``, ``certificate``, ``file``, ``service``, ``policy``.
    :ivar name: which one; unique within its kind on that host.
    :ivar before: its fields as they are (plain JSON values), None when it does not exist. Never a secret.
    :ivar after: its fields as they will be, None when it goes. Never a secret.
    :ivar subject: what ``apply`` needs to carry the change out; never shown, never part of the digest.
    """

    action: Action
    kind: str
    name: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    subject: Any = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the change as plain data: action, kind, name, before, after."""
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "before": None if self.before is None else dict(self.before),
            "after": None if self.after is None else dict(self.after),
        }

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"


@dataclass(frozen=True)
class Pending:
    """Something that someone else must finish: a CA that works by hand, a replication.

    :ivar kind: the kind of thing that is waited for, such as ``certificate``.
    :ivar name: which one.
    :ivar waiting_for: one sentence: for whom, and what to do.
    """

    kind: str
    name: str
    waiting_for: str

    def as_dict(self) -> dict[str, str]:
        """Return plain data: kind, name, waiting_for."""
        return {"kind": self.kind, "name": self.name, "waiting_for": self.waiting_for}


@dataclass(frozen=True)
class Plan:
    """An ordered set of changes; empty when the world is as wanted."""

    changes: tuple[Change, ...] = ()
    pending: tuple[Pending, ...] = ()

    @classmethod
    def of(cls, changes: Iterable[Change], pending: Iterable[Pending] = ()) -> Plan:
        """Make a plan from any iterables, keeping their order."""
        return cls(tuple(changes), tuple(pending))

    def __bool__(self) -> bool:
        return bool(self.changes)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the changes without regard to their order; equal plans have equal digests."""
        lines = sorted(json.dumps(change.as_dict(), sort_keys=True, default=str) for change in self.changes)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def as_list(self) -> list[dict[str, Any]]:
        """Return the changes as plain data, in order."""
        return [change.as_dict() for change in self.changes]

    def as_diff(self) -> list[dict[str, str]]:
        """Return the changes as Ansible diffs: one entry a change, field by field."""
        return [_diff_of(change) for change in self.changes]


def compared(
    kind: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    """Yield one change for each thing of a kind that comes, goes or becomes another one, in the order of their names.

    :param before: the fields of each thing that there is, by its name.
    :param after: the fields of each thing that there shall be.
    """
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            action: Action = "create" if old is None else "delete" if new is None else "update"
            yield Change(action, kind, name, old, new)


def _diff_of(change: Change) -> dict[str, str]:
    title = f"{change.kind} {change.name}"
    return {
        "before_header": title if change.before is not None else f"{title} (absent)",
        "after_header": title if change.after is not None else f"{title} (absent)",
        "before": _lines(change.before),
        "after": _lines(change.after),
    }


def _lines(fields: Mapping[str, Any] | None) -> str:
    """Render fields as ``key: value`` lines; lists one item a line, so that a diff shows the item that differs."""
    if not fields:
        return ""
    lines: list[str] = []
    for key in sorted(fields):
        value = fields[key]
        if isinstance(value, (list, tuple)):
            lines.append(f"{key}:")
            lines.extend(f"  - {_scalar(item)}" for item in value)
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
