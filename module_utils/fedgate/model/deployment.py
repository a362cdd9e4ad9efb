"""The whole deployment: what one inventory says, checked, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..errors import InvalidValue
from . import names
from .access import AccessPolicy, check_failover, check_groups, home_sites, read_access, scope_of
from .checks import check_pools, check_retired
from .components import Component, read_components
from .dns_settings import DnsProvider
from .limits import DEFAULTS, Limits, read_limits
from .lync import FRONT_END, FrontEnd, check_lync, policies_there, read_front_end
from .partner import Partner, check_ownership, current_partners, read_partner
from .pools import Host, Pool, read_pools
from .problems import OriginOf, Problems, Where
from .providers import check_takers, read_providers
from .publishing import Publishing, check_publishing, read_publishing, tlsa_name
from .reading import Reader
from .records import Endpoint, Record, derive_records
from .settings import check_proxy, check_resolvers
from .sharing import Shared
from .variables import VARIABLES, check_names, place


@dataclass(frozen=True)
class Deployment:
    """One organisation's federation, as plain values; everything in it was checked.

    :ivar xmpp_domains: ours, in the inventory's order; :ivar sip_domains: ours, on Lync.
    :ivar publishing: settings for DNS; :ivar providers: of DNS; empty when the inventory names none.
    :ivar partners: without expired ones; :ivar limits: for all of them.
    :ivar lync: how Lync's servers are reached; None: not at all.
    :ivar access: who of our own users may federate; empty: everybody; :ivar warnings: what is allowed, but doubtful.
    """

    xmpp_domains: tuple[str, ...]
    sip_domains: tuple[str, ...]
    components: tuple[Component, ...]
    partners: tuple[Partner, ...]
    limits: Limits
    pools: tuple[Pool, ...]
    publishing: Publishing
    providers: tuple[DnsProvider, ...]
    access: tuple[AccessPolicy, ...]
    lync: FrontEnd | None
    warnings: tuple[str, ...]

    def carries(self, pool: Pool) -> list[str]:
        """Return the domains that a pool carries now: those where no other pool has a lower priority number."""
        return [
            domain
            for domain in pool.xmpp_domains
            if all(pool.priority <= other.priority for other in self.pools if domain in other.xmpp_domains)
        ]

    def components_of(self, domains: list[str] | tuple[str, ...]) -> list[Component]:
        """Return the components below these domains."""
        return [component for component in self.components if component.parent in domains]

    def certificate_names(self, pool: Pool) -> list[str]:
        """Return the names of a pool's certificate: all it may ever serve, so that failover needs no new one."""
        if not pool.linux:
            webconf, additional = pool.webconf, pool.additional_names
            return names.lync_names(pool.fqdn, webconf, self.sip_domains, pool.xmpp_domains, additional)
        federated = [item.domain for item in self.components_of(pool.xmpp_domains) if item.federated]
        return names.linux_names(pool.xmpp_domains, federated, pool.additional_names)

    def records(self) -> list[Record]:
        """Return every RRset that we own; those of the internal view are what providers of that view take."""
        further = self.publishing
        found = self._records("external") + further.sip_records(self.pools, self.sip_domains)
        found += further.tlsa_records(self.pools) + further.caa_records()
        inside = [provider for provider in self.providers if provider.view == "internal"]
        if inside:
            found += [one for one in self._records("internal") if any(at.takes(one.name) for at in inside)]
        return found

    def _records(self, view: str) -> list[Record]:
        return derive_records(
            [self._endpoint(pool, view) for pool in self.pools],
            ttl=self.publishing.ttl,
            publish_client=self.publishing.client,
            retired_domains=self.publishing.retired_domains,
            retired_pools=self.publishing.retired_pools,
            retired_state=self.publishing.retired_state,
            view=view,
        )

    def as_facts(self) -> dict[str, Any]:
        """Return plain data, as playbooks and roles read it: ``federation_model``."""
        return {
            "xmpp_domains": list(self.xmpp_domains),
            "partners": [partner.as_facts() for partner in self.partners],
            "access_policies": [policy.as_facts() for policy in self.access],
            "limits": self.limits.as_facts(),
            "lync": self._lync_facts(),
            "pools": {pool.fqdn: self._pool_facts(pool) for pool in self.pools},
            "hosts": {host.name: self._host_facts(host, pool) for pool in self.pools for host in pool.members},
            "records": [record.as_facts() for record in self.records()],
            "tlsa": [self._tlsa_facts(pool) for pool in self.pools if pool.linux] if self.publishing.tlsa else [],
            "authorities": self._authorities(),
            "warnings": list(self.warnings),
        }

    def _lync_facts(self) -> dict[str, Any] | None:
        """Return what is managed on Lync, and for which hosts; None when there is nothing to manage."""
        hosts = [host.name for pool in self.pools if not pool.linux for host in pool.members]
        if not self.lync or not hosts:
            return None
        policies = policies_there(self.access, self.pools, self.sip_domains)
        return {**self.lync.as_facts(), "hosts": hosts, "access_policies": [policy.as_facts() for policy in policies]}

    def _endpoint(self, pool: Pool, view: str) -> Endpoint:
        components = self.components_of(pool.xmpp_domains) if pool.linux else []
        return Endpoint(
            fqdn=pool.fqdn,
            priority=pool.priority,
            weight=pool.weight,
            addresses=pool.internal_addresses if view == "internal" else pool.addresses,
            server_names=(*pool.xmpp_domains, *(item.domain for item in components if item.federated)),
            client_names=pool.xmpp_domains if pool.linux else (),
            unwanted=tuple(item.domain for item in components if not item.federated),
            direct_server_port=pool.direct_server_port,
            direct_client_port=pool.direct_client_port,
        )

    def _authorities(self) -> dict[str, list[str]]:
        """Return for each certificate name what its authorities call themselves in CAA, where that is known."""
        found: dict[str, list[str]] = {}
        for pool in self.pools:
            for name in self.certificate_names(pool) if pool.issuing.authority else ():
                found.setdefault(name, []).append(str(pool.issuing.authority))
        return {name: sorted(set(authorities)) for name, authorities in sorted(found.items())}

    def _tlsa_facts(self, pool: Pool) -> dict[str, Any]:
        """Return a TLSA set without its values: which keys serve, and will, only the hosts know."""
        return {"name": tlsa_name(pool.fqdn), "type": "TLSA", "ttl": self.publishing.ttl, "pool": pool.fqdn}

    def _pool_facts(self, pool: Pool) -> dict[str, Any]:
        return {
            "fqdn": pool.fqdn,
            "site": pool.site,
            "backend": pool.backend,
            "xmpp_domains": list(pool.xmpp_domains),
            "components": [item.as_facts() for item in self.components_of(pool.xmpp_domains)],
            "certificate_names": self.certificate_names(pool),
            "priority": pool.priority,
            "weight": pool.weight,
            "direct_tls_ports": self._direct_ports(pool),
            "members": [host.name for host in pool.members],
            "active_member": pool.active_member,
            "published_addresses": list(pool.addresses),
        }

    @staticmethod
    def _direct_ports(pool: Pool) -> dict[str, int | None]:
        return {"server": pool.direct_server_port, "client": pool.direct_client_port}

    def _host_facts(self, host: Host, pool: Pool) -> dict[str, Any]:
        # A standby is prepared for all its domains; one that carries some leaves the others to the pool that has them.
        carried = self.carries(pool)
        served = carried or list(pool.xmpp_domains)
        components = self.components_of(served)
        return {
            "pool": pool.fqdn,
            "backend": pool.backend,
            "active": bool(carried) and (not pool.linux or host.name == pool.active_member),
            "xmpp_domains": served,
            "components": [item.as_facts() for item in components],
            "federated_hosts": [*served, *(item.domain for item in components if item.federated)],
            "scope": scope_of(self.access, home_sites(served, self.pools), host.directory),
            "certificate_names": self.certificate_names(pool),
            "listen_addresses": list(host.listen),
            "direct_tls_ports": self._direct_ports(pool),
            "published_addresses": list(host.published),
            **({} if pool.linux else {"edge": pool.edges.as_facts()}),
        }


