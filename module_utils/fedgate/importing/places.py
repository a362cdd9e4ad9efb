"""Edge pools and their servers, as an inventory says them: from the topology, DNS, and the certificates in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.names import lync_names
from .items import Item, Template
from .published import Published

#: Versions of a pool's service whose product has the XMPP proxy: Lync Server 2013, Skype for Business Server 2015.
_WITH_XMPP = (6, 7)
_PUBLIC_USES = ("AccessEdgeExternal", "DataEdgeExternal", "XMPPServer")


@dataclass
class Place:
    """One Edge pool.

    :ivar fqdn: Access Edge FQDN; :ivar group: name of its group; :ivar hosts: variables by server.
    :ivar variables: of the pool; :ivar remarks: comments at the top of their file.
    """

    fqdn: str
    site: str
    internal: str
    group: str = ""
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def places(
    deployment: Mapping[str, Any], dns: Published, domains: Sequence[str], servers: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Place], list[str]]:
    """Return the Edge pools, the one that carries XMPP first, and what is to be said of those that are left out.

    :param deployment: what ``lync_info`` read on the Front End.
    :param domains: our XMPP domains.
    :param servers: what ``lync_info`` read on Edge Servers, by FQDN; those that were not reached lack or have failed.
    """
    routes = {site["xmpp_route"] for site in deployment["sites"].values() if site["xmpp_route"]}
    notes: list[str] = []
    found: list[Place] = []
    ordered = sorted(deployment["edge_pools"].items(), key=lambda item: (item[0] not in routes, item[0]))
    for internal, pool in ordered:
        if pool["version"] not in _WITH_XMPP:
            notes.append(f"the Edge pool {internal} is left out: {pool['product']} has no XMPP proxy")
        elif not pool["external_fqdn"]:
            notes.append(f"the Edge pool {internal} is left out: the topology names no Access Edge FQDN")
        else:
            found.append(Place(pool["external_fqdn"], pool["site"], internal))
    if not routes:
        notes.append("no site has an XMPP route: nothing of XMPP goes anywhere until one is set (Set-CsSite)")
    _number(found, dns, routes)
    _name(found)
    for place in found:
        pool = deployment["edge_pools"][place.internal]
        names = deployment.get("edge_names", {}).get(place.internal, {})
        place.variables["edge_pool_backend"] = "lync"
        place.variables["edge_pool_site"] = place.site
        if names.get("webconf") and names["webconf"] != place.fqdn:
            place.variables["edge_pool_webconf_fqdn"] = names["webconf"]
        served = dns.pools.get(place.fqdn, {}).get("edge_pool_xmpp_domains")
        if served:
            place.variables["edge_pool_xmpp_domains"] = list(served)
        _add_hosts(place, pool["computers"] or [place.internal], dns)
        _add_names(place, deployment, domains, servers)
    return found, notes


def _number(found: Sequence[Place], dns: Published, routes: set[str]) -> None:
    """Give each pool its priority in DNS, or another one: no two may have the same."""
    taken: set[int] = set()
    for place in found:
        place.variables["edge_pool_fqdn"] = place.fqdn
        carries = place.internal in routes
        said = dns.pools.get(place.fqdn, {}).get("edge_pool_priority")
        priority = said if said is not None else 10
        while priority in taken:
            priority += 10
        taken.add(priority)
        place.variables["edge_pool_priority"] = priority
        if dns.pools.get(place.fqdn, {}).get("edge_pool_weight"):
            place.variables["edge_pool_weight"] = dns.pools[place.fqdn]["edge_pool_weight"]
        if carries:
            place.remarks.append("The XMPP route leads to this pool.")
        if said is None:
            place.remarks.append(
                "GUESSED edge_pool_priority: no SRV record leads to this pool, and dns.yml would add one. Remove the "
                "pool from hosts.yml when it shall not carry XMPP."
            )
        elif said != priority:
            place.remarks.append(f"GUESSED edge_pool_priority: in DNS it is {said}, as that of another pool.")


def _name(found: Sequence[Place]) -> None:
    """Name each pool's group after its site, or after itself where the site has several pools."""
    taken = {"edges", "all", "ungrouped"}
    for place in found:
        alone = sum(other.site == place.site for other in found) == 1
        base = re.sub(r"[^a-z0-9]+", "_", (place.site if alone else place.fqdn).lower()).strip("_") or "pool"
        base = base if base[0].isalpha() else f"pool_{base}"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        place.group = name


