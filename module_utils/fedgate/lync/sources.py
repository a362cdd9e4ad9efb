"""What an inventory is made from, beyond what is managed: domains, names, homes of users, certificates in use.

Sources: Get-CsSipDomain, Get-CsService, Get-CsUser, Get-CsCertificate (Lync Server 2013 cmdlet reference).
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


def read_certificates(shell: Shell) -> list[dict[str, Any]]:
    """Return what is assigned on this server, one item a use: use, subject, names, issuer, not_after, thumbprint."""
    found = []
    for item in shell.call("Get-CsCertificate"):
        given = values.properties(item)
        names = values.texts(given.get("SubjectAlternativeNames"))
        one: dict[str, Any] = {"names": sorted({name.lower() for name in names})}
        for key in ("Use", "Subject", "Issuer", "NotAfter", "Thumbprint"):
            one[_KEYS[key]] = values.text(given.get(key)) or ""
        found.append(one)
    return sorted(found, key=lambda one: str(one["use"]))


_KEYS = {"Use": "use", "Subject": "subject", "Issuer": "issuer", "NotAfter": "not_after", "Thumbprint": "thumbprint"}
#: Parts of ``lync_info``, by the kind of server.
FRONT_END: Mapping[str, Callable[[Shell], Any]] = {
    "sip_domains": read_sip_domains,
    "edge_names": read_edge_names,
    "access_homes": read_homes,
}
EDGE: Mapping[str, Callable[[Shell], Any]] = {"certificates": read_certificates}
