"""Checks that need the whole: what pools and domains mean for each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .names import MAX_NAMES
from .pools import DIRECT_CLIENT, DIRECT_SERVER, Pool
from .problems import Problems, Where
from .sharing import Shared
from .suggest import listed


def check_pools(
    pools: Sequence[Pool],
    xmpp_domains: Sequence[str],
    sip_domains: Sequence[str],
    name_counts: Mapping[str, int],
    problems: Problems,
    whole: bool,
) -> None:
    """Check pools against the deployment and each other.

    :param name_counts: number of certificate names by pool.
    :param whole: false when a pool could not be read entirely: then what would only follow from that is not said.
    """
    if whole:
        _check_domains(pools, xmpp_domains, problems)
        _check_priorities(pools, problems)
    _check_addresses(pools, problems)
    for pool in pools:
        _check_direct_tls(pool, problems)
        _check_pool(pool, xmpp_domains, sip_domains, problems)
        if name_counts[pool.fqdn] > MAX_NAMES:
            message = f"the certificate of {pool.fqdn} would need {name_counts[pool.fqdn]} names"
            hint = f"Issuers take at most {MAX_NAMES}; spread the domains over several pools (edge_pool_xmpp_domains)."
            problems.error(pool.where, message, hint)


def check_retired(retired: Iterable[str], current: Iterable[str], variable: str, shared: Shared) -> None:
    """What is retired may not be in use: its records would be removed."""
    reader = shared.reader(variable) if retired else None
    for name in sorted(set(retired) & set(current)):
        if reader:
            reader.wrong(f"{name} is still in use", "Remove it from the one place or from the other.")


def _check_domains(pools: Sequence[Pool], xmpp_domains: Sequence[str], problems: Problems) -> None:
    seen_from = pools[0].members[0].name if pools else None
    where = Where(("federation_xmpp_domains",), None, seen_from)
    if not xmpp_domains:
        # A list that could not be read was noted already.
        if not problems.noted_about("federation_xmpp_domains"):
            problems.error(where, "no XMPP domain is given", "Add federation_xmpp_domains: with a list of them.")
        return
    for index, domain in enumerate(xmpp_domains):
        if not any(domain in pool.xmpp_domains for pool in pools):
            fqdns = listed(pool.fqdn for pool in pools)
            hint = f"Add it to edge_pool_xmpp_domains of a pool ({fqdns}), or remove it here."
            problems.error(where.into(index), f"{domain} is served by no pool", hint)


def _check_priorities(pools: Sequence[Pool], problems: Problems) -> None:
    """Only one pool carries a domain at a time, so every pool of a domain needs a priority of its own."""
    clashes: dict[tuple[str, str], list[str]] = {}
    by_name = {pool.fqdn: pool for pool in pools}
    for index, first in enumerate(pools):
        for second in pools[index + 1 :]:
            common = [domain for domain in first.xmpp_domains if domain in second.xmpp_domains]
            if common and first.priority == second.priority:
                clashes[first.fqdn, second.fqdn] = common
    for (one, other), domains in clashes.items():
        host = by_name[other].members[0].name
        problems.error(
            Where(("edge_pool_priority",), other, host),
            f"{one} and {other} both have priority {by_name[one].priority} for {listed(domains, 'and')}",
            "Only one pool serves a domain at a time: give the standby a higher number, or let each pool name its own "
            "domains in edge_pool_xmpp_domains.",
        )


def _check_addresses(pools: Sequence[Pool], problems: Problems) -> None:
    owner: dict[str, Pool] = {}
    for pool in pools:
        for address in pool.addresses:
            first = owner.setdefault(address, pool)
            if first is not pool:
                where = Where(("edge_published_addresses",), pool.fqdn, pool.active_member)
                message = f"{first.fqdn} and {pool.fqdn} have the same address {address}: only one can answer"
                problems.warn(where, message)


def _check_direct_tls(pool: Pool, problems: Problems) -> None:
    if pool.direct_server_port is not None and pool.direct_server_port == pool.direct_client_port:
        where = Where((DIRECT_CLIENT,), pool.fqdn, pool.active_member)
        message = f"{pool.direct_client_port} is the port for servers already"
        problems.error(where, message, f"Give clients another one than {DIRECT_SERVER} says.")


def _check_pool(pool: Pool, xmpp_domains: Sequence[str], sip_domains: Sequence[str], problems: Problems) -> None:
    if pool.linux and pool.webconf:
        where = Where(("edge_pool_webconf_fqdn",), pool.fqdn, pool.active_member)
        problems.warn(where, "it has a meaning on Lync only and is not used here")
    if not pool.linux and not sip_domains:
        hint = "Add federation_sip_domains: with the SIP domains, whose sip.<domain> the Edge certificate carries."
        problems.error(pool.where, f"{pool.fqdn} is a Lync pool, but no SIP domain is given", hint)
    if pool.fqdn in xmpp_domains:
        problems.warn(pool.where, f"{pool.fqdn} is an XMPP domain too: its A and AAAA records become the gateway's")
