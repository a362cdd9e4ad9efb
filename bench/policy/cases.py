"""What is measured: kinds of stanzas, numbers of partners, and the partners themselves. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SUITE = "policy"
OURS, PLAIN = "ours", "plain"
HOST = "contoso.example"
ALICE, DORA = f"alice@{HOST}", f"dora@{HOST}"
TYPES = ("federated", "public_verified", "public_unverified")
#: So many partners have streams; the others are in the policy only.
MOST_STREAMS = 50
#: Beside each other in one policy.
MOST_PARTNERS = 99_999
NOTE = "In a meeting until three, then on the train to the coast"
BODY = "The figures of the third quarter are in the folder that you know; can you look at them today?"
#: A user of each partner, whom alice has added where the kind says so, and one whom nobody has added.
CONTACT, STRANGER = "bob", "mallory"


@dataclass(frozen=True)
class Kind:
    """One kind of stanza.

    :ivar partners: type of the partners that take part.
    :ivar inbound: from partners to our users, else from alice to partners.
    :ivar back: it is answered with an error, which goes back over a stream of the gateway's own.
    :ivar added: alice has added the contact.
    :ivar text: the stanza, with ``{domain}`` and ``{marker}``.
    :ivar shown: what each side shows in what arrives; :ivar hidden: what it does not.
    """

    name: str
    title: str
    partners: str
    inbound: bool
    text: str
    back: bool = False
    added: bool = False
    shown: tuple[tuple[str, str], ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()

    def stanza(self, domain: str, marker: str) -> bytes:
        """Return the stanza for a partner; ``marker`` is its id, by which it is counted where it arrives."""
        return self.text.format(domain=domain, marker=marker).encode()

    def wrong(self, side: str, seen: bytes) -> str:
        """Return what is wrong with what arrived, or an empty string."""
        for each, text in self.shown:
            if each == side and text.encode() not in seen:
                return f"{text} is missing"
        for each, text in self.hidden:
            if each == side and text.encode() in seen:
                return f"{text} is there"
        return ""


def _message(sender: str, to: str) -> str:
    return f"<message type='chat' id='{{marker}}'{sender} to='{to}'><body>{BODY}</body></message>"


def _presence(sender: str, to: str) -> str:
    return f"<presence id='{{marker}}'{sender} to='{to}'><show>away</show><status>{NOTE}</status></presence>"


_FROM = f" from='{CONTACT}@{{domain}}/desk'"
_NO_ERROR = ((OURS, "type='error'"), (PLAIN, "type='error'"))
_NOTE = f"<status>{NOTE}"

KINDS = {
    kind.name: kind
    for kind in (
        Kind("messages-in", "messages in", TYPES[0], True, _message(_FROM, ALICE), hidden=_NO_ERROR),
        Kind("messages-out", "messages out", TYPES[0], False, _message("", f"{CONTACT}@{{domain}}"), hidden=_NO_ERROR),
        Kind(
            "presence-in", "presence with notes in", TYPES[0], True, _presence(_FROM, ALICE),
            shown=((OURS, _NOTE), (PLAIN, _NOTE)),
        ),
        Kind(
            "presence-out", "presence with notes out, notes kept", TYPES[0], False,
            _presence("", f"{CONTACT}@{{domain}}"), shown=((OURS, _NOTE), (PLAIN, _NOTE)),
        ),
        Kind(
            "presence-out-public", "presence with notes out, notes taken out", TYPES[1], False,
            _presence("", f"{CONTACT}@{{domain}}"), shown=((PLAIN, _NOTE),), hidden=((OURS, "<status>"),),
        ),
        Kind(
            "added", "messages in from public contacts who were added", TYPES[2], True, _message(_FROM, ALICE),
            added=True, hidden=_NO_ERROR,
        ),
        Kind(
            "strangers", "messages in from strangers to a user who is offline", TYPES[2], True,
            _message(f" from='{STRANGER}@{{domain}}/desk'", DORA), back=True,
            shown=((OURS, "service-unavailable"), (PLAIN, "service-unavailable")),
        ),
    )
}  # fmt: skip


def domain(number: int) -> str:
    """Return the name of a partner, from 1 on."""
    return f"p{number:05}.partner.example"


def kind_of_partner(number: int) -> str:
    """Return the type of a partner: they take turns."""
    return TYPES[(number - 1) % len(TYPES)]


def partners(count: int) -> list[dict[str, Any]]:
    """Return partners as an inventory has them."""
    return [{"domain": domain(number), "type": kind_of_partner(number)} for number in range(1, count + 1)]


def connected(count: int, kind: str | None = None) -> list[str]:
    """Return the domains that have streams, of one type or all."""
    numbers = range(1, min(count, MOST_STREAMS) + 1)
    return [domain(number) for number in numbers if kind in (None, kind_of_partner(number))]


def title(kind: Kind, count: int) -> str:
    """Return what the report calls a kind with a number of partners."""
    return f"{count:,} partners, {kind.title}"


def turns(count: int) -> list[tuple[str, str]]:
    """Return which side gets its burst first and second in each pair: each of them first in every other one."""
    return [(OURS, PLAIN) if number % 2 == 0 else (PLAIN, OURS) for number in range(count)]


def seconds(sizes: Sequence[int], kinds: Sequence[str], repeat: int, stanzas: int) -> float:
    """Return roughly how long the suite will take, on two cores with nothing else to do."""
    # Making the gateways; then for each size a policy, and each start of both servers with their streams.
    series = 0.2 + 2 * stanzas * 80e-6
    return 60 + len(sizes) * (15 + repeat * (6 + len(kinds) * series)) + 90
