"""What is measured: servers, sizes and limits, and which peer takes part in what. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

SUITE = "dns"
#: First from nothing, then again with nothing to do.
FIRST, SECOND = PASSES = ("first run", "nothing to do")
SERVERS = {"route53": "Route53", "bind": "BIND"}
#: No limit of requests per second.
UNLIMITED = None
Rate = Optional[float]


@dataclass(frozen=True)
class Case:
    """So many records into a zone of so many others, at one kind of server.

    :ivar rate: requests per second that the server allows; ``UNLIMITED`` for BIND always.
    """

    server: str
    records: int
    others: int
    rate: Rate = UNLIMITED

    @property
    def title(self) -> str:
        """Return what the report calls it; the pass is added to it."""
        limit = f"{rate_title(self.rate)}, " if self.server == "route53" else ""
        return f"{SERVERS[self.server]}, {limit}{self.records:,} SRV into {self.others:,} others"


def rate_title(rate: Rate) -> str:
    """Return a limit in words."""
    return "no limit" if rate is UNLIMITED else f"{rate:g} requests/s"


@dataclass(frozen=True)
class Peer:
    """Something that ours is compared with.

    :ivar servers: where it can be used at all.
    :ivar most: the most records it is measured with; ``most_limited`` where requests are limited.
    :ivar why: why not with more.
    """

    servers: tuple[str, ...]
    most: Optional[int] = None
    most_limited: Optional[int] = None
    why: str = ""

    def skipped(self, case: Case) -> Optional[str]:
        """Return why it is not measured in a case of a server that it knows, or None."""
        most = self.most if case.rate is UNLIMITED else self.most_limited
        return f"at most {most} records here: {self.why}" if most is not None and case.records > most else None


PEERS: Mapping[str, Peer] = {
    "amazon.aws": Peer(("route53",), 100, 10, "it lists the whole zone for each of them, and takes minutes"),
    "nsupdate": Peer(("bind",), 100, why="it starts a module for each of them, and takes minutes"),
    "octodns": Peer(("route53", "bind")),
}


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    :ivar peers: case → who takes part beside ours; cases without any are left out.
    :ivar notes: who is left out of what, and why.
    """

    peers: dict[Case, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def plan(
    servers: Sequence[str], sizes: Sequence[int], zones: Sequence[int], rates: Sequence[Rate], peers: Sequence[str]
) -> Plan:
    """Return all cases with their peers, small things first."""
    found = Plan()
    for server in servers:
        for rate in rates if server == "route53" else [UNLIMITED]:
            for others in sorted(set(zones)):
                for records in sorted(set(sizes)):
                    _add(found, Case(server, records, others, rate), peers)
    return found


def _add(found: Plan, case: Case, peers: Sequence[str]) -> None:
    able = [name for name in PEERS if name in peers and case.server in PEERS[name].servers]
    reasons = {name: PEERS[name].skipped(case) for name in able}
    found.notes.extend(f"left out: {name}, {case.title}: {why}" for name, why in reasons.items() if why)
    taking_part = [name for name in able if not reasons[name]]
    if taking_part:
        found.peers[case] = taking_part
    else:
        found.notes.append(f"left out: {case.title}: no peer of those named is measured there")
