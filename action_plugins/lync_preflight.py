"""Looks whether a server is prepared, from the controller: nothing of ours runs on the server."""

from __future__ import annotations

import runpy
from pathlib import Path

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import LyncReport
from ansible.module_utils.fedgate.lync.preflight import ARGUMENTS, look


class ActionModule(LyncReport, ActionBase):
    """See the documentation in ``library/lync_preflight.py``."""

    arguments, look = ARGUMENTS, staticmethod(look)
