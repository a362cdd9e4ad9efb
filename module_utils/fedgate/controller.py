"""What action plug-ins need that do a module's work in Ansible's own process, where that comes to the same."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


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


#: A template that is nothing but a variable, or a part of one.
_NAME = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}", re.ASCII)
#: A text with none of these is no template, whatever is trusted.
_BEGINS = ("{{", "{%", "{#", "#jinja2:")
#: Names that lead to names; of a circle Ansible says what is wrong.
_DEEPEST = 10


def whole(value: Any, variables: Mapping[str, Any], trusted: Callable[[Any], bool]) -> str | None:
    """Return as JSON what a template stands for, without asking each of thousands of texts whether it is one as well.

    That goes where names alone lead to the value, and no template begins anywhere in it.

    :param variables: as they are, nothing evaluated.
    :param trusted: tells whether Ansible would take a text for a template: ``is_trusted_as_template``.
    :returns: None where Ansible has to evaluate it.
    """
    found = _named(value, variables, trusted) if isinstance(value, str) else None
    text = _untouched(found) if isinstance(found, (list, dict)) else None
    return None if text is None or any(begin in text for begin in _BEGINS) else text


def _named(value: Any, variables: Mapping[str, Any], trusted: Callable[[Any], bool]) -> Any:
    """Return what a name, or a name of a name, stands for; None where that is not so simple."""
    for _ in range(_DEEPEST):
        if not isinstance(value, str):
            return value
        name = _NAME.fullmatch(value) if trusted(value) else None
        value = _part(variables, name[1].split(".")) if name else None
    return None


def _part(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        # What a mapping has by itself, such as ``items``, comes before what it holds.
        if not isinstance(value, Mapping) or key not in value or hasattr(dict, key):
            return None
        value = value[key]
    return value


def _untouched(value: Any) -> str | None:
    """Return a value as JSON; None when something in it is not simply a text, a number, a list or a mapping."""

    def other(_value: Any) -> Any:
        raise TypeError

    try:
        return json.dumps(value, default=other, ensure_ascii=False)
    except (TypeError, ValueError):
        return None


#: Option of the modules for Lync Server → the host's variable that it defaults to.
_OF_HOST = {"username": "ansible_user", "password": "ansible_password"}


def lync_arguments(action: Any, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's arguments; what says how the server is reached defaults to the host's own variables.

    :param action: the plug-in (``ActionBase``).
    """
    arguments: dict[str, Any] = plain(action._task.args)
    for option, variable in _OF_HOST.items():
        if arguments.get(option) is None and task_vars.get(variable) is not None:
            arguments[option] = plain(action._templar.template(task_vars[variable]))
    if arguments.get("host") is None:
        named = task_vars.get("ansible_host") or task_vars.get("inventory_hostname")
        arguments["host"] = plain(action._templar.template(named))
    return arguments
