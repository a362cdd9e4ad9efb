"""Addresses of name servers: each asked over one connection, or one by one where it takes none, and all at once."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query

from ..errors import Unreachable
from .records import Key
from .wire import Wire

_PORT = 53
#: Seconds after which nobody waits for an address to take a connection, if it is not needed.
_GRACE = 1.0
#: The answers, by name and type; and, when there is not one for each question, in a few words why.
Answers = tuple[dict[Key, Any], str]


class Address:
    """Asks one address.

    :param address: IPv4 or IPv6 address.
    :ivar answers: whether it has answered.
    """

    def __init__(self, address: str) -> None:
        self.answers = False
        self._address = address
        self._wire: Wire | None = Wire(address, _PORT, 0)

    @property
    def reached(self) -> bool:
        """Whether there is somebody at that address."""
        return self.answers or (self._wire is not None and self._wire.connected)

    def ask(self, keys: Sequence[Key], seconds: float) -> Answers:
        """Ask for names and types.

        :param seconds: to wait for a connection, and for each answer.
        """
        queries = [dns.message.make_query(dns.name.from_text(name), rtype, flags=0) for name, rtype in keys]
        if self._wire is not None:
            self._wire.timeout = seconds
            try:
                found = self._wire.ask_all(queries)
            except Unreachable:
                self._wire.close()
            else:
                self.answers = True
                return dict(zip(keys, found)), ""
        return self._one_by_one(dict(zip(keys, queries)), seconds)

    def _one_by_one(self, queries: Mapping[Key, Any], seconds: float) -> Answers:
        """Ask over UDP; once something is not answered, no more is asked."""
        found: dict[Key, Any] = {}
        for key, query in queries.items():
            try:
                found[key] = dns.query.udp_with_fallback(query, self._address, timeout=seconds)[0]
            except (OSError, dns.exception.DNSException) as error:
                return found, (str(error) or type(error).__name__).splitlines()[0][:80]
            self.answers = True
            self._wire = None  # it answers, and not over TCP
        return found, ""

    def close(self) -> None:
        """End the connection."""
        if self._wire is not None:
            self._wire.close()


def ask_at_once(
    questions: Mapping[Address, Sequence[Key]], seconds: float, enough: Callable[[Collection[Address]], bool]
) -> dict[Address, Answers]:
    """Ask several addresses at the same time.

    :param seconds: to wait for a connection, and for each answer.
    :param enough: tells whether the addresses that have answered do; others that cannot be reached are then left.
    :returns: what each answered, as far as it was waited for.
    """
    results: queue.SimpleQueue[tuple[Address, Answers]] = queue.SimpleQueue()

    def ask(address: Address, keys: Sequence[Key]) -> None:
        try:
            answers: Answers = address.ask(keys, seconds)
        except Exception as error:  # a thread that dies without a word would be waited for
            answers = {}, f"{type(error).__name__}: {error}"
        results.put((address, answers))

    for address, keys in questions.items():
        # Those that are left shall not hold up the end of the program.
        threading.Thread(target=ask, args=(address, keys), daemon=True).start()
    begin = time.monotonic()
    found: dict[Address, Answers] = {}
    while len(found) < len(questions):
        with contextlib.suppress(queue.Empty):
            address, answers = results.get(timeout=_GRACE)
            found[address] = answers
        needless = time.monotonic() - begin >= _GRACE and not any(one.reached for one in questions if one not in found)
        if needless and enough([one for one, (answers, _) in found.items() if answers]):
            break
    return found
