"""Tells what an inventory means: for a pair of addresses, beside another inventory, and for those who were refused."""

from __future__ import annotations

import runpy
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import plain
from ansible.module_utils.fedgate.errors import FedgateError
from ansible.module_utils.fedgate.explain.changes import explain_changes
from ansible.module_utils.fedgate.explain.inventory import Inventory
from ansible.module_utils.fedgate.explain.knocking import explain_knocking
from ansible.module_utils.fedgate.explain.pair import explain_pair
from ansible.module_utils.fedgate.explain.question import about, which
from ansible.module_utils.fedgate.explain.text import text_of
from ansible.module_utils.fedgate.inventory import Collected, collect_from

ARGUMENTS = {
    "who": {"type": "str"},
    "whom": {"type": "str"},
    "before": {"type": "list", "elements": "path"},
    "after": {"type": "list", "elements": "path"},
    "gateways": {"type": "dict"},
    "group": {"type": "str", "default": "edges"},
}


class ActionModule(ActionBase):
    """Runs on the controller only; see the documentation in ``library/federation_explain.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the explanation as data and as text, or fail with what is wrong with the question or an inventory."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(ARGUMENTS)
        try:
            found = self._explain(plain(arguments), task_vars or {})
        except FedgateError as error:
            return {"failed": True, "changed": False, "msg": str(error), "error": type(error).__name__}
        return {"changed": False, **found, "text": text_of(found)}

    def _explain(self, arguments: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        group = arguments["group"]
        question = which(arguments)
        if question == "changes":
            before, after = (self._other(option, arguments[option], group) for option in ("before", "after"))
            return {question: explain_changes(before, after)}
        hosts = list(variables["groups"].get(group, []))
        inventory = _checked(Collected(variables["hostvars"], self._loader, hosts), group)
        if question == "pair":
            return {question: explain_pair(inventory, arguments["who"], arguments["whom"])}
        return {question: explain_knocking(inventory, arguments["gateways"])}

    def _other(self, option: str, paths: list[str], group: str) -> Inventory:
        with about(option, paths):
            return _checked(collect_from(paths, group, self._loader), group)


def _checked(collected: Collected, group: str) -> Inventory:
    today = datetime.now(timezone.utc).date()
    return Inventory(collected.hosts, origin_of=collected.origin_of, today=today, group=group, noted=collected.errors)
