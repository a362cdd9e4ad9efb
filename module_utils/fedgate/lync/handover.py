"""A server that is reached by hand: a task goes there as a file, with a script that never changes; a result comes back.

In the folder of a server lie ``fedgate-handover.ps1``, ``task.json``, and later ``result.json``. A task says which
cmdlets are called with which typed parameters: first those that change something, then those that look. It holds no
secret. The result of its looks is what the next run works on; that run's task says whose result it ``follows``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckFailed, InvalidValue, WorldMoved
from .faults import CmdletFailed

FORMAT = 1
SCRIPT, TASK, RESULT = "fedgate-handover.ps1", "task.json", "result.json"
_SOURCE = Path(__file__).with_name("handover.ps1")
#: Cmdlets that only look; their answers are kept for the next run.
_LOOKS = ("Get-CsCertificate", "Get-ChildItem", "Get-Content")


@dataclass(frozen=True)
class Answered:
    """An object in a result: the properties that were asked for."""

    extended_properties: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a cmdlet.

    :ivar parameters: by name; texts, numbers, Booleans, lists of texts, None for a switch.
    :ivar select: properties of its objects that are wanted.
    """

    cmdlet: str
    parameters: Mapping[str, Any]
    select: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal calls have equal keys."""
        return json.dumps([self.cmdlet, self.parameters, self.select], sort_keys=True)

    def as_dict(self, number: int) -> dict[str, Any]:
        """Return plain data, as the script reads it."""
        return {
            "id": number,
            "cmdlet": self.cmdlet,
            "parameters": dict(self.parameters),
            "select": list(self.select),
            # What is removed may be gone already.
            "optional": self.cmdlet == "Remove-Item",
        }


@dataclass(frozen=True)
class Task:
    """What is to be done on a server by hand.

    :ivar actions: calls that change something, in order; :ivar looks: calls whose answers the next run needs.
    :ivar follows: digest of the task whose result this one was made from; empty for the first.
    """

    host: str
    actions: tuple[Call, ...]
    looks: tuple[Call, ...]
    follows: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex); by it a result is known to belong to this task."""
        content = json.dumps([self.host, self.follows, [call.key for call in (*self.actions, *self.looks)]])
        return hashlib.sha256(content.encode()).hexdigest()

    def text(self) -> str:
        """Return ``task.json``. ASCII only: Windows PowerShell reads files in the code page of the machine."""
        calls = [call.as_dict(number) for number, call in enumerate((*self.actions, *self.looks))]
        content = {
            "format": FORMAT,
            "task": self.digest,
            "follows": self.follows,
            "host": self.host,
            "actions": calls[: len(self.actions)],
            "looks": calls[len(self.actions) :],
        }
        return json.dumps(content, indent=1) + "\n"


class Recorder:
    """Stands for a session where a task is made: notes each call, and gets no answers."""

    def __init__(self) -> None:
        self.recorded: list[Call] = []

    def call(
        self, cmdlet: str, parameters: Mapping[str, Any] | None = None, *, select: Sequence[str] = ()
    ) -> list[Any]:
        """Note a call. :returns: nothing."""
        self.recorded.append(Call(cmdlet, dict(parameters or {}), tuple(select)))
        return []


class Replay:
    """Stands for a session where a result is read: each look gets the answer that stands there.

    :ivar asked: all looks, in order; those that the next task has to take.
    :ivar complete: whether all of them were answered.
    """

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._answers = answers
        self.asked: list[Call] = []
        self.complete = True

    def call(
        self, cmdlet: str, parameters: Mapping[str, Any] | None = None, *, select: Sequence[str] = ()
    ) -> list[Any]:
        """Return what the result says. :raises CmdletFailed: it says that the cmdlet failed."""
        call = Call(cmdlet, dict(parameters or {}), tuple(select))
        self.asked.append(call)
        entry = self._answers.get(call.key)
        if entry is None:
            self.complete = False
            return []
        if not entry["ok"]:
            raise failed(call, entry)
        return [_object(item) for item in entry["output"]]


def failed(call: Call, entry: Mapping[str, Any]) -> CmdletFailed:
    """Return the error that a result tells of."""
    return CmdletFailed(f"{call.cmdlet}: {entry['error']}", error_id=str(entry["error_id"]).partition(",")[0])


