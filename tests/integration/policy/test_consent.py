"""Our users' word counts: what they refuse stays refused, whatever is approved in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .client import Client
from .conftest import PASSWORD
from .gateway import HOSTS, row
from .office import ALICE, COLUMNS, HOST, ROOMS, Contact, Office

APPROVED = ["back: subscribed", "back: available"]
ASKED = ["alice: subscribe", "back: unavailable"]
REFUSED = "service-unavailable"


def say(bob: Contact, kind: str) -> None:
    bob.office.alice.write(f"<presence type='{kind}' to='{bob.bare}'/>")
    bob.office.alice.drain()
    bob.receive()


def revokes(bob: Contact) -> None:
    bob.follow()
    say(bob, "unsubscribed")


def revokes_but_follows(bob: Contact) -> None:
    say(bob, "subscribe")
    bob.presence("subscribed")
    bob.follow()
    say(bob, "unsubscribed")


def refuses_beforehand(bob: Contact) -> None:
    say(bob, "unsubscribed")


def removes(bob: Contact) -> None:
    bob.follow()
    bob.office.roster(bob.bare, "remove")
    bob.receive()


def blocks(bob: Contact) -> None:
    bob.follow()
    bob.office.block(bob.bare)
    bob.presence("unsubscribe")
    bob.office.block(bob.bare, "unblock")
    bob.presence("unsubscribe")
    bob.receive()


def blocks_a_stranger(bob: Contact) -> None:
    bob.office.block(bob.bare)
    assert bob.presence("subscribe") == []
    bob.office.block(bob.bare, "unblock")
    bob.receive()


def subscribes(bob: Contact) -> None:
    say(bob, "subscribe")


def approves(bob: Contact) -> None:
    say(bob, "subscribed")
    bob.presence("unsubscribe")
    bob.receive()


def adds(bob: Contact) -> None:
    bob.office.roster(bob.bare)


@pytest.mark.parametrize("column", ["federated", "public_verified"])
@pytest.mark.parametrize(
    ("refuses", "welcomes"),
    [
        (revokes, subscribes),
        (revokes, approves),
        (revokes_but_follows, approves),
        (refuses_beforehand, subscribes),
        (refuses_beforehand, adds),
        (removes, subscribes),
        (removes, adds),
        (blocks, approves),
        (blocks_a_stranger, adds),
    ],
)
def test_a_refusal_outlives_automatic_approval(
    refuses: Callable[[Contact], None], welcomes: Callable[[Contact], None], column: str, office: Office
) -> None:
    bob = office.contact(column)
    refuses(bob)
    assert bob.presence("subscribe") == ASKED and not office.follows(bob.bare)
    assert bob.message(ALICE) == "delivered"  # that takes no consent
    welcomes(bob)
    assert bob.presence("subscribe")[:2] == APPROVED and office.follows(bob.bare)


def test_refusals_outlive_the_server_memory_and_a_repeated_request(office: Office) -> None:
    denied, pending = office.contact("federated"), office.contact("federated")
    refuses_beforehand(denied)
    say(pending, "subscribe")
    say(pending, "unsubscribed")
    office.gateway.shell('module:reload("fedgate_policy", "*")')
    # At login the server repeats alice's own pending requests; that is no word of hers.
    again = Client(office.gateway.address, ALICE, PASSWORD)
    again.drain()
    again.close()
    assert denied.presence("subscribe") == ASKED
    assert pending.presence("subscribe") == ASKED


def test_a_blocked_domain_stays_refused(office: Office) -> None:
    bob, friend = office.contact("federated"), office.contact("federated")
    to = f"dora@{HOST}"
    dora = Client(office.gateway.address, to, PASSWORD)
    for word in ("block", "unblock"):
        dora.write(
            f"<iq type='set' id='b'><{word} xmlns='urn:xmpp:blocking'><item jid='federated.example'/></{word}></iq>"
        )
        dora.drain()
    dora.write(f"<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='{friend.bare}'/></query></iq>")
    dora.drain()
    assert bob.presence("subscribe", to=to) == ["back: unavailable"]
    assert friend.presence("subscribe", to=to)[0] == "back: subscribed"
    dora.close()


@pytest.mark.parametrize("column", COLUMNS)
def test_a_block_in_force(column: str, office: Office) -> None:
    bob = office.contact(column)
    office.block(bob.bare)
    # 13.0 drops messages in silence.
    assert bob.message(ALICE) in (REFUSED, "nothing")
    assert bob.ask(office.alice.full, "<move xmlns='urn:example:chess'/>") == REFUSED
    assert [bob.presence(kind) for kind in ("", "subscribe", "probe")] == [[], [], []]
    office.block(bob.bare, "unblock")
    assert bob.message(ALICE) == (REFUSED if column == "public_unverified" else "delivered")


def asked_for(bob: Contact) -> None:
    say(bob, "subscribe")


def approved_by_hand(bob: Contact) -> None:
    adds(bob)
    bob.follow()


@pytest.mark.parametrize("how", [adds, asked_for, approved_by_hand])
def test_what_counts_as_adding(how: Callable[[Contact], None], office: Office) -> None:
    bob = office.contact("public_unverified")
    assert bob.message(ALICE) == REFUSED
    how(bob)
    assert bob.message(ALICE) == "delivered"
    office.roster(bob.bare, "remove")
    assert bob.message(ALICE) == REFUSED


def test_what_is_left_of_a_revoked_subscription_is_no_adding(office: Office) -> None:
    bob = office.contact("public_unverified")
    say(bob, "subscribed")  # beforehand: the server puts the contact into the roster
    bob.presence("subscribe")
    assert bob.message(ALICE) == "delivered"
    say(bob, "unsubscribed")
    assert bob.message(ALICE) == REFUSED


@pytest.fixture
def changing(office: Office) -> Iterator[Callable[[str], None]]:
    """Change the type of the federated partner; it is federated again afterwards."""
    kinds = sorted({kind for kind, _ in COLUMNS.values()})

    def enforce(kind: str) -> None:
        partners = {f"{name.replace('_', '-')}.example": row(kind=name) for name in kinds}
        partners["federated.example"] = row(kind=kind)
        office.gateway.enforce(partners, [*HOSTS, ROOMS], components={name: [ROOMS] for name in kinds})

    yield enforce
    enforce("federated")


def test_a_changed_type_holds_at_once_and_what_was_automatic_is_no_adding(
    changing: Callable[[str], None], office: Office
) -> None:
    automatic, added = office.contact("federated"), office.contact("federated")
    adds(added)
    automatic.follow()
    added.follow()
    changing("public_unverified")
    assert automatic.message(ALICE) == REFUSED and added.message(ALICE) == "delivered"
    note = "<presence><status>in</status></presence>"
    assert automatic.sees(note) == []
    assert [list(item) for item in added.sees(note)] == [[]]
    say(automatic, "subscribe")
    assert automatic.message(ALICE) == "delivered"
    assert len(automatic.sees(note)) == 1
    changing("public_verified")
    assert [list(item) for item in automatic.sees(note)] == [[]]


def test_refusals_go_with_the_user(office: Office) -> None:
    bob, address = office.contact("federated"), f"erin@{HOST}"
    office.gateway.user(address, PASSWORD)
    erin = Client(office.gateway.address, address, PASSWORD)
    erin.write(f"<presence type='unsubscribed' to='{bob.bare}'/>")
    erin.drain()
    assert bob.presence("subscribe", to=address) == ["back: unavailable"]
    erin.close()
    office.gateway.shell(f'user:delete("{address}")')
    office.gateway.user(address, PASSWORD)
    assert bob.presence("subscribe", to=address)[-1] == "back: subscribed"
