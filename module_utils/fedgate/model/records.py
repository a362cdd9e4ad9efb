"""The DNS records that follow from pools and domains; the (name, type) pairs here are all that we own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: RFC 6120 §14.1 and its registered ports.
SERVER_PORT = 5269
CLIENT_PORT = 5222
DEFAULT_TTL = 300


@dataclass(frozen=True)
class Record:
    """One RRset as it shall be.

    :ivar name: absolute, without trailing dot; :ivar ttl: in seconds.
    :ivar state: ``present``, or ``absent`` for a pair that we own and do not want.
    :ivar values: in the form of a zone file, names without trailing dot; empty when absent.
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
    """

    fqdn: str
    priority: int
    weight: int
    addresses: tuple[str, ...]
    server_names: tuple[str, ...]
    client_names: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = field(default=())


def server_name(domain: str) -> str:
    """Return the name of the SRV record for other servers (RFC 6120 §3.2.1)."""
    return f"_xmpp-server._tcp.{domain}"


def client_name(domain: str) -> str:
    """Return the name of the SRV record for clients (RFC 6120 §3.2.1)."""
    return f"_xmpp-client._tcp.{domain}"


def derive_records(
    endpoints: Iterable[Endpoint],
    *,
    ttl: int = DEFAULT_TTL,
    publish_client: bool = True,
    retired_domains: Iterable[str] = (),
    retired_pools: Iterable[str] = (),
    view: str = "external",
) -> list[Record]:
    """Return every RRset that we own, sorted; the order of the input does not matter.

    Several pools of one domain share one RRset, told apart by their priorities. Absent are: address types that a pool
    does not have, client records that shall not be published, components that are not federated, and all that retired
    domains and pools once had.
    """
    wanted: dict[tuple[str, str], set[tuple[Any, ...]]] = {}
    for domain in retired_domains:
        wanted[server_name(domain), "SRV"] = set()
        wanted[client_name(domain), "SRV"] = set()
    for fqdn in retired_pools:
        wanted[fqdn, "A"] = set()
        wanted[fqdn, "AAAA"] = set()
    for endpoint in endpoints:
        _add(wanted, endpoint, publish_client)
    return [_record(pair, values, ttl, view) for pair, values in sorted(wanted.items())]


def _add(wanted: dict[tuple[str, str], set[tuple[Any, ...]]], pool: Endpoint, publish_client: bool) -> None:
    for domain in pool.unwanted:
        wanted.setdefault((server_name(domain), "SRV"), set())
    for domain in pool.server_names:
        values = wanted.setdefault((server_name(domain), "SRV"), set())
        values.add((pool.priority, pool.weight, SERVER_PORT, pool.fqdn))
    for domain in pool.client_names:
        values = wanted.setdefault((client_name(domain), "SRV"), set())
        if publish_client:
            values.add((pool.priority, pool.weight, CLIENT_PORT, pool.fqdn))
    by_type: dict[str, set[tuple[Any, ...]]] = {"A": set(), "AAAA": set()}
    for text in pool.addresses:
        address = ipaddress.ip_address(text)
        by_type["A" if address.version == 4 else "AAAA"].add((int(address), str(address)))
    for kind, addresses in by_type.items():
        wanted.setdefault((pool.fqdn, kind), set()).update(addresses)


def _record(pair: tuple[str, str], values: set[tuple[Any, ...]], ttl: int, view: str) -> Record:
    name, kind = pair
    if kind == "SRV":
        texts = tuple(" ".join(map(str, value)) for value in sorted(values))
    else:
        texts = tuple(value[1] for value in sorted(values))
    return Record(name, kind, ttl, "present" if texts else "absent", texts, view)
