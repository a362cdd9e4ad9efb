"""What ``Moto`` starts: moto's own server for Route 53 and STS, made as strict as Route 53 where moto is not.

``python -m lab.route53.runner ADDRESS PORT``

What moto does otherwise, and is put right here: a CREATE of a set that exists with other values succeeds, a DELETE is
compared with whatever was ever created, a batch that fails half-way stays half applied, a CNAME may stand beside
other records, names keep their letters and stars, ListHostedZonesByName gives only the one name, and
ListResourceRecordSets sorts the whole zone for each page and passes over StartRecordIdentifier.
"""

from __future__ import annotations

import json
import sys
import threading
from bisect import bisect_left
from typing import Any
from urllib.parse import parse_qs

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.route53.exceptions import InvalidInput
from moto.route53.models import FakeZone, RecordSet, Route53Backend, route53_backends
from moto.route53.responses import Route53
from werkzeug.serving import run_simple

from .names import order, stored

_LOCK = threading.Lock()
#: The most record sets that one answer holds.
PAGE = 300
Index = dict[tuple[str, str, str], RecordSet]


class InvalidChangeBatch(ServiceException):  # type: ignore[misc]
    """Nothing of the batch was carried out."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("InvalidChangeBatch", f"[{', '.join(messages)}]")


def change(self: Route53Backend, zoneid: str, change_list: list[dict[str, Any]]) -> None:
    """ChangeResourceRecordSets: all changes in their order, or none."""
    zone = self.get_hosted_zone(zoneid)
    with _LOCK:
        index = {_key(each): each for each in zone.rrsets}
        problems = [problem for item in change_list if (problem := _carry_out(index, zone, item))]
        problems = problems or _conflicts(index, zone)
        if problems:
            raise InvalidChangeBatch(problems)
        zone.rrsets = list(index.values())


def _carry_out(index: Index, zone: FakeZone, item: dict[str, Any]) -> str | None:
    """Do one change to the index. :returns: what AWS says when it cannot be."""
    wanted, action = RecordSet(_plain(item["ResourceRecordSet"])), item["Action"]
    key = _key(wanted)
    named = f"[name='{wanted.name}', type='{wanted.type}'" + (
        f", set-identifier='{wanted.set_identifier}']" if wanted.set_identifier else "]"
    )
    if not f".{wanted.name}".endswith(f".{zone.name}"):
        return f"RRSet with DNS name {wanted.name} is not permitted in zone {zone.name}"
    if action == "DELETE":
        if key not in index:
            return f"Tried to delete resource record set {named} but it was not found"
        if _data(index[key]) != _data(wanted):
            differs = "but the values provided do not match the current values"
            return f"Tried to delete resource record set {named} {differs}"
        if wanted.name == zone.name and wanted.type in ("SOA", "NS"):
            return f"A HostedZone must contain at least one {wanted.type} record for the zone itself."
        del index[key]
    elif action == "CREATE" and key in index:
        return f"Tried to create resource record set {named} but it already exists"
    else:
        index[key] = wanted
    return None


def _conflicts(index: Index, zone: FakeZone) -> list[str]:
    """Return what AWS says of sets that cannot stand beside each other."""
    types: dict[str, set[str]] = {}
    identifiers: dict[tuple[str, str], set[str]] = {}
    for name, rtype, identifier in index:
        types.setdefault(name, set()).add(rtype)
        identifiers.setdefault((name, rtype), set()).add(identifier)
    return [
        f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same "
        f"DNS name in zone {zone.name}"
        for name, held in types.items()
        if "CNAME" in held and len(held) > 1
    ] + [
        f"RRSet with DNS name {name}, type {rtype}, SetIdentifier null cannot be created as other RRSets exist with "
        "the same name and type."
        for (name, rtype), held in identifiers.items()
        if "" in held and len(held) > 1
    ]


def _plain(record_set: dict[str, Any]) -> dict[str, Any]:
    values = [each["Value"] for each in record_set.get("ResourceRecords") or []]
    return {**record_set, "Name": stored(record_set["Name"]), "ResourceRecords": values}


def _key(each: RecordSet) -> tuple[str, str, str]:
    return each.name, str(each.type), each.set_identifier or ""


def _data(each: RecordSet) -> tuple[Any, ...]:
    rest = (each.alias_target, each.weight, each.region, each.failover, each.geo_location, each.multi_value_answer)
    return (str(each.ttl), sorted(each.records), each.health_check_id, rest)


_create_hosted_zone = Route53Backend.create_hosted_zone


def create_hosted_zone(self: Route53Backend, *arguments: Any, **options: Any) -> FakeZone:
    """CreateHostedZone, with an SOA record that reads as one."""
    zone = _create_hosted_zone(self, *arguments, **options)
    for each in zone.rrsets:
        each.name = stored(each.name)
        each.records = [value["Value"] if isinstance(value, dict) else value for value in each.records]
    return zone


def record_sets(self: Route53) -> ActionResult:
    """ListResourceRecordSets: one page, in Route 53's order, from a name (and type, and identifier) on."""
    zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
    name, rtype = self._get_param("StartRecordName"), self._get_param("StartRecordType")
    if rtype and not name:
        raise InvalidInput("The input is not valid")
    limit = min(self._get_int_param("MaxItems", PAGE), PAGE)
    start = (order(stored(name)) if name else "", rtype or "", self._get_param("StartRecordIdentifier") or "")
    keys, found = _sorted(zone)
    first = bisect_left(keys, start)
    following = found[first + limit] if len(found) > first + limit else None
    result = {"ResourceRecordSets": found[first : first + limit], "MaxItems": limit, "IsTruncated": bool(following)}
    if following is not None:
        result |= {"NextRecordName": following.name, "NextRecordType": following.type}
        result |= {"NextRecordIdentifier": following.set_identifier} if following.set_identifier else {}
    return ActionResult(result)


