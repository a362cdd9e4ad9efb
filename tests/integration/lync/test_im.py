"""``lync_test_im``: messages across the gateway, and what stands in their way.

Leans on guesses of the emulator: what the errors say, and how the command fails without test users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.im import ARGUMENTS, seconds, send
from ansible.module_utils.fedgate.module import report_here

from ...emulators.lync.deployment import NOBODY, VIEWER, Deployment
from ...emulators.lync.world import XmppPartner
from .conftest import options_of

Send = Callable[..., dict[str, Any]]
POOL, ECHO = "pool1.contoso.example", "echo@fabrikam.example"


@pytest.fixture
def sent(lync: Deployment) -> Send:
    """Return a function that sends to addresses, with further arguments."""
    lync.world.partners["fabrikam.example"] = XmppPartner("fabrikam.example", ["emea.fabrikam.example"])

    def run(*receivers: str, **more: Any) -> dict[str, Any]:
        given = {**options_of(lync), "pool": POOL, "receivers": list(receivers), **more}
        return report_here(send, ARGUMENTS, given)

    return run


def test_messages_go_through(lync: Deployment, sent: Send) -> None:
    found = sent(ECHO, "sip:echo@EMEA.fabrikam.example")
    assert found["ok"] and found["calls"] == 2 and found["changed"] is False
    assert found["results"][0] == {"receiver": ECHO, "ok": True, "latency": 0.25, "error": "", "diagnosis": ""}
    assert lync.world.writes == 0


def test_nobody_to_write_to_opens_no_session(lync: Deployment, sent: Send) -> None:
    assert sent()["ok"] and not lync.engine.calls


def test_each_receiver_is_tried_whatever_becomes_of_the_others(sent: Send) -> None:
    found = sent("echo@woodgrove.example", ECHO)
    assert [result["ok"] for result in found["results"]] == [False, True] and not found["ok"]
    assert "woodgrove.example is no allowed XMPP partner" in found["results"][0]["diagnosis"]


def test_a_pool_that_is_not_there(sent: Send) -> None:
    (result,) = sent(ECHO, pool="pool9.contoso.example")["results"]
    assert not result["ok"] and result["error"].startswith("10060, A connection attempt failed")
    assert result["latency"] == 0.0


def test_without_test_users_the_sender_must_be_named(lync: Deployment, sent: Send) -> None:
    lync.world.test_users.clear()
    (result,) = sent(ECHO)["results"]
    assert not result["ok"] and "Test users are not configured" in result["error"] and result["latency"] is None
    assert sent(ECHO, sender="alice@contoso.example")["ok"]
    assert lync.engine.calls[-1][1]["UserSipAddress"] == "sip:alice@contoso.example"


def test_an_edge_that_has_not_got_the_partner_yet(lync: Deployment, sent: Send) -> None:
    lync.world.replication.trouble("edge1.london.contoso.example", "down")
    lync.world.partners["woodgrove.example"] = XmppPartner("woodgrove.example")
    lync.world.written()
    assert [result["ok"] for result in sent(ECHO, "echo@woodgrove.example")["results"]] == [True, False]


def test_a_proxy_that_does_not_run(lync: Deployment, sent: Send) -> None:
    for name in ("edge1", "edge2"):
        lync.world.machines[f"{name}.london.contoso.example"].xmpp.begin_stop(graceful=False)
    (result,) = sent(ECHO)["results"]
    assert not result["ok"] and "did not answer" in result["diagnosis"]


@pytest.mark.parametrize(("account", "said"), [(VIEWER, "has no cmdlet Test-CsXmppIM"), (NOBODY, "may not open")])
def test_an_account_that_may_not(sent: Send, account: str, said: str) -> None:
    found = sent(ECHO, username=account)
    assert found["failed"] and said in found["msg"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PT2.5361946S", 2.5361946),
        ("P1DT1H1M1S", 90061.0),
        ("00:00:02.5361946", 2.5361946),
        ("1.01:01:01", 90061.0),
        ("PT0S", 0.0),
        ("00:00:00", 0.0),
        ("P", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_time_spans_come_in_two_forms(text: str | None, found: float | None) -> None:
    assert seconds(text) == found
