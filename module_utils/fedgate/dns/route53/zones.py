"""Which hosted zone a name lies in, without listing all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import FedgateError, InvalidValue, Refused
from .. import names
from .calls import Calls
from .scan import Page, Position, escape, scan, unescape


@dataclass(frozen=True)
class Zone:
    """One hosted zone.

    :ivar id: without ``/hostedzone/``.
    :ivar name: folded.
    :ivar private: whether it is seen inside of its VPCs only.
    :ivar keeper: the AWS service that made it, and that alone may change it; empty otherwise.
    """

    id: str
    name: str
    private: bool
    keeper: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Zone:
        """Read a HostedZone element."""
        return cls(
            str(found["Id"]).rpartition("/")[2],
            unescape(found["Name"]),
            bool(found.get("Config", {}).get("PrivateZone")),
            str(found.get("LinkedService", {}).get("ServicePrincipal") or ""),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    def obstacle(self) -> FedgateError | None:
        """Return why nothing in it can be changed."""
        if not self.keeper:
            return None
        return Refused(
            f"the hosted zone {self} belongs to the AWS service {self.keeper}; Route 53 lets nobody else change it",
            hint="Change it through that service, or use another zone.",
        )


class Zones:
    """The zones of one account; each name is looked up once.

    :param calls: the interface.
    :param private: whether private zones are meant instead of public ones.
    :param zone_id: the one zone that everything lies in; None to find zones by name.
    """

    def __init__(self, calls: Calls, private: bool, zone_id: str | None) -> None:
        self._calls = calls
        self._private = private
        self._only = zone_id.rpartition("/")[2] if zone_id else None
        #: Names that were looked for, and the zones of exactly that name.
        self._known: dict[str, list[Zone]] = {}
        self._single: Zone | None = None

    def find(self, wanted: Iterable[str]) -> tuple[dict[str, Zone], dict[str, FedgateError]]:
        """Return the longest zone of each name, and why there is none.

        :raises InvalidValue: two zones of the same name.
        """
        wanted = sorted(set(wanted))
        if self._only:
            return self._in_the_only(wanted)
        self._look_up(above for name in wanted for above in names.ancestors(name) if "." in above)
        if self._private:  # a zone of one label, such as "corp", is asked for only where there is no other
            self._look_up(name.rpartition(".")[2] for name in wanted if self._zone_of(name) is None)
        found = {name: zone for name in wanted if (zone := self._zone_of(name)) is not None}
        return found, {name: self._stranger(name) for name in wanted if name not in found}

    def _in_the_only(self, wanted: list[str]) -> tuple[dict[str, Zone], dict[str, FedgateError]]:
        if self._single is None:
            self._single = Zone.of(self._calls.get_zone(f"hosted zone {self._only}", Id=self._only)["HostedZone"])
        zone = self._single
        inside = {name: zone for name in wanted if zone.name in names.ancestors(name)}
        outside = {
            name: Refused(
                f"{name} does not lie in the hosted zone {zone}",
                hint="Take `zone_id` out of the DNS provider, or give it a provider of its own.",
            )
            for name in wanted
            if name not in inside
        }
        return inside, dict(outside)

    def _look_up(self, wanted: Iterable[str]) -> None:
        new = {name for name in wanted if name not in self._known}
        found = scan(new, self._page)
        for name in new:
            self._known[name] = found.get(name, [])

    def _page(self, start: Position) -> Page:
        more = {"HostedZoneId": start.token} if start.token else {}
        answer = self._calls.list_zones(f"zones from {start.name} on", DNSName=escape(start.name), **more)
        zones = [Zone.of(found) for found in answer.get("HostedZones") or ()]
        after = None
        if answer.get("IsTruncated"):
            after = Position(unescape(answer["NextDNSName"]), answer.get("NextHostedZoneId") or None)
        return Page([(zone.name, zone) for zone in zones], after)

    def _zone_of(self, name: str) -> Zone | None:
        for above in names.ancestors(name):
            zones = [zone for zone in self._known.get(above, ()) if zone.private == self._private]
            if len(zones) > 1:
                kind = "private" if self._private else "public"
                raise InvalidValue(
                    f"there are {len(zones)} {kind} hosted zones {above}: {', '.join(zone.id for zone in zones)}",
                    hint="Say which one is meant by `zone_id` of the DNS provider.",
                )
            if zones:
                return zones[0]
        return None

    def _stranger(self, name: str) -> Refused:
        kind, other = ("private", "public") if self._private else ("public", "private")
        others = [zone for above in names.ancestors(name) for zone in self._known.get(above, ())]
        hint = "Create its hosted zone, or check the account, the role and `zones` of the DNS provider."
        if others:
            hint = (
                f"There is a {other} one, {others[0]}; if that is meant, set private: {str(not self._private).lower()}."
            )
        return Refused(f"{name} lies in no {kind} hosted zone of {self._calls}", hint=hint)
