"""Pools and their hosts, as the inventory gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .domains import is_address
from .lync_edges import EDGES, Edges, read_edges
from .problems import UNKNOWN, Problems, Where
from .reading import Reader, shown
from .records import CLIENT_PORT, SERVER_PORT
from .settings import MEDIA, Issuing, check_certificate
from .sharing import Shared
from .suggest import did_you_mean, listed
from .variables import DIRECTORY

BACKENDS = ("prosody", "lync")
#: RFC 2782: both are 16 bits wide.
MAX_16_BITS = 65535
DEFAULT_PRIORITY = 10
DEFAULT_LISTEN = ("*", "::")
DIRECT_SERVER, DIRECT_CLIENT = "edge_pool_direct_tls_server_port", "edge_pool_direct_tls_client_port"


@dataclass(frozen=True)
class Host:
    """One gateway host.

    :ivar published: addresses for others; :ivar internal: those for one's own network, where they differ.
    :ivar listen: addresses to listen on; :ivar directory: whether its users may be in a directory (LDAP).
    """

    name: str
    pool: str
    published: tuple[str, ...]
    internal: tuple[str, ...]
    listen: tuple[str, ...]
    directory: bool = False


@dataclass(frozen=True)
class Pool:
    """One pool: hosts that others know by one name.

    :ivar xmpp_domains: what it may serve, in the order of ``federation_xmpp_domains``.
    :ivar priority: SRV priority, the lowest first; :ivar weight: SRV weight.
    :ivar direct_server_port: TCP port for servers by direct TLS, None without; :ivar direct_client_port: for clients.
    :ivar edges: what is managed on its Edge Servers (Lync).
    :ivar issuing: how its certificate is issued; :ivar media: that for audio and video (Lync), None where nobody asked.
    :ivar members: inventory names, in the inventory's order; :ivar active_member: the one that serves.
    """

    fqdn: str
    site: str | None
    backend: str
    xmpp_domains: tuple[str, ...]
    priority: int
    weight: int
    direct_server_port: int | None
    direct_client_port: int | None
    members: tuple[Host, ...]
    active_member: str
    webconf: str | None
    additional_names: tuple[str, ...]
    issuing: Issuing
    media: Issuing | None
    edges: Edges
    where: Where

    @property
    def linux(self) -> bool:
        """Whether a Linux gateway serves the pool."""
        return self.backend != "lync"

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the pool's name leads to: the active member on Linux, every member on Lync."""
        return tuple(address for host in self._serving() for address in host.published)

    @property
    def internal_addresses(self) -> tuple[str, ...]:
        """What the pool's name leads to inside one's own network; a host's published addresses unless it has others."""
        return tuple(address for host in self._serving() for address in host.internal or host.published)

    @property
    def has_internal(self) -> bool:
        """Whether one of its hosts has other addresses inside."""
        return any(host.internal for host in self.members)

    def _serving(self) -> list[Host]:
        return [host for host in self.members if not self.linux or host.name == self.active_member]


def read_pools(hosts: Mapping[str, Mapping[str, Any]], xmpp_domains: list[str], problems: Problems) -> list[Pool]:
    """Read all pools from the variables of their hosts, in the inventory's order.

    :param xmpp_domains: the deployment's, normalised; what a pool serves by default.
    """
    grouped: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, variables in hosts.items():
        fqdn = _pool_of(name, variables, problems)
        if fqdn:
            grouped.setdefault(fqdn, {})[name] = variables
    return [_read_pool(fqdn, members, xmpp_domains, problems) for fqdn, members in grouped.items()]


def _pool_of(host: str, variables: Mapping[str, Any], problems: Problems) -> str | None:
    where = Where(("edge_pool_fqdn",), host, host)
    value = variables.get("edge_pool_fqdn")
    if value is None:
        problems.error(where, f"{host} belongs to no pool", "Set edge_pool_fqdn in the variables of its pool's group.")
        return None
    if value is UNKNOWN:
        return None
    if isinstance(value, str) and is_address(value):
        hint = (
            "SRV records lead to names only (RFC 2782): write the name; the address goes to edge_published_addresses."
        )
        problems.error(where, f"{value!r} is an IP address", hint)
        return None
    return Reader(value, where, problems).domain()


