"""What an inventory is made from, beyond what is managed: domains, names, homes of users.

Sources: Get-CsSipDomain, Get-CsService, Get-CsUser (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import access_policy, values
from .shell import Shell

#: Of Get-CsUser: those who have been granted a policy.
_HOLDERS = "ExternalAccessPolicy -ne $Null"


def read_sip_domains(shell: Shell) -> list[str]:
    """Return the SIP domains in lower case, the default one first."""
    found = []
    for item in shell.call("Get-CsSipDomain"):
        given = values.properties(item)
        name = values.text(given.get("Name")) or values.text(given.get("Identity")) or ""
        found.append((not values.boolean(given.get("IsDefault")), name.lower()))
    return [name for _, name in sorted(found)]


def read_edge_names(shell: Shell) -> dict[str, dict[str, str]]:
    """Return the external names of each Edge pool, by its internal FQDN: ``access``, ``webconf``; empty for none."""
    found = {}
    for item in shell.call("Get-CsService", {"EdgeServer": None}):
        given = values.properties(item)
        fqdn = (values.text(given.get("PoolFqdn")) or "").lower()
        found[fqdn] = {
            "access": (values.text(given.get("AccessEdgeExternalFqdn")) or "").lower(),
            "webconf": (values.text(given.get("DataEdgeExternalFqdn")) or "").lower(),
        }
    return found


def read_homes(shell: Shell) -> dict[str, str]:
    """Return the Registrar pool of each user who has been granted a policy, by address; empty for none."""
    found = {}
    for item in shell.call("Get-CsUser", {"Filter": _HOLDERS}):
        address, _policy = access_policy.read_user(item)
        found[address] = (values.text(values.properties(item).get("RegistrarPool")) or "").lower()
    return found


#: Parts of ``lync_info`` on a Front End.
FRONT_END: Mapping[str, Callable[[Shell], Any]] = {
    "sip_domains": read_sip_domains,
    "edge_names": read_edge_names,
    "access_homes": read_homes,
}
