"""The reconciler of ``xmpp_gateway_contacts``: contacts that users bring along, once, into their rosters in Prosody.

The server itself looks and writes (``fedgate_carry``, by the administration socket): it knows which users there are,
wherever their accounts live, and tells the clients of those who are online. Nothing is ever removed or weakened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CheckFailed, InvalidValue, MissingDependency, Unreachable
from ..module import Context, Reconciler
from ..plan import Change, Plan
from .admin import SOCKET, AdminSocket

ELEMENT = "fedgate-contacts"
#: Contacts and users in one question: between two of them the server does its other work.
PORTION = 400
#: What is carried: contacts that the user never said a word on, and those that are there only because they asked.
_OPEN = ("absent", "asked")
#: What is left as it is: there by the user's doing, refused by the user, carried once, no address for this server, and
#: blocks for which the server has no list.
_LEFT = ("there", "refused", "carried", "invalid", "impossible")
#: Users who are not there are counted; so many are named.
_NAMED = 20
# RFC 7622, section 3.3.1, and the separators of addresses.
_ADDRESS = re.compile(r"[^\s\"&'/:<>@]+@[^\s\"&'/:<>@]+")
_BLOCKED = re.compile(r"(?:[^\s\"&'/:<>@]+@)?[^\s\"&'/:<>@]+")

_KEYS = ("jid", "name", "groups", "subscription")
ARGUMENTS: dict[str, Any] = {
    "archives": {"type": "list", "elements": "path", "default": []},
    "partners": {"type": "list", "elements": "str", "default": []},
    "domains": {"type": "list", "elements": "str", "default": []},
    "users": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "jid": {"type": "str", "required": True},
            "contacts": {"type": "raw", "default": []},
            "blocked": {"type": "list", "elements": "str", "default": []},
        },
    },
    "socket": {"type": "path", "default": SOCKET},
}


@dataclass(frozen=True)
class Wanted:
    """What one user brings along.

    :ivar jid: the user's address.
    :ivar contacts: address → ``subscription``, and where they are known ``name`` and ``groups``.
    :ivar blocked: addresses, and domains as a whole.
    """

    jid: str
    contacts: Mapping[str, Mapping[str, Any]]
    blocked: tuple[str, ...]

    def as_question(self, action: str) -> dict[str, Any]:
        """Return it as the server is told: to look it needs addresses only."""
        contacts = list(self.contacts) if action == "look" else dict(self.contacts)
        return {"contacts": contacts, "blocked": list(self.blocked)}

    def known(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the server's answer with the states by address."""
        states = ((self.contacts, answer.get("contacts")), (self.blocked, answer.get("blocked")))
        contacts, blocked = (dict(zip(addresses, found or ())) for addresses, found in states)
        return {**answer, "contacts": contacts, "blocked": blocked}


class Contacts(Reconciler):
    """Each user's contacts, each of them carried once."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        if params["archives"]:
            raise MissingDependency(
                "the archive is read by the action plug-in on the controller, which was passed over",
                hint="Call xmpp_gateway_contacts as a task; or give users.",
                path="archives",
            )
        self.users = {user.jid: user for user in wanted_users(params["users"])}
        self._server: AdminSocket | None = None

    def observe(self) -> dict[str, Any]:
        """Return what the server knows of each user and contact. :raises CheckFailed: of users that cannot be read."""
        try:
            return self._ask("look", self.users.values())
        except Unreachable:
            if not self.context.check_mode:
                raise
        # The server comes in the run that is planned, and nobody has a contact there.
        return {
            user.jid: {
                "exists": True,
                "contacts": dict.fromkeys(user.contacts, "absent"),
                "blocked": dict.fromkeys(user.blocked, "absent"),
            }
            for user in self.users.values()
        }

    def plan(self, observed: Mapping[str, Any]) -> Plan:
        """Return one change for each user of whom something is to be carried."""
        found = ((jid, _open(known)) for jid, known in sorted(observed.items()))
        return Plan.of(self._change(jid, *states) for jid, states in found if any(states))

    def apply(self, plan: Plan, observed: Any) -> None:
        """Have the server carry what is planned. :raises CheckFailed: naming the users of whom it could not."""
        self._ask("carry", [change.subject for change in plan.changes])

    def observe_again(self, plan: Plan) -> dict[str, Any]:
        """Look again at the users of whom something was carried."""
        return self._ask("look", [self.users[change.name] for change in plan.changes])

    def results(self, observed: Any, plan: Plan) -> dict[str, Any]:
        """Return how many contacts and blocks the plan has, and who of the users is not there."""
        missing = sorted(self._missing)
        if missing:
            named = ", ".join(missing[:_NAMED]) + (" and others" if len(missing) > _NAMED else "")
            self.context.warn(
                f"no account here for {len(missing)} of {len(self.users)} users; their contacts wait: {named}"
            )
        return {
            "contacts": sum(len(change.subject.contacts) for change in plan.changes),
            "blocks": sum(len(change.subject.blocked) for change in plan.changes),
            "left": self._left or dict.fromkeys(_LEFT, 0),
            "missing_users": missing,
        }

    def close(self) -> None:
        """End the conversation with the server."""
        if self._server is not None:
            self._server.close()

    # The conversation -------------------------------------------------------------------------------------------------

    _missing: frozenset[str] = frozenset()
    _left: Mapping[str, int] = {}

    def _ask(self, action: str, users: Iterable[Wanted]) -> dict[str, Any]:
        users = list(users)
        if not users:
            return {}
        if self._server is None:
            self._server = AdminSocket(self.params["socket"])
            self._server.ask(ELEMENT, {"action": "hello"})
        known: dict[str, Any] = {}
        for portion in portions(users):
            question = {"action": action, "users": {user.jid: user.as_question(action) for user in portion}}
            answers = self._server.ask(ELEMENT, question)["users"]
            known.update((user.jid, user.known(answers[user.jid])) for user in portion)
        _demand_readable(known)
        if not self._left:
            self._note(known)
        return {jid: answer for jid, answer in known.items() if answer["exists"]}

    def _note(self, known: Mapping[str, Any]) -> None:
        """Remember, of the first look, who is not there and what is left alone."""
        self._missing = frozenset(jid for jid, answer in known.items() if not answer["exists"])
        if len(self._missing) == len(known):
            raise CheckFailed(
                f"this server knows none of the users ({len(known)}), such as {min(self._missing)}",
                hint="Are these this host's domains, have they accounts, does the directory answer? Nothing was done.",
            )
        found = [
            state
            for answer in known.values()
            for states in (answer["contacts"], answer["blocked"])
            for state in states.values()
        ]
        self._left = {state: found.count(state) for state in _LEFT}
        if self._left["impossible"]:
            self.context.warn(f"{self._left['impossible']} blocks wait: this Prosody keeps none without mod_blocklist")

    def _change(self, jid: str, contacts: Mapping[str, str], blocked: Sequence[str]) -> Change:
        user = self.users[jid]
        part = Wanted(jid, {address: user.contacts[address] for address in contacts}, tuple(blocked))
        asked = sorted(address for address, state in contacts.items() if state == "asked")
        before: dict[str, Any] = {"contacts": [f"{address} (asked)" for address in asked]}
        after: dict[str, Any] = {
            "contacts": [f"{address} ({user.contacts[address]['subscription']})" for address in sorted(contacts)]
        }
        if blocked:
            before["blocked"], after["blocked"] = [], sorted(blocked)
        return Change("update", "roster", jid, before, after, part)


def _open(known: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return what is to be carried of a user: contacts with their states, and blocks."""
    contacts = {address: state for address, state in known["contacts"].items() if state in _OPEN}
    blocked = [address for address, state in known["blocked"].items() if state in _OPEN]
    return contacts, blocked


