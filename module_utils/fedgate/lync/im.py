"""Sends test messages across the XMPP gateway: ``Test-CsXmppIM`` for each of several addresses, in one session.

Source: Test-CsXmppIM (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..module import Context
from . import values
from .connection import read_connection
from .faults import CmdletFailed
from .reconciler import CONNECTION_ARGUMENTS
from .shell import Shell

ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "pool": {"type": "str", "required": True},
    "receivers": {"type": "list", "elements": "str", "required": True},
    "sender": {"type": "str"},
}
# A time span as PowerShell remoting writes it (XML Schema duration), and as .NET prints it.
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")
_PRINTED = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):([\d.]+)")


def send(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Send one message to each receiver, and say of each whether it went through.

    A test that the server cannot make (no test users, say) counts as one that failed: the others are made nevertheless.

    :param params: as in ``ARGUMENTS``.
    :returns: ``results``: for each receiver receiver, ok, latency (seconds or None), error, diagnosis; ``ok``;
        ``calls``.
    :raises FedgateError: the server cannot be reached, or lets the account not make this test at all.
    """
    if not params["receivers"]:
        return {"results": [], "ok": True, "calls": 0}
    with Shell(read_connection(params)) as shell:
        results = [_tried(shell, params, receiver) for receiver in params["receivers"]]
        return {"results": results, "ok": all(result["ok"] for result in results), "calls": shell.calls}


def _tried(shell: Shell, params: Mapping[str, Any], receiver: str) -> dict[str, Any]:
    given = {"TargetFqdn": params["pool"], "Receiver": receiver}
    if params["sender"]:
        given["UserSipAddress"] = f"sip:{params['sender'].removeprefix('sip:')}"
    try:
        (item,) = shell.call("Test-CsXmppIM", given)
    except CmdletFailed as error:
        return {"receiver": receiver, "ok": False, "latency": None, "error": error.message, "diagnosis": ""}
    said = values.properties(item)
    return {
        "receiver": receiver,
        "ok": values.text(said.get("Result")) == "Success",
        "latency": seconds(values.text(said.get("Latency"))),
        "error": _line(said.get("Error")),
        "diagnosis": _line(said.get("Diagnosis")),
    }


def _line(value: Any) -> str:
    """Return a text in one line: errors of .NET have several."""
    return " ".join((values.text(value) or "").split())


def seconds(text: str | None) -> float | None:
    """Return a time span in seconds, in either of its forms; None for what is none."""
    found = _DURATION.fullmatch(text or "") or _PRINTED.fullmatch(text or "")
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return 86400 * days + 3600 * hours + 60 * minutes + rest
