"""What answers show: record sets, the zone, whether the server speaks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dns.rcode

from ...errors import Refused
from .. import names, txt
from ..messages import AUTHORITATIVE, CNAME, DNAME, NS, SOA, Answer, Record, text_name, type_name
from ..records import RRset
from ..values import TYPES, Value, parse

#: Record types that DNSSEC adds beside any other, an alias too (RFC 4034 §2.5).
BESIDE_ALIAS = {"RRSIG", "NSEC"}


def is_ours(answer: Answer, name: str, rtype: str, server: object) -> bool:
    """Tell whether an answer is authoritative, and not from the root zone, which some servers keep a copy of.

    :raises Refused: the server says that it cannot answer.
    """
    rcode = answer.rcode
    if rcode == dns.rcode.SERVFAIL:
        raise Refused(
            f"the DNS server {server} cannot answer for {name} {rtype} (SERVFAIL)",
            hint="Look at its log: the zone did not load, or has expired.",
        )
    if not answer.flags & AUTHORITATIVE or rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return False
    return zone_shown(answer) != names.ROOT


def not_owned(name: str, answer: Answer, server: object) -> Refused:
    """Return the error for a name that lies in no zone of the server."""
    how = dns.rcode.to_text(dns.rcode.Rcode.make(answer.rcode))
    return Refused(
        f"the DNS server {server} is not authoritative for {name} (its answer: {how})",
        hint="Name the primary server of its zone as `server` of the DNS provider, or create the zone there.",
    )


def zone_shown(answer: Answer) -> str | None:
    """Return the zone that an authoritative answer shows: by SOA or NS in its authority, or its own SOA.

    None when it does not show one, or when an alias led the server on to another zone.
    """
    qname = answer.question.name if answer.question is not None else b""
    for record in answer.answer:
        if record.rtype in (CNAME, DNAME):
            return None
        if record.rtype == SOA and record.owner == qname:
            return text_name(qname)
    for record in answer.authority:
        if record.rtype in (SOA, NS) and _is_below(qname, record.owner):
            return text_name(record.owner)
    return None


def rrsets_of(answer: Answer, name: str) -> list[RRset]:
    """Return the sets of the name that was asked for in an answer."""
    qname = answer.question.name if answer.question is not None else b""
    found: dict[int, list[Record]] = {}
    for record in answer.answer:
        if record.owner == qname and type_name(record.rtype) not in BESIDE_ALIAS:
            found.setdefault(record.rtype, []).append(record)
    return [
        rrset(name, type_name(rtype), min(record.ttl for record in of_it), map(answer.data, of_it))
        for rtype, of_it in found.items()
    ]


def _is_below(name: bytes, zone: bytes) -> bool:
    """Tell whether a name, in wire form, is a zone's or lies in it."""
    while len(name) > len(zone):
        name = name[name[0] + 1 :]
    return name == zone


def rrset(name: str, rtype: str, ttl: int, rdatas: Iterable[Any]) -> RRset:
    """Return a set as the others see it; one of a type that we do not know without its data."""
    raw = tuple(rdatas)
    return RRset.of(name, rtype, ttl, [_value(rtype, rdata) for rdata in raw] if rtype in TYPES else [], raw)


def _value(rtype: str, rdata: Any) -> Value:
    if rtype == "TXT":
        return parse(rtype, txt.quoted(b"".join(rdata.strings)))
    return parse(rtype, rdata.to_text())
