"""The Route 53 of the suite: moto behind a proxy that counts, limits and answers as AWS does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.route53.moto import CREDENTIALS, Moto
from lab.route53.proxy import CHANGE, Proxy

from .cases import UNLIMITED, Rate
from .records import ZONE, Row

_LIST, _CHANGED = "ListResourceRecordSets", "GetChange"
_ZONES = ("ListHostedZones", "ListHostedZonesByName", "GetHostedZone")
#: What ours is told where there is no limit; 5, as AWS allows, is its default.
_UNLIMITED = 1000.0


class Route53:
    """A place to publish: see ``suite.Place``.

    :param python: interpreter of an environment that has moto's server.
    """

    #: Operations that are counted, and the one that changes something.
    kinds: tuple[str, ...] = (*_ZONES, _LIST, CHANGE, _CHANGED)
    changing: str = CHANGE

    def __init__(self, python: Path) -> None:
        self._moto = Moto(python=str(python))
        self._moto.start()
        self._proxy = Proxy(self._moto.url)
        self._proxy.start()
        self._zone = ""

    def reset(self, count: int, rate: Rate) -> None:
        """Make the zone anew, with so many other records and nothing else."""
        self._moto.reset()
        self._zone = self._moto.zone(ZONE, records=count)
        self._proxy.rate = rate
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        self._proxy.reset()

    def counts(self) -> dict[str, int]:
        """Return how many requests of each operation came since ``clear``, those that were refused too."""
        counts = self._proxy.counts.copy()
        return {**dict.fromkeys(self.kinds, 0), **counts}

    def rows(self) -> list[Row]:
        """Return all records but those of the zone itself, not counted."""
        pages = self._moto.client().get_paginator("list_resource_record_sets").paginate(HostedZoneId=self._zone)
        return [
            (found["Name"].rstrip("."), found["Type"], found["TTL"], value["Value"])
            for page in pages
            for found in page["ResourceRecordSets"]
            if found["Name"].rstrip(".") != ZONE
            for value in found["ResourceRecords"]
        ]

    def provider(self) -> dict[str, Any]:
        """Return what ``dns_records`` is given."""
        given = {
            "kind": "route53",
            "endpoint_url": self._proxy.url,
            "access_key_id": CREDENTIALS["aws_access_key_id"],
            "secret_access_key": CREDENTIALS["aws_secret_access_key"],
        }
        return given if self._proxy.rate is not UNLIMITED else {**given, "requests_per_second": _UNLIMITED}

    def settings(self) -> dict[str, Any]:
        """Return where it is, and the credentials."""
        return {
            "url": self._proxy.url,
            "access_key": CREDENTIALS["aws_access_key_id"],
            "secret_key": CREDENTIALS["aws_secret_access_key"],
            "limited": self._proxy.rate is not UNLIMITED,
        }

    def close(self) -> None:
        """End it."""
        self._proxy.stop()
        self._moto.stop()
