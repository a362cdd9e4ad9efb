"""What ``dns_records`` says of records that are allowed and yet will not work as they are meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..errors import FedgateError, InvalidValue
from . import names
from .lint import Facts, further_keys, lint, outcome, targets
from .place import Place
from .provider import Observation
from .records import Key, RRset

OPTIONS: dict[str, Any] = {
    "caa_identities": {"type": "dict", "default": {}},
    "tlsa_keys": {"type": "dict", "default": {}},
}
#: Edge certificates are validated by DNS alone (RFC 8657 §4, RFC 8555 §8.4).
_METHODS = ("dns-01",)


def facts_from(params: Mapping[str, Any]) -> Facts:
    """Read the options.

    :raises InvalidValue: a name is none, or does not lead to a list of texts.
    """
    return Facts(
        authorities=_lists(params, "caa_identities"),
        methods=_METHODS,
        keys=_lists(params, "tlsa_keys"),
    )


def _lists(params: Mapping[str, Any], option: str) -> dict[str, list[str]]:
    found = {}
    for name, values in (params.get(option) or {}).items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidValue("a list of texts is needed here", path=f"{option}.{name}")
        found[names.at(f"{option}.{name}", str(name))] = values
    return found


def advise(place: Place, seen: Observation, facts: Facts, resolvers: Sequence[str] = ()) -> list[str]:
    """Return what is doubtful at one provider once its changes are made; looks further there only if facts ask for it.

    :param facts: of certificates and their keys; they count for the external view only.
    :param resolvers: asked for the SRV targets that are none of our names; nobody is asked when there are none.
    """
    facts = facts if place.view == "external" else Facts()
    ours = [one for one in place.wanted if one.name not in seen.strangers]
    # Requests are dear: without such facts, what was found anyway has to do.
    more = further_keys(ours, facts) if facts.authorities or facts.keys else []
    keys = [key for key in more if _lies_in(key[0], set(seen.zones.values()))]
    try:
        news = place.provider.read(keys) if keys else Observation()
    except FedgateError as error:
        return [f"not all could be judged: {error.message}"]
    final = outcome({**news.rrsets, **seen.rrsets}, place.changes(seen))
    known = Facts(
        resolves=_resolving(targets(ours) - {one.name for one in ours}, final, resolvers),
        looked_up=[key for key in keys if key[0] not in news.strangers],
        authorities=facts.authorities,
        methods=facts.methods,
        keys=facts.keys,
    )
    return lint(ours, final, known)


def _resolving(hosts: Iterable[str], final: Mapping[Key, RRset], resolvers: Sequence[str]) -> dict[str, bool]:
    """Ask the resolvers which of these hosts have an address; what they do not say is left out."""
    unknown = sorted(host for host in hosts if not any((host, rtype) in final for rtype in ("A", "AAAA")))
    if not unknown or not resolvers:
        return {}
    from . import authoritative  # it needs dnspython, which other kinds of providers can do without

    asked = authoritative.Resolvers(resolvers)
    found: dict[str, bool] = {}
    for host in unknown:
        try:
            found[host] = bool(asked.addresses(host))
        except FedgateError:
            continue
    return found


def _lies_in(name: str, zones: Collection[str]) -> bool:
    return any(above in zones for above in names.ancestors(name))
