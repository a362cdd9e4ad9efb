"""What leaves of what our users say, by the partner's type: private things reach federated partners only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .office import CAPS, COLUMNS, HOST, Contact, Office, children, condition, name_of

WHOLE = (
    "<show>away</show><priority>1</priority><status>in a meeting</status><status xml:lang='fr'>en réunion</status>"
    "<x xmlns='vcard-temp:x:update'><photo>0123</photo></x><idle xmlns='urn:xmpp:idle:1' since='2026-01-01T00:00:00Z'/>"
    "<query xmlns='jabber:iq:last' seconds='600'/><nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>"
    "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/><note xmlns='urn:example:other'/>"
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test:alice' ver='none'/>"
)
ALL = "c delay idle nick note priority query show status status x"
PUBLIC = "c priority show"
#: PEP nodes and what stands in them.
NODES = {
    "mood": ("http://jabber.org/protocol/mood", "<mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>"),
    "nickname": ("http://jabber.org/protocol/nick", "<nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>"),
    "activity": (
        "http://jabber.org/protocol/activity",
        "<activity xmlns='http://jabber.org/protocol/activity'><working/></activity>",
    ),
    "tune": (
        "http://jabber.org/protocol/tune",
        "<tune xmlns='http://jabber.org/protocol/tune'><title>x</title></tune>",
    ),
    "location": ("http://jabber.org/protocol/geoloc", "<geoloc xmlns='http://jabber.org/protocol/geoloc'/>"),
    "avatar": (
        "urn:xmpp:avatar:metadata",
        "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='1' id='0123' type='image/png'/></metadata>",
    ),
}

Act = Callable[[Contact], object]


def gets(stanza: str) -> Act:
    """Say a stanza to the contact; name what arrives of it, each as `name type: children`."""
    return lambda bob: [summary(item) for item in bob.sees(stanza.format(to=bob.bare))]


def summary(item: object) -> str:
    kind = item.get("type")  # type: ignore[attr-defined]
    return f"{name_of(item)}{' ' + kind if kind else ''}: {children(item)}".rstrip(": ")  # type: ignore[arg-type]


def broadcast(stanza: str) -> Act:
    def act(bob: Contact) -> object:
        bob.follow()
        return [summary(item) for item in bob.sees(stanza)]

    return act


def probed(bob: Contact) -> object:
    bob.follow()
    bob.office.alice.write(f"<presence>{WHOLE}</presence>")
    bob.receive()
    bob.partner.say(f"<presence type='probe' from='{bob.full}' to='alice@{HOST}'/>")
    return [summary(item) for item in bob.partner.settle() if item.get("to") == bob.full]


def answers_vcard(bob: Contact) -> object:
    got = bob.sees(f"<iq type='result' id='v' to='{bob.full}'><vCard xmlns='vcard-temp'><FN>Alice</FN></vCard></iq>")
    assert len(got) == 1 and got[0].get("id") == "v"
    return condition(got[0]) or summary(got[0])


def same(value: object) -> list[object]:
    return [value] * len(COLUMNS)


def presence(kind: str = "") -> list[object]:
    name = f"presence {kind}".strip()
    whole, public = [f"{name}: {ALL}"], [f"{name}: {PUBLIC}"]
    return [whole, public, public, public]


#: What alice does, and what the contact gets for each of COLUMNS; None: alice has no way to do it to a stranger.
TABLE: dict[str, tuple[Act, list[object]]] = {
    "message": (
        gets("<message type='chat' to='{to}'><body>hi</body><active xmlns='urn:example:state'/></message>"),
        same(["message chat: active body"]),
    ),
    "IQ": (gets("<iq type='get' id='i' to='{to}'><vCard xmlns='vcard-temp'/></iq>"), same(["iq get: vCard"])),
    "subscribe": (gets("<presence type='subscribe' to='{to}'/>"), same(["presence subscribe"])),
    "subscribe with a note": (
        gets("<presence type='subscribe' to='{to}'><status>it is me</status></presence>"),
        [
            ["presence subscribe: status"],
            ["presence subscribe"],
            ["presence subscribe"],
            ["presence subscribe"],
        ],
    ),
    "directed presence": (gets(f"<presence to='{{to}}'>{WHOLE}</presence>"), presence()),
    "directed unavailable": (
        gets(f"<presence type='unavailable' to='{{to}}'>{WHOLE}</presence>"),
        presence("unavailable"),
    ),
    "broadcast": (broadcast(f"<presence>{WHOLE}</presence>"), [*presence()[:2], None, presence()[3]]),
    "probe answer": (
        probed,
        [[f"presence: {ALL.replace('delay', 'delay delay')}"], [f"presence: {PUBLIC}"], None, [f"presence: {PUBLIC}"]],
    ),
    "vCard": (answers_vcard, ["iq result: vCard", *["service-unavailable"] * 3]),
    "event in a message": (
        gets(
            "<message to='{to}'><body>hi</body><event xmlns='http://jabber.org/protocol/pubsub#event'>"
            "<items node='http://jabber.org/protocol/mood'/></event></message>"
        ),
        [["message: body event"], ["message: body"], ["message: body"], ["message: body"]],
    ),
}


CELLS = [
    (what, column, wanted)
    for what, (_, expected) in TABLE.items()
    for column, wanted in zip(COLUMNS, expected)
    if wanted is not None
]


@pytest.mark.parametrize(("what", "column", "wanted"), CELLS)
def test_outgoing(what: str, column: str, wanted: object, office: Office) -> None:
    assert TABLE[what][0](office.contact(column)) == wanted


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "public_unverified"])
def test_what_users_publish(column: str, office: Office) -> None:
    bob = office.contact(column)
    bob.follow()
    listen(bob, [node for node, _ in NODES.values()])
    told = [name_of(item.find(".//{*}item/*")) for item in bob.receive() if item.get("type") == "headline"]  # type: ignore[arg-type]
    for node, payload in NODES.values():
        got = bob.sees(
            f"<iq type='set' id='p'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{node}'>"
            f"<item>{payload}</item></publish></pubsub></iq>"
        )
        told += [name_of(item.find(".//{*}item/*")) for item in got]  # type: ignore[arg-type]
    assert "error" not in [item.get("type") for item in office.alice.drain() if item.get("id") == "p"]
    wanted = ["mood", "nick", "activity", "tune", "geoloc", "metadata"] if column == "federated" else []
    assert told == wanted


def listen(bob: Contact, nodes: list[str]) -> None:
    """Let a contact say by its capabilities that it wants to be told of nodes (XEP-0163, 4.3)."""
    ver = f"v{bob.bare}"
    bob.partner.say(f"<presence from='{bob.full}' to='alice@{HOST}'>{CAPS.format(ver=ver)}</presence>")
    asked = bob.partner.wait(lambda item: item.get("to") == bob.full and item.get("id") == "disco")[-1]
    assert asked.get("type") == "get"
    features = "".join(f"<feature var='{node}+notify'/>" for node in nodes)
    bob.partner.say(
        f"<iq type='result' id='disco' from='{bob.full}' to='alice@{HOST}'>"
        f"<query xmlns='http://jabber.org/protocol/disco#info' node='urn:test#{ver}'>{features}</query></iq>"
    )
    bob.partner.settle()
