"""How the Edge Servers of a Lync pool are reached: ``edge_pool_lync``. Their accounts are ordinary host variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .reading import Reader

EDGES = "edge_pool_lync"
KEYS = (
    "transport",
    "port",
    "authentication",
    "ca_file",
    "client_certificate",
    "client_key",
    "window",
    "handover_directory",
    "handover_restart",
)
#: ``handover``: an administrator carries tasks there and results back; ``by_hand``: what is to be done is only said.
TRANSPORTS = ("winrm", "handover", "by_hand")
#: An Edge is in no domain, so Kerberos has nothing to say there.
AUTHENTICATIONS = ("negotiate", "ntlm", "basic", "certificate")
WINDOW = ("begin", "end", "days", "timezone")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Edges:
    """What is managed on the Edge Servers of a pool.

    :ivar transport: one of ``TRANSPORTS``.
    :ivar handover_directory: folder on the controller for tasks and results; None with another transport.
    :ivar handover_restart: whether a task that assigns a certificate restarts the services as well.
    :ivar window: when services may be stopped, as ``lync_service`` takes it; None: at any time.
    """

    transport: str = TRANSPORTS[0]
    handover_directory: str | None = None
    handover_restart: bool = False
    window: Mapping[str, Any] | None = None

    def as_facts(self) -> dict[str, Any]:
        """Return it as plain data."""
        window = None if self.window is None else dict(self.window)
        return {
            "transport": self.transport,
            "handover_directory": self.handover_directory,
            "handover_restart": self.handover_restart,
            "window": window,
        }


def read_edges(reader: Reader, backend: str) -> Edges:
    """Read ``edge_pool_lync`` of one pool."""
    if backend != "lync":
        reader.wrong("it has a meaning on Lync pools only", "Remove it, or set edge_pool_backend: lync.")
        return Edges()
    fields = reader.fields(KEYS)
    if fields is None:
        return Edges()
    fields.read("port", lambda at: at.whole_number(1, 65535), 0)
    way = fields.read("authentication", lambda at: at.choice(AUTHENTICATIONS), AUTHENTICATIONS[0])
    for key in ("ca_file", "client_certificate", "client_key"):
        fields.read(key, Reader.text, "")
    for key in ("client_certificate", "client_key"):
        if (way == "certificate") != fields.has(key):
            hint = "authentication: certificate needs client_certificate and client_key: PEM files on the controller."
            message = f"{key} is missing" if way == "certificate" else f"{key} has no meaning with {way}"
            reader.wrong(message, hint)
    transport = fields.read("transport", lambda at: at.choice(TRANSPORTS), TRANSPORTS[0])
    folder = fields.read("handover_directory", Reader.text, None)
    if (transport == "handover") != fields.has("handover_directory"):
        hint = "transport: handover needs handover_directory: a folder on the controller for tasks and results."
        message = "handover_directory is missing" if folder is None else f"it has no meaning with {transport}"
        reader.wrong(message, hint)
    restart = fields.read("handover_restart", Reader.flag, False)
    if restart and transport != "handover":
        fields.at("handover_restart").wrong(
            f"it has no meaning with {transport}", "Remove it, or set transport: handover."
        )
    return Edges(transport, folder, restart, fields.read("window", _window, None))


def _window(reader: Reader) -> dict[str, Any] | None:
    fields = reader.fields(WINDOW, required=("begin", "end"))
    if fields is None:
        return None
    found: dict[str, Any] = {key: fields.read(key, _time, "") for key in ("begin", "end")}
    if fields.has("days"):
        found["days"] = [day for day in (item.choice(DAYS) for item in fields.at("days").items()) if day]
    if fields.has("timezone"):
        found["timezone"] = fields.at("timezone").text()
    return found


def _time(reader: Reader) -> str | None:
    if isinstance(reader.value, int):
        # YAML 1.1 reads 22:00 as a number to the base of 60.
        reader.wrong("a time of the day is needed here, not a number", 'Write it in quotation marks: "22:00".')
        return None
    text = reader.text()
    if text is not None and not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", text):
        reader.wrong(f"{text!r} is no time of the day", 'Write it like "22:00".')
        return None
    return text