def _add_hosts(place: Place, computers: Sequence[str], dns: Published) -> None:
    addresses = dns.addresses.get(place.fqdn, [])
    dealt: dict[str, list[str]] = {name: [] for name in computers}
    for version in (":", "."):
        for index, address in enumerate(one for one in addresses if version in one):
            dealt[computers[min(index, len(computers) - 1)]].append(address)
    for name in computers:
        item = Item(dealt[name] or addresses[:1])
        if len(computers) > 1 and addresses:
            item.remarks.append(
                f"GUESSED: DNS has {len(addresses)} addresses of {place.fqdn}, and does not say whose each is."
            )
        place.hosts[name] = {"edge_published_addresses": item} if addresses else {}
    if not addresses:
        place.remarks.append(
            f"UNKNOWN: no address of {place.fqdn} is in DNS. Add edge_published_addresses to each server in hosts.yml."
        )


def _add_names(
    place: Place,
    deployment: Mapping[str, Any],
    domains: Sequence[str],
    servers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Say what certificates are in use, and which of their names nothing else explains."""
    derived = lync_names(
        place.fqdn,
        place.variables.get("edge_pool_webconf_fqdn"),
        deployment.get("sip_domains", []),
        place.variables.get("edge_pool_xmpp_domains", domains),
        [],
    )
    seen: set[str] = set()
    for name in place.hosts:
        held = servers.get(name, {}).get("certificates")
        if held is None:
            place.remarks.append(f"The certificates of {name} were not read: {_reason(servers.get(name))}.")
            continue
        for use, one in held.items():
            place.remarks.append(f"In use on {name} for {use}: {_said(one)}.")
            if use in _PUBLIC_USES:
                seen.update(one.get("names", []))
    further = sorted(seen - set(derived))
    if further:
        place.variables["edge_pool_additional_names"] = [Item(name) for name in further]
        place.remarks.append("edge_pool_additional_names: names of the present certificate that nothing else explains.")
    lacking = [name for name in derived if name not in seen]
    if seen and lacking:
        place.remarks.append(f"The present certificate lacks {', '.join(lacking)}; the next one will have them.")


def _said(one: Mapping[str, Any]) -> str:
    if "names" not in one:
        return f"thumbprint {one['thumbprint']}, which is not in the server's store"
    names = f"{one['subject']}, {', '.join(one['names'])}"
    return f"{names}, by {one['issuer']}, until {one['not_after']}, thumbprint {one['thumbprint']}"


def _reason(read: Mapping[str, Any] | None) -> str:
    if not read:
        return "nobody said how the server is reached (import_lync_edge)"
    said = read.get("msg") or read.get("unreadable", {}).get("certificates") or "the server was not reached"
    return " ".join(str(said).split())[:300].rstrip(".")


def add_ways(
    found: Sequence[Place],
    servers: Mapping[str, Mapping[str, Any]],
    login: Mapping[str, Any],
    addresses: Mapping[str, str],
) -> None:
    """Say how the servers of each pool are reached, where one of them was.

    :param login: as ``edge_pool_lync``, with ``username``; empty when nobody said it.
    :param addresses: of servers whose names do not lead there.
    """
    way = {key: value for key, value in login.items() if key in ("authentication", "ca_file", "port") and value}
    for place in found:
        for name, said in place.hosts.items():
            if name in addresses:
                place.hosts[name] = {"ansible_host": addresses[name], **said}
        if not any("certificates" in servers.get(name, {}) for name in place.hosts):
            guess = "GUESSED by_hand: no server was reached by WinRM, so what has to be done there is only said."
            place.variables["edge_pool_lync"] = {"transport": Item("by_hand", [guess])}
            continue
        place.variables["edge_pool_lync"] = way
        if login.get("username"):
            place.variables["ansible_user"] = login["username"]
            place.variables["ansible_password"] = Template("{{ vault_edge_password }}")
