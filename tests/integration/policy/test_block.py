"""The block list: who is on it is out at once, in both directions, and stays out until released."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from ansible.module_utils.fedgate.gateway.blocked import text_of
from ansible.module_utils.fedgate.model.blocks import Block

from .client import Client
from .conftest import PASSWORD, MakePeer
from .gateway import MODULES, Gateway, row, wait_until
from .office import ALICE
from .peer import Peer, closing
from .wire import Stream

HOST = "contoso.example"
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"
PUBLIC = ("policy-violation", "Federation is not permitted")
FILE = "blocked.json"


def block(domain: str = FABRIKAM, subdomains: bool = False) -> Block:
    return Block(domain, 1_790_000_000, "INC-4711: sends malware", "dora", subdomains)


def hold(gateway: Gateway, *blocks: Block) -> None:
    """Write a block list as our module for Ansible does, and have it read."""
    text = text_of({item.domain: item for item in blocks})
    gateway.write(FILE, text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    status = gateway.hangup(lambda status: status["blocking"]["digest"] == digest)
    assert status["blocking"]["reason"] is None
    assert list(status["blocking"]["domains"]) == [item.as_dict() for item in blocks]


@pytest.fixture(scope="module", autouse=True)
def no_traces(hosts: Gateway) -> Iterator[None]:
    """Later tests begin without a block list."""
    yield
    (hosts.folder / FILE).unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> None:
    """Each test begins with nobody blocked, no streams, and two partners."""
    hold(gateway)
    gateway.enforce({})
    gateway.enforce({FABRIKAM: row(), ADATUM: row()})


@pytest.fixture
def mended(gateway: Gateway) -> Iterator[None]:
    """For tests that break things: all is whole again after them."""
    yield
    gateway.stop()
    gateway.restore_modules()
    gateway.configure()
    gateway.policy({})
    gateway.write(FILE, text_of({}))
    gateway.start()


def established(gateway: Gateway, peer: Peer, alice: Client) -> Stream:
    """Open streams in both directions; return theirs to us."""
    stream, _ = peer.encrypted(HOST)
    peer.external(stream, HOST)
    alice.send(f"bob@{peer.domain}")
    peer.wait("stanza")
    for direction in ("incoming", "outgoing"):
        gateway.session(peer.domain, direction)
    return stream


def assert_shut_out(gateway: Gateway, peer: Peer, alice: Client) -> None:
    """Nothing gets in or out, and the other side reads what a stranger reads."""
    peer.happened()
    error = closing(lambda: peer.greet(peer.connect(), HOST))
    assert (error.condition, error.text) == PUBLIC
    gateway.refusal(peer.domain, "incoming", "blocked")
    text = f"{peer.domain} is blocked on this server"
    assert alice.bounce(alice.send(f"bob@{peer.domain}")) == ("not-allowed", text)
    gateway.refusal(peer.domain, "outgoing", "blocked")
    assert gateway.sessions(peer.domain) == [] and peer.happened() == []


def test_streams_are_closed_and_nothing_passes_until_released(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    theirs, others = established(gateway, fabrikam, alice), established(gateway, adatum, alice)
    kept = {item["id"] for item in gateway.sessions(ADATUM)}
    hold(gateway, block())
    error = closing(theirs.read)
    assert (error.condition, error.text) == PUBLIC
    assert fabrikam.wait("closed") == "policy-violation"
    assert_shut_out(gateway, fabrikam, alice)
    assert {item["id"] for item in gateway.sessions(ADATUM)} == kept
    adatum.send_message(others, ALICE, "still here")
    assert alice.message().findtext("{jabber:client}body") == "still here"
    hold(gateway)
    established(gateway, fabrikam, alice)


def test_neither_a_new_policy_nor_a_restart_lets_in_who_is_blocked(gateway: Gateway, peers: MakePeer) -> None:
    fabrikam = peers(FABRIKAM)
    hold(gateway, block())
    gateway.enforce({FABRIKAM: row(sasl="required")})
    alice = Client(gateway.address, ALICE, PASSWORD)
    assert_shut_out(gateway, fabrikam, alice)
    alice.close()
    gateway.restart()
    alice = Client(gateway.address, ALICE, PASSWORD)
    assert_shut_out(gateway, fabrikam, alice)
    alice.close()
    assert list(wait_until(gateway.status, "the status is written")["blocking"]["domains"]) == [block().as_dict()]


def test_others_on_a_shared_stream_go_on(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    assert fabrikam.dialback(stream, HOST, domain=ADATUM) == "valid"
    shared = gateway.session(ADATUM, "incoming")["id"]
    assert gateway.session(FABRIKAM, "incoming")["id"] == shared
    hold(gateway, block(ADATUM))
    assert gateway.sessions(ADATUM) == [] and gateway.session(FABRIKAM, "incoming")["id"] == shared
    stream.send(f"<message from='eve@{ADATUM}' to='{ALICE}' type='chat'><body>psst</body></message>")
    fabrikam.send_message(stream, ALICE, "hello")
    assert alice.message().get("from") == f"bob@{FABRIKAM}"
    gateway.refusal(ADATUM, "incoming", "blocked")
    assert fabrikam.dialback(stream, HOST, domain=ADATUM) == "error"
    hold(gateway)
    assert adatum.happened() and fabrikam.dialback(stream, HOST, domain=ADATUM) == "valid"
    assert {gateway.session(domain, "incoming")["id"] for domain in (FABRIKAM, ADATUM)} == {shared}


def test_the_first_domain_of_a_shared_stream_leaves_it_to_the_others(
    gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    fabrikam = peers(FABRIKAM)
    peers(ADATUM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    assert fabrikam.dialback(stream, HOST, domain=ADATUM) == "valid"
    hold(gateway, block(FABRIKAM))
    fabrikam.send_message(stream, ALICE, "psst")
    stream.send(f"<message from='eve@{ADATUM}' to='{ALICE}' type='chat'><body>hello</body></message>")
    assert alice.message().get("from") == f"eve@{ADATUM}"
    gateway.refusal(FABRIKAM, "incoming", "blocked")


def test_a_domain_that_is_no_partner_can_be_blocked(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    hold(gateway, block("stranger.example"))
    stranger = peers("stranger.example")
    assert_shut_out(gateway, stranger, alice)
    gateway.enforce({"stranger.example": row()})
    assert_shut_out(gateway, stranger, alice)


def test_subdomains_only_when_asked(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    below, beside = f"chat.{FABRIKAM}", f"not{FABRIKAM}"
    gateway.enforce({name: row() for name in (FABRIKAM, below, beside)})
    hold(gateway, block())
    established(gateway, peers(below), alice)
    hold(gateway, block(subdomains=True))
    wait_until(lambda: gateway.sessions(below) == [], "its streams are closed")
    assert_shut_out(gateway, peers(below), alice)
    established(gateway, peers(beside), alice)


def test_names_are_compared_as_the_policy_compares_them(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    encoded = "xn--bcher-kva.example"
    gateway.enforce({encoded: row()})
    hold(gateway, block(encoded))
    assert alice.bounce(alice.send("bob@Bücher.example"))[1] == "bücher.example is blocked on this server"
    gateway.refusal(encoded, "outgoing", "blocked")
    stream = peers(encoded).connect()
    stream.open(from_="BÜCHER.example", to=HOST)
    stream.read_header()
    assert closing(stream.read).condition == "policy-violation"
    gateway.refusal(encoded, "incoming", "blocked")


def test_who_is_blocked_does_not_invite_through_the_room_of_a_partner(
    gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    hold(gateway, block(ADATUM))
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    for inviter in (f"eve@{ADATUM}/x", f"bob@{FABRIKAM}/x"):
        invite = f"<x xmlns='http://jabber.org/protocol/muc#user'><invite from='{inviter}'/></x>"
        stream.send(f"<message from='room@{FABRIKAM}' to='{ALICE}'>{invite}</message>")
    arrived = alice.message()
    assert arrived.find(".//{http://jabber.org/protocol/muc#user}invite").get("from") == f"bob@{FABRIKAM}/x"


GOOD = text_of({FABRIKAM: block()})
BROKEN = {
    "no JSON": GOOD[:-4],
    "empty": "",
    "another format": GOOD.replace('"format": 1', '"format": 2'),
    "an entry without a reason": GOOD.replace('"reason"', '"raison"'),
    "a number for a truth": GOOD.replace("false", "0"),
    "a list of names": '{"format": 1, "blocked": ["fabrikam.example"]}',
    "no list": '{"format": 1}',
}


@pytest.mark.parametrize("how", [*BROKEN, "gone"])
def test_a_broken_list_keeps_the_last_good_one(how: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    hold(gateway, block())
    before = gateway.status()
    if how == "gone":
        (gateway.folder / FILE).unlink()
    else:
        gateway.write(FILE, BROKEN[how])
    status = gateway.hangup(lambda status: status["blocking"]["reason"] is not None)
    assert FILE in status["blocking"]["reason"]
    assert {**status["blocking"], "reason": None} == before["blocking"]
    assert (status["state"], status["reason"]) == ("enforcing", None)
    assert "The block list stays as it was" in gateway.log()
    gateway.enforce({ADATUM: row(), FABRIKAM: row()})
    assert_shut_out(gateway, peers(FABRIKAM), alice)
    gateway.shell('module:reload("fedgate_policy", "*")')
    wait_until(lambda: gateway.status()["blocking"]["reason"], "the module is loaded again")
    assert_shut_out(gateway, peers(FABRIKAM), alice)
    hold(gateway)


@pytest.mark.parametrize("how", ["no JSON", "empty", "an entry without a reason"])
@pytest.mark.usefixtures("mended")
def test_a_broken_list_at_the_start_closes_federation(how: str, gateway: Gateway, peers: MakePeer) -> None:
    gateway.stop()
    gateway.write(FILE, BROKEN[how])
    gateway.start()
    status = wait_until(gateway.status, "the status is written")
    assert status["state"] == "closed" and FILE in status["reason"]
    assert status["blocking"]["domains"] is None and status["blocking"]["reason"] == status["reason"]
    adatum = peers(ADATUM)
    assert closing(lambda: adatum.greet(adatum.connect(), HOST)).condition == "policy-violation"
    gateway.refusal(ADATUM, "incoming", "closed")
    hold(gateway, block())
    wait_until(lambda: gateway.status()["state"] == "enforcing", "the policy is in force")
    assert adatum.encrypted(HOST)
    alice = Client(gateway.address, ALICE, PASSWORD)
    assert_shut_out(gateway, peers(FABRIKAM), alice)
    alice.close()


@pytest.mark.usefixtures("mended")
def test_no_list_at_the_start_blocks_nobody(gateway: Gateway, peers: MakePeer) -> None:
    gateway.stop()
    (gateway.folder / FILE).unlink()
    gateway.start()
    status = wait_until(gateway.status, "the status is written")
    assert (status["state"], status["blocking"]["digest"], status["blocking"]["reason"]) == ("enforcing", None, None)
    assert list(status["blocking"]["domains"]) == []
    assert peers(FABRIKAM).encrypted(HOST)


@pytest.mark.parametrize("broken", ["the policy", "the configuration"])
@pytest.mark.usefixtures("mended")
def test_blocking_does_not_wait_for_what_is_broken(
    broken: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    fabrikam = peers(FABRIKAM)
    stream = established(gateway, fabrikam, alice)
    gateway.write("policy.json" if broken == "the policy" else "prosody.cfg.lua", "{")
    hold(gateway, block())
    assert closing(stream.read).condition == "policy-violation"
    assert_shut_out(gateway, fabrikam, alice)


@pytest.mark.usefixtures("mended")
def test_a_runtime_error_while_the_policy_is_read_leaves_the_block_in_force(
    gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    text = (MODULES / "fedgate_rules.lib.lua").read_text()
    fault = 'function rules.parse(data) if data.generation > 1000 then error("on purpose"); end'
    gateway.write("modules/fedgate_rules.lib.lua", text.replace("function rules.parse(data)", fault))
    gateway.shell('module:reload("fedgate_policy", "*")')
    fabrikam = peers(FABRIKAM)
    stream = established(gateway, fabrikam, alice)
    gateway.generation = 5000
    gateway.policy({FABRIKAM: row()})
    hold(gateway, block())
    assert closing(stream.read).condition == "policy-violation"
    wait_until(lambda: "internal error" in (gateway.status()["reason"] or ""), "the fault is reported")
    assert_shut_out(gateway, fabrikam, alice)
