"""Sends the partners to the gateway as one short text; everything else is done by the module, over there."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.template import is_trusted_as_template

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import plain
from ansible.module_utils.fedgate.rows import PACKED, packed
from ansible.module_utils.fedgate.whole import whole

LARGE = "partners"


class ActionModule(ActionBase):
    """See the documentation in ``library/xmpp_partner_policy.py``."""

    _supports_check_mode = True

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, *rest: Any) -> Any:
        """Take the partners as a whole where that comes to the same as evaluating each of them.

        A version of Ansible that does not ask here evaluates them all, which only takes longer.
        """
        variables = getattr(templar, "available_variables", {})
        text = whole(value, variables, is_trusted_as_template) if name == LARGE else None
        return super().finalize_task_arg(name, value, templar, *rest) if text is None else packed({LARGE: text})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if LARGE in arguments:
            value = arguments.pop(LARGE)
            ready = isinstance(value, dict) and PACKED in value
            arguments.update(value if ready else packed({LARGE: json.dumps(plain(value))}))
        return {**result, **self._execute_module(module_args=arguments, task_vars=task_vars)}
