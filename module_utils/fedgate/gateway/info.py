"""What ``xmpp_gateway_info`` reports: the service, Prosody's version, and what our modules in it say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from ..host.systemd import Unit
from ..module import Context
from .blocked import parse, reported
from .files import look
from .kinds import kind_of
from .status import is_current, read_status


def look_at_gateway(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return ``unit``, ``version``, ``status`` (None when the running server reports nothing) and ``blocked``."""
    unit = Unit(context, kind_of(params["server"]).unit).state()
    status = read_status(params["status_path"])
    status = status if is_current(status, unit.pid) else None
    return {
        "unit": {"exists": unit.exists, "active": unit.active, "enabled": unit.enabled, "pid": unit.pid},
        "version": _version(context),
        "status": status,
        "blocked": _blocked(params["blocked_path"], status),
    }


def _blocked(path: str, status: Optional[Mapping[str, Any]]) -> Optional[list[dict[str, Any]]]:
    """Return the blocks that the running server holds, or without one those that the next start will read."""
    blocks = reported(status)
    if blocks is None:
        data = look(path).data
        blocks = {} if data is None else parse(data)
    return None if blocks is None else [blocks[domain].as_dict() for domain in sorted(blocks)]


def _version(context: Context) -> Optional[str]:
    """Ask the package manager: starting prosodyctl only for its version costs a second."""
    code, out, _ = context.run(["dpkg-query", "--show", "--showformat", "${Version}", "prosody"])
    found = re.match(r"(?:\d+:)?([0-9][0-9.]*)", out) if code == 0 else None
    return found.group(1) if found else None
