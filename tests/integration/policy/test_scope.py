"""Who of our own users may federate: what passes between them and a partner, and what partners learn of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import PASSWORD
from .gateway import HOSTS, Gateway, row, wait_until
from .names import Names
from .office import HOST, MODULES, ROOMS, Partner, condition, name_of
from .peer import Manners, Peer
from .test_contacts_in import QUERIES
from .test_contacts_out import NODES

DOMAIN = "fabrikam.example"
USERS = ("alice", "mallory", "dora")
#: alice may federate, mallory and dora may not; nobody is there by the name of nobody.
GRANTED = {
    "policies": {"global": False, "sales": True},
    "hosts": {HOST: "global"},
    "users": {f"alice@{HOST}": "sales"},
    "groups": {},
}
#: The same said the other way round.
REFUSED = {
    "policies": {"global": True, "contractors": False},
    "hosts": {HOST: "global"},
    "users": {f"mallory@{HOST}": "contractors", f"dora@{HOST}": "contractors"},
    "groups": {},
}


class Scene:
    """The gateway, two users who are online, and bob at a federated partner.

    :ivar alice: may federate; :ivar mallory: may not.
    """

    def __init__(self, gateway: Gateway, partner: Partner) -> None:
        self.gateway, self.partner = gateway, partner
        self.alice = Client(gateway.address, f"alice@{HOST}", PASSWORD)
        self.mallory = Client(gateway.address, f"mallory@{HOST}", PASSWORD)
        self.bob = f"bob@{DOMAIN}/desk"
        self.enforced: Any = None

    def enforce(self, scope: Any, kind: str = "federated") -> None:
        """Load a policy with a scope, None for none; not again when it is in force."""
        if self.enforced == (scope, kind):
            return
        self.enforced = scope, kind
        more = {} if scope is None else {"scope": scope}
        partners = {DOMAIN: row(kind=kind)}
        self.gateway.enforce(partners, [*HOSTS, ROOMS], components={kind: [ROOMS]}, **more)

    def say(self, text: str, host: str = HOST) -> list[Any]:
        """Let bob say something; return what comes back from our host."""
        self.partner.say(text, host)
        return self.partner.settle()

    def reaches_bob(self, client: Client, text: str) -> list[Any]:
        """Let a user say something; return what bob's server gets of it until a message of alice's."""
        self.heard()
        client.write(text)
        client.drain()
        return self.heard()

    def heard(self) -> list[Any]:
        """Return what alice's side, and what was said before, has sent to bob's server until now."""
        marker = self.alice.send(self.bob, "marker")
        return self.partner.wait(lambda item: item.get("id") == marker)[:-1]


@pytest.fixture(scope="module")
def scene(gateway: Gateway, names: Names, authority: Authority) -> Iterator[Scene]:
    """The scene, with a subscription of bob's to mallory from the time when everybody could federate."""
    gateway.stop()
    gateway.configure(modules=MODULES)
    gateway.policy({DOMAIN: row()}, [*HOSTS, ROOMS], components={"federated": [ROOMS]})
    for user in USERS[1:]:
        gateway.user(f"{user}@{HOST}", PASSWORD)
    gateway.start()
    peer = Peer(DOMAIN, names.address, gateway.address, authority.issue(DOMAIN, purposes=(SERVER, CLIENT)), Manners())
    names.put(DOMAIN, peer.port)
    made = Scene(gateway, Partner(peer, rooms=True))
    for user in ("alice", "mallory"):
        made.say(f"<presence type='subscribe' from='bob@{DOMAIN}' to='{user}@{HOST}'/>")
    made.mallory.write(f"<presence type='subscribe' to='bob@{DOMAIN}'/>")
    made.mallory.drain()
    made.say(f"<presence type='subscribed' from='bob@{DOMAIN}' to='mallory@{HOST}'/>")
    yield made
    made.alice.close()
    made.mallory.close()
    peer.close()
    names.forget(DOMAIN)


@pytest.fixture(params=[GRANTED, REFUSED], ids=["granted", "refused"])
def scoped(scene: Scene, request: pytest.FixtureRequest) -> Scene:
    """The scene under a policy that lets alice federate and mallory not."""
    scene.enforce(request.param)
    scene.partner.settle()
    scene.alice.drain(), scene.mallory.drain()
    return scene


