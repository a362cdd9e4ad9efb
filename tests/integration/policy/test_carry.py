"""Contacts that users bring along from Lync Server: in the rosters, once, and never against a user's own word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .carrying import carry, run, run_killed, user
from .client import Client
from .conftest import PASSWORD
from .office import ALICE, HOST, Contact, Office, name_of
from .wire import CLIENT, Element

DORA = f"dora@{HOST}"
REFUSED = "service-unavailable"
ROSTER = "{jabber:iq:roster}"


def item(office: Office, contact: str) -> dict[str, Any]:
    """Return what alice's client reads of a contact in her roster; empty when it is not there."""
    office.alice.write("<iq type='get' id='read'><query xmlns='jabber:iq:roster'/></iq>")
    answer = next(got for got in office.alice.drain() if got.get("id") == "read")
    for found in answer.iter(f"{ROSTER}item"):
        if found.get("jid") == contact:
            return {**found.attrib, "groups": sorted(group.text or "" for group in found.iter(f"{ROSTER}group"))}
    return {}


def kinds(stanzas: list[Element]) -> list[str]:
    return [f"{name_of(found)} {found.get('type', 'available')}" for found in stanzas]


@pytest.mark.parametrize("column", ["federated", "public_verified", "public_unverified"])
def test_a_contact_who_is_online(column: str, office: Office) -> None:
    bob = office.contact(column)
    assert bob.message(ALICE) == (REFUSED if column == "public_unverified" else "delivered")
    bob.receive()
    office.alice.drain()
    wanted = {"jid": bob.bare, "name": "Bob & <Söhne>", "groups": ["Ürün", "A"]}
    result = carry(office.gateway, user(ALICE, wanted))
    assert (result["contacts"], result["blocks"]) == (1, 0)
    assert result["plan"] == [
        {
            "action": "update",
            "kind": "roster",
            "name": ALICE,
            "before": {"contacts": []},
            "after": {"contacts": [f"{bob.bare} (both)"]},
        }
    ]
    pushed = [found for got in office.alice.drain() for found in got.iter(f"{ROSTER}item")]
    assert [(found.get("jid"), found.get("subscription")) for found in pushed] == [(bob.bare, "both")]
    assert kinds(bob.receive()) == ["presence available", "presence probe"]
    assert bob.message(ALICE) == "delivered"
    assert bob.presence("probe") == ["back: available"]
    assert bob.presence("", "<show>away</show>") == ["alice: available"]
    found = item(office, bob.bare)
    assert (found["name"], found["groups"], found["subscription"]) == ("Bob & <Söhne>", ["A", "Ürün"], "both")


def test_a_user_who_is_offline_and_a_restart(office: Office) -> None:
    bob, stranger = office.contact("public_unverified"), office.contact("public_unverified")
    assert bob.message(DORA) == REFUSED
    assert carry(office.gateway, user(DORA, bob.bare))["changed"]
    assert (bob.message(DORA), stranger.message(DORA)) == ("nothing", REFUSED)
    office.gateway.shell('module:reload("fedgate_policy", "*")')
    bob.receive()
    dora = Client(office.gateway.address, DORA, PASSWORD)
    dora.drain()
    assert sorted(kinds(bob.receive())) == ["presence available", "presence probe"]
    dora.close()


def test_offline_contacts_come_without_a_subscription(office: Office) -> None:
    bob = office.contact("public_unverified")
    carry(office.gateway, user(ALICE, {"jid": bob.bare, "subscription": "none"}))
    assert item(office, bob.bare)["subscription"] == "none" and bob.receive() == []
    assert bob.message(ALICE) == "delivered"
    assert bob.presence("probe") == []


def removes(bob: Contact) -> None:
    bob.office.roster(bob.bare, "remove")


def denies(bob: Contact) -> None:
    bob.office.alice.write(f"<presence type='unsubscribed' to='{bob.bare}'/>")
    bob.office.alice.drain()


def blocks(bob: Contact) -> None:
    bob.office.block(bob.bare)


