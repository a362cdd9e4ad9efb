"""The servers of one pool: which, how they are reached, and one session with each for as long as a task lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from .connection import Connection, read_connection
from .shell import Shell

_OF_MEMBER = ("port", "username", "password", "authentication", "ca_file", "client_certificate", "client_key")


class Servers:
    """All members of a pool; the first makes the keys.

    :param params: the module's arguments; what a member leaves out is as for the first.
    :ivar answers: whether they answer at once; what is handed over is answered by the next run.
    :raises InvalidValue: one is named twice, or cannot be reached as it is said.
    """

    answers = True

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.connections: dict[str, Connection] = {}
        self._sessions: dict[str, Shell] = {}
        self._add(params.get("name") or params["host"], read_connection(params))
        self.first = next(iter(self.connections))
        for member in params["members"]:
            given = {name: member[name] for name in _OF_MEMBER if member.get(name) is not None}
            self._add(
                member.get("name") or member["host"], read_connection({**params, **given, "host": member["host"]})
            )

    def _add(self, name: str, connection: Connection) -> None:
        if name in self.connections:
            raise InvalidValue(
                f"{name} is named twice", path="members", hint="The first member is the host itself; list the others."
            )
        self.connections[name] = connection

    @property
    def names(self) -> list[str]:
        """All members, the first one first."""
        return list(self.connections)

    def session(self, name: str) -> Shell:
        """Return the open session with a member."""
        if name not in self._sessions:
            self._sessions[name] = Shell(self.connections[name]).__enter__()
        return self._sessions[name]

    @property
    def calls(self) -> int:
        """How many cmdlets were called."""
        return sum(shell.calls for shell in self._sessions.values())

    def close(self) -> None:
        """End all sessions."""
        for shell in self._sessions.values():
            shell.close()
        self._sessions.clear()
