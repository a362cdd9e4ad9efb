"""What a zone's own servers answer: found through resolvers, then each of them asked directly."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.rcode
import dns.resolver

from ..errors import FedgateError, InvalidValue, Unreachable
from . import names, txt
from .asking import Address, Answers, ask_at_once
from .messages import AUTHORITATIVE, Answer, Malformed, Question
from .records import Key, RRset
from .values import Value, parse

#: Seconds for one question to the resolvers; for one to a name server, and for one when time is running out.
_LOOKUP, _QUESTION, _LEAST = 10.0, 2.0, 0.2
#: Seconds between two rounds: the first, and the longest.
_PAUSES = (0.1, 3.0)


@dataclass(frozen=True)
class Server:
    """One name server of a zone, with all its addresses."""

    name: str
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.addresses)})" if self.addresses else self.name


class Resolvers:
    """Asks the given resolvers, or those of this machine.

    :param addresses: of resolvers, port 53; the system's when there are none.
    :raises Unreachable: this machine has no resolver configured.
    """

    def __init__(self, addresses: Sequence[str] = ()) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not addresses)
        except dns.exception.DNSException as error:
            raise Unreachable("this machine has no DNS resolver configured", hint="Name some in resolvers.") from error
        if addresses:
            self._resolver.nameservers = list(addresses)
        self._silent = False

    def final_name(self, name: str) -> str:
        """Return the folded name that a chain of CNAMEs leads to; the name itself where there is none.

        :raises Unreachable: the resolvers give no answer, or the chain does not end.
        """
        return names.fold(self._ask(name, "TXT")[1])

    def texts(self, name: str) -> list[str]:
        """Return the TXT data that the resolvers give now, as quoted text. :raises Unreachable: no answer."""
        return [_value("TXT", rdata).text for rdata in self._ask(name, "TXT")[0]]

    def servers(self, zone: str) -> list[Server]:
        """Return the name servers of a zone. :raises Unreachable: they cannot be found out."""
        found = [names.fold(rdata.target.to_text()) for rdata in self._ask(zone, "NS")[0]]
        if not found:
            raise Unreachable(
                f"the resolvers know no name servers of {zone}", hint="Is the zone delegated? Look: dig NS."
            )
        return [Server(name, self.addresses(name)) for name in sorted(found)]

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a host, over aliases too. :raises Unreachable: no answer."""
        return tuple(rdata.address for rtype in ("A", "AAAA") for rdata in self._ask(name, rtype)[0])

    def records(self, name: str, rtype: str) -> RRset:
        """Return what the resolvers give now, over aliases too; no values for none. :raises Unreachable: no answer.

        The time to live is not told: what a resolver gives is what is left of it.
        """
        return RRset.of(name, rtype, 0, (_value(rtype, rdata) for rdata in self._ask(name, rtype)[0]))

    def _ask(self, name: str, rtype: str) -> tuple[Sequence[Any], str]:
        """Return the data, and the name at which it was found or looked for in the end."""
        # Once none of them answered, the next names are not waited for as long.
        seconds = _LOOKUP / 10 if self._silent else _LOOKUP
        try:
            answer = self._resolver.resolve(f"{name}.", rtype, raise_on_no_answer=False, search=False, lifetime=seconds)
        except dns.resolver.NXDOMAIN as error:
            self._silent = False
            return (), error.canonical_name.to_text()
        except dns.exception.DNSException as error:
            self._silent = isinstance(error, dns.exception.Timeout)
            reason = (str(error) or type(error).__name__).splitlines()[0][:200]
            reason = "none of them answers" if self._silent else reason
            raise Unreachable(
                f"{name} {rtype} cannot be looked up at {', '.join(map(str, self._resolver.nameservers))}: {reason}",
                hint="Check the addresses of the resolvers (federation_dns_resolvers), and the zone itself.",
            ) from error
        self._silent = False
        return list(answer.rrset or ()), answer.canonical_name.to_text()


