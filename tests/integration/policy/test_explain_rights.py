"""What is told to pass, passes, and nothing else: each cell of the explanation beside a real exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import explained
from .office import ALICE, COLUMNS, HOST, ROOMS, Contact, Office, children, name_of
from .test_contacts_in import INVITE, PING, QUERIES, REFUSED, join

NOTE = "<show>away</show><status>in a meeting</status>"
KINDS = ("federated", "public_verified", "public_unverified")
#: An act returns whether it passed: yes, partly, no.
Act = Callable[[Contact], str]


def word(*passed: bool) -> str:
    return "yes" if all(passed) else "partly" if any(passed) else "no"


def arrives(inner: str, kind: str = "chat") -> Act:
    return lambda bob: word(bob.message(ALICE, inner, kind) == "delivered")


def leaves(stanza: str, *names: str) -> Act:
    """Let alice say something; see which of these children reach the contact."""

    def act(bob: Contact) -> str:
        got = [children(item).split() for item in bob.sees(stanza.format(to=bob.bare))]
        return word(*(any(name in item for item in got) for name in names))

    return act


def presence_arrives(*names: str) -> Act:
    def act(bob: Contact) -> str:
        bob.office.alice.drain()
        bob.partner.say(f"<presence from='{bob.full}' to='{ALICE}'>{NOTE}</presence>")
        bob.partner.settle()
        got = [children(item).split() for item in bob.office.alice.drain() if item.get("from") == bob.full]
        return word(*(any(name in item for item in got) for name in names))

    return act


def subscribes(bob: Contact) -> str:
    seen = bob.presence("subscribe")
    return word("back: subscribed" in seen or "alice: subscribe" in seen)


def asks_to_subscribe(bob: Contact) -> str:
    return word(
        any(item.get("type") == "subscribe" for item in bob.sees(f"<presence type='subscribe' to='{bob.bare}'/>"))
    )


def asks_account(what: str) -> Act:
    def act(bob: Contact) -> str:
        bob.presence("subscribe")
        return word(bob.ask(ALICE, QUERIES[what]) != REFUSED)

    return act


def asks_client(bob: Contact) -> str:
    return word(*(bob.ask(bob.office.alice.full, QUERIES[what]) == "delivered" for what in ("a game", "version")))


def asks_host(bob: Contact) -> str:
    return word(bob.ask(HOST, QUERIES["disco"]) == "result", bob.ask(HOST, PING) == "result")


def is_asked(what: str, host: bool = False) -> Act:
    """Let alice ask the contact, or its host; see whether the answer reaches her."""

    def act(bob: Contact) -> str:
        to = bob.partner.domain if host else bob.full
        alice, identifier = bob.office.alice, f"asked-{bob.bare}"
        alice.drain()
        alice.write(f"<iq type='get' id='{identifier}' to='{to}'>{QUERIES[what]}</iq>")
        bob.partner.wait(lambda item: item.get("id") == identifier)
        bob.partner.say(f"<iq type='result' id='{identifier}' from='{to}' to='{alice.full}'>{QUERIES[what]}</iq>")
        bob.partner.settle()
        return word(any(item.get("id") == identifier for item in alice.drain()))

    return act


#: What is told (kind of thing, direction) → what is done.
USERS: dict[tuple[str, str], Act] = {
    ("message", "incoming"): arrives("<body>hello</body>"),
    ("message", "outgoing"): leaves("<message type='chat' to='{to}'><body>hi</body></message>", "body"),
    ("presence", "incoming"): presence_arrives("show"),
    ("presence", "outgoing"): leaves(f"<presence to='{{to}}'>{NOTE}</presence>", "show", "status"),
    ("subscription", "incoming"): subscribes,
    ("subscription", "outgoing"): asks_to_subscribe,
    ("note", "incoming"): presence_arrives("status"),
    ("note", "outgoing"): leaves(f"<presence to='{{to}}'>{NOTE}</presence>", "status"),
    ("PEP", "incoming"): arrives("<event xmlns='http://jabber.org/protocol/pubsub#event'/>", "headline"),
    ("PEP", "outgoing"): asks_account("PEP"),
    ("vCard", "incoming"): is_asked("vCard"),
    ("vCard", "outgoing"): asks_account("vCard"),
    ("MUC", "incoming"): arrives(INVITE, "normal"),
    ("MUC", "outgoing"): leaves(f"<message to='{{to}}'>{INVITE}</message>", "x"),
    ("IQ", "incoming"): asks_client,
    ("IQ", "outgoing"): is_asked("a game"),
    ("disco", "incoming"): asks_host,
    ("disco", "outgoing"): is_asked("disco", host=True),
}


def enters(bob: Contact) -> str:
    join(bob)  # it waits until the room says so
    return "yes"


def whispers(bob: Contact) -> str:
    join(bob)
    return word(bob.message(f"office@{ROOMS}/alice") == "delivered")


def hears(bob: Contact) -> str:
    join(bob)
    bob.office.alice.write(
        f"<message type='groupchat' to='office@{ROOMS}' id='said-{bob.bare}'><body>hi</body></message>"
    )
    got = bob.partner.wait(lambda item: item.get("to") == bob.full and item.get("id") == f"said-{bob.bare}")[-1]
    return word("body" in children(got).split())


def sees_occupants(bob: Contact) -> str:
    join(bob)
    bob.office.alice.write(f"<presence to='office@{ROOMS}/alice'>{NOTE}</presence>")
    seen = bob.partner.wait(lambda item: item.get("to") == bob.full and "show" in children(item).split())[-1]
    assert name_of(seen) == "presence"
    return word(True, "status" in children(seen).split())


def asks_occupant(bob: Contact) -> str:
    join(bob)
    return word(bob.ask(f"office@{ROOMS}/alice", QUERIES["a game"]) == "delivered")


IN_ROOMS: dict[tuple[str, str], Act] = {
    ("MUC", "incoming"): enters,
    ("message", "incoming"): whispers,
    ("message", "outgoing"): hears,
    ("presence", "outgoing"): sees_occupants,
    ("IQ", "incoming"): asks_occupant,
    ("disco", "incoming"): lambda bob: word(bob.ask(ROOMS, QUERIES["disco"]) == "result"),
}
CELLS = [(ALICE, *cell) for cell in USERS] + [(f"office@{ROOMS}", *cell) for cell in IN_ROOMS]


@pytest.fixture(scope="module", autouse=True)
def room(office: Office) -> Iterator[None]:
    """A room of ours with alice in it."""
    office.alice.write(
        f"<presence to='office@{ROOMS}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        f"<iq type='set' id='unlock' to='office@{ROOMS}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    office.alice.drain()
    yield
    office.alice.write(f"<presence type='unavailable' to='office@{ROOMS}/alice'/>")


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(("whom", "what", "direction"), CELLS)
def test_what_is_told_is_what_happens(whom: str, what: str, direction: str, column: str, office: Office) -> None:
    _, added = COLUMNS[column]
    bob = office.contact(column)
    partners = [{"domain": f"{kind.replace('_', '-')}.example", "type": kind} for kind in KINDS]
    known = explained.inventory(partners, list(KINDS))
    told = explained.rights(known, bob.bare, whom)[what, direction]
    host_is_added = added and (what, direction) == ("disco", "outgoing")
    if host_is_added:
        office.roster(bob.partner.domain)
    happened = (USERS if whom == ALICE else IN_ROOMS)[what, direction](bob)
    if host_is_added:
        office.roster(bob.partner.domain, "remove")
    if told == "contact":
        assert (happened != "no") is added
    else:
        assert happened == told
