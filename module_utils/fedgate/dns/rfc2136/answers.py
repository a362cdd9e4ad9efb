"""Questions, and what their answers show: record sets, the zone, whether the server speaks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from ...errors import Refused
from .. import names, txt
from ..records import RRset
from ..values import TYPES, Value, parse

#: Record types that DNSSEC adds beside any other, an alias too (RFC 4034 §2.5).
BESIDE_ALIAS = {"RRSIG", "NSEC"}


def question(name: str, rtype: str) -> Any:
    """Return a question for the server's own word, not for what it has heard from others."""
    return dns.message.make_query(dns.name.from_text(name), rtype, flags=0)


def is_ours(answer: Any, name: str, rtype: str, server: object) -> bool:
    """Tell whether an answer is authoritative, and not from the root zone, which some servers keep a copy of.

    :raises Refused: the server says that it cannot answer.
    """
    rcode = answer.rcode()
    if rcode == dns.rcode.SERVFAIL:
        raise Refused(
            f"the DNS server {server} cannot answer for {name} {rtype} (SERVFAIL)",
            hint="Look at its log: the zone did not load, or has expired.",
        )
    if not answer.flags & dns.flags.AA or rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return False
    return zone_shown(answer) != names.ROOT


def not_owned(name: str, answer: Any, server: object) -> Refused:
    """Return the error for a name that lies in no zone of the server."""
    how = dns.rcode.to_text(answer.rcode())
    return Refused(
        f"the DNS server {server} is not authoritative for {name} (its answer: {how})",
        hint="Name the primary server of its zone as `server` of the DNS provider, or create the zone there.",
    )


def zone_shown(answer: Any) -> str | None:
    """Return the zone that an authoritative answer shows: by SOA or NS in its authority, or its own SOA.

    None when it does not show one, or when an alias led the server on to another zone.
    """
    qname = answer.question[0].name
    for rrset in answer.answer:
        if rrset.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.DNAME):
            return None
        if rrset.rdtype == dns.rdatatype.SOA and rrset.name == qname:
            return names.fold(qname.to_text())
    for rrset in answer.authority:
        if rrset.rdtype in (dns.rdatatype.SOA, dns.rdatatype.NS) and qname.is_subdomain(rrset.name):
            return names.fold(rrset.name.to_text())
    return None


def rrsets_of(answer: Any, name: str) -> list[RRset]:
    """Return the sets of that very name in an answer."""
    qname = dns.name.from_text(name)
    return [
        rrset(name, dns.rdatatype.to_text(found.rdtype), int(found.ttl), found)
        for found in answer.answer
        if found.name == qname and dns.rdatatype.to_text(found.rdtype) not in BESIDE_ALIAS
    ]


def rrset(name: str, rtype: str, ttl: int, rdatas: Iterable[Any]) -> RRset:
    """Return a set as the others see it; one of a type that we do not know without its data."""
    raw = tuple(rdatas)
    return RRset.of(name, rtype, ttl, [_value(rtype, rdata) for rdata in raw] if rtype in TYPES else [], raw)


def _value(rtype: str, rdata: Any) -> Value:
    if rtype == "TXT":
        return parse(rtype, txt.quoted(b"".join(rdata.strings)))
    return parse(rtype, rdata.to_text())
