"""Reloading: what may change changes, what may not stays, and no way of breaking things leaves federation open."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import MODULES, Gateway, row, wait_until
from .peer import Peer, closing
from .wire import Stream

HOST = "contoso.example"
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> None:
    """Each test begins with no streams and a policy of one partner."""
    gateway.enforce({})
    gateway.enforce({FABRIKAM: row()})


@pytest.fixture
def mended(gateway: Gateway) -> Iterator[None]:
    """For tests that break things: all is whole again after them."""
    yield
    gateway.stop()
    gateway.restore_modules()
    gateway.configure()
    gateway.policy({})
    gateway.start()


def established(gateway: Gateway, peer: Peer, alice: Client) -> tuple[Stream, list[str]]:
    """Open streams in both directions; return ours and the ids of both."""
    stream, _ = peer.encrypted(HOST)
    peer.external(stream, HOST)
    alice.send(f"bob@{peer.domain}")
    peer.wait("stanza")
    incoming, outgoing = (gateway.session(peer.domain, way) for way in ("incoming", "outgoing"))
    return stream, sorted([incoming["id"], outgoing["id"]])


def ids(gateway: Gateway, domain: str) -> list[str]:
    return sorted(item["id"] for item in gateway.sessions(domain))


def closed_to(gateway: Gateway, peer: Peer) -> bool:
    """Whether the gateway refuses a partner."""
    stream = peer.connect()
    return closing(lambda: peer.greet(stream, HOST)).condition == "policy-violation"


def test_other_partners_come_and_go_and_streams_stay(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    stream, before = established(gateway, fabrikam, alice)
    gateway.enforce({FABRIKAM: row(), ADATUM: row()})
    assert ids(gateway, FABRIKAM) == before
    other, _ = established(gateway, adatum, alice)
    gateway.enforce({FABRIKAM: row(), ADATUM: row(certificate="valid")})
    assert ids(gateway, FABRIKAM) == before and len(ids(gateway, ADATUM)) == 2
    gateway.enforce({FABRIKAM: row()})
    assert ids(gateway, FABRIKAM) == before and ids(gateway, ADATUM) == []
    error = closing(other.read)
    assert (error.condition, error.text) == ("policy-violation", "Federation is not permitted")
    fabrikam.send_message(stream, "alice@contoso.example", "still here")
    assert alice.message().findtext("{jabber:client}body") == "still here"


@pytest.mark.parametrize("tightened", [row(sasl="not_supported"), row(tls="not_supported", plaintext=True)])
def test_a_changed_row_is_held_against_present_streams(
    tightened: dict[str, object], gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    stream, _ = established(gateway, peers(FABRIKAM), alice)
    gateway.enforce({FABRIKAM: tightened, ADATUM: row()})
    assert ids(gateway, FABRIKAM) == []
    assert closing(stream.read).condition


def test_a_host_taken_out_loses_its_streams(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    stream, _ = established(gateway, peers(FABRIKAM), alice)
    gateway.enforce({FABRIKAM: row()}, ["contoso-asia.example"])
    assert ids(gateway, FABRIKAM) == []
    assert closing(stream.read).condition == "policy-violation"


def policy_text(**changed: object) -> str:
    """Return a policy of one host and one partner whose row is changed."""
    rules = {**row(), **changed}
    return json.dumps({"format": 1, "generation": 9, "local_hosts": [HOST], "partners": {FABRIKAM: rules}})


BROKEN = {
    "no JSON": "{",
    "empty": "",
    "another format": '{"format": 99, "generation": 9, "local_hosts": [], "partners": {}}',
    "no partners": '{"format": 1, "generation": 9, "local_hosts": []}',
    "a misspelt row": policy_text(tls="requierd"),
    "a string for a truth": policy_text(dialback="false"),
    "missing": None,
}


def spoil(gateway: Gateway, text: str | None) -> None:
    if text is None:
        (gateway.folder / "policy.json").unlink()
    else:
        gateway.write("policy.json", text)


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_policy_keeps_the_last_good_one(how: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    _, before = established(gateway, peers(FABRIKAM), alice)
    good = gateway.status()
    spoil(gateway, BROKEN[how])
    status = gateway.hangup(lambda status: status["reason"] is not None)
    assert (status["state"], status["digest"]) == ("enforcing", good["digest"])
    assert "policy.json" in status["reason"]
    wait_until(lambda: "The policy stays as it was" in gateway.log(), "the log says so")  # the watch may say it first
    assert ids(gateway, FABRIKAM) == before
    gateway.enforce({FABRIKAM: row()})
    assert gateway.status()["reason"] is None


@pytest.mark.parametrize("how", ["missing", "no JSON", "a misspelt row"])
def test_a_broken_policy_at_start_closes_federation(how: str, gateway: Gateway, peers: MakePeer) -> None:
    gateway.stop()
    spoil(gateway, BROKEN[how])
    gateway.start()
    status = gateway.status()
    assert (status["state"], status["generation"], status["digest"]) == ("closed", None, None)
    assert "policy.json" in status["reason"]
    fabrikam = peers(FABRIKAM)
    alice = Client(gateway.address, "alice@contoso.example", "correct-horse")
    assert alice.bounce(alice.send("bob@fabrikam.example")) == (
        "not-allowed",
        "federation is closed: no policy is loaded",
    )
    alice.close()
    assert closed_to(gateway, fabrikam)
    gateway.enforce({FABRIKAM: row()})
    assert not fabrikam.happened() and fabrikam.encrypted(HOST)


def change_module(gateway: Gateway, change: str, name: str = "mod_fedgate_policy.lua") -> None:
    text = (MODULES / name).read_text()
    gateway.write(f"modules/{name}", change + "\n" + text if change.startswith("--first") else text + "\n" + change)


def reload_module(gateway: Gateway) -> None:
    gateway.shell('module:reload("fedgate_policy", "*")')


def test_a_reload_of_the_module_keeps_streams_and_counters(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    _, before = established(gateway, peers(FABRIKAM), alice)
    alice.bounce(alice.send("x@stranger.example"))
    gateway.refusal("stranger.example", "outgoing", "not-a-partner")
    reload_module(gateway)
    wait_until(lambda: gateway.status()["state"] == "enforcing", "it enforces again")
    assert ids(gateway, FABRIKAM) == before
    assert gateway.refusal("stranger.example", "outgoing", "not-a-partner")["count"] == 1


def test_a_reload_with_a_broken_policy_keeps_the_last_good_one(
    gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    _, before = established(gateway, peers(FABRIKAM), alice)
    spoil(gateway, "{")
    reload_module(gateway)
    assert gateway.status()["state"] == "enforcing" and ids(gateway, FABRIKAM) == before


@pytest.mark.usefixtures("mended")
def test_a_syntax_error_changes_nothing(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    _, before = established(gateway, peers(FABRIKAM), alice)
    change_module(gateway, "this is not Lua")
    reload_module(gateway)
    assert ids(gateway, FABRIKAM) == before
    assert gateway.status()["state"] == "enforcing"


@pytest.mark.parametrize("place", ["--first\nerror('on purpose')", "error('on purpose')"])
@pytest.mark.usefixtures("mended")
def test_a_runtime_error_on_reload_closes_federation(
    place: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    fabrikam = peers(FABRIKAM)
    stream, _ = established(gateway, fabrikam, alice)
    change_module(gateway, place)
    reload_module(gateway)
    assert closing(stream.read).condition == "policy-violation"
    status = gateway.status()
    assert (status["state"], status["sessions"]) == ("closed", [])
    assert closed_to(gateway, fabrikam)
    assert alice.bounce(alice.send("bob@fabrikam.example"))[1] == "federation is closed: its policy is not in force"
    # Mended, it is as if nothing had been.
    gateway.restore_modules()
    gateway.shell('module:load("fedgate_policy", "contoso.example")')
    wait_until(lambda: gateway.status()["state"] == "enforcing", "it enforces again")
    established(gateway, fabrikam, alice)
    gateway.enforce({ADATUM: row()})
    assert closed_to(gateway, fabrikam)
    gateway.enforce({FABRIKAM: row(), ADATUM: row()})
    established(gateway, fabrikam, alice)


@pytest.mark.usefixtures("mended")
def test_an_error_in_the_load_function_closes_federation(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    established(gateway, fabrikam, alice)
    change_module(gateway, "function module.load() error('on purpose') end")
    reload_module(gateway)
    assert closed_to(gateway, fabrikam)


@pytest.mark.usefixtures("mended")
def test_an_unloaded_policy_closes_federation(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    stream, _ = established(gateway, fabrikam, alice)
    gateway.shell('module:unload("fedgate_policy", "*")')
    assert closing(stream.read).condition == "policy-violation"
    assert gateway.status()["reason"] == "the policy module is not loaded"
    assert closed_to(gateway, fabrikam)


@pytest.mark.parametrize("load_s2s", [True, False])
@pytest.mark.usefixtures("mended")
def test_the_guard_alone_keeps_it_closed(load_s2s: bool, gateway: Gateway, peers: MakePeer) -> None:
    gateway.configure(policy=False, load_s2s=load_s2s)
    gateway.restart()
    fabrikam = peers(FABRIKAM)
    for host in (HOST, "conference.contoso.example"):
        stream = fabrikam.connect()
        assert closing(lambda s=stream, h=host: fabrikam.greet(s, h)).condition == "policy-violation"
    status = gateway.status()
    assert (status["state"], status["reason"]) == ("closed", "the policy module is not loaded")


@pytest.mark.usefixtures("mended")
def test_a_policy_that_breaks_at_start_keeps_it_closed(gateway: Gateway, peers: MakePeer) -> None:
    change_module(gateway, "error('on purpose')")
    gateway.restart()
    assert closed_to(gateway, peers(FABRIKAM))
    assert gateway.status()["state"] == "closed"


@pytest.mark.usefixtures("mended")
def test_a_guard_that_breaks_at_start_leaves_no_federation(gateway: Gateway, peers: MakePeer) -> None:
    change_module(gateway, "--first\nerror('on purpose')", "mod_fedgate_guard.lua")
    gateway.restart()
    with pytest.raises(ConnectionRefusedError):
        peers(FABRIKAM).connect()


@pytest.mark.usefixtures("mended")
def test_a_host_activated_later_is_gated(gateway: Gateway, peers: MakePeer) -> None:
    gateway.configure(extra='VirtualHost "late.contoso.example"\nComponent "later.contoso.example" "muc"\n')
    gateway.enforce({FABRIKAM: row(), ADATUM: row()})
    fabrikam = peers(FABRIKAM)
    for host in ("late.contoso.example", "later.contoso.example"):
        gateway.shell(f'host:activate("{host}")')
        stream = fabrikam.connect()
        assert closing(lambda s=stream, h=host: fabrikam.greet(s, h)).condition == "policy-violation"
        gateway.refusal(FABRIKAM, "incoming", "host-not-federated", host)


@pytest.mark.usefixtures("mended")
def test_the_rows_decide_whatever_prosody_is_told(gateway: Gateway, peers: MakePeer) -> None:
    gateway.configure(strict=False, load_s2s=False)
    gateway.policy({FABRIKAM: row(sasl="required", dialback=False), ADATUM: row()})
    gateway.restart()
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    stream = adatum.connect()
    assert adatum.greet(stream, HOST) == {"starttls"}
    assert closing(lambda: adatum.dialback(stream, HOST)).condition == "policy-violation"
    stream, offers = fabrikam.encrypted(HOST)
    assert offers >= {"external"} and "dialback" not in offers
    assert closing(lambda: fabrikam.dialback(stream, HOST)).condition == "not-authorized"
    stream, _ = adatum.encrypted(HOST)
    assert adatum.dialback(stream, HOST) == "valid"