def wait(
    resolvers: Resolvers,
    wanted: Mapping[str, Mapping[Key, Collection[Value]]],
    seconds: float,
    exact: bool = False,
) -> dict[Key, list[str]]:
    """Wait until every name server of each zone answers with all values that are wanted there.

    All addresses of all servers are asked at once. An address that does not answer is of no account as long as
    another one of the same server does: this machine may have no route to it.

    :param wanted: zone → name and type → values that must be among the answers.
    :param exact: whether these must be all; else others beside them do no harm. With it, no value means no record.
    :param seconds: how long to wait, all zones together.
    :returns: what is lacking at the end: name and type → one line a server that lags; empty when all are there.
    """
    deadline, pause = time.monotonic() + seconds, _PAUSES[0]
    lagging: dict[Key, list[str]] = {}
    watches: list[_Watch] = []
    addresses: dict[str, Address] = {}  # zones share their servers
    for zone, sets in wanted.items():
        try:
            for server in resolvers.servers(zone):
                of_it = [addresses.setdefault(address, Address(address)) for address in server.addresses]
                watches.append(_Watch(server, of_it, sets, exact))
        except FedgateError as error:
            lagging.update({key: [error.message] for key in sets})
    open_ones = watches
    while True:
        _round(open_ones, deadline)
        open_ones = [watch for watch in open_ones if watch.lacking]
        if not open_ones or time.monotonic() + pause > deadline:
            break
        time.sleep(pause)
        pause = min(pause * 1.5, _PAUSES[1])
    for address in addresses.values():
        address.close()
    for watch in watches:
        for key, reason in watch.lacking.items():
            lagging.setdefault(key, []).append(f"{watch.server}: {reason}")
    return lagging


def _round(watches: Sequence[_Watch], deadline: float) -> None:
    """Ask all servers for what they lacked so far."""
    # Half of what is left: who does not answer over TCP is asked over UDP then.
    seconds = min(_QUESTION, max(_LEAST, (deadline - time.monotonic()) / 2))
    questions: dict[Address, dict[Key, None]] = {}
    for watch in watches:
        for address in watch.asked():
            questions.setdefault(address, {}).update(dict.fromkeys(watch.lacking))

    def enough(answered: Collection[Address]) -> bool:
        return all(set(watch.asked()) & set(answered) for watch in watches if watch.addresses)

    given = ask_at_once({address: list(keys) for address, keys in questions.items()}, seconds, enough)
    for watch in watches:
        watch.note([given[address] for address in watch.addresses if address in given])


class _Watch:
    """One server, and what it lacks.

    :ivar addresses: the server's.
    :ivar lacking: name and type → the reason.
    """

    def __init__(
        self, server: Server, addresses: Sequence[Address], sets: Mapping[Key, Collection[Value]], exact: bool
    ) -> None:
        self.server = server
        self.addresses = addresses
        self.lacking = dict.fromkeys(sets, "its name has no address")
        self._sets = sets
        self._exact = exact

    def asked(self) -> Sequence[Address]:
        """Return the addresses that are worth asking: those that have answered, or all as long as none has."""
        return [one for one in self.addresses if one.answers] or self.addresses

    def note(self, given: Sequence[Answers]) -> None:
        """Compare what each address answered; where none did, tell why."""
        silence = next((reason for _, reason in given if reason), "")
        left = {}
        for key, before in self.lacking.items():
            answers = [answers[key] for answers, _ in given if key in answers]
            reasons = [_difference(answer, key, self._sets[key], self._exact) for answer in answers]
            if not answers:
                reasons = [f"does not answer ({silence})" if given else before]
            reason = next(filter(None, reasons), "")
            if reason:
                left[key] = reason
        self.lacking = left


def _difference(answer: Answer, key: Key, values: Collection[Value], exact: bool) -> str:
    """Say in what the answer falls short; empty when it does not."""
    if answer.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not answer.flags & AUTHORITATIVE:
        return f"does not serve the zone ({dns.rcode.to_text(dns.rcode.Rcode.make(answer.rcode))})"
    asked = Question.of(*key)
    of_it = [one for one in answer.answer if one.owner == asked.name and one.rtype == asked.rtype]
    try:
        found = {_value(key[1], answer.data(record)) for record in of_it}
    except Malformed:
        return "sends data that cannot be read"
    lacking = len(set(values) - found)
    if lacking:
        return f"lacks {lacking} of {len(set(values))} values"
    beyond = len(found - set(values)) if exact else 0
    return f"still has {beyond} former values" if beyond else ""


def _value(rtype: str, rdata: Any) -> Value:
    try:
        return parse(rtype, txt.quoted(b"".join(rdata.strings)) if rtype == "TXT" else rdata.to_text())
    except InvalidValue:  # what others keep there is not ours to judge
        return Value((rdata.to_text(),), rdata.to_text())
