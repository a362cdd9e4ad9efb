"""A server that takes signed dynamic updates (RFC 2136, RFC 8945): BIND, Knot, PowerDNS, Windows with TSIG."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig

from ...errors import FedgateError, InvalidValue, Refused
from .. import names, txt
from ..changes import RRsetChange
from ..provider import Observation, Provider
from ..records import Key, RRset
from ..values import TYPES, Value, parse
from . import rcodes, update
from .wire import Wire

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
#: Record types that DNSSEC adds beside any other, an alias too (RFC 4034 §2.5).
_BESIDE_ALIAS = {"RRSIG", "NSEC"}


class Rfc2136(Provider):
    """One primary server, spoken to over TCP.

    :param server: host name or address of the zones' primary server.
    :param port: TCP port.
    :param key: the ``dns.tsig.Key`` that signs the updates.
    :param timeout: seconds for a connection, and for each answer.
    """

    def __init__(self, server: str, port: int, key: Any, timeout: float) -> None:
        super().__init__()
        self._wire = Wire(server, port, timeout)
        self._key = key

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Rfc2136:
        """Make the provider from the module's ``provider`` option.

        :raises InvalidValue: a key that cannot be one; the secret is not shown.
        """
        server = str(options["server"]).strip()
        if not server:
            raise InvalidValue("the DNS provider has an empty `server`", hint="Name the zones' primary server.")
        return cls(server, int(options["port"]), _key(options), float(options["timeout"]))

    def read(self, keys: Sequence[Key]) -> Observation:
        """Ask for each name and type; see the base class. What an alias would stand beside is asked for too."""
        wanted_aliases = [name for name, rtype in keys if rtype == "CNAME"]
        questions = [*keys, *((name, "ANY") for name in wanted_aliases)]
        answers = self._wire.ask_all([_query(name, rtype) for name, rtype in questions])
        seen = Observation()
        for (name, rtype), answer in zip(questions, answers):
            if not self._is_ours(answer, name, rtype):
                seen.strangers[name] = self._not_owned(name, answer)
                continue
            for found in _rrsets_of(answer, name):
                seen.rrsets[found.key] = found
            zone = _zone_shown(answer)
            if zone is not None:
                seen.zones[name] = zone
        self._find_zones({name for name, _ in keys if name not in seen.zones}, seen)
        self._try_zones(keys, seen)
        return seen

    def apply(self, zone: str, changes: Sequence[RRsetChange]) -> int:
        """Send the zone's changes, each message conditional and atomic; see the base class."""
        applied = 0
        try:
            for message, wire, part in update.messages(zone, changes, self._key):
                what = f"the update of zone {zone} at {self._wire} ({_shown(part)})"
                rcode = self._exchange(message, wire, what)
                if rcode != dns.rcode.NOERROR:
                    raise rcodes.explain(rcode, what)
                applied += 1
        except FedgateError as error:
            error.details["messages_applied"] = applied
            raise
        return applied

    def describe(self, zone: str) -> dict[str, Any]:
        """Return the zone's serial number."""
        (answer,) = self._wire.ask_all([_query(zone, "SOA")])
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.SOA:
                return {"serial": rrset[0].serial}
        return {"serial": None}

    def close(self) -> None:
        """End the connection."""
        self._wire.close()

    def _exchange(self, message: Any, wire: bytes, what: str) -> int:
        """Send one signed message and return the rcode of its verified answer."""
        try:
            answer = self._wire.exchange(message, wire)
        except dns.exception.DNSException as error:
            key_name = self._key.name.to_text(omit_final_dot=True)
            algorithm = self._key.algorithm.to_text(omit_final_dot=True)
            raise rcodes.explain_signature(error, what, key_name, algorithm) from error
        rcodes.demand_signed(answer, what)
        return int(answer.rcode())

    def _is_ours(self, answer: Any, name: str, rtype: str) -> bool:
        """Tell whether the answer is authoritative, and not from the root zone, which some servers keep a copy of."""
        rcode = answer.rcode()
        if rcode == dns.rcode.SERVFAIL:
            raise Refused(
                f"the DNS server {self._wire} cannot answer for {name} {rtype} (SERVFAIL)",
                hint="Look at its log: the zone did not load, or has expired.",
            )
        if not answer.flags & dns.flags.AA or rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return False
        return _zone_shown(answer) != names.ROOT

    def _not_owned(self, name: str, answer: Any) -> Refused:
        how = dns.rcode.to_text(answer.rcode())
        return Refused(
            f"the DNS server {self._wire} is not authoritative for {name} (its answer: {how})",
            hint="Name the primary server of its zone as `server` of the DNS provider, or create the zone there.",
        )

    def _find_zones(self, missing: set[str], seen: Observation) -> None:
        """Find the zones of names whose answers did not show them, by SOA, walking up label by label."""
        walks = {name: names.ancestors(name) for name in missing if name not in seen.strangers}
        while walks:
            asked = sorted({walk[0] for walk in walks.values()})
            answers = dict(zip(asked, self._wire.ask_all([_query(name, "SOA") for name in asked])))
            walks = {name: walk[1:] for name, walk in walks.items() if not self._zone_found(name, walk, answers, seen)}

    def _zone_found(self, name: str, walk: Sequence[str], answers: Mapping[str, Any], seen: Observation) -> bool:
        """Note what the answer for a name's ancestor shows; true when the walk ends here."""
        answer = answers[walk[0]]
        ours = self._is_ours(answer, walk[0], "SOA")
        zone = _zone_shown(answer) if ours else None
        if zone is not None:
            seen.zones[name] = zone
        elif not ours or len(walk) == 1:
            seen.strangers[name] = self._not_owned(name, answer)
        else:
            return False
        return True

    def _try_zones(self, keys: Sequence[Key], seen: Observation) -> None:
        """Try the key on each zone before any is changed, and tell real sets from what a wildcard makes up.

        A message of conditions alone changes nothing (RFC 2136 §3.2). A set that a wildcard answers for does not
        exist as such, and no condition on it would ever hold.
        """
        for zone in sorted(set(seen.zones.values())):
            there = sorted(key for key in set(keys) if key in seen.rrsets and seen.zones[key[0]] == zone)
            try:
                for key in self._made_up(zone, there):
                    del seen.rrsets[key]
            except Refused as error:
                seen.obstacles[zone] = error

    def _made_up(self, zone: str, there: Sequence[Key]) -> list[Key]:
        """Return those of the sets that do not exist as such, by halving."""
        what = f"an update of zone {zone} at {self._wire}"
        message = update.probe(zone, there, self._key)
        try:
            rcode = self._exchange(message, message.to_wire(max_size=65535), what)
        except dns.exception.TooBig:
            rcode = dns.rcode.NXRRSET  # as if: halves fit
        if rcode == dns.rcode.NOERROR:
            return []
        if rcode != dns.rcode.NXRRSET or not there:
            raise rcodes.explain(rcode, what)
        if len(there) == 1:
            return list(there)
        middle = len(there) // 2
        return self._made_up(zone, there[:middle]) + self._made_up(zone, there[middle:])


