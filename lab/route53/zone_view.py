"""What hosted zones hold, as a name server needs it: looked up by name, through the API, with a short memory."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Any

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .names import order

#: Seconds for which an answer of the API is believed.
MEMORY = 0.2
_PAGE = "50"
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Held:
    """What a zone holds of one name.

    :ivar exists: whether there is such a name: it has records, or there are some below it (RFC 8020).
    """

    rrsets: dict[str, dns.rrset.RRset]
    exists: bool


class ZoneView:
    """The hosted zones of one account.

    :param private: whether its private zones are shown, or its public ones.
    """

    def __init__(self, client: Any, private: bool = False) -> None:
        self._client = client
        self._private = private
        self._lock = threading.Lock()
        self._memory: dict[Any, tuple[float, Any]] = {}

    def zone_of(self, name: dns.name.Name) -> tuple[dns.name.Name, str] | None:
        """Return name and id of the zone that a name lies in, the longest there is."""
        zones = self._remembered("zones", self._zones)
        found = [zone for zone in zones if name.is_subdomain(zone)]
        return max(((zone, zones[zone]) for zone in found), key=lambda item: len(item[0]), default=None)

    def held(self, zone_id: str, name: dns.name.Name) -> Held:
        """Return what a zone holds of a name."""
        held: Held = self._remembered((zone_id, name), lambda: self._held(zone_id, name))
        return held

    def _remembered(self, key: Any, read: Any) -> Any:
        with self._lock:
            since, value = self._memory.get(key, (0.0, None))
        if time.monotonic() - since > MEMORY:
            # The moment before it was read: what changed meanwhile is seen in time.
            since, value = time.monotonic(), read()
            with self._lock:
                self._memory[key] = (since, value)
        return value

    def _zones(self) -> dict[dns.name.Name, str]:
        pages = self._client.get_paginator("list_hosted_zones").paginate()
        zones = [zone for page in pages for zone in page["HostedZones"]]
        return {
            from_route53(zone["Name"]): zone["Id"].rpartition("/")[2]
            for zone in zones
            if zone["Config"]["PrivateZone"] == self._private
        }

    def _held(self, zone_id: str, name: dns.name.Name) -> Held:
        start = to_route53(name)
        found = self._client.list_resource_record_sets(HostedZoneId=zone_id, StartRecordName=start, MaxItems=_PAGE)
        sets = found["ResourceRecordSets"]
        rrsets = {each["Type"]: _rrset(name, each) for each in sets if each["Name"] == start and "TTL" in each}
        # What lies below a name follows it immediately.
        exists = any(order(each["Name"]).startswith(order(start)) for each in sets[: len(rrsets) + 1])
        return Held(rrsets, exists)


def from_route53(name: str) -> dns.name.Name:
    r"""Return a name of the API, with its escapes (``\052``) undone."""
    labels = name.removesuffix(".").split(".")
    return dns.name.Name([*(_OCTAL.sub(_character, label).encode("latin-1") for label in labels), b""])


def to_route53(name: dns.name.Name) -> str:
    """Return a name as the API has it."""
    return ".".join("".join(map(_escaped, label.lower())) for label in name.labels)


def _escaped(octet: int) -> str:
    char = chr(octet)
    return char if char.isascii() and (char.isalnum() or char in "-_") else f"\\{octet:03o}"


def _character(match: re.Match[str]) -> str:
    return chr(int(match.group(1), 8))


def _decimal(match: re.Match[str]) -> str:
    return f"\\{int(match.group(1), 8):03d}"


def _rrset(name: dns.name.Name, found: dict[str, Any]) -> dns.rrset.RRset:
    # Zone files and dnspython have decimal escapes where Route 53 has octal ones.
    values = [_OCTAL.sub(_decimal, each["Value"]) for each in found["ResourceRecords"]]
    # Whatever has no dot at its end is a whole name too.
    rtype = dns.rdatatype.from_text(found["Type"])
    return dns.rrset.from_text_list(
        name, int(found["TTL"]), dns.rdataclass.IN, rtype, values, origin=dns.name.root, relativize=False
    )
