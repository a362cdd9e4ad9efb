"""What is allowed, and yet will not work as it is meant: pure functions from record sets to sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..model.domains import is_address
from . import names
from .changes import RRsetChange
from .records import Key, RRset, Wanted
from .values import Value

#: Seconds; shorter ones burden resolvers, longer ones make a move last days.
TTL_BOUNDS = (60, 86400)
_ADDRESSES = ("A", "AAAA")
#: RFC 8659 §4.1: an authority that does not know a critical property must not certify. These are registered (IANA).
_CRITICAL = 128
_KNOWN_TAGS = ("issue", "issuewild", "iodef", "contactemail", "contactphone", "issuevmc", "issuemail")


@dataclass(frozen=True)
class Facts:
    """What the record sets of one view do not tell by themselves.

    :ivar looked_up: names and types that were looked up, whether there was anything or not.
    :ivar resolves: target → whether resolvers find an address of it; for targets that were not looked up.
    :ivar authorities: certificate name → what its authority calls itself in CAA records; one of several is enough.
    :ivar methods: how authorities validate (RFC 8657 §4); none: not judged.
    :ivar keys: owner of TLSA records → SHA-256 (hex) of the key that serves there, and of the next one.
    """

    looked_up: Collection[Key] = ()
    resolves: Mapping[str, bool] = field(default_factory=dict)
    authorities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    methods: Sequence[str] = ()
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)


def further_keys(wanted: Iterable[Wanted], facts: Facts) -> list[Key]:
    """Return what else to look up, at the same provider, so that nothing has to be left unsaid.

    Only names of the provider's zones can be looked up there; the caller leaves out the others.
    """
    wanted = list(wanted)
    keys = {(target, rtype) for one in wanted for target in _targets(one.values) for rtype in _ADDRESSES}
    keys |= {(name, "CAA") for certified in facts.authorities for name in names.ancestors(certified)}
    keys |= {(owner, "TLSA") for owner in facts.keys}
    return sorted(keys - {one.key for one in wanted})


def outcome(observed: Mapping[Key, RRset], changes: Iterable[RRsetChange]) -> dict[Key, RRset]:
    """Return the sets as they are once the changes are made."""
    after = dict(observed)
    for change in changes:
        after.pop(change.key, None)
        if change.after is not None:
            after[change.key] = change.after
    return after


def lint(wanted: Iterable[Wanted], final: Mapping[Key, RRset], facts: Facts) -> list[str]:
    """Return what is doubtful, one sentence each, in a fixed order; nothing is said of what was not looked up.

    :param wanted: the record sets that are ours; only these are judged, beside CAA and TLSA of the facts.
    :param final: the sets of this view as they will be: ``outcome`` of what was found and the changes.
    """
    ours = [final[key] for key in sorted({one.key for one in wanted}) if key in final]
    looked_up = {*facts.looked_up, *(one.key for one in wanted), *final}
    lines = [line for rrset in ours for line in (*_ttl(rrset), *_priorities(rrset))]
    for target, owners in sorted(_owners(ours).items()):
        lines += _target(target, owners, final, looked_up, facts)
    for name in sorted(facts.authorities):
        lines += _authority(name, final, looked_up, facts)
    for owner in sorted(facts.keys):
        lines += _keys(owner, final.get((owner, "TLSA")), facts.keys[owner])
    return list(dict.fromkeys(lines))


def _ttl(rrset: RRset) -> list[str]:
    low, high = TTL_BOUNDS
    if low <= rrset.ttl <= high:
        return []
    return [f"{rrset.name} {rrset.type} has a time to live of {rrset.ttl} s; {low} to {high} s are sound"]


def _priorities(rrset: RRset) -> list[str]:
    """Only one site carries a domain at a time: two of one priority would share it by chance."""
    if rrset.type != "SRV":
        return []
    hosts: dict[int, set[str]] = {}
    for value in rrset.values:
        hosts.setdefault(value.order[0], set()).add(value.leads_to or names.ROOT)
    return [
        f"{rrset.name} SRV gives {' and '.join(sorted(found))} the same priority {priority}; give each one its own"
        for priority, found in sorted(hosts.items())
        if len(found) > 1
    ]


def _targets(values: Iterable[Value]) -> set[str]:
    return {value.leads_to for value in values if value.leads_to and value.leads_to != names.ROOT}


def _owners(ours: Iterable[RRset]) -> dict[str, list[str]]:
    """Return for each host that SRV records lead to, whose they are."""
    found: dict[str, list[str]] = {}
    for rrset in ours:
        for target in _targets(rrset.values) if rrset.type == "SRV" else ():
            found.setdefault(target, []).append(rrset.name)
    return found


def _target(
    target: str, owners: Sequence[str], final: Mapping[Key, RRset], looked_up: Collection[Key], facts: Facts
) -> list[str]:
    led = f"{owners[0]}{f' and {len(owners) - 1} more' if len(owners) > 1 else ''} SRV"
    if is_address(target):
        return [f"{led} leads to the address {target}; nobody follows it, it must be a host's name (RFC 2782)"]
    if (target, "CNAME") in final:
        return [f"{led} leads to {target}, which is a CNAME; many do not follow it (RFC 2782)"]
    if any((target, rtype) in final for rtype in _ADDRESSES):
        return []
    known = all((target, rtype) in looked_up for rtype in _ADDRESSES) or facts.resolves.get(target) is False
    if known and not facts.resolves.get(target):
        return [f"{led} leads to {target}, which has no address"]
    return []


def _authority(name: str, final: Mapping[Key, RRset], looked_up: Collection[Key], facts: Facts) -> list[str]:
    """Climb to the first CAA set (RFC 8659 §3) and ask whether it lets the name's authority certify."""
    authorities = [authority.lower() for authority in facts.authorities[name]]
    for above in names.ancestors(name):
        if (above, "CAA") not in looked_up:
            return []
        rrset = final.get((above, "CAA"))
        if rrset is None:
            continue
        reason = _forbids(rrset, authorities, facts.methods)
        return [f"{above} CAA keeps {' or '.join(authorities)} from certifying {name}: {reason}"] if reason else []
    return []