def _demand_readable(known: Mapping[str, Any]) -> None:
    broken = {jid: answer["problem"] for jid, answer in known.items() if "problem" in answer}
    if broken:
        jid = min(broken)
        raise CheckFailed(
            f"the server could not read or write the roster of {jid} ({len(broken)} in all): {broken[jid]}",
            hint="Mend that on the host and run again; what was carried already stays.",
        )


def portions(users: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Yield the users in portions of about the same work."""
    portion: list[Wanted] = []
    weight = 0
    for user in users:
        portion.append(user)
        weight += 1 + len(user.contacts) + len(user.blocked)
        if weight >= PORTION:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion


def wanted_users(users: Sequence[Mapping[str, Any]]) -> Iterator[Wanted]:
    """Read the argument. :raises InvalidValue: naming what is no address, or given twice."""
    seen: set[str] = set()
    for index, entry in enumerate(users):
        path = f"users[{index}]"
        jid = entry["jid"]
        _demand(_ADDRESS, jid, f"{path}.jid")
        if jid in seen:
            raise InvalidValue(f"{jid} is listed twice", hint="Give each user once.", path=f"{path}.jid")
        seen.add(jid)
        contacts = {}
        if not isinstance(entry["contacts"] or [], list):
            raise InvalidValue("a list is needed", hint="Write one mapping for each contact.", path=f"{path}.contacts")
        for number, contact in enumerate(entry["contacts"] or []):
            address, wanted = _contact(contact, f"{path}.contacts[{number}]")
            contacts[address] = wanted
        for number, address in enumerate(entry["blocked"] or []):
            _demand(_BLOCKED, address, f"{path}.blocked[{number}]")
        yield Wanted(jid, contacts, tuple(entry["blocked"] or []))


def _contact(contact: Any, path: str) -> tuple[str, dict[str, Any]]:
    """Return a contact's address, and what else is known of it. Checked by hand: there may be hundreds of thousands."""
    if not isinstance(contact, Mapping) or set(contact) - set(_KEYS):
        raise InvalidValue(f"{contact!r} is no contact", hint=f"Write a mapping with {', '.join(_KEYS)}.", path=path)
    address = _demand(_ADDRESS, contact.get("jid"), f"{path}.jid")
    subscription = contact.get("subscription") or "both"
    if subscription not in ("both", "none"):
        raise InvalidValue(
            f"{subscription!r} is no subscription", hint="Possible are both and none.", path=f"{path}.subscription"
        )
    name, groups = contact.get("name") or "", contact.get("groups") or []
    if not isinstance(name, str) or not isinstance(groups, list) or not all(isinstance(item, str) for item in groups):
        raise InvalidValue("name is a text, and groups a list of texts", path=path)
    return address, {"subscription": subscription, "groups": groups, **({"name": name} if name else {})}


def _demand(form: re.Pattern[str], address: Any, path: str) -> str:
    if not isinstance(address, str) or not form.fullmatch(address):
        raise InvalidValue(f"{address!r} is not an address", hint="Write user@domain.", path=path)
    return address
