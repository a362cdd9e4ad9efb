"""The topology as its cmdlets show it: sites with their XMPP route, and pools with what they run.

Sources: Get-CsSite, Set-CsSite, Get-CsService (Lync Server 2013 cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

from . import values
from .shell import Shell

#: ``Version`` of a pool's service → the product. Of these, 2013 and 2015 have the XMPP gateway.
PRODUCTS = {5: "Lync Server 2010", 6: "Lync Server 2013", 7: "Skype for Business Server 2015"}
WITH_XMPP = (6, 7)
#: What the XMPP route of a site is called: by the cmdlet's reference, and in Microsoft's procedure for failover.
ROUTE_NAMES = ("XmppFederationRoute", "XmppExternalFederationRoute")
_EDGE = "EdgeServer:"


@dataclass(frozen=True)
class Site:
    """One site.

    :ivar route: FQDN of the Edge pool that carries its XMPP federation; None without one.
    :ivar route_name: how this server calls it; the first of ``ROUTE_NAMES`` when it does not show it.
    """

    name: str
    route: Optional[str]
    route_name: str = ROUTE_NAMES[0]


@dataclass(frozen=True)
class Pool:
    """One pool with its main service.

    :ivar fqdn: internal name, lower case.
    :ivar version: of the service, a key of ``PRODUCTS``; None when the server does not say.
    :ivar external_fqdn: Access Edge FQDN of an Edge pool, lower case; empty for others.
    """

    fqdn: str
    site: str
    version: Optional[int]
    external_fqdn: str = ""

    @property
    def product(self) -> str:
        """What it runs, for messages."""
        if self.version is None:
            return "an unknown version"
        return PRODUCTS.get(self.version, f"version {self.version}, newer than Skype for Business Server 2015")

    @property
    def has_xmpp(self) -> bool:
        """Whether the product has the XMPP gateway; one of an unknown version may have it."""
        return self.version is None or self.version in WITH_XMPP


def read_sites(shell: Shell) -> dict[str, Site]:
    """Return all sites by their names in lower case."""
    found = {}
    for item in shell.call("Get-CsSite"):
        given = values.properties(item)
        name = _after_scope(values.text(given.get("Identity")) or "")
        route_name = next((known for known in ROUTE_NAMES if known in given), ROUTE_NAMES[0])
        route = (values.text(given.get(route_name)) or "").lower()
        found[name.lower()] = Site(name, route.rpartition(":")[2] or None, route_name)
    return found


def read_pools(shell: Shell, role: str) -> dict[str, Pool]:
    """Return the pools that run a role, by FQDN. :param role: ``EdgeServer`` or ``Registrar``."""
    found = {}
    for item in shell.call("Get-CsService", {role: None}):
        given = values.properties(item)
        fqdn = (values.text(given.get("PoolFqdn")) or "").lower()
        found[fqdn] = Pool(
            fqdn,
            _after_scope(values.text(given.get("SiteId")) or ""),
            values.number(given.get("Version")),
            (values.text(given.get("AccessEdgeExternalFqdn")) or "").lower(),
        )
    return found


def named_pool(pools: Iterable[Pool], name: str) -> Optional[Pool]:
    """Return the pool of an internal name or an Access Edge FQDN."""
    return next((pool for pool in pools if name.lower() in (pool.fqdn, pool.external_fqdn)), None)


def route_value(pool: Pool, route_name: str) -> str:
    """Return what Set-CsSite takes: the service's identity by the reference, a bare FQDN in the procedure."""
    return f"{_EDGE}{pool.fqdn}" if route_name == ROUTE_NAMES[0] else pool.fqdn


def _after_scope(identity: str) -> str:
    """``Site:London`` is London."""
    return identity.partition(":")[2] or identity


def shown(site: Site) -> dict[str, Any]:
    """Return a site as the field of a plan."""
    return {"edge_pool": site.route}
