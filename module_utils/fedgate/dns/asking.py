"""One address of a name server: many questions over one connection, or one by one where it takes none over TCP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query

from ..errors import Unreachable
from .records import Key
from .wire import Wire

_PORT = 53


class Address:
    """Asks one address.

    :param address: IPv4 or IPv6 address.
    :ivar answers: whether it has answered.
    """

    def __init__(self, address: str) -> None:
        self.answers = False
        self._address = address
        self._wire: Wire | None = Wire(address, _PORT, 0)

    def ask(self, keys: Sequence[Key], seconds: float) -> tuple[dict[Key, Any], str]:
        """Ask for names and types.

        :param seconds: to wait for a connection, and for each answer.
        :returns: the answers; and, when there is not one for each, in a few words why.
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

    def _one_by_one(self, queries: Mapping[Key, Any], seconds: float) -> tuple[dict[Key, Any], str]:
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
