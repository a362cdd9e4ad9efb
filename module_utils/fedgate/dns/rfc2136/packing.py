"""Which changes go into one UPDATE message: as many as fit, and what belongs together in the same one where it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..changes import RRsetChange

#: Octets of a record besides its owner and data (RFC 1035 §4.1.3); a compressed name ends in a pointer of two.
RECORD, POINTER = 10, 2
#: How far into a message a pointer reaches (RFC 1035 §4.1.4): 14 bits.
REACH = 1 << 14
#: How often a fuller message is tried: names that repeat make it shorter than its parts.
_TRIES = 3
#: Which part of a message may stay empty without another try.
_SLACK = 0.02
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Size:
    """Octets that the changes of one name take at most.

    :ivar conditions: of its conditions alone, the name's end reached by pointers: they come before all changes.
    :ivar total: of its conditions and changes.
    :ivar saved: how many fewer it is in all when pointers reach its name in the conditions.
    """

    conditions: int
    total: int
    saved: int


@dataclass(frozen=True)
class Unit:
    """All changes of one name, which are never torn apart: a CNAME's depend on its neighbours'.

    :ivar size: how much of a message they take.
    :ivar group: number of the group of names that lead to one another.
    """

    changes: tuple[RRsetChange, ...]
    size: Size
    group: int = 0

    @property
    def name(self) -> str:
        """The owner name."""
        return self.changes[0].key[0]


def units(changes: Iterable[RRsetChange], size: Callable[[Sequence[RRsetChange]], Size], room: int) -> list[Unit]:
    """Group changes by name, and bring names that lead to one another together, in the safe order of the changes.

    Groups are independent of each other, so their order is free: those that no message can hold come first, so that
    the others fill up what they leave.
    """
    of_name: dict[str, list[RRsetChange]] = {}
    for change in changes:
        of_name.setdefault(change.key[0], []).append(change)
    groups = _groups(of_name)
    found = [Unit(tuple(part), size(part), groups[name]) for name, part in of_name.items()]
    sizes: dict[int, int] = {}
    for unit in found:
        sizes[unit.group] = sizes.get(unit.group, 0) + unit.size.total
    return sorted(found, key=lambda unit: (sizes[unit.group] <= room, unit.group))


def largest(
    left: Sequence[Unit], start: int, room: int, make: Callable[[Sequence[Unit]], tuple[_Made, int] | None]
) -> _Made:
    """Make one message of as many leading units as fit; of the first alone, if need be.

    :param start: where the first condition begins in a message, at most.
    :param room: octets for units in one message.
    :param make: makes the message and tells how many of these octets it uses; None when it does not fit.
    """
    count = _cut(left, _count(left, room, start), room)
    best = make(left[:count])
    for _ in range(_TRIES):
        if best is None or count == len(left) or room - best[1] < _SLACK * room:
            break
        more = _cut(left, count + _count(left[count:], room - best[1], REACH), room)
        fuller = make(left[:more]) if more > count else None
        if fuller is None:
            break
        best, count = fuller, more
    if best is None:
        raise ValueError("the first unit does not fit")
    return best[0]


def _count(left: Sequence[Unit], room: int, start: int) -> int:
    """Return how many leading units surely fit.

    :param start: where the first one's conditions begin in the message.
    """
    for count, unit in enumerate(left):
        room -= unit.size.total - (unit.size.saved if start < REACH else 0)
        start += unit.size.conditions
        if room < 0:
            return count
    return len(left)


def _cut(left: Sequence[Unit], count: int, room: int) -> int:
    """Return where to cut, at or before ``count``: not within a group that a message can hold."""
    count = max(count, 1)
    if count == len(left) or left[count].group != left[count - 1].group:
        return count
    members = [index for index, unit in enumerate(left) if unit.group == left[count].group]
    whole = sum(left[index].size.total for index in members) <= room
    return members[0] if whole and members[0] else count


def _groups(of_name: dict[str, list[RRsetChange]]) -> dict[str, int]:
    """Return a number for each name, the same for names that lead to one another, before or after."""
    parent = {name: name for name in of_name}

    def top(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for name, part in of_name.items():
        for rrset in (found for change in part for found in (change.before, change.after) if found is not None):
            for value in rrset.values:
                if value.leads_to in parent:
                    parent[top(value.leads_to)] = top(name)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(top(name), len(numbers)) for name in of_name}
