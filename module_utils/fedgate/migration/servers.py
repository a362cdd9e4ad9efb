"""Asks a zone's own servers for the times to live that they give now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from ..dns.asking import Address, ask_at_once
from ..dns.authoritative import Resolvers, Server
from ..dns.messages import AUTHORITATIVE, Question
from ..dns.records import Key
from ..errors import FedgateError
from .lives import Lives

#: Seconds for one question, and between two rounds.
_QUESTION, _PAUSE = 2.0, 1.0


def look(resolvers: Sequence[str], zones: Mapping[str, Collection[Key]]) -> Lives:
    """Ask all name servers of each zone.

    :param resolvers: addresses of resolvers that tell the name servers; the system's when there are none.
    :param zones: zone → names and types in it.
    """
    found = Lives()
    if not any(zones.values()):
        return found
    known = Resolvers(resolvers)
    asked: list[tuple[Server, list[Address], Collection[Key]]] = []
    addresses: dict[str, Address] = {}  # zones share their servers
    for zone, keys in zones.items():
        try:
            for server in known.servers(zone):
                asked.append((server, [addresses.setdefault(one, Address(one)) for one in server.addresses], keys))
        except FedgateError as error:
            found.silent.append(error.message)
    _ask(asked, found)
    for address in addresses.values():
        address.close()
    return found


def _ask(asked: Sequence[tuple[Server, list[Address], Collection[Key]]], found: Lives) -> None:
    questions: dict[Address, dict[Key, None]] = {}
    for _server, addresses, keys in asked:
        for address in addresses:
            questions.setdefault(address, {}).update(dict.fromkeys(keys))

    def enough(answered: Collection[Address]) -> bool:
        return all(set(addresses) & set(answered) for _server, addresses, _keys in asked)

    given = ask_at_once({address: list(keys) for address, keys in questions.items()}, _QUESTION, enough)
    for server, addresses, keys in asked:
        answers = [given[address][0] for address in addresses if address in given]
        for key in keys:
            said = [answer[key] for answer in answers if key in answer and answer[key].flags & AUTHORITATIVE]
            if not said:
                found.silent.append(f"{server} does not answer for {' '.join(key)}")
            question = Question.of(*key)
            lives = [
                one.ttl
                for answer in said
                for one in answer.answer
                if one.owner == question.name and one.rtype == question.rtype
            ]
            found.longest[key] = max([found.longest.get(key, 0), *lives])


def wait(ask: Callable[[], Lives], low: int, seconds: float) -> Lives:
    """Ask again until all servers give a time to live of at most ``low`` seconds, or the time is over."""
    end = time.monotonic() + seconds
    found = ask()
    while (found.silent or found.above(low)) and time.monotonic() + _PAUSE < end:
        time.sleep(_PAUSE)
        found = ask()
    return found