def _forbids(rrset: RRset, authorities: Collection[str], methods: Sequence[str]) -> str:
    properties = [(value.order[0], value.order[1], value.order[2].decode("ascii", "replace")) for value in rrset.values]
    for flags, tag, _text in properties:
        if flags & _CRITICAL and tag not in _KNOWN_TAGS:
            return f"its property {tag} is critical, and known to none"
    issuers = [_issuer(text) for _flags, tag, text in properties if tag == "issue"]
    if not issuers:
        return ""  # RFC 8659 §4.2: without one, everybody may
    allowed = [parameters for authority, parameters in issuers if authority in authorities]
    if not allowed:
        named = sorted({authority for authority, _parameters in issuers if authority})
        return f"it names {', '.join(named)}" if named else "it names nobody"
    for parameters in allowed:
        wanted = parameters.get("validationmethods")
        if wanted is None or not methods or set(wanted.split(",")) & set(methods):
            return ""
    return f"it allows other methods than {' and '.join(methods)}"


def _issuer(text: str) -> tuple[str, dict[str, str]]:
    """Read the value of an ``issue`` property (RFC 8659 §4.2)."""
    authority, *rest = text.split(";")
    pairs = (part.partition("=") for part in rest)
    return authority.strip().lower(), {tag.strip().lower(): value.strip() for tag, _, value in pairs}


def _keys(owner: str, rrset: RRset | None, digests: Sequence[str]) -> list[str]:
    """Each key needs a record that matches it, before it serves (RFC 7671 §8.1)."""
    if rrset is None:
        return []
    if any(value.order[:3] != (3, 1, 1) for value in rrset.values):
        return []  # other kinds may match; digests of keys do not tell
    there = {value.order[3] for value in rrset.values}
    which = ("that serves", "that is to serve next")
    return [
        f"{owner} TLSA does not match the key {which[min(index, 1)]}"
        for index, digest in enumerate(digests)
        if digest.lower() not in there
    ]