#: What bob may say to a user of ours.
INCOMING = {
    "message": "<message type='chat' id='x' from='{bob}' to='{to}'><body>x</body></message>",
    "normal message": "<message id='x' from='{bob}' to='{to}'><body>x</body></message>",
    "headline": "<message type='headline' id='x' from='{bob}' to='{to}'><body>x</body></message>",
    "groupchat": "<message type='groupchat' id='x' from='{bob}' to='{to}'><body>x</body></message>",
    "error": "<message type='error' id='x' from='{bob}' to='{to}'><error type='cancel'/></message>",
    "invitation": (
        "<message id='x' from='room@fabrikam.example' to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        "<invite from='{bob}'/></x></message>"
    ),
    "presence": "<presence id='x' from='{bob}' to='{to}'/>",
    "unavailable": "<presence id='x' type='unavailable' from='{bob}' to='{to}'/>",
    "probe": "<presence id='x' type='probe' from='{bob}' to='{to}'/>",
    "probe of a subscriber": "<presence id='x' type='probe' from='bob@fabrikam.example' to='{to}'/>",
    "subscribe": "<presence id='x' type='subscribe' from='new@fabrikam.example' to='{to}'/>",
    "subscribed": "<presence id='x' type='subscribed' from='new@fabrikam.example' to='{to}'/>",
    "unsubscribe": "<presence id='x' type='unsubscribe' from='new@fabrikam.example' to='{to}'/>",
    "IQ result": "<iq id='x' type='result' from='{bob}' to='{to}'/>",
    **{
        f"IQ: {what}": f"<iq id='x' type='get' from='{{bob}}' to='{{to}}'>{payload}</iq>"
        for what, payload in QUERIES.items()
    },
}


def said(items: list[Any]) -> list[Any]:
    """Return stanzas without what tells users apart: the local part of the address."""
    return [
        (item.tag, item.get("type"), item.get("to"), item.get("id"), item.get("from", "").partition("@")[2],
         [(part.tag, part.text) for part in item.iter()])
        for item in items
    ]  # fmt: skip


@pytest.mark.parametrize("resource", ["", "/desk"])
@pytest.mark.parametrize("what", INCOMING)
def test_who_may_not_federate_does_not_exist(what: str, resource: str, scoped: Scene) -> None:
    answers = []
    for user in ("nobody", "mallory", "dora"):
        resource = "/" + scoped.mallory.full.partition("/")[2] if resource else ""
        text = INCOMING[what].format(bob=scoped.bob, to=f"{user}@{HOST}{resource}")
        answers.append(said(scoped.say(text)))
    assert answers[0] == answers[1] == answers[2]
    wants = what.startswith("IQ: ") or what in ("message", "normal message", "headline", "groupchat", "invitation")
    assert len(answers[0]) == (1 if wants else 0)
    assert scoped.mallory.drain() == []


def test_who_may_federate_is_there(scoped: Scene) -> None:
    for what in ("message", "presence", "IQ: a game"):
        to = scoped.alice.full
        scoped.say(INCOMING[what].format(bob=scoped.bob, to=to))
        assert [item.get("id") for item in scoped.alice.drain()] == ["x"], what
    back = scoped.say(INCOMING["probe of a subscriber"].format(to=f"alice@{HOST}"))
    assert [name_of(item) for item in back] == ["presence"]
    assert [name_of(item) for item in scoped.reaches_bob(scoped.alice, "<presence/>")] == ["presence"]


#: What mallory may say; whether an answer comes back to mallory.
OUTGOING = {
    "message": ("<message type='chat' id='x' to='{bob}'><body>x</body></message>", True),
    "invitation": ("<message id='x' to='{bob}'><x xmlns='jabber:x:conference' jid='r@c.example'/></message>", True),
    "IQ": ("<iq type='get' id='x' to='{bob}'><query xmlns='jabber:iq:version'/></iq>", True),
    "vCard": ("<iq type='get' id='x' to='bob@fabrikam.example'><vCard xmlns='vcard-temp'/></iq>", True),
    "IQ result": ("<iq type='result' id='x' to='{bob}'/>", False),
    "subscribe": ("<presence type='subscribe' id='x' to='new@fabrikam.example'/>", True),
    "subscribed": ("<presence type='subscribed' to='new@fabrikam.example'/>", False),
    "unsubscribe": ("<presence type='unsubscribe' id='x' to='new@fabrikam.example'/>", True),
    "directed presence": ("<presence id='x' to='{bob}'><status>here</status></presence>", True),
    "directed unavailable": ("<presence type='unavailable' id='x' to='{bob}'><status>gone</status></presence>", True),
    "broadcast with a note": ("<presence id='x'><status>in a meeting</status></presence>", True),
    "unavailable": ("<presence type='unavailable' id='x'><status>away</status></presence><presence/>", True),
    "probe": ("<presence type='probe' id='x' to='bob@fabrikam.example'/>", False),
    **{
        f"PEP: {what}": (
            "<iq type='set' id='p'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
            f"<publish node='{node}'><item>{payload}</item></publish></pubsub></iq>",
            False,
        )
        for what, (node, payload) in NODES.items()
    },
}


