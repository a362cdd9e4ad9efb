"""Errors in our own handlers: what was to be decided is refused, said in the log, counted, and raises an alarm.

Each handler is broken on purpose in the running server: first what it decides on gets through, then it does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from .client import STANZAS, Client
from .conftest import MakePeer
from .gateway import MODULES, Gateway, row, wait_until
from .peer import Peer, closing
from .wire import CLIENT, Closed

HOST = "contoso.example"
FABRIKAM, PUBLIC = "fabrikam.example", "public.example"
POLICY = {FABRIKAM: row(), PUBLIC: row(kind="public_verified")}
WHY = "on purpose"

INCOMING = [
    "incoming.features_first", "incoming.features_last", "incoming.sasl_auth", "incoming.authenticated",
    "incoming.stanza", "contacts.stanza", "flow.arrived", "rules.accepts", "rules.pair",
    "sessions.certificate", "sessions.grant", "counts.stanza_in", "audit.allowed", "refuse.count",
]  # fmt: skip
OUTGOING = [
    "outgoing.route", "contacts.route", "outgoing.features_first", "outgoing.authenticated",
    "rules.demands_certificate", "counts.stanza_out", "sessions.certificate",
]  # fmt: skip
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins without streams and alarms, and whatever it broke is whole after it."""
    gateway.enforce({})
    gateway.enforce(POLICY)
    yield
    gateway.restore_modules()
    reload_module(gateway)
    gateway.enforce({})
    assert gateway.status()["alarm"] is None


def reload_module(gateway: Gateway) -> None:
    gateway.shell('module:reload("fedgate_policy", "*")')
    wait_until(lambda: gateway.status()["state"] == "enforcing", "it enforces")


def break_one(gateway: Gateway, function: str) -> None:
    """Replace a function of ours in the running server by one that only fails."""
    name, _ = function.split(".")
    text = (MODULES / f"fedgate_{name}.lib.lua").read_text()
    end = f"return {name};\n"
    assert text.endswith(end), f"{name} does not end as expected"
    broken = f"function {function}() error('{WHY}') end\n"
    gateway.write(f"modules/fedgate_{name}.lib.lua", text.removesuffix(end) + broken + end)
    reload_module(gateway)


def faulted(gateway: Gateway, before: int, refused: str = "") -> dict[str, Any]:
    """Wait until an error was counted, and what was refused for it in a direction; return the status with its alarm.

    The status may be written between the two.
    """

    def look() -> Optional[dict[str, Any]]:
        status = gateway.status()
        counted = status["faults"]["count"] > before and (not refused or refused_for_fault(status, refused))
        return status if counted else None

    status = wait_until(look, "a fault is counted")
    assert status["alarm"]["kind"] == "fault" and WHY in status["alarm"]["reason"]
    assert status["alarm"]["since"] <= status["written"]
    assert status["state"] == "enforcing"
    log = gateway.log()
    assert "Internal error in the handler of" in log and "stack traceback" in log
    return status  # type: ignore[no-any-return]


