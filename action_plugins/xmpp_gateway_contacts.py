"""Reads the archives on the controller, and sends the gateway what of them is to be carried as one short text."""

from __future__ import annotations

import json
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.contacts import judging, userdata
from ansible.module_utils.fedgate.controller import plain
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue
from ansible.module_utils.fedgate.rows import packed

#: Options that are dealt with here; the module gets ``users``.
HERE = ("archives", "partners", "domains")


class ActionModule(ActionBase):
    """See the documentation in ``library/xmpp_gateway_contacts.py``."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read, judge, and run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = plain(self._task.args)
        given = {name: _list(arguments.pop(name, None)) for name in HERE}
        try:
            carried = self._carried(given, arguments)
        except FedgateError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error), "error": type(error).__name__}
        rows = arguments.pop("users", None) if carried is None else carried.users
        arguments.update(packed({"users": json.dumps(rows if rows is not None else [])}))
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        return {**result, **({} if carried is None else _read(carried))}

    def _carried(self, given: Mapping[str, list[Any]], arguments: Mapping[str, Any]) -> judging.Carried | None:
        """Return what the archives give; None where the users are listed in the task."""
        if not given["archives"]:
            return None
        if arguments.get("users"):
            raise InvalidValue("archives and users are both given", hint="Give one of them.", path="users")
        for name in ("partners", "domains"):
            if not given[name]:
                raise InvalidValue(f"{name} is missing", hint="An archive is judged by them.", path=name)
        data = (user for path in given["archives"] for user in userdata.read(self._path(path)))
        return judging.judge(data, given["partners"], given["domains"])

    def _path(self, path: Any) -> str:
        """Return a file's place on the controller; a relative one counts from the playbook's folder."""
        return str(Path(self._loader.path_dwim(str(path))))


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _read(carried: judging.Carried) -> dict[str, Any]:
    return {"read_users": carried.read, "empty_users": carried.empty, "left_out": carried.left_out}