@pytest.mark.parametrize("what", OUTGOING)
def test_nothing_of_who_may_not_federate_leaves(what: str, scoped: Scene) -> None:
    text, answered = OUTGOING[what]
    scoped.heard()
    scoped.mallory.write(text.format(bob=scoped.bob))
    errors = [item for item in scoped.mallory.drain() if item.get("type") == "error"]
    assert scoped.heard() == []
    assert {condition(item) for item in errors} == ({"not-allowed"} if answered else set())
    assert all("may not federate" in "".join(item.itertext()) for item in errors)


def test_refusals_are_counted(scene: Scene) -> None:
    def counts() -> list[int]:
        counters = [item for item in scene.gateway.status()["refused"] if item["reason"] == "scope"]
        ways = ("incoming", "outgoing")
        return [sum(item["count"] for item in counters if item["direction"] == way) for way in ways]

    scene.enforce(REFUSED)
    scene.say(INCOMING["message"].format(bob=scene.bob, to=f"nobody@{HOST}"))  # nobody's: there is no rule to count
    before = counts()
    scene.say(INCOMING["message"].format(bob=scene.bob, to=f"mallory@{HOST}"))
    scene.mallory.send(scene.bob)
    wait_until(lambda: counts() == [number + 1 for number in before], "both are counted")


def test_a_reload_takes_access_away_and_gives_it_back(scene: Scene) -> None:
    scene.enforce(None)
    scene.mallory.write(f"<presence to='carol@{DOMAIN}'/>")
    scene.mallory.write("<presence><show>away</show></presence>")
    scene.mallory.drain()
    scene.heard()
    scene.partner.settle()
    streams = sorted(item["id"] for item in scene.gateway.status()["sessions"])
    scene.enforce(GRANTED)
    leaving = [(item.get("type"), item.get("from"), item.get("to")) for item in scene.heard()]
    full = scene.mallory.full
    assert sorted(leaving) == [("unavailable", full, f"bob@{DOMAIN}"), ("unavailable", full, f"carol@{DOMAIN}")]
    assert scene.reaches_bob(scene.mallory, "<presence/>") == []
    scene.enforce(REFUSED)
    assert scene.heard() == []  # they know already
    scene.enforce(None)
    assert [name_of(item) for item in scene.reaches_bob(scene.mallory, "<presence/>")] == ["presence"]
    scene.say(INCOMING["message"].format(bob=scene.bob, to=full))
    assert [item.get("id") for item in scene.mallory.drain() if name_of(item) == "message"] == ["x"]
    assert sorted(item["id"] for item in scene.gateway.status()["sessions"]) == streams


@pytest.mark.parametrize("kind", ["federated", "public_verified", "public_unverified"])
def test_every_type_of_partner_is_told_that_a_user_left(kind: str, scene: Scene) -> None:
    scene.enforce(None, kind)
    scene.reaches_bob(scene.mallory, f"<presence/><presence to='carol@{DOMAIN}'/>")
    scene.enforce(GRANTED, kind)
    assert [item.get("to") for item in scene.heard() if item.get("type") == "unavailable"]
    scene.enforce(None)


MUC = "<x xmlns='http://jabber.org/protocol/muc'/>"
PRIVATE = "<message type='chat' id='pm' to='{to}'><body>x</body></message>"
INVITE = "<message id='pm' to='{to}'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='{who}'/></x></message>"