def _read_pool(fqdn: str, hosts: dict[str, Mapping[str, Any]], xmpp_domains: list[str], problems: Problems) -> Pool:
    shared = _PoolVariables(Shared(hosts, problems, fqdn))
    backend = shared.read("edge_pool_backend", lambda at: at.choice(BACKENDS), "prosody")
    certificate = shared.shared.reader("federation_certificate")
    members_served = len(hosts) if backend != "lync" else 1
    issuing = check_certificate(certificate, members_served, backend == "lync") if certificate else Issuing()
    media = shared.shared.reader(MEDIA) if backend == "lync" else None
    active = shared.read("edge_pool_active_member", lambda at: _member(at, list(hosts)), next(iter(hosts)))
    members = tuple(
        _read_host(name, fqdn, variables, backend == "lync" or name == active, problems)
        for name, variables in hosts.items()
    )
    return Pool(
        fqdn=fqdn,
        site=shared.read("edge_pool_site", Reader.text, None),
        backend=backend,
        xmpp_domains=tuple(shared.read("edge_pool_xmpp_domains", lambda at: _served(at, xmpp_domains), xmpp_domains)),
        priority=shared.read("edge_pool_priority", lambda at: at.whole_number(0, MAX_16_BITS), DEFAULT_PRIORITY),
        weight=shared.read("edge_pool_weight", lambda at: at.whole_number(0, MAX_16_BITS), 0),
        direct_server_port=shared.read(DIRECT_SERVER, lambda at: _direct_port(at, backend), None),
        direct_client_port=shared.read(DIRECT_CLIENT, lambda at: _direct_port(at, backend), None),
        members=members,
        active_member=active,
        webconf=shared.read("edge_pool_webconf_fqdn", Reader.domain, None),
        additional_names=tuple(shared.read("edge_pool_additional_names", Reader.domains, [])),
        issuing=issuing,
        media=check_certificate(media, lync=True) if media else None,
        edges=shared.read(EDGES, lambda at: read_edges(at, backend), Edges()),
        where=Where(("edge_pool_fqdn",), None, next(iter(hosts))),
    )


class _PoolVariables:
    """Reads variables on which the hosts of a pool must agree."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def read(self, name: str, how: Any, default: Any) -> Any:
        reader = self.shared.reader(name)
        found = None if reader is None else how(reader)
        return default if found is None else found


def _member(reader: Reader, members: list[str]) -> str | None:
    name = reader.text()
    if name is None or name in members:
        return name
    meant = did_you_mean(name, members)
    hint = f"Its members are {listed(members, 'and')}."
    reader.wrong(f"{name!r} is no host of this pool", f"Did you mean {meant}? {hint}" if meant else hint)
    return None


def _direct_port(reader: Reader, backend: str) -> int | None:
    if backend == "lync":
        reader.wrong("Lync speaks no direct TLS", "Remove it, or build the pool with edge_pool_backend: prosody.")
        return None
    port = reader.whole_number(1, MAX_16_BITS)
    if port in (SERVER_PORT, CLIENT_PORT):
        reader.wrong(
            f"{port} is the port for connections that begin without TLS", "Choose another, such as 5270 or 443."
        )
        return None
    return port


def _served(reader: Reader, xmpp_domains: list[str]) -> list[str]:
    chosen = []
    for item in reader.items():
        name = item.domain()
        if name and xmpp_domains and name not in xmpp_domains:
            meant = did_you_mean(name, xmpp_domains)
            hint = f"Did you mean {meant}?" if meant else "Add it there, or remove it here."
            item.wrong(f"{name} is not among federation_xmpp_domains", hint)
        elif name:
            chosen.append(name)
    return [domain for domain in xmpp_domains if domain in chosen]


def _read_host(name: str, pool: str, variables: Mapping[str, Any], serves: bool, problems: Problems) -> Host:
    published = _reader(name, "edge_published_addresses", variables, problems)
    listen = _reader(name, "edge_listen_addresses", variables, problems)
    addresses = published.addresses() if published.value is not None else []
    if serves and not published.value:
        hint = f"Add edge_published_addresses: with the addresses under which others reach {name}."
        published.wrong(f"{name} serves {pool}, but has no published address", hint)
    internal = _reader(name, "edge_internal_addresses", variables, problems)
    inside = internal.addresses() if internal.value is not None else []
    listening = tuple(_listening(listen)) or DEFAULT_LISTEN
    return Host(name, pool, tuple(addresses), tuple(inside), listening, bool(variables.get(DIRECTORY)))


def _reader(host: str, variable: str, variables: Mapping[str, Any], problems: Problems) -> Reader:
    return Reader(variables.get(variable), Where((variable,), host, host), problems)


def _listening(reader: Reader) -> list[str]:
    if reader.value is None:
        return []
    found = []
    for item in reader.items():
        if isinstance(item.value, str) and (item.value == "*" or is_address(item.value)):
            found.append(item.value)
        else:
            item.wrong(f"{shown(item.value)} is no address to listen on", 'Write an IP address, or "*" for any.')
    return list(dict.fromkeys(found))
