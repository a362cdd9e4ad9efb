"""What follows from a partner's type, for each kind of thing, in both directions.

``docs/prosody-policy.md`` has the same table in words; tests hold this one against a running gateway. The direction is
that of what is told: what a user publishes goes out, also where the partner's user asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INCOMING, OUTGOING = "incoming", "outgoing"
#: yes: whole. partly: some of it. contact: only where our user has added the contact to the roster. no: never.
VERDICTS = ("yes", "partly", "contact", "no")

_AUTOMATIC = "approved automatically, unless {us} denied, removed or blocked {them} before: then {us} is asked"
_PRESENCE = "show, priority and capabilities; no status note, photo, idle time or nickname"
_ADDED = "only when {us} has {them} in the roster"
_CLIENTS = "to clients; never vCard, PEP, last activity, version or time"

#: What, direction → for federated, public_verified, public_unverified: (verdict, meaning).
_USERS: Mapping[tuple[str, str], Sequence[tuple[str, str]]] = {
    ("message", INCOMING): (
        ("yes", "delivered"),
        ("yes", "delivered"),
        ("contact", f"{_ADDED}; otherwise answered service-unavailable"),
    ),
    ("message", OUTGOING): (("yes", "delivered"),) * 3,
    ("presence", INCOMING): (("yes", "shown"), ("yes", "shown"), ("contact", f"{_ADDED}; otherwise dropped")),
    ("presence", OUTGOING): (
        ("yes", "to subscribers, and where {us} sends it"),
        ("partly", _PRESENCE),
        ("partly", f"{_PRESENCE}; nothing to a contact whom only a former policy approved"),
    ),
    ("subscription", INCOMING): (
        ("yes", _AUTOMATIC),
        ("yes", _AUTOMATIC),
        ("contact", "{us} is asked, and " + _ADDED + "; otherwise dropped"),
    ),
    ("subscription", OUTGOING): (("yes", "{us} may ask"),) * 3,
    ("note", INCOMING): (("yes", "with presence"), ("yes", "with presence"), ("contact", f"{_ADDED}; with presence")),
    ("note", OUTGOING): (("yes", "with presence"), ("no", "taken out of presence"), ("no", "taken out of presence")),
    ("PEP", INCOMING): (
        ("yes", "what {them} publishes is told to {us}"),
        ("yes", "what {them} publishes is told to {us}"),
        ("contact", _ADDED),
    ),
    ("PEP", OUTGOING): (
        ("yes", "mood, nickname, avatar, activity and the like, as {us} publishes them"),
        ("no", "neither told nor answered"),
        ("no", "neither told nor answered"),
    ),
    ("vCard", INCOMING): (
        ("yes", "{us} may ask, and gets the answer"),
        ("yes", "{us} may ask, and gets the answer"),
        ("contact", f"{_ADDED}, the answer comes"),
    ),
    ("vCard", OUTGOING): (("yes", "answered as the server does"), ("no", "not answered"), ("no", "not answered")),
    ("MUC", INCOMING): (
        ("yes", "invitations and rooms of the partner"),
        ("yes", "invitations and rooms of the partner"),
        ("contact", "only when {us} has who invites, or the room, in the roster"),
    ),
    ("MUC", OUTGOING): (("yes", "{us} may invite {them}"),) * 3,
    ("IQ", INCOMING): (
        ("yes", "to clients and accounts"),
        ("partly", _CLIENTS),
        ("contact", f"{_ADDED}; {_CLIENTS}"),
    ),
    ("IQ", OUTGOING): (
        ("yes", "answers come back"),
        ("yes", "answers come back"),
        ("contact", f"{_ADDED}, answers come back"),
    ),
    ("disco", INCOMING): (
        ("yes", "our host says what it is (disco#info), and answers a ping"),
        ("no", "our host answers nothing"),
        ("no", "our host answers nothing"),
    ),
    ("disco", OUTGOING): (
        ("yes", "the partner's host may be asked"),
        ("yes", "the partner's host may be asked"),
        ("contact", "only when {us} has the host itself in the roster, the answer comes"),
    ),
}

#: The same for chat rooms of ours that are open to the type.
_ROOMS: Mapping[tuple[str, str], Sequence[tuple[str, str]]] = {
    ("MUC", INCOMING): (("yes", "{them} may enter and speak, as the room allows"),) * 3,
    ("message", INCOMING): (
        ("yes", "private messages, and invitations of our users"),
        ("yes", "private messages, and invitations of our users"),
        ("contact", "private messages, and invitations of our users: only to those who have {them} in the roster"),
    ),
    ("message", OUTGOING): (("yes", "what is said in the room"),) * 3,
    ("presence", OUTGOING): (("yes", "of the occupants"), ("partly", _PRESENCE), ("partly", _PRESENCE)),
    ("IQ", INCOMING): (
        ("yes", "also to occupants"),
        ("no", "nothing but a ping reaches an occupant"),
        ("no", "nothing but a ping reaches an occupant"),
    ),
    ("disco", INCOMING): (("yes", "what the rooms are, and which there are"),) * 3,
}

_COLUMNS = ("federated", "public_verified", "public_unverified")


@dataclass(frozen=True)
class Right:
    """One thing that may, or may not, pass.

    :ivar what: message, presence, subscription, note, PEP, vCard, MUC, IQ, disco; :ivar direction: incoming, outgoing.
    :ivar verdict: one of ``VERDICTS``; :ivar meaning: in words.
    """

    what: str
    direction: str
    verdict: str
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"what": self.what, "direction": self.direction, "verdict": self.verdict, "meaning": self.meaning}


def rights(kind: str, them: str, us: str, *, rooms: bool = False) -> list[Right]:
    """Return what the users of a partner and ours may do to each other.

    :param kind: the partner's type.
    :param them, us: how the two sides are called in sentences.
    :param rooms: whether our side is a chat service, open to the type, instead of a user.
    """
    column = _COLUMNS.index(kind)
    table = _ROOMS if rooms else _USERS
    return [
        Right(what, direction, cells[column][0], cells[column][1].format(them=them, us=us))
        for (what, direction), cells in table.items()
    ]
