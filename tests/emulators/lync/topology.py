"""The topology of an emulated deployment: sites, pools and computers, and the cmdlets that show it.

Two sites, each with an Edge pool (two members in London, one in Tokyo), and one Front End pool in London. Both Edge
pools have XMPP federation; the route says which of them carries it (docs/lync-facts.md, *Failover of the XMPP route*).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, switch, text
from .console import CmdletError, decorated

if TYPE_CHECKING:
    from .engine import Call
    from .world import World

#: ``Version`` of a service, by product. Microsoft's samples show 5 for Lync Server 2010; the others are guessed.
VERSIONS = {"2010": 5, "2013": 6, "2015": 7, "2019": 8}
#: ``ProductVersion`` of a replica. Get-CsManagementStoreReplicationStatus in public scripts.
BUILDS = {"2010": "4.0.7577.0", "2013": "5.0.8308.0", "2015": "6.0.9319.0", "2019": "7.0.2046.0"}
_READERS = frozenset({"CsAdministrator", "CsServerAdministrator", "CsViewOnlyAdministrator"})
_FRONT_END = frozenset({"front_end"})


@dataclass
class Site:
    """One central site.

    :ivar xmpp_route: identity of the Edge service that carries XMPP federation; None before somebody set it in Topology
        Builder or by Set-CsSite.
    """

    name: str
    number: int
    federation_route: str | None = None
    xmpp_route: str | None = None
    description: str = ""


@dataclass
class Pool:
    """One pool.

    :ivar fqdn: internal name; that of the computer where there is one only.
    :ivar role: ``EdgeServer`` or ``Registrar`` (of a Front End pool).
    :ivar product: 2010, 2013, 2015 or 2019.
    :ivar external_fqdn: of an Edge pool: the Access Edge FQDN.
    """

    fqdn: str
    site: str
    role: str
    computers: tuple[str, ...]
    product: str = "2013"
    external_fqdn: str = ""

    @property
    def service(self) -> str:
        """The identity of its main service."""
        return f"{self.role}:{self.fqdn}"


@dataclass
class Topology:
    """All sites and pools by name.

    :ivar route_parameter: what Set-CsSite and Get-CsSite call the XMPP route. The cmdlet's reference says
        ``XmppFederationRoute``, and so do printed objects; Microsoft's procedure for failover types
        ``-XmppExternalFederationRoute``. Which one a real server takes was not looked at, so a test can set either.
    """

    sites: dict[str, Site] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    route_parameter: str = "XmppFederationRoute"

    def add_pool(self, pool: Pool) -> None:
        """Add a pool to its site."""
        self.pools[pool.fqdn] = pool

    def computers(self) -> dict[str, Pool]:
        """Return the pool of each computer, by the computer's FQDN."""
        return {name: pool for pool in self.pools.values() for name in pool.computers}

    def edges(self) -> list[str]:
        """Return all Edge Servers, FQDN."""
        return [name for name, pool in self.computers().items() if pool.role == "EdgeServer"]


def usual() -> Topology:
    """Return the topology of the tests: prepared, with the route through London."""
    topology = Topology()
    for number, name in enumerate(("London", "Tokyo"), 1):
        topology.sites[name] = Site(name, number)
    london = Pool(
        "edgepool.london.contoso.example",
        "London",
        "EdgeServer",
        ("edge1.london.contoso.example", "edge2.london.contoso.example"),
        external_fqdn="edge.london.contoso.example",
    )
    tokyo = Pool(
        "edge1.tokyo.contoso.example",
        "Tokyo",
        "EdgeServer",
        ("edge1.tokyo.contoso.example",),
        external_fqdn="edge.tokyo.contoso.example",
    )
    for pool in (Pool("pool1.contoso.example", "London", "Registrar", ("fe1.contoso.example",)), london, tokyo):
        topology.add_pool(pool)
    for site in topology.sites.values():
        site.federation_route = london.service
    topology.sites["London"].xmpp_route = london.service
    return topology


def _get_site(world: World, call: Call) -> Iterator[Any]:
    topology = world.topology
    wanted = [_site(world, call["Identity"])] if "Identity" in call else list(topology.sites.values())
    for site in wanted:
        pools = [pool for pool in topology.pools.values() if pool.site == site.name]
        properties = {
            "Identity": f"Site:{site.name}",
            "SiteId": site.number,
            "Services": [pool.service for pool in pools],
            "Pools": [pool.fqdn for pool in pools],
            "FederationRoute": site.federation_route,
            topology.route_parameter: site.xmpp_route,
            "DefaultPersistentChatPool": None,
            "Description": site.description,
            "DisplayName": site.name,
            "SiteType": "CentralSite",
            "ParentSite": None,
        }
        yield _deployed("Site+CentralSite", properties)


def _site(world: World, identity: str | None) -> Site:
    """The name of a site, not ``site:name`` (Get-CsSite, parameter Identity)."""
    for site in world.topology.sites.values():
        if site.name.lower() == str(identity).lower():
            return site
    raise _absent("site", identity)


