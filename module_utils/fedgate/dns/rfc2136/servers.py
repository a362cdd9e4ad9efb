"""The one server that a run talks to: the first, in the given order, that answers to a whole look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import Unreachable
from ..wire import Wire

_Found = TypeVar("_Found")


class Servers:
    """Several servers that keep the same zones.

    What was found at one of them may not yet be, or no longer be, at another. So there is one choice, made with the
    first look that succeeds; later looks and all changes go there or fail.

    :param wires: one for each server, in order; at least one.
    :ivar wire: the server that is in use.
    """

    def __init__(self, wires: Sequence[Wire]) -> None:
        self._wires = tuple(wires)
        self._chosen = len(self._wires) == 1
        self.wire = self._wires[0]

    def look(self, look: Callable[[], _Found]) -> _Found:
        """Look at the server in use; before there is one, look wholly anew at the next when one does not answer.

        :param look: reads from ``wire``.
        :raises Unreachable: none of them answers; the message names each.
        """
        if self._chosen:
            return look()
        errors: list[Unreachable] = []
        for wire in self._wires:
            self.wire = wire
            try:
                found = look()
            except Unreachable as error:
                wire.close()
                errors.append(error)
            else:
                self._chosen = True
                return found
        raise Unreachable(
            f"none of the {len(errors)} DNS servers answers: " + "; ".join(error.message for error in errors),
            hint="Check `server`, `fallback_servers` and `port` of the DNS provider, the firewall, and that they run.",
        ) from errors[-1]

    def choose(self) -> None:
        """Stay with the server in use: something was changed there."""
        self._chosen = True

    def close(self) -> None:
        """End all connections."""
        for wire in self._wires:
            wire.close()
