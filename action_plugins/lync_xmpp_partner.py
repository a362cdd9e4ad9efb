"""Brings XMPP allowed partners into line, from the controller: nothing of ours runs on the server."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import lync_arguments
from ansible.module_utils.fedgate.lync.partners import ARGUMENTS, XmppPartners
from ansible.module_utils.fedgate.module import run_here


class ActionModule(ActionBase):
    """See the documentation in ``library/lync_xmpp_partner.py``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the work here, whatever host the task is for."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = lync_arguments(self, task_vars or {})
        return {**result, **run_here(XmppPartners, ARGUMENTS, arguments, bool(self._task.check_mode))}
