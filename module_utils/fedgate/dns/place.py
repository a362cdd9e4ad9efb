"""One provider at work: what it holds of ours, what has to change there, and changing it without losing an edit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import FedgateError, WorldMoved
from .changes import RRsetChange, changes
from .provider import Observation, Provider
from .records import Key, RRset, Wanted

#: How often a zone's changes are planned anew because somebody else came in between.
_TRIES = 5


@dataclass
class Place:
    """One provider with its share of the records.

    :ivar name: what it is called.
    :ivar provider: its interface.
    :ivar wanted: the record sets that are ours there.
    :ivar view: which records it is for: ``external`` or ``internal``.
    :ivar hold: hosts that were not verified.
    :ivar messages: zone → how many requests changed it.
    :ivar moved: names that somebody else changed between look and change; their edits stand.
    """

    name: str
    provider: Provider
    wanted: Sequence[Wanted]
    view: str = "external"
    hold: Collection[str] = ()
    messages: dict[str, int] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)

    def observe(self) -> Observation:
        """Look up everything that is ours there."""
        return self.provider.read([one.key for one in self.wanted])

    def changes(self, observed: Observation) -> list[RRsetChange]:
        """Return what has to change, in safe order.

        :raises FedgateError: a name lies in no zone of the provider, or a zone or a set that has to change does not
            let us.
        """
        for one in self.wanted:
            if one.values and not one.where_possible and one.name in observed.strangers:
                raise observed.strangers[one.name]
        ours = [one for one in self.wanted if one.name not in observed.strangers]
        found = changes(observed.rrsets, ours, self.hold)
        for change in found:
            obstacle = observed.untouchable.get(change.key) or observed.obstacles.get(observed.zones[change.key[0]])
            if obstacle is not None:
                raise obstacle
        self.provider.check(found)
        return found

    def existing(self, observed: Observation) -> list[Key]:
        """Return the record sets of ours that exist."""
        return [one.key for one in self.wanted if one.key in observed.rrsets]

    def apply(self, zone: str, parts: Sequence[RRsetChange], observed: Observation) -> None:
        """Change one zone. What somebody else changed since it was observed stays theirs; the rest is done.

        :raises FedgateError: the provider's; ``details["messages_applied"]`` says what took effect before.
        """
        left = list(parts)
        applied = 0
        for turn in range(_TRIES):
            try:
                applied += self.provider.apply(zone, left)
                break
            except WorldMoved as error:
                applied += error.details.get("messages_applied", 0)
                before = len(left)
                left = self._still_ours(left, observed)
                # Nothing of it is other than it was, and yet it is refused: no use to insist.
                if turn == _TRIES - 1 or (len(left) == before and turn):
                    error.details["messages_applied"] = applied
                    raise
                if not left:
                    break
            except FedgateError as error:
                error.details["messages_applied"] = applied + error.details.get("messages_applied", 0)
                raise
        self.messages[zone] = applied

    def _still_ours(self, parts: Sequence[RRsetChange], observed: Observation) -> list[RRsetChange]:
        """Look again; return the changes of names that are as they were, and note those of which that is not true."""
        keys = sorted({change.key for change in parts})
        now = self.provider.read(keys).rrsets
        after = {change.key: change.after for change in parts}
        owners = {name for name, _ in keys}
        was = {key: found for key, found in observed.rrsets.items() if key[0] in owners}
        moved = {key[0] for key in {*was, *now} if not _explained(key, was, now, after)}
        self.moved |= moved
        return [
            RRsetChange(change.key, now.get(change.key), change.after)
            for change in parts
            if change.key[0] not in moved and now.get(change.key) != change.after
        ]


def _explained(key: Key, was: Mapping[Key, RRset], now: Mapping[Key, RRset], after: Mapping[Key, RRset | None]) -> bool:
    """Tell whether a set is as it was found, or as we changed it in an earlier message."""
    return now.get(key) == was.get(key) or (key in after and now.get(key) == after[key])
