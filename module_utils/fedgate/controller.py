"""What action plug-ins need that do a module's work in Ansible's own process, where that comes to the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from .module import report_here, run_here


def works_here(action: Any, task_vars: Mapping[str, Any]) -> bool:
    """Tell whether the module would run on this machine, as this user and with this very Python.

    Then another process would do nothing else, half a second later. Whatever a task says to have it otherwise
    (another host, become, another interpreter, environment, async) is heeded: the module is run.

    :param action: the plug-in (``ActionBase``).
    """
    task = action._task
    if action._connection.transport != "local" or task.become or task.async_val or any(task.environment or ()):
        return False
    delegated = task_vars.get("ansible_delegated_vars") or {}
    places = [delegated.get(str(task.delegate_to)) or {}, task_vars] if task.delegate_to else [task_vars]
    for variables in places:
        if variables.get("ansible_python_interpreter"):
            named = str(action._templar.template(variables["ansible_python_interpreter"]))
            return os.path.abspath(named) == os.path.abspath(sys.executable)
    return False


def plain(value: Any) -> Any:
    """Return a task's argument as Python's own types: without tags, and what is vaulted opened."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


#: Option of the modules for Lync Server → the host's own variable that it defaults to.
_OF_HOST = {
    "host": "ansible_host", "port": "ansible_port", "username": "ansible_user", "password": "ansible_password",
}  # fmt: skip
#: Endpoint → the inventory's variable with what its servers have in common.
_OF_DEPLOYMENT = {"front_end": "federation_lync", "edge": "edge_pool_lync"}
#: Options that such a variable may give.
_WAYS = ("port", "username", "password", "authentication", "ca_file", "client_certificate", "client_key")


def lync_arguments(action: Any, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's arguments; what says how the server is reached defaults to the inventory's variables.

    A Front End is described by ``federation_lync``, where there is one: the account of the task's host is an Edge
    Server's then, and is none of the Front End's business. An Edge Server is described by ``edge_pool_lync`` and by
    the host's own variables.

    :param action: the plug-in (``ActionBase``), with the module's ``arguments``.
    """
    arguments: dict[str, Any] = plain(action._task.args)
    endpoint = arguments.get("endpoint") or action.arguments["endpoint"]["default"]
    shared = _variable(action, task_vars, _OF_DEPLOYMENT.get(endpoint, "")) or {}
    defaults = {option: shared.get(option) for option in _WAYS}
    if endpoint == "front_end" and shared:
        defaults["host"] = shared.get("front_end")
    else:
        own = {option: _variable(action, task_vars, name) for option, name in _OF_HOST.items()}
        defaults |= {option: value for option, value in own.items() if value is not None}
        defaults.setdefault("host", _variable(action, task_vars, "inventory_hostname"))
    given = {option: value for option, value in defaults.items() if value is not None}
    return {**given, **{option: value for option, value in arguments.items() if value is not None}}


def _variable(action: Any, task_vars: Mapping[str, Any], name: str) -> Any:
    value = task_vars.get(name)
    return None if value is None else plain(action._templar.template(value))


class _OverRemoting:
    """Stands before ``ActionBase`` in a plug-in whose work is done here, whatever host the task is for."""

    _requires_connection = False
    _supports_check_mode = True
    arguments: Mapping[str, Any]
    _task: Any

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the work over PowerShell remoting and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)  # type: ignore[misc]
        return {**result, **self.work(lync_arguments(self, task_vars or {}))}

    def work(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result for a task's arguments."""
        raise NotImplementedError


class LyncChange(_OverRemoting):
    """The plug-in of a module that changes something on a Lync Server.

    :cvar arguments: the module's argument spec. :cvar kind: its reconciler.
    """

    kind: Any

    def work(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Reconcile, or only plan in check mode."""
        tell = self._display.display  # type: ignore[attr-defined]
        return run_here(type(self).kind, self.arguments, given, bool(self._task.check_mode), tell)


class LyncReport(_OverRemoting):
    """The plug-in of a module that only looks at a Lync Server.

    :cvar arguments: the module's argument spec. :cvar look: what it does, wrapped in ``staticmethod``.
    """

    look: Any

    def work(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Look, and report."""
        return report_here(type(self).look, self.arguments, given)