def _object(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return Answered({name: _value(value) for name, value in item.items()})


def _value(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    return value


class Folder:
    """The folder of one server on the controller.

    :param directory: for all servers; each has a folder below it.
    """

    def __init__(self, directory: str, host: str) -> None:
        self.host = host
        self.path = os.path.join(os.path.abspath(os.path.expanduser(directory)), host)

    def file(self, name: str) -> str:
        """Return the path of one of its files."""
        return os.path.join(self.path, name)

    def task(self) -> Task | None:
        """Return the task that lies there. :raises InvalidValue: somebody has changed it."""
        content = self._json(TASK)
        if content is None:
            return None
        try:
            found = Task(
                content["host"],
                tuple(_call(each) for each in content["actions"]),
                tuple(_call(each) for each in content["looks"]),
                content["follows"],
            )
            intact = found.digest == content["task"] and found.host == self.host
        except (KeyError, TypeError, AttributeError):
            intact = False
        if not intact:
            raise InvalidValue(
                f"{self.file(TASK)} is not as it was written",
                hint="Delete it, and whatever came of it, and run again: another one is made.",
            )
        return found

    def script_is_there(self) -> bool:
        """Tell whether the script lies there as it should."""
        try:
            return Path(self.file(SCRIPT)).read_bytes() == _SOURCE.read_bytes()
        except FileNotFoundError:
            return False

    def answers(self, task: Task | None) -> tuple[str, dict[str, Mapping[str, Any]]]:
        """Return what is known of the server: the digest of the task that it comes from, and answers by call.

        :raises InvalidValue: the result cannot be read.
        :raises WorldMoved: it belongs to another task.
        :raises CmdletFailed: something that was to be done was not.
        """
        content = self._json(RESULT)
        if content is None:
            return "", {}
        digest = str(content.get("task"))
        kept = self._json(f"{digest}.json") if _is_digest(digest) else None
        if kept is None or task is None or digest not in (task.digest, task.follows):
            raise WorldMoved(
                f"{self.file(RESULT)} belongs to another plan: to task {digest[:12]}, and what was handed over is "
                f"{task.digest[:12] if task else 'nothing'}",
                hint=f"Run {SCRIPT} on {self.host} with the present {TASK}, and put its result there.",
            )
        return digest, self._read(content, kept, digest == task.digest)

    def _read(self, content: Any, kept: Any, fresh: bool) -> dict[str, Mapping[str, Any]]:
        calls = {each["id"]: (_call(each), each) for each in (*kept["actions"], *kept["looks"])}
        actions = {each["id"] for each in kept["actions"]}
        answers: dict[str, Mapping[str, Any]] = {}
        try:
            for entry in content["results"]:
                call, said = calls[entry["id"]]
                if entry["id"] in actions:
                    if fresh and not entry["ok"] and not said["optional"]:
                        raise self._undone(call, entry)
                else:
                    output = entry.get("output")
                    listed = output if isinstance(output, list) else [] if output is None else [output]
                    answers[call.key] = {**entry, "output": listed}
        except (KeyError, TypeError) as error:
            raise self._unreadable(RESULT) from error
        return answers

    def _undone(self, call: Call, entry: Mapping[str, Any]) -> CmdletFailed:
        error = failed(call, entry)
        error.message = f"{self.host}, by hand: {error.message}"
        error.hint = f"Mend it there, run {SCRIPT} again with the same {TASK}, and put the new result there."
        return error

    def _json(self, name: str) -> Any:
        try:
            with open(self.file(name), encoding="utf-8-sig") as file:
                content = json.load(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unreadable(name) from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self._unreadable(name)
        return content

    def _unreadable(self, name: str) -> InvalidValue:
        return InvalidValue(
            f"{self.file(name)} cannot be read as what {SCRIPT} writes", hint="Bring it over again, unchanged."
        )

    def write(self, task: Task) -> None:
        """Lay script and task ready. :raises CheckFailed: the disk refused."""
        from ..certificates.issuers.base import write_file

        if not _SOURCE.exists():
            raise CheckFailed("the script for the hand-over is not where this runs", hint="Let it run as an action.")
        for name in self._outdated(task):
            os.unlink(self.file(name))
        write_file(self.file(SCRIPT), _SOURCE.read_bytes(), 0o644)
        # Kept under its digest too: a result is read with the task that it belongs to.
        write_file(self.file(f"{task.digest}.json"), task.text().encode(), 0o644)
        write_file(self.file(TASK), task.text().encode(), 0o644)

    def _outdated(self, task: Task) -> list[str]:
        if not os.path.isdir(self.path):
            return []
        kept = {f"{task.digest}.json", f"{task.follows}.json"}
        return [name for name in os.listdir(self.path) if _is_digest(name.removesuffix(".json")) and name not in kept]


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _call(content: Mapping[str, Any]) -> Call:
    return Call(content["cmdlet"], dict(content["parameters"]), tuple(content["select"]))


def is_look(call: Call) -> bool:
    """Tell whether a call only looks."""
    return call.cmdlet in _LOOKS