@pytest.fixture
def room(scoped: Scene, request: pytest.FixtureRequest) -> Iterator[str]:
    """A room with alice, mallory and bob in it."""
    address = f"hall-{request.node.callspec.id}@{ROOMS}"
    scoped.alice.write(
        f"<presence to='{address}/alice'>{MUC}</presence><iq type='set' id='u' to='{address}'>"
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    scoped.alice.drain()
    scoped.mallory.write(f"<presence to='{address}/mallory'>{MUC}</presence>")
    scoped.mallory.drain()
    scoped.partner.say(f"<presence from='{scoped.bob}' to='{address}/bob'>{MUC}</presence>", ROOMS)
    scoped.partner.wait(lambda item: name_of(item) == "message" and item.get("from") == address)  # the subject, last
    yield address
    scoped.alice.write(f"<presence type='unavailable' to='{address}/alice'/>")
    scoped.mallory.write(f"<presence type='unavailable' to='{address}/mallory'/>")


def in_rooms(scene: Scene, text: str) -> list[str]:
    """Let bob say something to our rooms; return the errors that come back."""
    scene.partner.say(text.replace(" to=", f" from='{scene.bob}' to=", 1), ROOMS)
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    scene.partner.say(f"<iq type='get' id='done' from='{scene.bob}' to='{ROOMS}'>{ping}</iq>", ROOMS)
    return [condition(item) for item in scene.partner.wait(lambda item: item.get("id") == "done")[:-1]]


def private(client: Client) -> list[Any]:
    """Return what a user got of private messages and invitations."""
    return [
        item.get("type") for item in client.drain() if name_of(item) == "message" and item.get("type") != "groupchat"
    ]


def test_rooms_pass_on_nothing_private_to_who_may_not_federate(scoped: Scene, room: str) -> None:
    for text in (PRIVATE.format(to=f"{room}/mallory"), INVITE.format(to=room, who=f"mallory@{HOST}")):
        assert in_rooms(scoped, text) == ["service-unavailable"]
    assert private(scoped.mallory) == []
    for text in (PRIVATE.format(to=f"{room}/alice"), INVITE.format(to=room, who=f"alice@{HOST}")):
        assert in_rooms(scoped, text) == []
    assert private(scoped.alice) == ["chat", None]


def test_rooms_pass_on_nothing_private_from_who_may_not_federate(scoped: Scene, room: str) -> None:
    texts = PRIVATE.format(to=f"{room}/bob") + INVITE.format(to=room, who=f"carol@{DOMAIN}")
    scoped.mallory.write(texts)
    scoped.mallory.drain()
    scoped.alice.write(texts)
    heard = scoped.partner.wait(lambda item: item.get("to") == f"carol@{DOMAIN}")
    assert [item.get("from") for item in heard] == [f"{room}/alice", room]
    assert heard[-1].find(".//{*}invite").get("from") == f"{room}/alice"


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ([], "scope has no policies"),
        ({"policies": {}}, "hosts is no mapping"),
        ({**GRANTED, "hosts": {HOST: "local"}}, f"{HOST} of hosts names no policy"),
        ({**GRANTED, "policies": {"global": "no", "sales": True}}, "names no policy"),
        ({**GRANTED, "users": {"alice": "sales"}}, "alice is no address"),
        ({**GRANTED, "users": {f"alice@{HOST}": "sales", f"ALICE@{HOST}": "global"}}, "granted two policies"),
    ],
)
def test_a_scope_that_cannot_be_read_changes_nothing(scope: Any, said: str, scene: Scene) -> None:
    scene.enforce(GRANTED)
    scene.heard()
    scene.enforced = None
    scene.gateway.policy({DOMAIN: row()}, scope=scope)
    status = scene.gateway.hangup(lambda status: status["reason"] is not None)
    assert said in status["reason"], json.dumps(status["reason"])
    scene.mallory.send(scene.bob)
    assert scene.heard() == []


def test_a_host_that_the_scope_does_not_name_has_nobody(scene: Scene) -> None:
    scene.enforce({**GRANTED, "hosts": {}})
    assert said(scene.say(INCOMING["message"].format(bob=scene.bob, to=f"mallory@{HOST}")))[0][1] == "error"
    scene.alice.drain()
    scene.say(INCOMING["message"].format(bob=scene.bob, to=scene.alice.full))
    assert [item.get("id") for item in scene.alice.drain()] == ["x"]
