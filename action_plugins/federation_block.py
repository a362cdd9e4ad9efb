"""Notes who is at the controller; everything else is done by the module, on the gateway."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.user import own_name


class ActionModule(ActionBase):
    """See the documentation in ``library/federation_block.py``."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module with ``by``, which it cannot know over there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {**self._task.args, "by": self._task.args.get("by") or own_name()}
        return {**result, **self._execute_module(module_args=arguments, task_vars=task_vars)}
