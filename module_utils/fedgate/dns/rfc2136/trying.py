"""Updates that hold conditions only: whether a key is accepted, and which sets exist as such (RFC 2136 §3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dns.rcode

from ..records import Key, RRset
from . import rcodes, update

#: Sends a message, described by a text, and returns the rcode of the verified answer.
Exchange = Callable[[Any, bytes, str], int]
_NO = {dns.rcode.NXRRSET, dns.rcode.YXRRSET}


class Trial:
    """Tries a key on one zone. Nothing is changed.

    :param what: the beginning of messages to people.
    """

    def __init__(self, exchange: Exchange, zone: str, key: Any, what: str) -> None:
        self._exchange = exchange
        self._zone = zone
        self._key = key
        self._what = what

    def made_up(self, sets: Sequence[RRset]) -> list[Key]:
        """Return those of the sets that do not exist as such: a wildcard answers for them, and no condition on them
        would ever hold. At least one message is sent.

        :raises FedgateError: the zone takes no update with this key.
        """
        made_up: list[Key] = []
        for part in update.probes(self._zone, sorted(sets, key=lambda one: (_content(one), one.name)), self._key):
            if not self._holds(part, there=True):
                made_up += self._search(part)
        return made_up

    def _search(self, sets: Sequence[RRset]) -> list[Key]:
        """Find those that do not exist, by halving; it is known that one of them does not."""
        if len(sets) == 1 or self._holds(sets, there=False):
            return [found.key for found in sets]
        middle = _middle(sets)
        first, second = sets[:middle], sets[middle:]
        if self._holds(first, there=True):
            return self._search(second)
        found = self._search(first)
        return found if self._holds(second, there=True) else found + self._search(second)

    def _holds(self, sets: Sequence[RRset], there: bool) -> bool:
        """Ask whether all of these sets exist, or none of them."""
        message = update.probe(self._zone, [found.key for found in sets], self._key, there)
        rcode = self._exchange(message, message.to_wire(max_size=65535), self._what)
        if rcode != dns.rcode.NOERROR and (rcode not in _NO or not sets):
            raise rcodes.explain(rcode, self._what)
        return bool(rcode == dns.rcode.NOERROR)


def _content(found: RRset) -> tuple[Any, ...]:
    """What the sets that one wildcard makes up have in common."""
    return found.type, found.ttl, found.values


def _middle(sets: Sequence[RRset]) -> int:
    """Return where to halve: next to the middle, not between sets of equal content if there are others."""
    half = len(sets) // 2
    cuts = [index for index in range(1, len(sets)) if _content(sets[index]) != _content(sets[index - 1])]
    return min(cuts or [half], key=lambda index: abs(index - half))
