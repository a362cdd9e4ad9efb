"""Chooses, on the controller and for all pools at once, whose certificate the members of a pool go on with."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.certificates.pools import Member, elect


class ActionModule(ActionBase):
    """Runs on the controller only; see the documentation in ``library/edge_certificate_pools.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return for each pool who holds its key and who lacks it."""
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            {
                "found": {"type": "dict", "required": True},
                "pools": {"type": "dict", "required": True},
                "active": {"type": "list", "elements": "str", "default": []},
            }
        )
        pools: dict[str, list[Member]] = {}
        for host, result in arguments["found"].items():
            if isinstance(result, Mapping) and "holdings" in result:  # otherwise its look failed, and so has that host
                member = Member.of(str(host), host in arguments["active"], result)
                # The inventory says whose member it is, never the host: it could claim another pool's key.
                pools.setdefault(str(arguments["pools"][host]), []).append(member)
        return {"changed": False, "pools": {pool: elect(members).as_dict() for pool, members in pools.items()}}
