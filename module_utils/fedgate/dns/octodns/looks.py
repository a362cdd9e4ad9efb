"""What was seen through one of octoDNS's provider objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import names
from ..records import Key


class Session:
    """One provider object of octoDNS, for one look or one change: several of them keep what they have read.

    :ivar octo: octoDNS's provider.
    """

    def __init__(self, octo: Any, adapter: Any) -> None:
        self.octo = octo
        self._adapter = adapter

    @property
    def counted(self) -> bool:
        """Whether its requests are counted one by one."""
        return self._adapter is not None

    @property
    def writes(self) -> int:
        """How many requests changed something, where they are counted."""
        return int(self._adapter.writes) if self._adapter else 0

    @property
    def status(self) -> int | None:
        """The last answer's HTTP status, where that is known."""
        return self._adapter.status if self._adapter else None


class View:
    """A zone as it was read.

    :ivar zone: octoDNS's zone, with everything that stands in it.
    :ivar exists: whether the service has it.
    """

    def __init__(self, zone: Any, exists: bool) -> None:
        self.zone, self.exists = zone, exists
        self._at: dict[str, dict[str, Any]] = {}
        for record in zone.records:
            self._at.setdefault(names.fold(record.fqdn), {})[str(record._type)] = record

    def at(self, name: str) -> Mapping[str, Any]:
        """Return what stands at a name: type → octoDNS's record."""
        return self._at.get(name, {})

    def delegation(self, name: str, zone: str) -> str | None:
        """Return the name at or above ``name`` that is another server's, if there is one."""
        above = names.ancestors(name)
        inside = above[: above.index(zone)]
        return next((cut for cut in inside if "NS" in self.at(cut)), None)


def wanted(view: View, keys: Sequence[Key]) -> list[Any]:
    """Return the records of these keys, aliases at their names, and all that stands beside an alias that is wanted."""
    found = {}
    for name, rtype in keys:
        for other, record in view.at(name).items():
            if rtype == "CNAME" or other in (rtype, "CNAME"):
                found[name, other] = record
    return list(found.values())
