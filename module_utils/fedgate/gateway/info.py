"""What ``xmpp_gateway_info`` reports: the service, Prosody's version, and what our modules in it say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from ..host.systemd import Unit
from ..module import Context
from .kinds import kind_of
from .status import is_current, read_status


def look_at_gateway(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return ``unit``, ``version`` and ``status`` (None when the running server reports nothing)."""
    unit = Unit(context, kind_of(params["server"]).unit).state()
    status = read_status(params["status_path"])
    return {
        "unit": {"exists": unit.exists, "active": unit.active, "enabled": unit.enabled, "pid": unit.pid},
        "version": _version(context),
        "status": status if is_current(status, unit.pid) else None,
    }


def _version(context: Context) -> Optional[str]:
    """Ask the package manager: starting prosodyctl only for its version costs a second."""
    code, out, _ = context.run(["dpkg-query", "--show", "--showformat", "${Version}", "prosody"])
    found = re.match(r"(?:\d+:)?([0-9][0-9.]*)", out) if code == 0 else None
    return found.group(1) if found else None
