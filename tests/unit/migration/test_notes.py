"""The file of notes: whole or not at all, and never guessed at."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, Refused
from ansible.module_utils.fedgate.migration.notes import Note, read, write

NOTES = [
    Note("external", "_xmpp-server._tcp.contoso.example", "SRV", ("5 0 5269 edge.contoso.example",), 3600, 7200,
         datetime(2026, 11, 27, 20, 0, 0, tzinfo=timezone.utc)),
    Note("internal", "_xmpp-client._tcp.contoso.example", "SRV"),
]  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mine.migration.json"
    write(path, NOTES)
    assert read(path) == {note.place: note for note in NOTES}
    write(path, reversed(NOTES))
    assert read(path) == {note.place: note for note in NOTES}
    assert os.listdir(path.parent) == [path.name]


def test_no_file_is_no_note(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2, "records": []}',
        '{"format": 1, "records": [{}]}',
        json.dumps({"format": 1, "records": [{
            "view": "external", "name": "a.example", "type": "SRV", "values": ["nonsense"], "ttl": 1, "cached": 1,
            "low_since": None}]}),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(InvalidValue, match="is damaged") as error:
        read(path)
    assert str(path) in str(error.value) and "version control" in str(error.value)


def test_who_cannot_write_says_that_nothing_was_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="no way back"):
        write(tmp_path / "file" / "mine.json", NOTES)
