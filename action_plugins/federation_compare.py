"""Compares the policy of a deployment on Lync Server with what the inventory gives to Linux gateways."""

from __future__ import annotations

import runpy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import plain
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue
from ansible.module_utils.fedgate.explain.inventory import Inventory
from ansible.module_utils.fedgate.importing.comparison import PARTS, accepting, compare
from ansible.module_utils.fedgate.inventory import Collected

ARGUMENTS = {
    "deployment": {"type": "dict", "required": True},
    "accepted": {"type": "list", "elements": "str", "default": []},
    "group": {"type": "str", "default": "edges"},
}


class ActionModule(ActionBase):
    """Runs on the controller only; see the documentation in ``library/federation_compare.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the comparison as data and as text, or fail with what is wrong with the inventory."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS)
        variables, given = task_vars or {}, plain(arguments)
        try:
            found = self._compare(given["deployment"], given["group"], variables)
        except FedgateError as error:
            return {"failed": True, "changed": False, "msg": str(error), "error": type(error).__name__}
        return {"changed": False, **found, **accepting(found["differences"], given["accepted"])}

    def _compare(self, deployment: dict[str, Any], group: str, variables: dict[str, Any]) -> dict[str, Any]:
        lacking = [part for part in PARTS if part not in deployment]
        if lacking:
            said = deployment.get("unreadable", {})
            raise InvalidValue(
                "the deployment could not be read whole: "
                + "; ".join(f"{part}: {said.get(part, 'it was not asked for')}" for part in lacking),
                hint="CsViewOnlyAdministrator is enough of a role for reading.",
            )
        today = datetime.now(timezone.utc).date()
        hosts = list(variables["groups"].get(group, []))
        collected = Collected(variables["hostvars"], self._loader, hosts)
        after = Inventory(
            collected.hosts, origin_of=collected.origin_of, today=today, group=group, noted=collected.errors
        )
        return compare(deployment, collected.hosts, after, today, group)
