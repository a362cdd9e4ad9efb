"""The DNS records that follow from pools and domains; the (name, type) pairs here are all that we own by ourselves."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: RFC 6120 §14.1 and its registered ports.
SERVER_PORT = 5269
CLIENT_PORT = 5222
DEFAULT_TTL = 300
#: What a state of a record is called: there; decidedly no such service (RFC 2782, target ``.``); not there.
PRESENT, RETIRED, ABSENT = "present", "retired", "absent"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Record:
    """One RRset as it shall be.

    :ivar name: absolute, without trailing dot; :ivar ttl: in seconds.
    :ivar state: ``present``, ``retired``, or ``absent`` for a pair that we own and do not want.
    :ivar values: in the form of a zone file, names without trailing dot; empty unless present.
    :ivar view: ``external``, or ``internal`` for what one's own network sees.
    """

    name: str
    type: str
    ttl: int
    state: str
    values: tuple[str, ...] = ()
    view: str = "external"

    def as_facts(self) -> dict[str, Any]:
        """Return the RRset as plain data."""
        return {
            "name": self.name, "type": self.type, "ttl": self.ttl, "state": self.state, "values": list(self.values),
            "view": self.view,
        }  # fmt: skip


@dataclass(frozen=True)
class Endpoint:
    """What of a pool appears in DNS.

    :ivar fqdn: target of the SRV records; :ivar addresses: what the name leads to.
    :ivar server_names: domains and federated components reached there by other servers.
    :ivar client_names: domains whose users log in there.
    :ivar unwanted: components that are not federated: owned, not published.
    :ivar direct_server_port: where it takes servers by direct TLS (XEP-0368); None when it does not.
    :ivar direct_client_port: likewise, for clients.
    """

    fqdn: str
    priority: int
    weight: int
    addresses: tuple[str, ...]
    server_names: tuple[str, ...]
    client_names: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = field(default=())
    direct_server_port: int | None = None
    direct_client_port: int | None = None


def server_name(domain: str) -> str:
    """Return the name of the SRV record for other servers (RFC 6120 §3.2.1)."""
    return f"_xmpp-server._tcp.{domain}"


def client_name(domain: str) -> str:
    """Return the name of the SRV record for clients (RFC 6120 §3.2.1)."""
    return f"_xmpp-client._tcp.{domain}"


def direct_server_name(domain: str) -> str:
    """Return the name of the SRV record for other servers by direct TLS (XEP-0368 §3)."""
    return f"_xmpps-server._tcp.{domain}"


def direct_client_name(domain: str) -> str:
    """Return the name of the SRV record for clients by direct TLS (XEP-0368 §3)."""
    return f"_xmpps-client._tcp.{domain}"


def derive_records(
    endpoints: Iterable[Endpoint],
    *,
    ttl: int = DEFAULT_TTL,
    publish_client: bool = True,
    retired_domains: Iterable[str] = (),
    retired_pools: Iterable[str] = (),
    retired_state: str = RETIRED,
    view: str = "external",
) -> list[Record]:
    """Return every RRset that we own, sorted; the order of the input does not matter.

    Several pools of one domain share one RRset, told apart by their priorities. Absent are: address types that a pool
    does not have, client records that shall not be published, components that are not federated, direct TLS where no
    pool speaks it, and the addresses that retired pools once had.

    :param retired_state: what the services of retired domains become: ``retired`` or ``absent``.
    """
    wanted: dict[Pair, set[tuple[Any, ...]]] = {}
    retired: set[Pair] = set()
    for domain in retired_domains:
        retired |= {(server_name(domain), "SRV"), (client_name(domain), "SRV")}
        wanted.update({(name(domain), "SRV"): set() for name in (direct_server_name, direct_client_name)})
    for fqdn in retired_pools:
        wanted.update({(fqdn, "A"): set(), (fqdn, "AAAA"): set()})
    for endpoint in endpoints:
        _add_services(wanted, endpoint, publish_client)
        _add_addresses(wanted, endpoint)
    for pair in retired:
        wanted.setdefault(pair, set())
    return [
        _record(pair, values, ttl, view, retired_state if pair in retired else ABSENT)
        for pair, values in sorted(wanted.items())
    ]


def _add_services(wanted: dict[Pair, set[tuple[Any, ...]]], pool: Endpoint, publish_client: bool) -> None:
    def add(name: str, port: int | None) -> None:
        values = wanted.setdefault((name, "SRV"), set())
        if port is not None:
            values.add((pool.priority, pool.weight, port, pool.fqdn))

    for domain in pool.unwanted:
        add(server_name(domain), None)
        add(direct_server_name(domain), None)
    for domain in pool.server_names:
        add(server_name(domain), SERVER_PORT)
        add(direct_server_name(domain), pool.direct_server_port)
    for domain in pool.client_names:
        add(client_name(domain), CLIENT_PORT if publish_client else None)
        add(direct_client_name(domain), pool.direct_client_port if publish_client else None)


def _add_addresses(wanted: dict[Pair, set[tuple[Any, ...]]], pool: Endpoint) -> None:
    by_type: dict[str, set[tuple[Any, ...]]] = {"A": set(), "AAAA": set()}
    for text in pool.addresses:
        address = ipaddress.ip_address(text)
        by_type["A" if address.version == 4 else "AAAA"].add((int(address), str(address)))
    for kind, addresses in by_type.items():
        wanted.setdefault((pool.fqdn, kind), set()).update(addresses)


def _record(pair: Pair, values: set[tuple[Any, ...]], ttl: int, view: str, otherwise: str) -> Record:
    name, kind = pair
    if kind == "SRV":
        texts = tuple(" ".join(map(str, value)) for value in sorted(values))
    else:
        texts = tuple(value[1] for value in sorted(values))
    return Record(name, kind, ttl, PRESENT if texts else otherwise, texts, view)
