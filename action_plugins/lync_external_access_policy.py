"""Brings external access policies and their grants into line, from the controller."""

from __future__ import annotations

import runpy
from pathlib import Path

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import LyncChange
from ansible.module_utils.fedgate.lync.access_policies import ARGUMENTS, ExternalAccessPolicies


class ActionModule(LyncChange, ActionBase):
    """See the documentation in ``library/lync_external_access_policy.py``."""

    arguments, kind = ARGUMENTS, ExternalAccessPolicies
