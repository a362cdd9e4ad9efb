"""What the modules for Lync Server share: options, one session for a task, and changes carried out one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import FedgateError
from ..module import Context, Reconciler
from ..plan import Change, Plan
from .connection import AUTHENTICATIONS, ENDPOINTS, read_connection
from .shell import Shell

#: Options of all modules that go to a server; documented in the fragment ``fedgate.lync``.
CONNECTION_ARGUMENTS: dict[str, Any] = {
    "host": {"type": "str", "required": True},
    "endpoint": {"type": "str", "choices": list(ENDPOINTS), "default": "front_end"},
    "port": {"type": "int"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "authentication": {"type": "str", "choices": list(AUTHENTICATIONS), "default": "negotiate"},
    "ca_file": {"type": "path"},
    "client_certificate": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "connect_timeout": {"type": "int", "default": 30},
    "operation_timeout": {"type": "int", "default": 60},
}


class Many(Reconciler):
    """A reconciler of many things that are changed one by one, each by itself."""

    # Another one on this controller may be waiting for replication, or for a service's last conversation.
    patience = 900.0

    def carry_out(
        self, plan: Plan, do: Callable[[Change], object], before: Callable[[], object] = lambda: None
    ) -> None:
        """Do each change, in order; say what was done when one fails.

        :param before: what the changes need to be done first; it belongs to none of them.
        :raises FedgateError: that of the change, with the details ``applied`` and ``left`` (lists of names).
        """
        done: list[str] = []
        try:
            before()
            for change in plan.changes:
                do(change)
                done.append(str(change))
        except FedgateError as error:
            left = [str(item) for item in plan.changes[len(done) :]]
            error.details.update({"applied": done, "left": left})
            error.message += f" ({len(done)} of {len(plan.changes)} changes were made before it)"
            error.hint = " ".join(filter(None, (error.hint, "A second run does what is left.")))
            raise


class OverShell(Many):
    """A reconciler that works through one session on a server, opened at the first look and closed at the end."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.connection = read_connection(params)
        self._shell: Shell | None = None

    @property
    def shell(self) -> Shell:
        """The open session."""
        if self._shell is None:
            shell = Shell(self.connection)
            self._shell = shell.__enter__()
        return self._shell

    def close(self) -> None:
        """End the session."""
        if self._shell is not None:
            self._shell.close()

    def calls(self) -> dict[str, int]:
        """Return how many cmdlets were called."""
        return {"calls": self._shell.calls if self._shell else 0}
