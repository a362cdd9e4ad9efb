"""Takes the steps of the certificate wizard on Edge Servers, from the controller: nothing of ours runs on them."""

from __future__ import annotations

import runpy
from pathlib import Path

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import LyncChange
from ansible.module_utils.fedgate.lync.certificates import ARGUMENTS, lync_certificate


class ActionModule(LyncChange, ActionBase):
    """See the documentation in ``library/lync_certificate.py``."""

    arguments, kind = ARGUMENTS, staticmethod(lync_certificate)
