"""The module ``dns_records_info``: what the providers hold of the names that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..module import Context
from . import imported, names, options
from .place import Place
from .providers import open_provider
from .reconciler import PROVIDERS
from .records import RRset, Wanted
from .shares import shares, view_of
from .values import TYPES

ARGUMENTS: dict[str, Any] = {
    "providers": PROVIDERS,
    "records": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "required": True, "choices": list(TYPES)},
            "view": {"type": "str", "choices": list(options.VIEWS), "default": "external"},
        },
    },
    "domains": {"type": "list", "elements": "str", "default": []},
}


@dataclass(frozen=True)
class Found:
    """One record set where it was found.

    :ivar provider: the name of the provider; :ivar view: what that provider is for.
    """

    provider: str
    view: str
    zone: str
    rrset: RRset

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: provider, view, zone, name, type, ttl (seconds), values."""
        shown = {"provider": self.provider, "view": self.view, "zone": self.zone}
        return {**shown, "name": self.rrset.name, "type": self.rrset.type, **self.rrset.fields()}


def look(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return what there is of the records that are asked for, and of the domains what an inventory would say.

    :raises FedgateError: a provider cannot be asked, or a name is none.
    """
    asked = [
        Wanted(names.at(f"records[{index}].name", str(record["name"])), str(record["type"]), view=record["view"])
        for index, record in enumerate(params["records"])
    ]
    domains = [names.at(f"domains[{index}]", text, names.host_name) for index, text in enumerate(params["domains"])]
    views = sorted({view_of(options) for options in params["providers"]})
    services = [Wanted(*key, view=view) for view in views for key in imported.services(domains)]
    reader = _Reader(params["providers"])
    first = reader.read([*asked, *services])
    targets = [Wanted(*key, view=view) for view in views for key in imported.targets(_of_view(first, view))]
    everything = [*first, *reader.read(one for one in targets if one not in services)]
    reader.close()
    result: dict[str, Any] = {
        "records": [one.as_dict() for one in everything],
        "unknown": sorted(reader.unknown),
        "requests": reader.requests(),
    }
    if domains:
        result["inventory"] = imported.inventory(
            domains, _of_view(everything, "external"), _of_view(everything, "internal")
        )
    return result


class _Reader:
    """Reads at all providers, each opened once."""

    def __init__(self, providers: Sequence[Mapping[str, Any]]) -> None:
        self._options = providers
        found, _ = shares(providers, [])
        self._places = [Place(share.name, open_provider(share.options), (), share.view) for share in found]
        self.unknown: set[str] = set()

    def read(self, wanted: Iterable[Wanted]) -> list[Found]:
        """Return the sets of these names and types that exist, sorted."""
        dealt, homeless = shares(self._options, sorted(set(wanted), key=lambda one: (one.view, one.key)))
        self.unknown |= {one.name for one in homeless}
        found = []
        for place, share in zip(self._places, dealt):
            keys = [one.key for one in share.wanted]
            if not keys:
                continue
            seen = place.provider.read(keys)
            self.unknown |= set(seen.strangers)
            found += [
                Found(place.name, place.view, seen.zones[key[0]], rrset)
                for key, rrset in sorted(seen.rrsets.items())
                if rrset.type in TYPES
            ]
        return found

    def requests(self) -> dict[str, dict[str, int]]:
        """Return for each provider how many requests of each kind were sent."""
        return {place.name: dict(place.provider.requests) for place in self._places}

    def close(self) -> None:
        """Let go of all connections."""
        for place in self._places:
            place.provider.close()


def _of_view(found: Iterable[Found], view: str) -> list[RRset]:
    return [one.rrset for one in found if one.view == view]
