"""The DNS providers of a deployment, and whether each of its records has one that takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .dns_settings import DnsProvider, check_dns_provider, check_dns_providers
from .pools import Pool
from .problems import Problems, Where
from .records import Record
from .sharing import Shared
from .suggest import listed

ONE, SEVERAL = "federation_dns_provider", "federation_dns_providers"
_MOST_SHOWN = 5


def read_providers(shared: Shared) -> tuple[DnsProvider, ...] | None:
    """Read the one provider, or the list of them.

    :returns: empty when none is given; None when something is wrong with them, so that nothing follows.
    """
    one, several = shared.reader(ONE), shared.reader(SEVERAL)
    found = [check_dns_provider(one)] if one else []
    more = check_dns_providers(several) if several else []
    if one and several:
        several.wrong(f"{ONE} is given too", f"Put it into the list, with a name, and remove {ONE}.")
        return None
    if more is None or None in found or shared.problems.noted_about(ONE) or shared.problems.noted_about(SEVERAL):
        return None
    return (*(provider for provider in found if provider), *more)


def check_takers(
    records: Iterable[Record], providers: Sequence[DnsProvider], pools: Sequence[Pool], problems: Problems
) -> None:
    """Note records that none of the providers takes, and providers that are given nothing.

    :param pools: those of the deployment, not none.
    """
    records = list(records)
    host = pools[0].active_member
    homeless = {
        _domain(record.name)
        for record in records
        if record.state == "present"
        and not any(provider.view == record.view and provider.takes(record.name) for provider in providers)
    }
    where = Where((ONE if len(providers) == 1 else SEVERAL,), None, host)
    if homeless:
        names = sorted(homeless)
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        problems.error(
            where,
            f"no DNS provider takes the records of {', '.join(names[:_MOST_SHOWN])}{more}",
            "Add the zone to the zones of a provider with view: external, or have one that names none.",
        )
    _check_challenges(providers, pools, problems)
    for provider in providers:
        if provider.zones and not any(r.view == provider.view and provider.takes(r.name) for r in records):
            problems.warn(where, f"none of our records lies in the zones of {provider.name} ({listed(provider.zones)})")
    if any(provider.view == "internal" for provider in providers) and not any(pool.has_internal for pool in pools):
        problems.warn(
            where, "a provider has view: internal, but no host has edge_internal_addresses: both views lead alike"
        )


def _check_challenges(providers: Sequence[DnsProvider], pools: Sequence[Pool], problems: Problems) -> None:
    """Challenge records go to one provider; which of several, nobody has said."""
    if sum(provider.view == "external" for provider in providers) == 1:
        return
    for pool in pools:
        if pool.issuing.challenges or (pool.media and pool.media.challenges):
            where = Where(("federation_certificate", "acme"), pool.fqdn, pool.active_member)
            hint = "Add dns_provider: a mapping like one of federation_dns_providers, best one for these records only."
            problems.error(where, "which DNS provider takes its challenge records is not said", hint)


def _domain(name: str) -> str:
    """Return a record's name without its service labels."""
    labels = name.split(".")
    while labels and labels[0].startswith("_"):
        labels.pop(0)
    return ".".join(labels)
