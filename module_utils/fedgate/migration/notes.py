"""What was published before a move, in one file on the controller: record sets, and since when their TTL is low."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

from ..dns.records import RRset
from ..dns.values import parse
from ..errors import FedgateError, InvalidValue, Refused

#: (view, owner name, type)
Place = tuple[str, str, str]
_FORMAT = 1
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Note:
    """One record set as it was before the move.

    :ivar values: as text, in the order of a record set; empty where there was none.
    :ivar ttl: its time to live then, in seconds, which is given back at the end; 0 where there was none.
    :ivar cached: the longest time to live that any name server gave before it was lowered: so long may others remember.
    :ivar low_since: since when all name servers are known to give a low one, UTC; None before that.
    """

    view: str
    name: str
    type: str
    values: tuple[str, ...] = ()
    ttl: int = 0
    cached: int = 0
    low_since: Optional[datetime] = None

    @property
    def place(self) -> Place:
        """View, owner name and type."""
        return self.view, self.name, self.type

    @property
    def forgotten_at(self) -> Optional[datetime]:
        """When nobody remembers the set with its former time to live any more; None while that is not known."""
        return None if self.low_since is None else self.low_since + timedelta(seconds=self.cached)

    def rrset(self, ttl: Optional[int] = None) -> Optional[RRset]:
        """Return the set as it was, or None. :param ttl: seconds; its own by default."""
        if not self.values:
            return None
        values = [parse(self.type, text) for text in self.values]
        return RRset.of(self.name, self.type, self.ttl if ttl is None else ttl, values)

    def record(self, low: Optional[int] = None) -> dict[str, Any]:
        """Return what ``dns_records`` takes to have the set as it was.

        :param low: seconds; a longer time to live than that is not given back yet.
        """
        one: dict[str, Any] = {"name": self.name, "type": self.type, "view": self.view}
        if not self.values:
            return {**one, "state": "absent"}
        ttl = self.ttl if low is None else min(self.ttl, low)
        return {**one, "state": "present", "ttl": ttl, "values": list(self.values)}

    def fields(self) -> dict[str, Any]:
        """Return what the file and people see of it."""
        since = None if self.low_since is None else shown(self.low_since)
        return {"values": list(self.values), "ttl": self.ttl, "cached": self.cached, "low_since": since}

    def lowered(self, when: datetime) -> Note:
        """Return the note with the time since when its time to live is low."""
        return replace(self, low_since=when)


def shown(when: datetime) -> str:
    """Return a time as the file and people see it, in whole seconds of UTC."""
    return when.astimezone(timezone.utc).strftime(_TIME)


def read(path: Path) -> dict[Place, Note]:
    """Return the notes of a file, by place; none where there is no file. :raises InvalidValue: it is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {error}", hint="The notes of the migration are in it.") from error
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise ValueError
        notes = [_note(one) for one in content["records"]]
    except (ValueError, TypeError, KeyError, FedgateError) as error:
        raise InvalidValue(
            f"{path} is damaged, so what was published before is not known",
            hint="Bring it back from version control or a back-up; nothing was changed.",
        ) from error
    return {note.place: note for note in notes}


def _note(one: Mapping[str, Any]) -> Note:
    since = one["low_since"]
    when = None if since is None else datetime.strptime(since, _TIME).replace(tzinfo=timezone.utc)
    values = tuple(str(text) for text in one["values"])
    note = Note(str(one["view"]), str(one["name"]), str(one["type"]), values, int(one["ttl"]), int(one["cached"]), when)
    note.rrset()  # that they are values of that type
    return note


def write(path: Path, notes: Iterable[Note]) -> None:
    """Write the file whole: another one takes its place when it is on the disk. :raises Refused: that is impossible."""
    records = [
        {"view": note.view, "name": note.name, "type": note.type, **note.fields()}
        for note in sorted(notes, key=lambda one: one.place)
    ]
    text = json.dumps({"format": _FORMAT, "records": records}, indent=1) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(beside, 0o644)
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Refused(
            f"{path} cannot be written: {error}",
            hint="Without these notes there is no way back, so nothing else was done.",
        ) from error
