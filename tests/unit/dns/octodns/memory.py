"""A service that lives in memory, with a provider of octoDNS like those for services without transactions."""

from __future__ import annotations

import logging
from typing import Any, Optional

from ansible.module_utils.fedgate.dns.octodns.services import Service
from octodns.provider.base import BaseProvider
from octodns.record import Record


class World:
    """What the service holds.

    :ivar zones: zone → (name, type) → octoDNS's data.
    :ivar log: each record set that was written, in order.
    :ivar fails: what is raised instead of the n-th write, counted from 0.
    """

    def __init__(self, *zones: str) -> None:
        self.zones: dict[str, dict[tuple[str, str], dict[str, Any]]] = {zone: {} for zone in zones}
        self.log: list[str] = []
        self.fails: dict[int, Exception] = {}
        self.reading: Optional[Exception] = None
        self.types = {"A", "AAAA", "CNAME", "SRV", "TXT", "CAA", "MX", "NS"}
        self.min_ttl = 0

    def service(self) -> Service:
        return Service("octodns-memory", lambda **given: Memory(self), secrets=("token",))

    def write(self, change: Any) -> None:
        error = self.fails.pop(len(self.log), None)
        if error is not None:
            raise error
        record = change.record
        self.log.append(f"{type(change).__name__} {record.name} {record._type}")
        records = self.zones[record.zone.name]
        if change.new is None:
            del records[record.name, record._type]
        else:
            data = {**change.new.data, "type": record._type}
            records[record.name, record._type] = data


class Memory(BaseProvider):  # type: ignore[misc]
    """It keeps what it has read, as several of octoDNS's providers do."""

    SUPPORTS_GEO = False
    SUPPORTS = {"A"}

    def __init__(self, world: World) -> None:
        self.log = logging.getLogger("Memory")
        super().__init__("memory")
        self.world, self.SUPPORTS, self.min_ttl = world, world.types, world.min_ttl
        self._kept: dict[str, Any] = {}

    def populate(self, zone: Any, target: bool = False, lenient: bool = False) -> bool:
        if self.world.reading is not None:
            raise self.world.reading
        if zone.name not in self._kept and zone.name in self.world.zones:
            self._kept[zone.name] = dict(self.world.zones[zone.name])
        for (name, _), data in self._kept.get(zone.name, {}).items():
            zone.add_record(Record.new(zone, name, data, source=self, lenient=True), lenient=True)
        return zone.name in self._kept

    def _apply(self, plan: Any) -> None:
        assert plan.exists and plan.desired.name in self.world.zones
        for change in plan.changes:
            self.world.write(change)
