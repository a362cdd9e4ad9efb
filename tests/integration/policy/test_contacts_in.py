"""What a partner's users may do to ours, by the partner's type: what they send, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .client import Client
from .conftest import PASSWORD
from .office import ALICE, COLUMNS, HOST, ROOMS, Contact, Office

REFUSED = "service-unavailable"
NOTHING: list[str] = []
INVITE = "<x xmlns='jabber:x:conference' jid='room@rooms.elsewhere.example'/>"
MEDIATED = "<x xmlns='http://jabber.org/protocol/muc#user'><invite {way}='{who}'><reason>come</reason></invite></x>"
QUERIES = {
    "vCard": "<vCard xmlns='vcard-temp'/>",
    "vCard4": "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>",
    "PEP": "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='http://jabber.org/protocol/mood'/></pubsub>",
    "last activity": "<query xmlns='jabber:iq:last'/>",
    "disco": "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "time": "<time xmlns='urn:xmpp:time'/>",
    "version": "<query xmlns='jabber:iq:version'/>",
    "a game": "<move xmlns='urn:example:chess'/>",
}
PING = "<ping xmlns='urn:xmpp:ping'/>"

Act = Callable[[Contact], object]


def asks_account(what: str) -> Act:
    """Ask alice's account, as a subscriber if that can be. What it answers is Prosody's: anything but a refusal."""

    def act(contact: Contact) -> str:
        contact.presence("subscribe")
        return "answered" if contact.ask(ALICE, QUERIES[what]) != REFUSED else REFUSED

    return act


def asks_client(what: str) -> Act:
    return lambda contact: contact.ask(contact.office.alice.full, QUERIES[what])


def asks_host(what: str, payload: str = "") -> Act:
    return lambda contact: contact.ask(HOST, payload or QUERIES[what])


def presence(kind: str, to: str = ALICE) -> Act:
    return lambda contact: contact.presence(kind, to=to)


def asks_occupant(contact: Contact) -> str:
    join(contact)
    return contact.ask(f"office@{ROOMS}/alice", QUERIES["a game"])


def whispers(contact: Contact) -> str:
    join(contact)
    return contact.message(f"office@{ROOMS}/alice")


def invites_by_our_room(contact: Contact) -> str:
    join(contact)
    return contact.message(f"office@{ROOMS}", MEDIATED.format(way="to", who=ALICE), "normal")


def join(contact: Contact) -> None:
    nick = contact.bare.partition("@")[0]
    contact.partner.say(
        f"<presence from='{contact.full}' to='office@{ROOMS}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
        ROOMS,
    )
    contact.partner.wait(
        lambda item: item.get("from") == f"office@{ROOMS}/{nick}" and item.get("to") == contact.full, seconds=5
    )


#: What is sent: the act, and what must come of it for each of COLUMNS.
TABLE: dict[str, tuple[Act, list[object]]] = {
    "message": (lambda bob: bob.message(ALICE), ["delivered", "delivered", REFUSED, "delivered"]),
    "message to a client": (
        lambda bob: bob.message(bob.office.alice.full),
        ["delivered", "delivered", REFUSED, "delivered"],
    ),
    "headline": (
        lambda bob: bob.message(ALICE, kind="headline"),
        ["delivered", "delivered", REFUSED, "delivered"],
    ),
    "error": (
        lambda bob: bob.message(bob.office.alice.full, kind="error"),
        ["delivered", "delivered", "nothing", "delivered"],
    ),
    "subscribe": (
        presence("subscribe"),
        [
            ["back: subscribed", "back: available"],
            ["back: subscribed", "back: available"],
            NOTHING,
            ["alice: subscribe", "back: unavailable"],
        ],
    ),
    "presence": (presence(""), [["alice: available"], ["alice: available"], NOTHING, ["alice: available"]]),
    "unavailable": (
        presence("unavailable"),
        [["alice: unavailable"], ["alice: unavailable"], NOTHING, ["alice: unavailable"]],
    ),
    "probe without a subscription": (presence("probe"), [NOTHING, NOTHING, NOTHING, NOTHING]),
    "subscribed": (presence("subscribed"), [NOTHING, NOTHING, NOTHING, NOTHING]),
    "unsubscribe": (presence("unsubscribe"), [NOTHING, NOTHING, NOTHING, NOTHING]),
    "direct invitation": (
        lambda bob: bob.message(ALICE, INVITE, "normal"),
        ["delivered", "delivered", REFUSED, "delivered"],
    ),
    "invitation by a room of theirs": (
        lambda bob: bob.message(ALICE, MEDIATED.format(way="from", who=bob.full), "normal"),
        ["delivered", "delivered", REFUSED, "delivered"],
    ),
    "invitation by a room of ours": (invites_by_our_room, ["delivered", "delivered", REFUSED, "delivered"]),
    "private message in a room of ours": (whispers, ["delivered", "delivered", REFUSED, "delivered"]),
    "IQ in a room of ours": (asks_occupant, ["delivered", REFUSED, REFUSED, REFUSED]),
    "IQ to a client": (asks_client("a game"), ["delivered", "delivered", REFUSED, "delivered"]),
    "version of a client": (asks_client("version"), ["delivered", REFUSED, REFUSED, REFUSED]),
    "vCard of a client": (asks_client("vCard"), ["delivered", REFUSED, REFUSED, REFUSED]),
    "vCard": (asks_account("vCard"), ["answered", REFUSED, REFUSED, REFUSED]),
    "vCard4": (asks_account("vCard4"), ["answered", REFUSED, REFUSED, REFUSED]),
    "PEP": (asks_account("PEP"), ["answered", REFUSED, REFUSED, REFUSED]),
    "last activity": (asks_account("last activity"), ["answered", REFUSED, REFUSED, REFUSED]),
    "disco of the account": (asks_account("disco"), ["answered", REFUSED, REFUSED, REFUSED]),
    "time": (asks_account("time"), ["answered", REFUSED, REFUSED, REFUSED]),
    "host: disco": (asks_host("disco"), ["result", REFUSED, REFUSED, REFUSED]),
    "host: ping": (asks_host("", PING), ["result", REFUSED, REFUSED, REFUSED]),
    "host: version": (asks_host("version"), [REFUSED, REFUSED, REFUSED, REFUSED]),
    "host: pubsub": (asks_host("PEP"), [REFUSED, REFUSED, REFUSED, REFUSED]),
    "host: vCard": (asks_host("vCard"), [REFUSED, REFUSED, REFUSED, REFUSED]),
    "host: message": (lambda bob: bob.message(HOST), [REFUSED, REFUSED, REFUSED, REFUSED]),
    "host: probe": (presence("probe", HOST), [NOTHING, NOTHING, NOTHING, NOTHING]),
    "host: subscribe": (presence("subscribe", HOST), [NOTHING, NOTHING, NOTHING, NOTHING]),
}


@pytest.fixture(scope="module")
def room(office: Office) -> Iterator[None]:
    """A room of ours with alice in it."""
    office.alice.write(
        f"<presence to='office@{ROOMS}/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        f"<iq type='set' id='unlock' to='office@{ROOMS}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    assert "unlock" in [item.get("id") for item in office.alice.drain() if item.get("type") == "result"]
    yield
    office.alice.write(f"<presence type='unavailable' to='office@{ROOMS}/alice'/>")


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("what", TABLE)
def test_incoming(what: str, column: str, office: Office) -> None:
    act, expected = TABLE[what]
    bob = office.contact(column)
    office.alice.drain()
    assert act(bob) == expected[list(COLUMNS).index(column)]


def test_all_that_a_stranger_tries_is_counted(office: Office) -> None:
    office.contact("public_unverified").message(ALICE)
    assert office.gateway.refusal("public-unverified.example", "incoming", "stranger")["count"] > 0
    office.contact("public_verified").ask(ALICE, QUERIES["vCard"])
    assert office.gateway.refusal("public-verified.example", "incoming", "private")["count"] > 0


def test_a_stranger_invites_through_the_room_of_another_partner(office: Office) -> None:
    stranger, friend = office.contact("public_unverified"), office.contact("public_unverified, added")
    room = office.contact("federated")
    invitation = MEDIATED.format(way="from", who="{}")
    assert room.message(ALICE, invitation.format(stranger.full), "normal") == REFUSED
    assert room.message(ALICE, invitation.format(friend.full), "normal") == "delivered"


@pytest.mark.parametrize("what", ["chat", "normal", "iq", "subscribe", "probe", "available"])
def test_a_stranger_does_not_learn_who_exists(what: str, office: Office) -> None:
    bob = office.contact("public_unverified")
    answers = []
    for user in ("alice", "dora", "nobody"):
        for resource in ("", "/" + office.alice.full.partition("/")[2]):
            to = f"{user}@{HOST}{resource}"
            if what in ("chat", "normal"):
                bob.partner.say(f"<message type='{what}' from='{bob.full}' to='{to}'><body>x</body></message>")
            elif what == "iq":
                bob.partner.say(f"<iq type='get' id='x' from='{bob.full}' to='{to}'>{QUERIES['vCard']}</iq>")
            else:
                kind = "" if what == "available" else f" type='{what}'"
                bob.partner.say(f"<presence{kind} from='{bob.full}' to='{to}'/>")
            got = [item for item in bob.partner.settle() if item.get("to") == bob.full]
            answers.append([(item.tag, item.get("type"), [tag.tag for tag in item.iter()]) for item in got])
            assert all(item.get("from") == to for item in got)
    assert all(answer == answers[0] for answer in answers), answers
    assert len(answers[0]) == (1 if what in ("chat", "normal", "iq") else 0)
    assert not [item for item in office.alice.drain() if bob.partner.domain in item.get("from", "")]


def test_nothing_of_a_stranger_waits_for_who_is_offline(office: Office) -> None:
    bob = office.contact("public_unverified")
    assert bob.message(f"dora@{HOST}") == REFUSED
    office.contact("federated").message(f"dora@{HOST}", "<body>only this</body>")
    dora = Client(office.gateway.address, f"dora@{HOST}", PASSWORD)
    messages = [item for item in dora.drain() if item.tag.endswith("message")]
    dora.close()
    assert [item.findtext("{jabber:client}body") for item in messages] == ["only this"]
