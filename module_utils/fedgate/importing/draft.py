"""The inventory of a deployment on Lync Server before it is written: what it says, what is left out, what is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ..errors import InvalidValue
from ..model.deployment import Deployment
from . import partners, places, published
from .items import Item, Template, left_out, plain
from .judging import judge
from .published import Published

#: What has to be read on the Front End for it.
PARTS = (
    "sites", "edge_pools", "edge_names", "sip_domains", "partners", "gateway_configuration", "access_policies",
    "access_grants", "access_homes", "access_edge_configuration",
)  # fmt: skip
#: What of the way to the Front End is written; the account's password is not among it.
_WAY = ("front_end", "port", "username", "authentication", "ca_file")


class Draft:
    """What an inventory would say.

    :param deployment: what ``lync_info`` read on the Front End, at least ``PARTS``.
    :param servers: what it read on Edge Servers, by FQDN.
    :param way: how the Front End was reached, as ``federation_lync``; secrets in it are not looked at.
    :param login: how Edge Servers were reached, as ``edge_pool_lync`` with ``username``.
    :param addresses: of Edge Servers whose names do not lead there.
    :param resolvers: addresses of resolvers.
    :raises InvalidValue: something could not be read that an inventory cannot do without.
    """

    def __init__(
        self,
        deployment: Mapping[str, Any],
        servers: Mapping[str, Mapping[str, Any]],
        way: Mapping[str, Any],
        login: Mapping[str, Any],
        addresses: Mapping[str, str],
        resolvers: list[str],
        today: date,
    ) -> None:
        _demand(deployment)
        self.deployment = deployment
        names = [pool["external_fqdn"] for pool in deployment["edge_pools"].values() if pool["external_fqdn"]]
        self.dns: Published = published.look(deployment["sip_domains"], names, resolvers)
        self.domains = [name for name in deployment["sip_domains"] if name in self.dns.domains]
        self.domains_guessed = not self.domains
        self.domains = self.domains or list(deployment["sip_domains"])
        self.places, self.notes = places.places(deployment, self.dns, self.domains, servers)
        places.add_ways(self.places, servers, login, addresses)
        found, lost = partners.policies(
            deployment["access_policies"], deployment["access_grants"], deployment["access_homes"]
        )
        self.notes += [*lost, *self.dns.notes, *self._aliases()]
        self.shared: dict[str, Any] = {
            "federation_xmpp_domains": [Item(name) for name in self.domains],
            "federation_sip_domains": [Item(name) for name in deployment["sip_domains"]],
            "federation_limits": partners.limits(deployment["gateway_configuration"]),
            "federation_partners": partners.partners(deployment["partners"]),
            "federation_access_policies": found,
            "federation_lync": self._way(way),
        }
        self.model: Deployment | None
        self.model, self.open = judge(self._hosts, self._tree, self._about, today)

    def _way(self, way: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``federation_lync``: how the Front End was reached, and the few settings that stand there."""
        said: dict[str, Any] = {key: way[key] for key in _WAY if way.get(key)}
        if said.get("authentication") != "kerberos" or said.get("username"):
            said["password"] = Template("{{ vault_lync_password }}")
        pools = self.deployment.get("front_end_pools") or {}
        if way.get("registrar_pool") or len(pools) == 1:
            said["registrar_pool"] = way.get("registrar_pool") or next(iter(pools))
        configured = self.deployment["gateway_configuration"]
        if configured.get("subscription_refresh_interval") is not None:
            said["subscription_refresh_interval"] = Item(configured["subscription_refresh_interval"])
        if configured.get("log_message_bodies"):
            said["log_message_bodies"] = Item(True, ["The bodies of all messages are logged there: private data."])
        return said

    def _aliases(self) -> Iterator[str]:
        """Say which hosts SRV records lead to that no Edge pool is called by."""
        known = {place.fqdn for place in self.places}
        for name, pool in self.dns.pools.items():
            if name in known:
                continue
            addresses = set(pool.get("edge_published_addresses", []))
            same = [place.fqdn for place in self.places if addresses & set(self.dns.addresses.get(place.fqdn, []))]
            what = f"another name of {', '.join(same)}" if same else "no Edge pool of the topology"
            yield f"SRV records lead to {name}, which is {what}; dns.yml would lead them to the Access Edge FQDN"

    def _hosts(self) -> dict[str, dict[str, Any]]:
        """Return the variables of each server, as Ansible will read them."""
        shared = {name: plain(tree) for name, tree in self.shared.items()}
        return {
            name: {**shared, **plain(place.variables), **plain(variables)}
            for place in self.places
            for name, variables in place.hosts.items()
        }

    def _tree(self, variable: str, owner: str | None) -> Any:
        if variable in self.shared:
            return self.shared[variable]
        for place in self.places:
            if owner in place.hosts and variable in place.hosts[owner]:
                return place.hosts[owner][variable]
            if variable in place.variables and (owner == place.fqdn or owner in place.hosts):
                return place.variables[variable]
        return None

    def _about(self, _host: str, steps: tuple[str | int, ...]) -> str | None:
        """Say which partner or policy a place belongs to; its number will be another one once something is left out."""
        keys = {"federation_partners": "domain", "federation_access_policies": "name"}
        if len(steps) < 2 or steps[0] not in keys or not isinstance(steps[1], int):
            return None
        live = plain(self.shared[str(steps[0])])
        return f"of {live[steps[1]][keys[str(steps[0])]]}" if steps[1] < len(live) else None

    def left_out(self) -> list[dict[str, str]]:
        """Return what is written commented out: what, why."""
        trees = [*self.shared.items(), *(pair for place in self.places for pair in place.variables.items())]
        return [
            {"what": f"{name}: {_shown(item)}", "why": str(item.refused)}
            for name, tree in trees
            for item in left_out(tree)
        ]


def _shown(item: Item) -> str:
    value = item.value
    if isinstance(value, dict):
        return str(value.get("domain") or value.get("name"))
    return str(value)


def _demand(deployment: Mapping[str, Any]) -> None:
    lacking = [part for part in PARTS if part not in deployment]
    if lacking:
        unreadable = deployment.get("unreadable", {})
        said = "; ".join(f"{part}: {unreadable.get(part, 'it was not asked for')}" for part in lacking)
        raise InvalidValue(
            f"the deployment could not be read whole, so nothing was written: {said}",
            hint="CsViewOnlyAdministrator is enough of a role for reading.",
        )
    if not deployment["sip_domains"]:
        raise InvalidValue("the deployment has no SIP domain", hint="Look at Get-CsSipDomain.")
