"""A server that answers as another one did: it gives the messages of a recording again, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from psrpcore.types import ErrorCategory

from .console import CmdletError, Console
from .recording import Recorded, Recording


class Replay:
    """What an endpoint runs in place of cmdlets. A call that was recorded several times is answered in that order.

    :param recording: cleaned or not.
    """

    def __init__(self, recording: Recording) -> None:
        self._waiting: dict[str, list[Recorded]] = {}
        for call in recording.calls:
            self._waiting.setdefault(_key(call.cmdlet, call.parameters), []).append(call)

    def execute(self, account: str, commands: list[Any], console: Console) -> None:
        """Answer one pipeline; what was not recorded is an error that no server gives."""
        (command,) = commands
        given = {str(name): _plain(value) for name, value in command.parameters}
        given.pop("ErrorAction", None)
        recorded = self._waiting.get(_key(command.command_text, given))
        if recorded is None:
            text = f"not recorded: {command.command_text} {json.dumps(given)}"
            console.failure = CmdletError(text, "NotRecorded", ErrorCategory.ObjectNotFound).record("")
            return
        console.recorded = (recorded.pop(0) if len(recorded) > 1 else recorded[0]).messages


def _key(cmdlet: str, parameters: Mapping[str, Any]) -> str:
    return f"{cmdlet.lower()} {json.dumps(parameters, sort_keys=True)}"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
