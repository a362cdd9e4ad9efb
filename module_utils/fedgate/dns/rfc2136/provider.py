"""A server that takes signed dynamic updates (RFC 2136, RFC 8945): BIND, Knot, PowerDNS, Windows with TSIG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dns.exception
import dns.rcode

from ...errors import FedgateError, InvalidValue, Refused
from ..changes import RRsetChange, shown
from ..messages import SOA, Question
from ..provider import Observation, Provider
from ..records import Key, RRset
from ..wire import Wire
from . import answers, keys, rcodes, update
from .reading import Reading
from .servers import Servers
from .trying import Trial


class Rfc2136(Provider):
    """The zones' primary server, or several of which one is used, spoken to over TCP.

    :param servers: host names or addresses, in the order in which they are tried.
    :param port: TCP port of all of them.
    :param key: the ``dns.tsig.Key`` that signs the updates.
    :param timeout: seconds for a connection, and for each answer.
    :param transfer_key: the key that zone transfers are allowed to; None for none.
    """

    def __init__(self, servers: Sequence[str], port: int, key: Any, timeout: float, transfer_key: Any = None) -> None:
        super().__init__()
        self._servers = Servers([Wire(server, port, timeout, self.requests) for server in servers])
        self._key = key
        self._transfer_key = transfer_key
        self._facts: dict[str, dict[str, Any]] = {}
        self._unasked: set[str] = set()

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Rfc2136:
        """Make the provider from the module's ``provider`` option.

        :raises InvalidValue: a key that cannot be one; the secret is not shown.
        """
        servers = [str(options["server"]).strip()]
        servers += [str(server).strip() for server in options.get("fallback_servers") or []]
        if not servers[0]:
            raise InvalidValue("the DNS provider has an empty `server`", hint="Name the zones' primary server.")
        if not all(servers):
            raise InvalidValue(
                f"fallback_servers[{servers.index('') - 1}] of the DNS provider is empty", hint="Name a server there."
            )
        key, transfer_key = keys.update_key(options), keys.transfer_key(options)
        return cls(servers, int(options["port"]), key, float(options["timeout"]), transfer_key)

    def read(self, keys: Sequence[Key]) -> Observation:
        """Look each name and type up; see the base class. The key is tried on each zone before any is changed."""
        return self._servers.look(lambda: self._read(keys, lambda found: True, try_all=True))

    def apply(self, zone: str, changes: Sequence[RRsetChange]) -> int:
        """Send the zone's changes, each message conditional and atomic; see the base class."""
        self._demand_zone(zone, {change.key[0] for change in changes} & self._unasked)
        applied = 0
        try:
            for message, wire, part in update.messages(zone, changes, self._key):
                what = f"the update of zone {zone} at {self._servers.wire} ({shown(part)})"
                self._servers.choose()
                rcode = self._exchange(message, wire, what)
                if rcode != dns.rcode.NOERROR:
                    raise rcodes.explain(rcode, what)
                applied += 1
        except FedgateError as error:
            error.details["messages_applied"] = applied
            raise
        return applied

    def look_again(self, changes: Sequence[RRsetChange]) -> Observation:
        """Look at what was changed. Only sets that shall be gone may be made up by a wildcard now."""
        gone = {change.key for change in changes if change.after is None}
        wanted = [change.key for change in changes]
        return self._servers.look(lambda: self._read(wanted, lambda found: found.key in gone, try_all=False))

    def describe(self, zone: str) -> dict[str, Any]:
        """Return the server, the zone's serial number there, and how it was read."""
        (answer,) = self._servers.wire.ask_all([Question.of(zone, "SOA")])
        serials = [answer.data(record).serial for record in answer.answer if record.rtype == SOA]
        facts = {"serial": serials[0] if serials else None, "server": self._servers.wire.server}
        return {**facts, "read_by": "queries", **self._facts.get(zone, {})}

    def close(self) -> None:
        """End the connections."""
        self._servers.close()

    def _read(self, keys: Sequence[Key], doubtful: Callable[[RRset], bool], try_all: bool) -> Observation:
        """Look names up, then take out what only a wildcard makes up.

        :param doubtful: which sets could be made up; those of a transfer never are.
        :param try_all: whether to try the key on zones without such sets too.
        """
        reading = Reading(self._servers.wire, self._transfer_key)
        reading.look(keys)
        seen = reading.seen
        if try_all:
            self._facts.update(reading.facts)
        told = {name for name, _ in reading.transferred}
        self._unasked = (self._unasked | told) - {key[0] for key in keys if key not in reading.transferred}
        there: dict[str, list[RRset]] = {}
        for key, found in seen.rrsets.items():  # aliases that were not asked for too
            if key not in reading.transferred and key[0] in seen.zones and doubtful(found):
                there.setdefault(seen.zones[key[0]], []).append(found)
        for zone in sorted(set(seen.zones.values()) if try_all else there):
            self._take_out(zone, there.get(zone, []), seen)
        return seen

    def _take_out(self, zone: str, there: Sequence[RRset], seen: Observation) -> None:
        """Take out of the zone's sets those that do not exist as such; note when it takes no updates from us."""
        trial = Trial(self._exchange, zone, self._key, f"an update of zone {zone} at {self._servers.wire}")
        try:
            for key in trial.made_up(there):
                del seen.rrsets[key]
        except Refused as error:
            seen.obstacles[zone] = error

    def _demand_zone(self, zone: str, unasked: set[str]) -> None:
        """Ask for names that only a transfer told about, before they are changed, whether they lie in that zone.

        A transfer does not show that the server keeps a zone of its own further down, unless it is delegated.

        :raises Refused: one of them lies elsewhere.
        """
        asked = sorted(unasked)
        wire = self._servers.wire
        for name, answer in zip(asked, wire.ask_all([Question.of(name, "SOA") for name in asked])):
            told = answers.zone_shown(answer) if answers.is_ours(answer, name, "SOA", wire) else "another server's"
            if told not in (zone, None):
                raise Refused(
                    f"{name} lies in the zone {told} of the DNS server {wire}, which the transfer of zone {zone} "
                    "does not show: it is not delegated there",
                    hint=f"Add its NS records to zone {zone}, or take `transfer_tsig_name` out of the DNS provider.",
                )
        self._unasked -= unasked

    def _exchange(self, message: Any, wire: bytes, what: str) -> int:
        """Send one signed message and return the rcode of its verified answer."""
        try:
            answer = self._servers.wire.exchange(message, wire)
        except dns.exception.DNSException as error:
            raise rcodes.explain_signature(error, what, keys.named(self._key)) from error
        rcodes.demand_signed(answer, what)
        return int(answer.rcode())
