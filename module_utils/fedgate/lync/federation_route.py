"""The reconciler of ``lync_federation_route``: through which Edge pool XMPP federation goes.

Sources: Set-CsSite (Lync Server 2013 cmdlet reference); *Failing over the Edge pool used for XMPP federation*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidValue
from ..module import Context
from ..plan import Change, Plan
from .faults import CmdletFailed
from .reconciler import CONNECTION_ARGUMENTS, OverShell
from .topology import ROUTE_NAMES, Pool, Site, named_pool, read_pools, read_sites, route_value, shown

KIND = "federation_route"
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "edge_pool": {"type": "str", "required": True},
    "sites": {"type": "list", "elements": "str", "default": []},
}

Observed = dict[str, Site]


class FederationRoute(OverShell):
    """The XMPP route of the sites: all through one Edge pool, since one pool at a time carries XMPP."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self._pools: dict[str, Pool] = {}

    def observe(self) -> Observed:
        """Read all sites; the Edge pools once."""
        if not self._pools:
            self._pools = read_pools(self.shell, "EdgeServer")
        return read_sites(self.shell)

    def plan(self, observed: Observed) -> Plan:
        """At most one change a site. :raises InvalidValue: no such pool or site, or two pools would carry XMPP."""
        pool = self._pool()
        changes = []
        for site in self._sites(observed, pool):
            if site.route != pool.fqdn:
                subject = (site, pool)
                changes.append(Change("update", KIND, site.name, shown(site), {"edge_pool": pool.fqdn}, subject))
        return Plan.of(changes)

    def _pool(self) -> Pool:
        pool = named_pool(self._pools.values(), self.params["edge_pool"])
        if pool is None:
            known = ", ".join(
                f"{one.fqdn} ({one.external_fqdn})" if one.external_fqdn else one.fqdn for one in self._pools.values()
            )
            raise InvalidValue(
                f"edge_pool {self.params['edge_pool']!r} is no Edge pool of this deployment",
                hint=f"There are: {known or 'none'}. Pools are made in Topology Builder.",
            )
        if not pool.has_xmpp:
            raise InvalidValue(
                f"Edge pool {pool.fqdn} runs {pool.product}, which has no XMPP gateway",
                hint="Name a pool of Lync Server 2013 or Skype for Business Server 2015.",
            )
        return pool

    def _sites(self, observed: Observed, pool: Pool) -> list[Site]:
        """The named ones; without any, those that have a route, and the pool's own."""
        names = [name.lower() for name in self.params["sites"]]
        if not names:
            return [site for site in observed.values() if site.route or site.name.lower() == pool.site.lower()]
        unknown = [name for name in self.params["sites"] if name.lower() not in observed]
        if unknown:
            raise InvalidValue(
                f"there is no site {', '.join(unknown)}",
                hint=f"There are: {', '.join(sorted(site.name for site in observed.values()))}.",
            )
        others = [
            f"{site.name} (by {site.route})"
            for name, site in observed.items()
            if name not in names and site.route not in (None, pool.fqdn)
        ]
        if others:
            raise InvalidValue(
                f"sites keep another XMPP route than {pool.fqdn}: {', '.join(others)}; only one pool at a time can "
                "carry XMPP federation",
                hint="Name these sites as well, or leave sites out. Nothing was changed.",
            )
        return [observed[name] for name in names]

    def apply(self, plan: Plan, observed: Observed) -> None:
        """One cmdlet a site."""
        self.carry_out(plan, lambda change: self._set(*change.subject))

    def _set(self, site: Site, pool: Pool) -> None:
        """Microsoft's texts name the parameter in two ways; the one that binds is the one. Binding changes nothing."""
        names = sorted(ROUTE_NAMES, key=lambda name: name != site.route_name)
        for name in names:
            try:
                given = {"Identity": site.name, name: route_value(pool, name), "Force": None}
                self.shell.call("Set-CsSite", given)
                return
            except CmdletFailed as error:
                if error.error_id != "NamedParameterNotFound" or name == names[-1]:
                    raise

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return the route of each site, which pools lose it, and the number of calls."""
        before = {str((change.before or {}).get("edge_pool")) for change in plan.changes} - {"None"}
        left = sorted(before - {self._pool().fqdn})
        if left:
            self.context.warn(
                f"XMPP federation leaves {', '.join(left)}: after replication, stop the XMPP proxy there (lync_service "
                "with state stopped), and start it on the new pool; DNS has to lead to the new pool"
            )
        routes = {site.name: site.route for site in observed.values()}
        return {"routes": routes, "left": left, **self.calls()}
