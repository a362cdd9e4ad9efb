"""Writes an inventory of what a deployment has, on the controller."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import plain
from ansible.module_utils.fedgate.importing.writer import ARGUMENTS, ImportedInventory
from ansible.module_utils.fedgate.module import run_here


class ActionModule(ActionBase):
    """Runs on the controller only; see the documentation in ``library/federation_import.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the files, or only say which they would be in check mode."""
        super().run(tmp, task_vars)
        return run_here(ImportedInventory, ARGUMENTS, plain(self._task.args), bool(self._task.check_mode))
