"""Pools of several members: one certificate for all. Which member's key it is, and who still lacks it; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Member:
    """One reachable member of a pool, as ``edge_certificate_request`` found it.

    :ivar host: inventory name. :ivar active: whether it is the one that serves.
    :ivar needed: whether its certificate has to be replaced. :ivar serial: of the certificate that serves, or None.
    :ivar request: identity of the request that it would go on with; None: it has none.
    :ivar issued: whether that one has a certificate. :ivar not_before: of that certificate, sortable text.
    :ivar requests: identities of all requests whose keys it holds. :ivar rejected: those that somebody went back from.
    """

    host: str
    active: bool
    needed: bool
    serial: Optional[str]
    request: Optional[str]
    issued: bool
    not_before: str
    requests: tuple[str, ...]
    rejected: tuple[str, ...]

    @classmethod
    def of(cls, host: str, active: bool, result: Mapping[str, Any]) -> Member:
        """Read what the module returned on that host."""
        holdings = result["holdings"]
        return cls(
            host,
            active,
            bool(result["needed"]),
            result["serial"],
            holdings["request"],
            bool(holdings["issued"]),
            holdings["not_before"] or "",
            tuple(holdings["requests"]),
            tuple(holdings["rejected"]),
        )


@dataclass(frozen=True)
class Election:
    """Who has the key, and what is to be done.

    :ivar holder: the member whose generation all members shall have.
    :ivar make: whether it first has to make key and request.
    :ivar needed: whether a certificate has to be issued.
    :ivar receivers: members that lack the holder's key; all others when it is still to be made.
    :ivar outdated: members that have to install the holder's certificate, which is issued already.
    """

    holder: str
    make: bool
    needed: bool
    receivers: tuple[str, ...]
    outdated: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "holder": self.holder,
            "make": self.make,
            "needed": self.needed,
            "receivers": list(self.receivers),
            "outdated": list(self.outdated),
        }


def elect(members: Sequence[Member]) -> Election:
    """Choose the holder among the reachable members.

    A certificate that serves somewhere and may go on serving is everybody's: the latest one. Otherwise a request that
    is prepared somewhere is gone on with: an issued one first, then the one that most members hold. Otherwise the
    active member makes one; when it does not answer, the first that does. What somebody went back from never counts.

    :param members: at least one, in the inventory's order.
    """
    rejected = {identity for member in members for identity in member.rejected}
    usable = [member for member in members if member.request and member.request not in rejected]
    settled = [member for member in usable if not member.needed]
    if settled:
        holder = max(settled, key=lambda member: (member.not_before, member.active))
        return _gathered(holder, members, needed=False)
    prepared = [member for member in usable if member.needed]
    if prepared:
        holder = max(prepared, key=lambda member: (member.issued, _holders(member.request, members), member.active))
        return _gathered(holder, members, needed=True)
    holder = next((member for member in members if member.active), members[0])
    others = tuple(member.host for member in members if member is not holder)
    return Election(holder.host, make=True, needed=True, receivers=others, outdated=())


def _gathered(holder: Member, members: Sequence[Member], *, needed: bool) -> Election:
    others = [member for member in members if member is not holder]
    lacking = tuple(member.host for member in others if holder.request not in member.requests)
    outdated = tuple(
        member.host for member in others if not needed and (member.needed or member.serial != holder.serial)
    )
    return Election(holder.host, make=False, needed=needed, receivers=lacking, outdated=outdated)


def _holders(request: Optional[str], members: Sequence[Member]) -> int:
    return sum(request in member.requests for member in members)
