"""Where a domain's XMPP server is: SRV, then addresses, as RFC 6120 §3.2 and RFC 2782 say."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import MissingDependency, Unreachable
from .values import Deadline, Record, Settings, StepFailed, Target

SERVICE = "_xmpp-server._tcp"
#: Seconds for one question, all resolvers together.
QUESTION_TIMEOUT = 5.0
#: A domain with more servers than this is looked at in part only.
MAX_SERVERS = 8
MAX_ADDRESSES = 8


@dataclass(frozen=True)
class Server:
    """One server that DNS names: host name, port, and its place in the order."""

    host: str
    port: int
    priority: Optional[int] = None
    weight: Optional[int] = None


@dataclass(frozen=True)
class Endpoint:
    """An address and port to connect to, and the host name that led to it."""

    address: str
    port: int
    host: str


class LookupFailed(Exception):
    """The resolvers gave no answer, which says nothing about whether the records exist."""


class Resolver:
    """Asks the given resolvers, or the system's.

    :raises MissingDependency: when dnspython is not installed.
    """

    def __init__(self, settings: Settings, deadline: Deadline) -> None:
        self._dns = _library()
        self._deadline = deadline
        try:
            self._resolver = self._dns.resolver.Resolver(configure=not settings.resolvers)
        except self._dns.exception.DNSException as error:
            raise Unreachable("this machine has no DNS resolver configured", hint="Name some in resolvers.") from error
        if settings.resolvers:
            self._resolver.nameservers = list(settings.resolvers)
            self._resolver.port = settings.dns_port

    def ask(self, name: str, kind: str) -> tuple[list[Any], Optional[str]]:
        """Return the records' data, empty when there are none, and the name that an alias led to.

        :raises LookupFailed: when no resolver gave an answer.
        """
        resolver, exception = self._dns.resolver, self._dns.exception
        try:
            answer = self._resolver.resolve(
                f"{name}.", kind, raise_on_no_answer=False, search=False, lifetime=self._deadline.left(QUESTION_TIMEOUT)
            )
        except resolver.NXDOMAIN:
            return [], None
        except exception.Timeout as error:
            raise LookupFailed("the resolvers do not answer") from error
        except (resolver.NoNameservers, exception.DNSException) as error:
            raise LookupFailed(f"the resolvers give no usable answer ({_first_line(error)})") from error
        canonical = str(answer.canonical_name).rstrip(".").lower()
        return list(answer.rrset or []), canonical if canonical != name else None


def _library() -> Any:
    try:
        import dns.exception
        import dns.resolver
    except ImportError as error:
        raise MissingDependency(
            "dnspython is not installed where the probe runs",
            hint="Install requirements.txt on the controller, python3-dnspython elsewhere, or give an address.",
        ) from error
    return dns


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def find_servers(target: Target, settings: Settings, record: Record, deadline: Deadline) -> list[Endpoint]:
    """Take the steps ``srv`` and ``address``.

    :returns: where to connect, in the order of RFC 2782 (weights within a priority: heaviest first, not by lot, so
        that two looks agree); at least one.
    :raises StepFailed: when DNS names no server.
    """
    if target.address is not None:
        record.skipped("srv", "address given")
        record.skipped("address", "address given")
        return [Endpoint(target.address, target.port, target.address)]
    resolver = Resolver(settings, deadline)
    servers = _srv(target, resolver, record)
    return _addresses(target, servers, resolver, record)


def _srv(target: Target, resolver: Resolver, record: Record) -> list[Server]:
    name = f"{SERVICE}.{target.found_at or target.domain}"
    try:
        answers, _ = resolver.ask(name, "SRV")
    except (LookupFailed, TimeoutError) as error:
        raise StepFailed("srv", f"{name} could not be looked up: {error}") from error
    servers = [Server(str(item.target).rstrip(".").lower(), item.port, item.priority, item.weight) for item in answers]
    servers.sort(key=lambda server: (server.priority, -(server.weight or 0), server.host, server.port))
    data = {"records": [f"{s.priority} {s.weight} {s.port} {s.host or '.'}" for s in servers]}
    if servers and all(not server.host for server in servers):
        raise StepFailed("srv", f'{name} says that {target.domain} has no XMPP service (target ".")', data)
    servers = [server for server in servers if server.host]
    if target.expect_target:
        return [_expected(target, servers, name, record, data)]
    if not servers and target.found_at:
        raise StepFailed("srv", f"{name} has no SRV record", data)
    if not servers:
        record.find(f"{name} has no SRV record; partners fall back to the addresses of {target.domain}")
        record.passed("srv", f"no SRV record; the fall-back is {target.domain} port {target.port}", **data)
        return [Server(target.domain, target.port)]
    if len(servers) > MAX_SERVERS:
        record.find(f"{name} has {len(servers)} records; only {MAX_SERVERS} were looked at")
    named = ", ".join(f"{server.host} port {server.port}" for server in servers[:MAX_SERVERS])
    record.passed("srv", f"{name} leads to {named}", **data)
    return servers[:MAX_SERVERS]


def _expected(target: Target, servers: list[Server], name: str, record: Record, data: dict[str, Any]) -> Server:
    """Return the server that the records must lead to. :raises StepFailed: when they do not."""
    chosen = next((server for server in servers if server.host == target.expect_target), None)
    if chosen is None:
        seen = ", ".join(server.host for server in servers) or "nothing (no record)"
        raise StepFailed("srv", f"{name} leads to {seen}, not to {target.expect_target}", data)
    record.passed("srv", f"{name} leads to {chosen.host} port {chosen.port}", **data)
    return chosen


def _addresses(target: Target, servers: list[Server], resolver: Resolver, record: Record) -> list[Endpoint]:
    endpoints: list[Endpoint] = []
    problems: list[str] = []
    for server in servers:
        try:
            found = _addresses_of(server, resolver, record)
        except (LookupFailed, TimeoutError) as error:
            problems.append(f"{server.host} could not be looked up: {error}")
            continue
        if not found:
            lead = "" if server.priority is not None else "there is no SRV record, and "
            problems.append(f"{lead}{server.host} has no address")
        endpoints += [Endpoint(address, server.port, server.host) for address in found]
    data = {"addresses": sorted({endpoint.address for endpoint in endpoints})}
    if not endpoints:
        raise StepFailed("address", "; ".join(problems), data)
    missing = sorted(set(target.expect_addresses) - set(data["addresses"]))
    if missing:
        raise StepFailed(
            "address", f"{servers[0].host} has {', '.join(data['addresses'])}, not {', '.join(missing)}", data
        )
    for problem in problems:
        record.find(problem)
    named = "; ".join(sorted({f"{item.host} is {item.address}" for item in endpoints}))
    record.passed("address", named, **data)
    return endpoints[:MAX_ADDRESSES]


def _addresses_of(server: Server, resolver: Resolver, record: Record) -> list[str]:
    try:
        ipaddress.ip_address(server.host)
    except ValueError:
        pass
    else:
        record.find(f"the SRV target {server.host} is an address; RFC 2782 wants a host name, most servers ignore it")
        return []
    found: list[str] = []
    for kind in ("AAAA", "A"):
        answers, alias = resolver.ask(server.host, kind)
        found += [str(item.address) for item in answers]
        if alias and server.priority is not None:
            record.find(f"the SRV target {server.host} is an alias of {alias}, which RFC 2782 forbids")
    return found
