"""Keeps the notes of a move, in Ansible's own process where the module runs on the controller."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import plain, works_here
from ansible.module_utils.fedgate.migration.reconciler import ARGUMENTS, Migration
from ansible.module_utils.fedgate.module import run_here


class ActionModule(ActionBase):
    """See the documentation in ``library/federation_migration.py``."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the work here, or have the module do it where the task says."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if works_here(self, task_vars or {}):
            return {**result, **run_here(Migration, ARGUMENTS, plain(self._task.args), bool(self._task.check_mode))}
        return {**result, **self._execute_module(task_vars=task_vars)}
