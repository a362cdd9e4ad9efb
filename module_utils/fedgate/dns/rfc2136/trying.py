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
        # What one wildcard makes up is equal, so it stands together then.
        ordered = [found.key for found in sorted(sets, key=lambda one: (one.type, one.ttl, one.values, one.name))]
        made_up: list[Key] = []
        for part in update.probes(self._zone, ordered, self._key):
            if not self._holds(part, there=True):
                made_up += self._search(part)
        return made_up

    def _search(self, sets: Sequence[Key]) -> list[Key]:
        """Find those that do not exist, by halving; it is known that one of them does not."""
        if len(sets) == 1 or self._holds(sets, there=False):
            return list(sets)
        middle = len(sets) // 2
        first, second = sets[:middle], sets[middle:]
        if self._holds(first, there=True):
            return self._search(second)
        found = self._search(first)
        return found if self._holds(second, there=True) else found + self._search(second)

    def _holds(self, sets: Sequence[Key], there: bool) -> bool:
        """Ask whether all of these sets exist, or none of them."""
        message = update.probe(self._zone, sets, self._key, there)
        rcode = self._exchange(message, message.to_wire(max_size=65535), self._what)
        if rcode != dns.rcode.NOERROR and (rcode not in _NO or not sets):
            raise rcodes.explain(rcode, self._what)
        return bool(rcode == dns.rcode.NOERROR)