def _sorted(zone: FakeZone) -> tuple[list[tuple[str, str, str]], list[RecordSet]]:
    """Return the zone's sets in order, with what they are sorted by; kept, as a batch makes a new list."""
    kept = getattr(zone, "kept", None)
    if kept is None or kept[0] is not zone.rrsets or len(kept[0]) != len(kept[2]):
        keyed = sorted(((order(each.name), *_key(each)[1:]), number) for number, each in enumerate(zone.rrsets))
        kept = zone.rrsets, [key for key, _ in keyed], [zone.rrsets[number] for _, number in keyed]
        zone.kept = kept
    return kept[1], kept[2]


def zones_by_name(self: Route53) -> ActionResult:
    """ListHostedZonesByName: the zones from a name on, in Route 53's order."""
    start = self._get_param("DNSName")
    first = (order(stored(start)) if start else "", self._get_param("HostedZoneId") or "")
    limit = self._get_int_param("MaxItems", 100)
    keyed = sorted((order(zone.name), zone.resource_id) for zone in self.backend.zones.values())
    left = [identity for name, identity in keyed if (name, identity) >= first]
    found = [self.backend.zones[identity] for identity in left[: limit + 1]]
    result = {"DNSName": start, "HostedZones": found[:limit], "MaxItems": limit, "IsTruncated": len(found) > limit}
    if len(found) > limit:
        result |= {"NextDNSName": found[limit].name, "NextHostedZoneId": found[limit].resource_id}
    return ActionResult(result)


def make_zone(name: str, private: bool, records: int, account: str) -> str:
    """Make a hosted zone with so many A records of somebody else's. :returns: its id."""
    backend = route53_backends[account]["aws"]
    zone = backend.create_hosted_zone(stored(name), private_zone=private)
    for number in range(records):
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        zone.rrsets.append(
            RecordSet({"Name": f"pc{number:05}.{zone.name}", "Type": "A", "TTL": 300, "ResourceRecords": [address]})
        )
    identity: str = zone.resource_id
    return identity


class Server:
    """moto's server, and one more path by which the lab has zones made."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/lab/zone":
            return self._moto(environ, start_response)
        asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        made = make_zone(asked["name"], asked["private"] == "1", int(asked["records"]), asked["account"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(made).encode()]


class Handler(MotoRequestHandler):  # type: ignore[misc]
    """Keeps no log, and keeps connections."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def main(address: str, port: int) -> None:
    """Serve until killed."""
    Route53Backend.create_hosted_zone = create_hosted_zone  # type: ignore[method-assign]
    Route53Backend.change_resource_record_sets = change  # type: ignore[method-assign]
    Route53.list_resource_record_sets = record_sets  # type: ignore[method-assign]
    Route53.list_hosted_zones_by_name = zones_by_name  # type: ignore[method-assign]
    run_simple(address, port, Server(), threaded=True, request_handler=Handler)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
