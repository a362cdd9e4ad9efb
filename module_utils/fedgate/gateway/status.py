"""The status file that our module in the running server writes: what it enforces, whom it serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

#: Layout that this version reads.
FORMAT = 1
#: The guard reports in the policy's place when that one was not loaded, and gives this reason.
_NO_POLICY_MODULE = "the policy module is not loaded"


def read_status(path: str) -> Optional[dict[str, Any]]:
    """Return the status file's content; None when there is none, or none that we understand."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("format") == FORMAT else None


def is_current(status: Optional[Mapping[str, Any]], pid: Optional[int]) -> bool:
    """Whether a status was written by the process that runs now; a killed server leaves its last one behind."""
    return status is not None and pid is not None and status.get("pid") == pid


def is_gated(status: Optional[Mapping[str, Any]], pid: Optional[int]) -> bool:
    """Whether the policy module itself is loaded in the running server, be it closed or not."""
    return is_current(status, pid) and status is not None and status.get("reason") != _NO_POLICY_MODULE


def reason_of(status: Optional[Mapping[str, Any]], pid: Optional[int]) -> str:
    """Return, in words, why the running server does not enforce the wanted policy."""
    if pid is None:
        return "the server does not run"
    if status is None or not is_current(status, pid):
        return f"the running server (process {pid}) reports nothing: Fedgate's modules are not loaded in it"
    present = f"it reports generation {status.get('generation')}, state {status.get('state')}"
    return str(status.get("reason") or present)


def alarm_of(status: Optional[Mapping[str, Any]], pid: Optional[int]) -> Optional[dict[str, Any]]:
    """Return the alarm that the running server raises: kind, reason, since (Unix time); None when there is none."""
    alarm = status.get("alarm") if status is not None and is_current(status, pid) else None
    return dict(alarm) if isinstance(alarm, Mapping) else None
