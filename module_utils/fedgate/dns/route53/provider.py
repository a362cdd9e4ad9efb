"""Amazon Route 53 as a provider."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import FedgateError, InvalidValue, NotConverged, Refused
from ..changes import RRsetChange, shown
from ..provider import Observation, Provider
from ..records import Key
from . import failures
from .batches import Batch, batches, check
from .calls import Calls
from .pace import Pace
from .session import Account
from .sets import Reader
from .zones import Zone, Zones

#: Seconds between two looks whether a change is everywhere: at first, and at most.
_FIRST_LOOK, _LONGEST_LOOK = 0.5, 5.0
#: How many changed sets of a zone are looked at again: they are within a page or two of 300 (ListResourceRecordSets).
_LOOKED_AT_AGAIN = 100


class Route53(Provider):
    """The hosted zones of one AWS account.

    :param account: how to come into it.
    :param per_second: requests a second.
    :param private: whether private zones are meant instead of public ones.
    :param zone_id: the one zone that everything lies in, or None.
    :param insync_timeout: seconds until all of Amazon's name servers must have a change.
    """

    def __init__(
        self, account: Account, per_second: float, private: bool, zone_id: str | None, insync_timeout: float
    ) -> None:
        super().__init__()
        self.calls = Calls(account, Pace(per_second), self.requests)
        self._zones = Zones(self.calls, private, zone_id)
        self._insync_timeout = insync_timeout
        self._by_name: dict[str, Zone] = {}
        #: Zone → how many pages the first look took.
        self._pages: dict[str, int] = {}
        #: Changes that are not known to be everywhere.
        self._pending: list[str] = []

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Route53:
        """Make the provider from the options of the module; AWS is asked nothing yet.

        :raises InvalidValue: options that make no sense, or do not go together.
        """
        per_second = float(options.get("requests_per_second", 5.0))
        if not 0 < per_second <= 1000:
            raise InvalidValue(
                f"requests_per_second is {per_second:g}",
                hint="Give a number above 0; AWS allows 5 for all of an account.",
            )
        zone_id = str(options.get("zone_id") or "").strip() or None
        timeout = float(options.get("insync_timeout", 300))
        return cls(Account.from_options(options), per_second, bool(options.get("private")), zone_id, timeout)

    def read(self, keys: Sequence[Key]) -> Observation:
        """Look the names up; see the base class."""
        seen = Observation()
        found, strangers = self._zones.find(name for name, _ in keys)
        seen.strangers.update(strangers)
        parts: dict[Zone, list[Key]] = {}
        for key in dict.fromkeys(keys):
            if key[0] in found:
                parts.setdefault(found[key[0]], []).append(key)
                seen.zones[key[0]] = found[key[0]].name
        for zone, of_zone in parts.items():
            self._by_name[zone.name] = zone
            obstacle = zone.obstacle()
            if obstacle is not None:
                seen.obstacles[zone.name] = obstacle
            reader = Reader(self.calls, zone)
            reader.read(of_zone, seen)
            self._pages.setdefault(zone.name, reader.pages)
        return seen

    def check(self, changes: Sequence[RRsetChange]) -> None:
        """Refuse what exceeds the limits of a single request, before anything is changed."""
        check(changes)

    def apply(self, zone: str, changes: Sequence[RRsetChange]) -> int:
        """Send the zone's changes, each batch whole or not at all; see the base class."""
        where = self._by_name[zone]
        applied = 0
        try:
            left = deque(batches(changes))
            while left:
                parts = self._send(where, left.popleft())
                left.extendleft(reversed(parts))
                applied += not parts
        except FedgateError as error:
            error.details["messages_applied"] = applied
            raise
        return applied

    def _send(self, where: Zone, batch: Batch) -> list[Batch]:
        """Carry out one batch. :returns: what to send in its place: a policy may allow its parts, but not the whole."""
        about = f"hosted zone {where} ({shown(batch.changes)})"
        try:
            answer = self.calls.change_sets(about, HostedZoneId=where.id, ChangeBatch={"Changes": batch.sent})
        except Refused as error:
            parts = batch.parts() if failures.denied(error) else []
            if len(parts) < 2:
                raise
            return parts
        if answer["ChangeInfo"].get("Status") != "INSYNC":
            self._pending.append(str(answer["ChangeInfo"]["Id"]).rpartition("/")[2])
        return []

    def look_again(self, changes: Sequence[RRsetChange]) -> Observation:
        """Wait until every change is at all of Amazon's name servers, then look where that is cheap."""
        self._wait()
        # Another read of many pages would double the requests and tell nothing new: a batch is carried out whole, as
        # it was sent and under the condition that all was as found, or is refused (API Reference,
        # ChangeResourceRecordSets); INSYNC is the service's own word that its name servers answer with it.
        parts: dict[Zone, list[RRsetChange]] = {}
        zones, _ = self._zones.find(change.key[0] for change in changes)
        for change in changes:
            parts.setdefault(zones[change.key[0]], []).append(change)
        known = {zone for zone, part in parts.items() if not self._is_soon_read(zone, len(part))}
        seen = self.read([change.key for zone, part in parts.items() if zone not in known for change in part])
        for zone in known:
            for change in parts[zone]:
                seen.zones[change.key[0]] = zone.name
                if change.after is not None:
                    seen.rrsets[change.key] = change.after
        return seen

    def _is_soon_read(self, zone: Zone, changes: int) -> bool:
        return self._pages.get(zone.name) == 1 and changes <= _LOOKED_AT_AGAIN

    def describe(self, zone: str) -> dict[str, Any]:
        """Return the zone's id."""
        return {"id": self._by_name[zone].id if zone in self._by_name else None}

    def close(self) -> None:
        """Let go of the connection."""
        self.calls.close()

    def _wait(self) -> None:
        """Wait for INSYNC, of the last change first: when it is everywhere, those before it mostly are too."""
        end = time.monotonic() + self._insync_timeout
        pause = _FIRST_LOOK
        while self._pending:
            change = self._pending[-1]
            if self.calls.get_change(f"change {change}", Id=change)["ChangeInfo"]["Status"] == "INSYNC":
                self._pending.pop()
                continue
            left = end - time.monotonic()
            if left <= 0:
                raise NotConverged(
                    f"the changes were made, but not all name servers of Route 53 have them after "
                    f"{self._insync_timeout:.0f} s: {', '.join(self._pending)} PENDING",
                    hint="They will have them; look with aws route53 get-change, or raise `insync_timeout`.",
                    details={"changed": True, "pending": list(self._pending)},
                )
            time.sleep(min(pause, left))
            pause = min(_LONGEST_LOOK, pause * 1.5)
