"""Where a move stands, and what keeps it from going on: pure functions from what was seen to data and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from ..dns import names
from ..dns.records import RRset, Wanted
from .lives import Lives
from .notes import Note, Place, shown
from .published import Found

#: same: it need not change. before: as noted. moved: as wanted. other: neither. unnoted: nothing is known of before.
SAME, BEFORE, MOVED, OTHER, UNNOTED = "same", "before", "moved", "other", "unnoted"
#: Of the whole: nothing is noted; all as before; all moved; some of each.
NOTHING, BETWEEN = "nothing", "between"
_ADDRESSES = ("A", "AAAA")
_SERVER, _SIP = "_xmpp-server._tcp.", "_sipfederationtls._tcp."


@dataclass(frozen=True)
class World:
    """What was seen.

    :ivar wanted: the record sets as they are after the move.
    :ivar low: time to live, in seconds, that counts as low.
    """

    found: Found
    notes: Mapping[Place, Note]
    wanted: Mapping[Place, Wanted]
    lives: Lives
    low: int
    now: datetime

    def moving(self) -> list[Place]:
        """Return the places of the sets that change in the move. Addresses of our own hosts are published before it."""
        return sorted({*self.notes, *(place for place in self.wanted if place[2] not in _ADDRESSES)})

    def there(self, place: Place) -> Optional[RRset]:
        """Return the set that exists."""
        return self.found.rrsets.get(place)

    def texts(self, place: Place) -> tuple[str, ...]:
        """Return the values that exist, as text."""
        return texts(self.there(place))

    def after(self, place: Place) -> Optional[tuple[str, ...]]:
        """Return the values that are wanted, as text; None where that is not known."""
        wanted = self.wanted.get(place)
        return None if wanted is None else tuple(value.text for value in wanted.values)

    def longest(self, place: Place) -> int:
        """Return the longest time to live, in seconds, that a server gives; inside it is the provider's that counts."""
        return self.lives.longest.get(place[1:], 0) if place[0] == "external" else 0

    def state(self, place: Place) -> str:
        """Return where one set stands."""
        note, now, after = self.notes.get(place), self.texts(place), self.after(place)
        if note is None:
            return SAME if now == after else UNNOTED
        if now == note.values:
            return BEFORE if self.changes(note) else SAME
        return MOVED if self.changes(note) and now == after else OTHER

    def changes(self, note: Note) -> bool:
        """Tell whether a set is another one after the move; where that is not known, it counts as one."""
        return note.values != self.after(note.place)

    def whole(self) -> str:
        """Return where the whole move stands."""
        states = {self.state(place) for place in self.moving()} - {SAME}
        if not self.notes:
            return NOTHING
        return states.pop() if len(states) == 1 and states <= {BEFORE, MOVED} else BETWEEN if states else MOVED


def texts(rrset: Optional[RRset]) -> tuple[str, ...]:
    """Return the values of a set as text; none where there is no set."""
    return () if rrset is None else tuple(value.text for value in rrset.values)


def problems(world: World) -> list[str]:
    """Return what must be mended before anything is moved, whenever that would be."""
    return [*_addresses(world), *_services(world)]


def _addresses(world: World) -> Iterator[str]:
    """The name of an Edge Server is met in SIP too: what it leads to is not ours to move."""
    for place, wanted in sorted(world.wanted.items()):
        now = world.texts(place)
        if place[2] not in _ADDRESSES or not now or now == tuple(value.text for value in wanted.values):
            continue
        then = ", ".join(value.text for value in wanted.values) or "nothing"
        yield (
            f"{place[1]} {place[2]} is {', '.join(now)} now, and would become {then}: others reach something else by "
            "that name (SIP by the Access Edge FQDN). Give the Linux gateway a name of its own (edge_pool_fqdn), and "
            "retire no pool (federation_retired_pools) whose name is still used"
        )


def _services(world: World) -> Iterator[str]:
    for place in world.moving():
        now, after = world.there(place), world.wanted.get(place)
        if (place[0], place[1], "CNAME") in world.found.rrsets:
            yield f"{place[1]} is an alias (CNAME), which no {place[2]} records can stand beside: replace it by records"
        if now is None or after is None:
            continue
        if place[1].startswith(_SIP) and texts(now) != tuple(value.text for value in after.values):
            yield (
                f"{place[1]} {place[2]} would change, by which others find users of SIP: remove "
                "federation_publish_sip_federation from the inventory"
            )
        serves = any(value.leads_to != names.ROOT for value in now.values)
        if place[1].startswith(_SERVER) and serves and not any(v.leads_to != names.ROOT for v in after.values):
            yield f"the last SRV record of {place[1]} would go: no gateway of the inventory serves that domain"


def too_early(world: World) -> list[str]:
    """Return why nothing may be moved now that could be later, or once the step before is done."""
    found = [*world.lives.silent]
    for place in world.moving():
        name, state = " ".join(place[1:]), world.state(place)
        note, now = world.notes.get(place), world.there(place)
        if state == UNNOTED and now is None:
            found.append(f"{name}: it is not noted that there is none (migrate_phase=lower)")
        elif state == UNNOTED:
            found.append(f"{name}: what it is now was not noted, nor its time to live lowered (migrate_phase=lower)")
        elif state == OTHER:
            found.append(f"{name}: it was changed since it was noted (migrate_phase=lower notes it anew)")
        elif state == BEFORE and now is not None and note is not None:
            ttl = max(now.ttl, world.longest(place))
            if ttl > world.low:
                found.append(f"{name}: others may remember it for {ttl} s (migrate_phase=lower)")
            elif note.low_since is None:
                found.append(f"{name}: since when its time to live is low is not known (migrate_phase=lower)")
            elif note.forgotten_at is not None and world.now < note.forgotten_at:
                found.append(
                    f"{name}: it was lowered at {shown(note.low_since)} from {note.cached} s, so others may remember "
                    f"it until {shown(note.forgotten_at)}"
                )
    return found


def move_at(world: World) -> Optional[datetime]:
    """Return from when on the move may be made; None while that is not known, or all is moved."""
    ends = []
    for place in world.moving():
        if world.state(place) != BEFORE or world.there(place) is None:
            continue
        end = world.notes[place].forgotten_at
        if end is None:
            return None
        ends.append(end)
    return max(ends, default=None)


def told(world: World) -> list[dict[str, Any]]:
    """Return one entry for each set that is, was or shall be."""
    found = []
    for place in world.moving():
        note, now = world.notes.get(place), world.there(place)
        after = world.after(place)
        if not (now or after or (note and note.values)):
            continue
        found.append(
            {
                "name": place[1], "type": place[2], "view": place[0], "state": world.state(place),
                "now": None if now is None else now.fields(), "before": note.fields() if note else None,
                "after": list(after or ()),
            }
        )  # fmt: skip
    return found