def blocks_for_a_while(bob: Contact) -> None:
    bob.office.block(bob.bare)
    bob.office.block(bob.bare, "unblock")
    removes(bob)


@pytest.mark.parametrize("refuses", [removes, denies, blocks, blocks_for_a_while])
@pytest.mark.parametrize("before", [True, False])
def test_a_users_word_stands(refuses: Callable[[Contact], None], before: bool, office: Office) -> None:
    """Said after the contact was carried, or before that."""
    bob = office.contact("public_unverified")
    if before:
        bob.office.roster(bob.bare)
    else:
        assert carry(office.gateway, user(ALICE, bob.bare))["changed"]
    refuses(bob)
    there = item(office, bob.bare)
    result = carry(office.gateway, user(ALICE, bob.bare))
    assert not result["changed"] and item(office, bob.bare) == there
    office.gateway.shell('module:reload("fedgate_policy", "*")')
    assert not run(office.gateway, user(ALICE, bob.bare))["changed"]


def test_what_a_user_has_added_stays_as_it_is(office: Office) -> None:
    bob = office.contact("public_unverified")
    office.alice.write(
        f"<iq type='set' id='own'><query xmlns='jabber:iq:roster'><item jid='{bob.bare}' name='mine'>"
        "<group>own</group></item></query></iq>"
    )
    office.alice.drain()
    there = item(office, bob.bare)
    result = carry(office.gateway, user(ALICE, {"jid": bob.bare, "name": "Bob", "groups": ["A"]}))
    assert not result["changed"] and result["left"]["there"] == 1 and item(office, bob.bare) == there


def test_who_only_asked_is_carried(office: Office) -> None:
    follower, waiting = office.contact("federated"), office.contact("public_verified")
    follower.follow()
    assert item(office, follower.bare)["subscription"] == "from"
    result = carry(office.gateway, user(ALICE, follower.bare, waiting.bare))
    assert result["plan"][0]["before"] == {"contacts": [f"{follower.bare} (asked)"]}
    assert item(office, follower.bare)["subscription"] == "both"
    assert kinds(follower.receive()) == ["presence available", "presence probe"]


def test_a_request_that_waits_is_granted(office: Office) -> None:
    bob = office.contact("federated")
    denied = office.contact("federated")
    denies(bob)
    denies(denied)
    assert bob.presence("subscribe") == ["alice: subscribe", "back: unavailable"]
    # A word of the user's: it is not carried, whoever asks since.
    assert not carry(office.gateway, user(ALICE, bob.bare))["changed"]
    eve = f"eve@{HOST}"
    office.gateway.user(eve, PASSWORD)
    office.gateway.shell(f'>require"core.rostermanager".set_contact_pending_in("eve", "{HOST}", "{denied.bare}", true)')
    denied.receive()
    result = carry(office.gateway, user(eve, denied.bare))
    assert result["plan"][0]["before"] == {"contacts": [f"{denied.bare} (asked)"]}
    assert "presence subscribed" in kinds(denied.receive())


@pytest.mark.parametrize("address", [ALICE, DORA])
def test_a_block(address: str, office: Office) -> None:
    bob, other = office.contact("federated"), office.contact("federated")
    mine = office.alice if address == ALICE else Client(office.gateway.address, address, PASSWORD)
    if address == DORA:
        mine.close()
    result = carry(office.gateway, user(address, blocked=(bob.bare,)))
    assert (result["blocks"], result["plan"][0]["after"]["blocked"]) == (1, [bob.bare])
    if address == DORA:
        mine = Client(office.gateway.address, address, PASSWORD)
    heard = [hears(mine, who, address) for who in (bob, other)]
    assert heard == [False, True]
    assert bob.presence("subscribe", to=address) == []
    mine.write(f"<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'><item jid='{bob.bare}'/></unblock></iq>")
    mine.drain()
    assert hears(mine, bob, address)
    assert not run(office.gateway, user(address, blocked=(bob.bare,)))["changed"]
    assert hears(mine, bob, address)
    if address == DORA:
        mine.close()


