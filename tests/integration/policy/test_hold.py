"""A verdict that was reached under another policy than the one in force: it is held against this one when it is used.

Prosody 0.12 may run a reload between any two steps of ours. Such a moment cannot be met from outside, so what it leaves
behind is made here: a pair that was granted by a method that its row does not leave any more.
"""

from __future__ import annotations

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row, wait_until
from .peer import closing

HOST, PARTNER = "contoso.example", "fabrikam.example"
#: Lua, run in the server: each pair looks as if dialback had been accepted before the present policy came.
LEFT_BEHIND = (
    "> local function old(s) for _, e in pairs(s.fedgate and s.fedgate.pairs or {}) do "
    "e.method, e.under = 'dialback', nil; end end "
    "for s in pairs(prosody.incoming_s2s) do old(s); end "
    "for _, s in pairs(prosody.hosts['contoso.example'].s2sout) do old(s); end return 'left behind'"
)


@pytest.fixture(autouse=True)
def policy(gateway: Gateway) -> None:
    gateway.enforce({})
    gateway.enforce({PARTNER: row(sasl="required", dialback=False)}, [HOST])


def test_what_comes_in_is_refused_and_the_stream_ends(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(PARTNER)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    fabrikam.send_message(stream, f"alice@{HOST}", "before")
    assert alice.message().findtext("{jabber:client}body") == "before"
    assert "left behind" in gateway.shell(LEFT_BEHIND)
    fabrikam.send_message(stream, f"alice@{HOST}", "after")
    assert closing(stream.read).condition == "not-authorized"
    gateway.refusal(PARTNER, "incoming", "sasl")
    again, _ = fabrikam.encrypted(HOST)
    fabrikam.external(again, HOST)
    fabrikam.send_message(again, f"alice@{HOST}", "again")
    assert alice.message().findtext("{jabber:client}body") == "again", "what came between did not arrive"


def test_what_goes_out_takes_a_stream_of_its_own(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(PARTNER)
    alice.send(f"bob@{PARTNER}", "first")
    fabrikam.wait("stanza")
    before = gateway.session(PARTNER, "outgoing")["id"]
    assert "left behind" in gateway.shell(LEFT_BEHIND)
    alice.send(f"bob@{PARTNER}", "second")
    fabrikam.wait("external")
    fabrikam.wait("stanza")
    wait_until(lambda: gateway.session(PARTNER, "outgoing")["id"] != before, "another stream is reported")
