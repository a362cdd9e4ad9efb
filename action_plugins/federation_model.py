"""Checks the whole inventory on the controller, and publishes what follows from it as the fact ``federation_model``."""

from __future__ import annotations

import runpy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.errors import FedgateError
from ansible.module_utils.fedgate.inventory import Collected
from ansible.module_utils.fedgate.model.deployment import read_deployment


class ActionModule(ActionBase):
    """Runs on the controller only, once for all hosts; see the documentation in ``library/federation_model.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the facts, or fail with every error of the inventory."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec({"group": {"type": "str", "default": "edges"}})
        group = str(arguments["group"])
        collected = Collected(variables["hostvars"], self._loader, list(variables["groups"].get(group, [])))
        try:
            deployment = read_deployment(
                collected.hosts,
                today=datetime.now(timezone.utc).date(),
                origin_of=collected.origin_of,
                group=group,
                noted=collected.errors,
            )
        except FedgateError as error:
            return {"failed": True, "changed": False, "msg": str(error), "error": type(error).__name__}
        facts = deployment.as_facts()
        return {
            "changed": False,
            "ansible_facts": {"federation_model": facts},
            "warnings": facts["warnings"],
            "pools": len(facts["pools"]),
            "partners": len(facts["partners"]),
        }
