"""What the DNS providers hold of the record sets that a move is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..dns.provider import Provider
from ..dns.providers import open_provider
from ..dns.records import Key, RRset, Wanted
from ..dns.shares import shares, view_of
from ..errors import InvalidValue
from .notes import Place


@dataclass
class Found:
    """What there is.

    :ivar rrsets: the sets that exist, by view, name and type; beside them aliases of the same names.
    :ivar zones: (view, name) → the zone that it lies in, as far as it is a provider's.
    """

    rrsets: dict[Place, RRset] = field(default_factory=dict)
    zones: dict[tuple[str, str], str] = field(default_factory=dict)

    def by_zone(self, view: str, places: Iterable[Place]) -> dict[str, list[Key]]:
        """Return zone → names and types, of the places of one view whose zone is known."""
        found: dict[str, list[Key]] = {}
        for place in places:
            if place[0] == view and place[:2] in self.zones:
                found.setdefault(self.zones[place[:2]], []).append(place[1:])
        return found


class Published:
    """Reads at all providers, each opened once.

    :param providers: the options of each.
    """

    def __init__(self, providers: Sequence[Mapping[str, Any]]) -> None:
        self._options = providers
        dealt, _ = shares(providers, [])
        self._open: list[tuple[str, Provider]] = [(share.name, open_provider(share.options)) for share in dealt]
        self.views = sorted({view_of(options) for options in providers})

    def read(self, places: Iterable[Place]) -> Found:
        """Look these up.

        :raises InvalidValue: a set lies in no zone of a provider, or two providers of one view hold different ones.
        """
        wanted = [Wanted(name, rtype, view=view) for view, name, rtype in sorted(set(places))]
        dealt, homeless = shares(self._options, wanted)
        if homeless:
            raise InvalidValue(
                f"no DNS provider takes {homeless[0].name} (view {homeless[0].view})",
                hint="Add its zone to a provider's `zones`, or a provider that names none.",
            )
        found, read = Found(), set()  # type: Found, set[Place]
        for (provider_name, provider), share in zip(self._open, dealt):
            keys = [one.key for one in share.wanted]
            if not keys:
                continue
            seen = provider.read(keys)
            for error in seen.strangers.values():
                raise error
            found.zones.update({(share.view, name): zone for name, zone in seen.zones.items()})
            held = {(share.view, *key): rrset for key, rrset in seen.rrsets.items()}
            here = {(share.view, *key) for key in keys}
            self._agree(here & read, found, held, provider_name)
            found.rrsets.update(held)
            read |= here
        return found

    def _agree(self, read: set[Place], found: Found, held: Mapping[Place, RRset], name: str) -> None:
        """Several providers may keep one zone, and then they keep the same. :raises InvalidValue: they do not."""
        for place in sorted(read):
            if found.rrsets.get(place) != held.get(place):
                raise InvalidValue(
                    f"{place[1]} {place[2]} is not the same at {name} as at another DNS provider",
                    hint="Make them equal first: what was published before a move must be one thing.",
                )

    def close(self) -> None:
        """Let go of all connections."""
        for _name, provider in self._open:
            provider.close()
