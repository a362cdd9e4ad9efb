"""What ``lync_info`` reads: all that these modules manage, and changes nothing.

Sources: the Get- cmdlets that are named beside each part (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ..certificates import library
from ..errors import InvalidValue
from ..module import Context
from . import access_edge, access_policy, gateway, partner, sources, values, windows_service
from .connection import read_connection
from .faults import CmdletFailed, NotAuthorised
from .reconciler import CONNECTION_ARGUMENTS
from .replication import read_replicas
from .service import PORTS
from .shell import Shell
from .topology import read_pools, read_sites

#: Of Get-CsUser: those who have been granted a policy.
_HOLDERS = "ExternalAccessPolicy -ne $Null"


def _sites(shell: Shell) -> dict[str, Any]:
    return {site.name: {"xmpp_route": site.route} for site in read_sites(shell).values()}


def _pools(role: str) -> Callable[[Shell], dict[str, Any]]:
    def look(shell: Shell) -> dict[str, Any]:
        computers: dict[str, list[str]] = {}
        for item in shell.call("Get-CsComputer"):
            given = values.properties(item)
            pool = (values.text(given.get("Pool")) or "").lower()
            computers.setdefault(pool, []).append((values.text(given.get("Fqdn")) or "").lower())
        return {
            name: {
                **asdict(pool),
                "product": pool.product,
                "has_xmpp": pool.has_xmpp,
                "computers": sorted(computers.get(name, [])),
            }
            for name, pool in read_pools(shell, role).items()
        }

    return look


def _partners(shell: Shell) -> list[dict[str, Any]]:
    found = [partner.read(item) for item in shell.call("Get-CsXmppAllowedPartner")]
    return [{"domain": one.domain, **one.fields()} for one in sorted(found, key=lambda one: one.domain)]


def _gateway(shell: Shell) -> dict[str, Any]:
    (item,) = shell.call("Get-CsXmppGatewayConfiguration")
    return gateway.read(item)


def _access_policies(shell: Shell) -> list[dict[str, Any]]:
    found = [access_policy.read(item) for item in shell.call("Get-CsExternalAccessPolicy")]
    return [{"name": one.name, **one.settings} for one in sorted(found, key=lambda one: one.key)]


def _grants(shell: Shell) -> dict[str, Any]:
    users = (access_policy.read_user(item) for item in shell.call("Get-CsUser", {"Filter": _HOLDERS}))
    return {address: policy for address, policy in users if policy is not None}


def _access_edge(shell: Shell) -> dict[str, Any]:
    (item,) = shell.call("Get-CsAccessEdgeConfiguration")
    return access_edge.read(item)


def _services(shell: Shell) -> dict[str, Any]:
    return {
        one.name: {"display_name": one.display_name, "status": one.status} for one in windows_service.read_all(shell)
    }


def _listening(shell: Shell) -> list[int] | None:
    found = windows_service.listening(shell, PORTS)
    return None if found is None else sorted(found)


def _certificates(shell: Shell) -> dict[str, Any]:
    """By use; of one that is assigned and not in the store, only its thumbprint."""
    library.require(library.OLDEST_ON_CONTROLLER)
    from . import certificate_store  # which needs that library

    held = certificate_store.look(shell)
    found: dict[str, Any] = {}
    for use, thumbprint in sorted(held.assigned.items()):
        found[use] = {"thumbprint": thumbprint}
        stored = held.find(thumbprint)
        if stored is not None:
            facts = stored.facts
            found[use] |= {
                "names": list(facts.names),
                "subject": facts.subject,
                "issuer": facts.issuer,
                "not_after": facts.not_after.isoformat(),
                "friendly_name": stored.friendly_name,
                "has_key": stored.has_key,
            }
    return found


#: Part → how it is read, by the kind of server.
PARTS: Mapping[str, Mapping[str, Callable[[Shell], Any]]] = {
    "front_end": {
        "sites": _sites,
        "edge_pools": _pools("EdgeServer"),
        "front_end_pools": _pools("Registrar"),
        "replicas": read_replicas,
        "partners": _partners,
        "gateway_configuration": _gateway,
        "access_policies": _access_policies,
        "access_grants": _grants,
        "access_edge_configuration": _access_edge,
        "services": _services,
        **sources.FRONT_END,
    },
    "edge": {"services": _services, "listening": _listening, "certificates": _certificates},
}
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "parts": {
        "type": "list",
        "elements": "str",
        "choices": sorted({part for parts in PARTS.values() for part in parts}),
        "default": [],
    },
}


def look(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Read the wanted parts in one session; what the account may not read is named, and the rest is read.

    :returns: each part by its name, ``unreadable`` (part → why not), ``calls``.
    :raises InvalidValue: a part that this kind of server does not have.
    """
    connection = read_connection(params)
    known = PARTS[connection.endpoint]
    unknown = [part for part in params["parts"] if part not in known]
    if unknown:
        raise InvalidValue(
            f"parts {', '.join(unknown)} cannot be read at {connection.endpoint}", hint=f"Allowed: {', '.join(known)}."
        )
    found: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    with Shell(connection) as shell:
        for part in params["parts"] or known:
            try:
                found[part] = known[part](shell)
            except (NotAuthorised, CmdletFailed) as error:
                unreadable[part] = str(error)
        return {**found, "unreadable": unreadable, "calls": shell.calls}