def hears(mine: Client, bob: Contact, address: str) -> bool:
    """Whether a message of a contact reaches a user's client."""
    bob.partner.say(f"<message type='chat' id='h' from='{bob.full}' to='{address}'><body>x</body></message>")
    bob.partner.settle()
    return any(got.tag == f"{{{CLIENT}}}message" and got.get("from") == bob.full for got in mine.drain())


def test_a_block_of_a_domain_and_of_who_was_added(office: Office) -> None:
    frank, added = f"frank@{HOST}", office.contact("public_unverified, added")
    office.gateway.user(frank, PASSWORD)
    result = carry(
        office.gateway, user(frank, blocked=("public-verified.example",)), user(ALICE, blocked=(added.bare,))
    )
    assert [change["name"] for change in result["plan"]] == [frank] and result["left"]["there"] == 1
    assert office.contact("public_verified").presence("subscribe", to=frank) == []
    assert added.message(ALICE) == "delivered"


def test_killed_in_the_middle(office: Office) -> None:
    names = [f"k{number}@{HOST}" for number in range(6)]
    for name in names:
        office.gateway.user(name, PASSWORD)
    bob, carol = office.contact("public_unverified"), office.contact("public_unverified")
    users = [user(name, bob.bare, carol.bare) for name in names]
    run_killed(office.gateway, 2, *users)
    result = carry(office.gateway, *users)
    assert [change["name"] for change in result["plan"]] == names[2:]
    assert {bob.message(name) for name in names} == {"nothing"}


def test_users_who_are_not_there_wait(office: Office) -> None:
    bob, late = office.contact("public_unverified"), f"late@{HOST}"
    users = [user(late, bob.bare), user(ALICE, bob.bare), user("x@elsewhere.example", bob.bare)]
    result = carry(office.gateway, *users)
    assert result["missing_users"] == [late, "x@elsewhere.example"]
    assert result["warnings"] == [f"no account here for 2 of 3 users; their contacts wait: {late}, x@elsewhere.example"]
    assert bob.message(late) == REFUSED
    office.gateway.user(late, PASSWORD)
    assert [change["name"] for change in carry(office.gateway, *users)["plan"]] == [late]
    assert bob.message(late) == "nothing"
    # With the account goes what is remembered of it.
    office.gateway.shell(f'user:delete("{late}")')
    office.gateway.user(late, PASSWORD)
    assert carry(office.gateway, *users)["changed"]


def test_addresses_that_are_none_here(office: Office) -> None:
    result = carry(office.gateway, user(ALICE, DORA, ALICE, "\u06dd@partner.example", blocked=(DORA,)))
    assert not result["changed"] and result["left"]["invalid"] == 4


def test_nobody_is_known(office: Office) -> None:
    result = run(office.gateway, user("nobody@contoso.example", "bob@partner.example"))
    assert result["failed"] and "knows none of the users (1), such as nobody@contoso.example" in result["msg"]
    assert not run(office.gateway)["changed"]


def test_a_roster_that_cannot_be_written(office: Office) -> None:
    gwen, bob = f"gwen@{HOST}", office.contact("public_unverified")
    office.gateway.user(gwen, PASSWORD)
    folder = "/var/lib/prosody/contoso%2eexample/roster"
    office.gateway.run("sh", "-c", f"mv {folder} {folder}.away && touch {folder}")
    result = run(office.gateway, user(gwen, bob.bare))
    office.gateway.run("sh", "-c", f"rm {folder} && mv {folder}.away {folder}")
    assert result["failed"] and f"the roster of {gwen} (1 in all): " in result["msg"], result
    assert bob.message(gwen) == REFUSED
    assert carry(office.gateway, user(gwen, bob.bare))["changed"] and bob.message(gwen) == "nothing"


def test_a_server_that_does_not_know_how(office: Office) -> None:
    office.gateway.shell('module:unload("fedgate_policy", "*")')
    result = run(office.gateway, user(ALICE, "bob@federated.example"))
    office.gateway.shell('module:load("fedgate_policy", "*")')
    assert result["failed"] and "run gateway.yml for this host first" in result["msg"]