def _set_site(world: World, call: Call) -> Iterator[Any]:
    site = _site(world, call["Identity"])
    name = world.topology.route_parameter
    others = {"XmppFederationRoute", "XmppExternalFederationRoute"} - {name}
    for other in others & set(call.given):
        raise CmdletError(
            f"A parameter cannot be found that matches parameter name '{other}'.",
            "NamedParameterNotFound",
            ErrorCategory.InvalidArgument,
            "System.Management.Automation.ParameterBindingException",
            terminating=True,
        )
    if name in call:
        site.xmpp_route = _edge_service(world, call[name])
    if "Description" in call:
        site.description = call["Description"]
    world.written()
    return iter(())


def _edge_service(world: World, given: str | None) -> str | None:
    """``EdgeServer:<pool>`` by the reference, the bare FQDN in the procedure for failover; both are taken (guessed)."""
    if not given:
        return None
    name = given.removeprefix("EdgeServer:").lower()
    for pool in world.topology.pools.values():
        if pool.role == "EdgeServer" and name in (pool.fqdn.lower(), *map(str.lower, pool.computers)):
            return pool.service
    raise _absent("service", given)


def _get_pool(world: World, call: Call) -> Iterator[Any]:
    for pool in world.topology.pools.values():
        if ("Identity" in call and call["Identity"].lower() != pool.fqdn.lower()) or call["Site"] not in (
            None,
            pool.site,
        ):
            continue
        properties = {
            "Identity": pool.fqdn,
            "Services": [pool.service],
            "Computers": list(pool.computers),
            "BackupPoolFqdn": None,
            "Site": f"Site:{pool.site}",
        }
        yield _deployed("Cluster", properties)
        if "Identity" in call:
            return
    if "Identity" in call:
        raise _absent("pool", call["Identity"])


def _get_computer(world: World, call: Call) -> Iterator[Any]:
    for name, pool in world.topology.computers().items():
        if call["Pool"] in (None, pool.fqdn) and str(call["Identity"] or name).lower() == name.lower():
            yield _deployed("Machine", {"Identity": name, "Pool": pool.fqdn, "Fqdn": name})


def _get_service(world: World, call: Call) -> Iterator[Any]:
    roles = [name for name in ("EdgeServer", "Registrar") if name in call]
    for pool in world.topology.pools.values():
        if (roles and pool.role not in roles) or call["PoolFqdn"] not in (None, pool.fqdn):
            continue
        more: dict[str, Any] = {}
        if pool.role == "EdgeServer":
            more = {
                "AccessEdgeExternalSipPort": 5061,
                "AccessEdgeExternalFqdn": pool.external_fqdn,
                "DataEdgeExternalFqdn": pool.external_fqdn,
                "AVEdgeExternalFqdn": None,
                "InternalInterfaceFqdn": None,
            }
        properties = {
            "Identity": pool.service,
            **more,
            "DependentServiceList": [],
            "ServiceId": f"{pool.site}-{pool.role}-1",
            "SiteId": f"Site:{pool.site}",
            "PoolFqdn": pool.fqdn,
            "Version": VERSIONS[pool.product],
            "Role": pool.role,
        }
        yield _deployed("Service", properties)


def _get_sip_domain(world: World, call: Call) -> Iterator[Any]:
    for index, name in enumerate(world.sip_domains):
        properties = {"Identity": name, "Name": name, "IsDefault": index == 0}
        yield decorated(["Microsoft.Rtc.Management.Xds.SipDomain", "System.Object"], properties, name)  # type guessed


def _deployed(kind: str, properties: dict[str, Any]) -> Any:
    # guessed but for Site+CentralSite and Cluster, which the cmdlets' references name
    type_name = f"Microsoft.Rtc.Management.Deploy.Internal.{kind}"
    return decorated([type_name, "System.Object"], properties, str(properties["Identity"]))


def _absent(kind: str, name: object) -> CmdletError:
    return CmdletError(
        f'Cannot find {kind} "{name}".',  # guessed wording
        "ItemNotFound",
        ErrorCategory.ObjectNotFound,
        "Microsoft.Rtc.Management.Core.ManagementException",
        target=str(name),
    )


def _look(name: str, parameters: dict[str, Parameter], run: Any) -> Cmdlet:
    return Cmdlet(name, parameters, run, _READERS, _FRONT_END)


CMDLETS = (
    _look("Get-CsSite", {"Identity": Parameter(text)}, _get_site),
    Cmdlet(
        "Set-CsSite",
        {
            "Identity": Parameter(text),
            "Description": Parameter(text),
            "Force": Parameter(switch),
            "XmppFederationRoute": Parameter(text),
            "XmppExternalFederationRoute": Parameter(text),
        },
        _set_site,
        where=_FRONT_END,
    ),
    _look("Get-CsSipDomain", {"Identity": Parameter(text)}, _get_sip_domain),
    _look("Get-CsPool", {"Identity": Parameter(text), "Site": Parameter(text)}, _get_pool),
    _look("Get-CsComputer", {"Identity": Parameter(text), "Pool": Parameter(text)}, _get_computer),
    _look(
        "Get-CsService",
        {
            "PoolFqdn": Parameter(text),
            "EdgeServer": Parameter(switch, ("EdgeServer",)),
            "Registrar": Parameter(switch, ("Registrar",)),
        },
        _get_service,
    ),
)
