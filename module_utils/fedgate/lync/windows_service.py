"""Windows services of the product, found by what their display names end in: the beginning is the product's name.

Source: Get-CsWindowsService (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from . import values
from .faults import NotAuthorised, NotInstalled
from .shell import Shell

#: What a service is called in options → the end of its display name, on an Edge Server.
ON_EDGE = {
    "xmpp": "XMPP Translating Gateway Proxy",
    "access_edge": "Access Edge",
    "web_conferencing_edge": "Web Conferencing Edge",
    "av_authentication": "Audio/Video Authentication",
    "av_edge": "Audio/Video Edge",
}
#: The same on a Front End Server.
ON_FRONT_END = {"xmpp": "XMPP Translating Gateway"}
TITLES = {"edge": ON_EDGE, "front_end": ON_FRONT_END}
RUNNING, STOPPED = "Running", "Stopped"


@dataclass(frozen=True)
class Service:
    """One Windows service.

    :ivar key: what options call it.
    :ivar name: its short name, such as RTCSRV.
    :ivar status: of .NET's ServiceControllerStatus: Running, Stopped, StartPending, StopPending, …
    """

    key: str
    name: str
    display_name: str
    status: str


def read_all(shell: Shell) -> list[Service]:
    """Return all services of the product on the computer of a session; those that no option names have no key."""
    titles = TITLES[shell.connection.endpoint]
    found = []
    for item in shell.call("Get-CsWindowsService", {"ExcludeActivityLevel": None}):
        given = values.properties(item)
        shown = values.text(given.get("DisplayName")) or ""
        key = next((key for key, title in titles.items() if shown.endswith(f" {title}")), "")
        status = values.text(given.get("Status")) or ""
        found.append(Service(key, values.text(given.get("Name")) or "", shown, status))
    return found


def read_wanted(shell: Shell, keys: Sequence[str]) -> dict[str, Service]:
    """Return services by what options call them, in that order. :raises NotInstalled: one is not there."""
    present = {service.key: service for service in read_all(shell) if service.key}
    missing = [TITLES[shell.connection.endpoint][key] for key in keys if key not in present]
    if missing:
        raise NotInstalled(
            f"{shell.connection.host} has no service {' and no service '.join(missing)}",
            hint="Set the XMPP route in Topology Builder, publish the topology, and run setup again on this server; "
            "lync_preflight names what is missing.",
        )
    return {key: present[key] for key in keys}


def started(shell: Shell) -> dict[str, datetime]:
    """Return when the services that run were started, by their short names in capitals.

    Source: Win32_Service, Win32_Process (WMI); CIM_DATETIME, DSP0004.
    """
    made: dict[int | None, datetime] = {}
    for item in shell.call("Get-WmiObject", {"Class": "Win32_Process", "Property": ["ProcessId", "CreationDate"]}):
        given = values.properties(item)
        moment = values.text(given.get("CreationDate"))
        if moment:
            made[values.number(given.get("ProcessId"))] = _moment(moment)
    found = {}
    for item in shell.call("Get-WmiObject", {"Class": "Win32_Service", "Property": ["Name", "ProcessId"]}):
        given = values.properties(item)
        number = values.number(given.get("ProcessId"))
        if number and number in made:
            found[(values.text(given.get("Name")) or "").upper()] = made[number]
    return found


def _moment(text: str) -> datetime:
    """Read ``yyyymmddHHMMSS.mmmmmm±UUU``, with minutes from UTC."""
    zone = timezone(timedelta(minutes=int(text[21:])))
    return datetime.strptime(text[:21], "%Y%m%d%H%M%S.%f").replace(tzinfo=zone)


def listening(shell: Shell, ports: Iterable[int]) -> set[int] | None:
    """Return which ports are listened on; None when that server has no cmdlet to tell (before Windows Server 2012)."""
    try:
        items = shell.call("Get-NetTCPConnection", {"State": "Listen"})
    except NotAuthorised:
        return None
    found = {values.number(values.properties(item).get("LocalPort")) for item in items}
    return {port for port in ports if port in found}