def refused_for_fault(status: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    return [item for item in status["refused"] if item["reason"] == "fault" and item["direction"] == direction]


def say(peer: Peer) -> str:
    """Open a stream to the gateway, authenticate by EXTERNAL, and send alice a message; return its body."""
    body = f"body {next(_numbers)}"
    stream, _ = peer.encrypted(HOST)
    peer.external(stream, HOST)
    peer.send_message(stream, "alice@contoso.example", body)
    return body


def bodies(client: Client) -> list[str]:
    return [item.findtext(f"{{{CLIENT}}}body") or "" for item in client.drain()]


@pytest.mark.parametrize("function", INCOMING)
def test_nothing_comes_in(function: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    body = say(fabrikam)
    assert alice.message().findtext(f"{{{CLIENT}}}body") == body
    gateway.enforce({})
    gateway.enforce(POLICY)
    break_one(gateway, function)
    before = gateway.status()["faults"]["count"]
    if function == "refuse.count":  # is in use only when something is refused: here by the row
        gateway.enforce({FABRIKAM: row(sasl="not_supported")})
    try:
        body = say(fabrikam)
    except Closed as error:
        # A peer that has read of its success opens its stream anew, and may find only the end.
        assert error.condition in ("internal-server-error", "")
    faulted(gateway, before, "" if function == "refuse.count" else "incoming")
    assert body not in bodies(alice)


@pytest.mark.parametrize("function", OUTGOING)
def test_nothing_goes_out(function: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    gateway.enforce({})
    gateway.enforce(POLICY)
    fabrikam.happened()
    break_one(gateway, function)
    before = gateway.status()["faults"]["count"]
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    assert condition in ("internal-server-error", "remote-server-timeout", "remote-server-not-found"), text
    faulted(gateway, before, "outgoing")
    assert "stanza" not in fabrikam.happened()


def test_a_stream_whose_rate_is_unknown_ends(gateway: Gateway, peers: MakePeer) -> None:
    """The part that makes partners pay for what was read, where a rate is set, is no handler of events."""
    text = (MODULES / "fedgate_flow.lib.lua").read_text()
    begin = "local function spend(session, state)\n"
    assert begin in text
    gateway.enforce({FABRIKAM: {**row(), "stanza_rate": 1000}})
    fabrikam = peers(FABRIKAM)
    gateway.write("modules/fedgate_flow.lib.lua", text.replace(begin, f"{begin}\tdo error('{WHY}') end\n"))
    reload_module(gateway)
    before = gateway.status()["faults"]["count"]
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    fabrikam.send_message(stream, "alice@contoso.example", "once")
    assert closing(stream.read).condition == "internal-server-error"
    status = wait_until(lambda: gateway.status()["faults"]["count"] > before and gateway.status(), "a fault is counted")
    assert status["alarm"]["kind"] == "fault" and "the rate of incoming stanzas" in status["alarm"]["reason"]
    assert refused_for_fault(status, "incoming")


def test_what_cannot_be_noted_does_not_leave_by_an_open_stream(
    gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    fabrikam = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    break_one(gateway, "flow.departed")
    before = gateway.status()["faults"]["count"]
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    assert condition == "internal-server-error", text
    faulted(gateway, before, "outgoing")
    assert "stanza" not in fabrikam.happened()


def test_dialback_is_refused(gateway: Gateway, peers: MakePeer) -> None:
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    assert fabrikam.dialback(stream, HOST) == "valid"
    break_one(gateway, "incoming.dialback_result")
    before = gateway.status()["faults"]["count"]
    stream, _ = fabrikam.encrypted(HOST)
    with pytest.raises(Closed, match="internal-server-error"):
        fabrikam.dialback(stream, HOST)
    faulted(gateway, before)


def test_a_subscription_is_not_approved(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    break_one(gateway, "consent.approve")
    before = gateway.status()["faults"]["count"]
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    stream.send(f"<presence type='subscribe' from='eve@{FABRIKAM}' to='alice@contoso.example'/>")
    faulted(gateway, before)
    assert not [item for item in alice.drain() if FABRIKAM in (item.get("from") or "")]


def test_a_denial_that_cannot_be_noted_is_told_to_the_user(gateway: Gateway, alice: Client) -> None:
    break_one(gateway, "consent.presence_out")
    before = gateway.status()["faults"]["count"]
    alice.write(f"<presence type='unsubscribed' id='deny' to='bob@{FABRIKAM}'/>")
    answer = next(item for item in alice.drain() if item.get("id") == "deny")
    error = answer.find(f"{{{CLIENT}}}error")
    assert error is not None and error.find(f"{{{STANZAS}}}internal-server-error") is not None
    faulted(gateway, before)


@pytest.mark.parametrize("function", ["audit.refused", "counts.refused"])
def test_who_is_refused_stays_so_when_that_cannot_be_told(function: str, gateway: Gateway, peers: MakePeer) -> None:
    break_one(gateway, function)
    before = gateway.status()["faults"]["count"]
    stranger = peers("stranger.example")
    stream = stranger.connect()
    with pytest.raises(Closed) as caught:
        stranger.greet(stream, HOST)
    assert caught.value.condition == "internal-server-error"
    faulted(gateway, before)


def test_a_status_that_cannot_be_written_stops_nothing(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    break_one(gateway, "metrics.text")
    body = say(peers(FABRIKAM))
    assert alice.message().findtext(f"{{{CLIENT}}}body") == body
    raised = wait_until(lambda: gateway.status()["alarm"], "an alarm")
    assert raised["kind"] == "fault" and "the metrics" in raised["reason"]


def test_our_users_still_talk_to_each_other(gateway: Gateway, alice: Client) -> None:
    break_one(gateway, "counts.stanza_in")
    identifier = alice.send("alice@contoso.example", "to myself")
    assert identifier in [item.get("id") for item in alice.drain()]


def test_a_reload_ends_the_alarm_until_the_next_fault(gateway: Gateway, peers: MakePeer) -> None:
    break_one(gateway, "incoming.features_first")
    fabrikam = peers(FABRIKAM)
    for _ in range(2):
        before = gateway.status()["faults"]["count"]
        stream = fabrikam.connect()
        with pytest.raises(Closed):
            fabrikam.greet(stream, HOST)
        status = faulted(gateway, before)
        gateway.enforce(POLICY)
        assert gateway.status()["alarm"] is None
        assert gateway.status()["faults"]["count"] == status["faults"]["count"]
