"""Shuts domains out of Lync's XMPP gateway, from the controller: nothing of ours runs on the server."""

from __future__ import annotations

import runpy
from pathlib import Path

from ansible.plugins.action import ActionBase

runpy.run_path(str(Path(__file__).resolve().parent.parent / "module_utils" / "fedgate" / "bootstrap.py"))

from ansible.module_utils.fedgate.controller import LyncChange
from ansible.module_utils.fedgate.lync.block import ARGUMENTS, XmppBlock


class ActionModule(LyncChange, ActionBase):
    """See the documentation in ``library/lync_xmpp_block.py``."""

    arguments, kind = ARGUMENTS, XmppBlock
