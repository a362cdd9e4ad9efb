"""What is published, and among what. Pure values."""

from __future__ import annotations

from typing import Any

ZONE = "contoso.example"
TTL = 300
VALUE = f"10 0 5269 im.{ZONE}."
#: How many names there are for the records to be spread over, whether they exist or not.
_SPAN = 10_000
#: What all names of ours begin with, as octoDNS's filter is told.
PATTERN = r"/^_xmpp-server\._tcp\./"

#: Name, type, TTL and one value.
Row = tuple[str, str, int, str]


def wanted(count: int) -> list[dict[str, Any]]:
    """Return so many SRV record sets as ``dns_records`` takes them.

    Their names are spread evenly among the others, in a server's order too: whoever reads by pages reads them all.
    """
    return [
        {
            "name": f"_xmpp-server._tcp.pc{number * _SPAN // count:05}x.{ZONE}",
            "type": "SRV",
            "ttl": TTL,
            "values": [VALUE],
        }
        for number in range(count)
    ]


def others(count: int) -> list[Row]:
    """Return so many address records that are somebody else's; those that ``Moto.zone`` makes too."""
    return [
        (f"pc{number:05}.{ZONE}", "A", TTL, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        for number in range(count)
    ]


def rows(count: int) -> list[Row]:
    """Return what ``wanted`` asks for as it is found afterwards."""
    return [(each["name"], each["type"], each["ttl"], value) for each in wanted(count) for value in each["values"]]


def zone_file(found: list[Row]) -> str:
    """Return records as lines of a zone file."""
    return "".join(f"{name}. {ttl} IN {rtype} {value}\n" for name, rtype, ttl, value in found)
