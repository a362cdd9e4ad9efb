"""Which provider is given which record: by view, and by the longest zone that a provider names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidValue
from . import names
from .records import Wanted


@dataclass(frozen=True)
class Share:
    """One provider's part.

    :ivar name: what the provider is called.
    :ivar options: the provider's, for ``open_provider``.
    :ivar wanted: the record sets that it is given.
    """

    name: str
    options: Mapping[str, Any]
    wanted: tuple[Wanted, ...]

    @property
    def view(self) -> str:
        """Which records the provider is for."""
        return view_of(self.options)


def view_of(options: Mapping[str, Any]) -> str:
    """Return which records a provider is for, from its options."""
    return str(options.get("view") or "external")


def shares(providers: Sequence[Mapping[str, Any]], wanted: Sequence[Wanted]) -> tuple[list[Share], list[Wanted]]:
    """Deal the records out.

    :param providers: the options of each.
    :returns: each provider's share, and those records that no provider takes.
    :raises InvalidValue: no provider, two of one name, or a zone that is no domain name.
    """
    if not providers:
        raise InvalidValue("no DNS provider is given", hint="Name at least one.", path="providers")
    zones = [_zones(options, f"providers[{index}]") for index, options in enumerate(providers)]
    takers: dict[tuple[str, str], set[int]] = {}
    for one in wanted:
        if (one.name, one.view) not in takers:
            takers[one.name, one.view] = _takers(one.name, one.view, providers, zones)
    found = [
        Share(name, options, tuple(one for one in wanted if index in takers[one.name, one.view]))
        for index, (name, options) in enumerate(zip(_names(providers), providers))
    ]
    return found, [one for one in wanted if not takers[one.name, one.view]]


def _names(providers: Sequence[Mapping[str, Any]]) -> list[str]:
    found: list[str] = []
    for index, options in enumerate(providers):
        name = str(options.get("name") or options["kind"]).strip()
        if name in found:
            raise InvalidValue(
                f"two DNS providers are called {name!r}", hint="Give each a `name`.", path=f"providers[{index}]"
            )
        found.append(name)
    return found


def _zones(options: Mapping[str, Any], path: str) -> list[str]:
    return [names.at(f"{path}.zones[{index}]", str(zone)) for index, zone in enumerate(options.get("zones") or [])]


def _takers(name: str, view: str, providers: Sequence[Mapping[str, Any]], zones: Sequence[Sequence[str]]) -> set[int]:
    """Return the providers of that view that name the longest zone of a name; those that name none come last."""
    above = set(names.ancestors(name))
    nearness = {
        index: max((len(zone) for zone in zones[index] if zone in above), default=-1) if zones[index] else 0
        for index, options in enumerate(providers)
        if view_of(options) == view
    }
    best = max(nearness.values(), default=-1)
    return {index for index, near in nearness.items() if near == best >= 0}