def _key(options: Mapping[str, Any]) -> Any:
    algorithm = str(options["tsig_algorithm"]).lower().rstrip(".")
    if algorithm not in ALGORITHMS:
        raise InvalidValue(f"tsig_algorithm {algorithm!r} is not allowed", hint=f"Allowed: {', '.join(ALGORITHMS)}.")
    try:
        name = dns.name.from_text(str(options["tsig_name"]))
    except dns.exception.DNSException as error:
        raise InvalidValue(f"tsig_name {options['tsig_name']!r} is not a key name") from error
    text = "".join(str(options["tsig_secret"]).split())
    try:
        secret = base64.b64decode(text, validate=True) if len(text) % 4 == 0 else b""
    except ValueError:
        secret = b""
    if not secret:
        raise InvalidValue(
            f"the TSIG secret of {name.to_text(omit_final_dot=True)} is not base64",
            hint="Give the `secret` of the server's key statement, without quotes; tsig-keygen makes one.",
        ) from None
    return dns.tsig.Key(name, secret, algorithm)


def _query(name: str, rtype: str) -> Any:
    # Not recursive: the server's own word counts, not what it has heard from others.
    return dns.message.make_query(dns.name.from_text(name), rtype, flags=0)


def _zone_shown(answer: Any) -> str | None:
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


def _rrsets_of(answer: Any, name: str) -> list[RRset]:
    """Return the sets of that very name; types that we do not know without their data."""
    qname = dns.name.from_text(name)
    found = []
    for rrset in answer.answer:
        rtype = dns.rdatatype.to_text(rrset.rdtype)
        if rrset.name != qname or rtype in _BESIDE_ALIAS:
            continue
        values = [_value(rtype, rdata) for rdata in rrset] if rtype in TYPES else []
        found.append(RRset.of(name, rtype, int(rrset.ttl), values, tuple(rrset)))
    return found


def _value(rtype: str, rdata: Any) -> Value:
    if rtype == "TXT":
        return parse(rtype, txt.quoted(b"".join(rdata.strings)))
    return parse(rtype, rdata.to_text())


def _shown(changes: Sequence[RRsetChange]) -> str:
    shown = [" ".join(change.key) for change in changes[:3]]
    more = len(changes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