def read_deployment(
    hosts: Mapping[str, Mapping[str, Any]],
    *,
    today: date,
    origin_of: OriginOf | None = None,
    group: str = "edges",
    noted: Sequence[InvalidValue] = (),
) -> Deployment:
    """Read and check a whole inventory.

    :param hosts: variables by inventory name, of all gateways, in the inventory's order; plain Python values.
    :param today: for partners that expire.
    :param origin_of: tells file and line of a host's value.
    :param group: the group that the hosts were taken from.
    :param noted: errors found before: values that could not be evaluated, and are ``UNKNOWN`` in ``hosts``.
    :raises SeveralErrors: everything that is wrong, together.
    """
    problems = Problems(origin_of) if origin_of else Problems()
    problems.errors.extend(noted)
    if not hosts:
        hint = "Put the gateways into it, in the inventory."
        problems.error(Where((group,)), "the group has no hosts", hint)
        problems.raise_all()
    check_names(hosts, problems)
    deployment = _Reading(hosts, problems, today).deployment()
    problems.raise_all()
    return deployment


class _Reading:
    """Reads the parts in the order in which they need each other."""

    def __init__(self, hosts: Mapping[str, Mapping[str, Any]], problems: Problems, today: date) -> None:
        self.hosts = hosts
        self.problems = problems
        self.today = today
        self.shared = Shared(hosts, problems)
        self.noted_before = len(problems.errors)
        self.current: list[tuple[Partner, Reader]] = []

    def _is_whole(self) -> bool:
        """Tell whether all that was read so far is right: else what merely follows from it would be said too."""
        unread = any(self.problems.noted_about(name) for name in VARIABLES)
        return len(self.problems.errors) == self.noted_before and not unread

    def deployment(self) -> Deployment:
        domains = self._read("federation_xmpp_domains", Reader.domains, [])
        sip_domains = self._read("federation_sip_domains", Reader.domains, [])
        before = len(self.problems.errors)
        pools = read_pools(self.hosts, domains, self.problems)
        unread = any(self.problems.noted_about(name) for name in VARIABLES if VARIABLES[name].scope == "pool")
        pools_are_whole = len(self.problems.errors) == before and not unread
        components = self._read("federation_xmpp_components", lambda at: read_components(at, domains), [])
        providers = read_providers(self.shared)
        deployment = Deployment(
            xmpp_domains=tuple(domains),
            sip_domains=tuple(sip_domains),
            components=tuple(components),
            partners=self._partners(domains, components, pools),
            limits=self._read("federation_limits", read_limits, DEFAULTS),
            pools=tuple(pools),
            publishing=self._publishing(domains, sip_domains, components, pools),
            providers=providers or (),
            access=self._access([*domains, *sip_domains], pools),
            lync=self._read(FRONT_END, read_front_end, None),
            warnings=(),
        )
        self._check_rest(deployment, pools_are_whole)
        if providers and not self.problems.errors:
            check_takers(deployment.records(), providers, pools, self.problems)
        return Deployment(**{**deployment.__dict__, "warnings": tuple(self.problems.warnings)})

    def _read(self, name: str, how: Any, default: Any) -> Any:
        reader = self.shared.reader(name)
        found = None if reader is None else how(reader)
        return default if found is None else found

    def _publishing(
        self, domains: list[str], sip_domains: list[str], components: list[Component], pools: list[Pool]
    ) -> Publishing:
        own = [pool.fqdn for pool in pools] + [item.domain for item in components if item.federated]
        ours = [*own, *domains, *(name for pool in pools for name in pool.additional_names)]
        ours += [pool.webconf for pool in pools if pool.webconf] + [f"sip.{domain}" for domain in sip_domains]
        found = read_publishing(self.shared, self._read, ours if self._is_whole() else [], own)
        if pools and self._is_whole():
            check_publishing(found, pools, self.shared)
        return found

    def _access(self, domains: list[str], pools: list[Pool]) -> tuple[AccessPolicy, ...]:
        whole = self._is_whole()
        reader = self.shared.reader("federation_access_policies")
        found = read_access(reader, domains if whole else [], pools if whole else None) if reader else []
        if reader and self._is_whole():
            check_failover(found, domains, pools, reader)
            check_groups(found, pools, reader)
        return tuple(found)

    def _partners(self, domains: list[str], components: list[Component], pools: list[Pool]) -> tuple[Partner, ...]:
        linux = any(pool.linux for pool in pools)
        found = []
        for reader in self.shared.partners():
            partner = read_partner(reader, linux)
            if partner:
                found.append((partner, reader))
        current = current_partners(found, self.today)
        own = dict.fromkeys(domains, "federation_xmpp_domains")
        own.update({item.domain: "federation_xmpp_components" for item in components})
        check_ownership(current, own, self.problems)
        self.current = current
        return tuple(partner for partner, _reader in current)

    def _check_rest(self, deployment: Deployment, pools_are_whole: bool) -> None:
        for host, variables in self.hosts.items():
            for name, check in (
                ("federation_trust_anchors", Reader.texts),
                ("federation_dns_resolvers", check_resolvers),
                ("federation_proxy_env", check_proxy),
            ):
                if variables.get(name) is not None:
                    check(Reader(variables[name], place(name, host), self.problems))  # type: ignore[operator]
        in_use = [*deployment.xmpp_domains, *(item.domain for item in deployment.components)]
        check_retired(deployment.publishing.retired_domains, in_use, "federation_retired_xmpp_domains", self.shared)
        fqdns = [pool.fqdn for pool in deployment.pools]
        check_retired(deployment.publishing.retired_pools, fqdns, "federation_retired_pools", self.shared)
        sizes = {pool.fqdn: len(deployment.certificate_names(pool)) for pool in deployment.pools}
        domains, sip_domains = deployment.xmpp_domains, deployment.sip_domains
        check_pools(deployment.pools, domains, sip_domains, sizes, self.problems, pools_are_whole)
        check_lync(self.shared, deployment.pools, deployment.lync, self.current, deployment.limits)
