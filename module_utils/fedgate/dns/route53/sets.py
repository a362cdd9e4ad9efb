"""The record sets of a zone, as an observation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...errors import FedgateError, InvalidValue, Refused
from .. import names
from ..provider import Observation
from ..records import Key, RRset
from ..values import Value
from . import data
from .calls import Calls
from .scan import Page, Position, escape, scan, unescape
from .zones import Zone

#: What a record set with a routing policy has (API Reference, ResourceRecordSet), and what that is called.
_POLICIES = {
    "Weight": "weighted", "Region": "latency", "GeoLocation": "geolocation", "GeoProximityLocation": "geoproximity",
    "Failover": "failover", "MultiValueAnswer": "multivalue answer", "CidrRoutingConfig": "IP-based",
    "TrafficPolicyInstanceId": "traffic policy",
}  # fmt: skip
_OTHER_MARKS = ("SetIdentifier", "HealthCheckId")


class Reader:
    """Reads the sets of some names of one zone.

    :ivar pages: how many requests it took.
    """

    def __init__(self, calls: Calls, zone: Zone) -> None:
        self._calls = calls
        self._zone = zone
        self.pages = 0

    def read(self, keys: Collection[Key], seen: Observation) -> None:
        """Look up names of the zone and note what is of account there.

        The names between them and the zone are looked at as well: what lies at or below a delegation would never be
        seen by anybody. They are neighbours in the list, so that it hardly ever takes a request more.
        """
        types: dict[str, set[str]] = {}
        for name, rtype in keys:
            types.setdefault(name, set()).add(rtype)
        above = {name: self._between(name) for name in types}
        found = scan({*types, *(each for between in above.values() for each in between)}, self._page)
        for name in types:
            cut = next((each for each in reversed(above[name]) if _delegation(found.get(each, ()))), None)
            if cut is not None:
                seen.strangers[name] = _delegated(name, cut, self._zone)
                seen.zones.pop(name, None)
                continue
            of_type: dict[str, list[Mapping[str, Any]]] = {}
            for row in found.get(name, ()):
                of_type.setdefault(row["Type"], []).append(row)
            for rtype, rows in of_type.items():
                if rtype in types[name] or rtype == "CNAME" or "CNAME" in types[name]:
                    _note((name, rtype), rows, self._zone, seen)

    def _between(self, name: str) -> list[str]:
        """Return a name and those above it, down from the zone's own, which is left out."""
        found = names.ancestors(name)
        return found[: found.index(self._zone.name)]

    def _page(self, start: Position) -> Page:
        query = {"HostedZoneId": self._zone.id, "StartRecordName": escape(start.name) + "."}
        if start.token:
            rtype, identifier = start.token
            query.update({"StartRecordType": rtype}, **({"StartRecordIdentifier": identifier} if identifier else {}))
        self.pages += 1
        answer = self._calls.list_sets(f"hosted zone {self._zone}", **query)
        rows = [(unescape(row["Name"]), row) for row in answer["ResourceRecordSets"]]
        after = None
        if answer.get("IsTruncated"):
            token = (answer["NextRecordType"], answer.get("NextRecordIdentifier"))
            after = Position(unescape(answer["NextRecordName"]), token)
        return Page(rows, after)


def _delegation(rows: Iterable[Mapping[str, Any]]) -> bool:
    return any(row["Type"] == "NS" for row in rows)


def _delegated(name: str, cut: str, zone: Zone) -> FedgateError:
    return Refused(
        f"the hosted zone {zone} delegates {cut} to other name servers: nobody would see records at {name} in it",
        hint="Name the provider that keeps that zone, or remove its NS records in Route 53.",
    )


def _note(key: Key, found: Sequence[Mapping[str, Any]], zone: Zone, seen: Observation) -> None:
    why = _why_not_ours(found)
    if why:
        seen.untouchable[key] = _untouchable(key, zone, why)
    simple = len(found) == 1 and "AliasTarget" not in found[0]
    values = _values(key[1], found[0]) if simple else []
    seen.rrsets[key] = RRset.of(*key, int(found[0].get("TTL") or 0), values, None if why else found[0])


def _values(rtype: str, row: Mapping[str, Any]) -> list[Value]:
    """Return the values; none for data that we cannot read: then it is not what is wanted, whatever that is."""
    try:
        return [data.read(rtype, record["Value"]) for record in row["ResourceRecords"]] if data.known(rtype) else []
    except (InvalidValue, ValueError):
        return []


def _why_not_ours(found: Sequence[Mapping[str, Any]]) -> str:
    """Say what makes it a set that only who made it can change; empty for plain records."""
    for row in found:
        if "AliasTarget" in row:
            return f"an alias to {unescape(row['AliasTarget']['DNSName'])}"
        policies = [text for name, text in _POLICIES.items() if name in row]
        if policies or any(name in row for name in _OTHER_MARKS):
            how = f" ({' and '.join(policies)})" if policies else ""
            return f"{len(found)} record set{'s' if len(found) > 1 else ''} with a routing policy or health check{how}"
    return ""


def _untouchable(key: Key, zone: Zone, why: str) -> FedgateError:
    name, rtype = key
    return Refused(
        f"at {name} {rtype} in the hosted zone {zone} stands {why}, which Fedgate did not make and does not change",
        hint="Remove it in Route 53 if plain records shall take its place, or take this name out of the inventory.",
    )
