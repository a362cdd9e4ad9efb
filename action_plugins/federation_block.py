"""Notes who is at the controller; everything else is done by the module, on the gateway."""

from __future__ import annotations

import getpass
import os
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """See the documentation in ``library/federation_block.py``."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module with ``by``, which it cannot know over there."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {**self._task.args, "by": self._task.args.get("by") or _user()}
        return {**result, **self._execute_module(module_args=arguments, task_vars=task_vars)}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"
