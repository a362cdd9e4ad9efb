"""What the gateway tells of its work: for each partner what passed and what did not, and the same as OpenMetrics."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import MODULES, Gateway, row, wait_until
from .openmetrics import Samples, read, value
from .peer import Manners, closing

HOST = "contoso.example"
FABRIKAM, ADATUM, PLAIN, PUBLIC = "fabrikam.example", "adatum.example", "plain.example", "public.example"
POLICY = {
    FABRIKAM: row(),
    ADATUM: row(sasl="not_supported"),
    PLAIN: row(tls="not_supported", plaintext=True),
    PUBLIC: row(kind="public_unverified"),
}


@pytest.fixture(scope="module", autouse=True)
def relaxed(gateway: Gateway) -> None:
    """A row without TLS is among them, so Prosody's own switches are off."""
    gateway.stop()
    gateway.configure(strict=False)
    gateway.start()


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> None:
    """Each test begins without records: who is no partner has none."""
    gateway.enforce({})
    gateway.enforce(POLICY)


def record(gateway: Gateway, remote: str, seen: Any = lambda found: True) -> dict[str, Any]:
    """Wait until the record of a partner is there and as it should be; return it."""

    def look() -> dict[str, Any] | None:
        found = [item for item in gateway.status()["partners"] if item["remote"] == remote]
        return found[0] if found and seen(found[0]) else None

    return wait_until(look, f"the record of {remote}")  # type: ignore[no-any-return]


def metrics(gateway: Gateway) -> Samples:
    return read((gateway.folder / "fedgate.prom").read_text())


def test_what_passes_is_counted_in_both_directions(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    began = int(time.time())
    totals = gateway.status()["totals"]["stanzas"]
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    for number in range(3):
        fabrikam.send_message(stream, "alice@contoso.example", str(number))
    for _ in range(2):
        alice.send(f"bob@{FABRIKAM}")
        fabrikam.wait("stanza")
    found = record(gateway, FABRIKAM, lambda item: item["stanzas"] == {"incoming": 3, "outgoing": 2})
    assert found["streams"] == {"incoming": 1, "outgoing": 1}
    how = {"method": "external", "tls": "TLSv1.3", "count": 1}
    assert found["methods"] == [{"direction": "incoming", **how}, {"direction": "outgoing", **how}]
    assert found["refused"] == []
    assert all(began <= found["last"][way] <= time.time() for way in ("incoming", "outgoing"))
    after = gateway.status()["totals"]["stanzas"]
    assert (after["incoming"] - totals["incoming"], after["outgoing"] - totals["outgoing"]) == (3, 2)
    samples = metrics(gateway)
    assert value(samples, "fedgate_partner_stanzas_total", remote=FABRIKAM, direction="incoming") == 3
    assert value(samples, "fedgate_partner_streams", remote=FABRIKAM, direction="outgoing") == 1
    last = value(samples, "fedgate_partner_last_seen_seconds", remote=FABRIKAM, direction="incoming")
    assert last == found["last"]["incoming"]
    name = "fedgate_partner_authentications_total"
    assert value(samples, name, remote=FABRIKAM, direction="incoming", method="external", tls="TLSv1.3") == 1


def test_mere_traffic_is_written_too(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    for number in range(1, 4):
        fabrikam.send_message(stream, "alice@contoso.example", str(number))
        record(gateway, FABRIKAM, lambda item, n=number: item["stanzas"]["incoming"] == n)


def test_methods_are_told_apart(gateway: Gateway, peers: MakePeer) -> None:
    adatum, plain = peers(ADATUM), peers(PLAIN, Manners(tls=False))
    stream, _ = adatum.encrypted(HOST)
    assert adatum.dialback(stream, HOST) == "valid"
    bare = plain.connect()
    plain.greet(bare, HOST)
    assert plain.dialback(bare, HOST) == "valid"
    for domain, tls in ((ADATUM, "TLSv1.3"), (PLAIN, None)):
        # Our question about the key went over a stream of ours, which was authenticated in the same manner.
        wanted = [{"direction": way, "method": "dialback", "tls": tls, "count": 1} for way in ("incoming", "outgoing")]
        record(gateway, domain, lambda item, methods=wanted: item["methods"] == methods)
    name = "fedgate_partner_authentications_total"
    assert value(metrics(gateway), name, remote=PLAIN, direction="incoming", method="dialback", tls="") == 1


def test_what_is_refused_is_counted_with_its_reason(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    public, adatum, stranger = peers(PUBLIC), peers(ADATUM), peers("stranger.example")
    stream, _ = public.encrypted(HOST)
    public.external(stream, HOST)
    public.send_message(stream, "alice@contoso.example", "let me in")
    found = record(gateway, PUBLIC, lambda item: item["refused"])
    assert found["refused"] == [{"direction": "incoming", "reason": "stranger", "count": 1}]
    assert found["stanzas"] == {"incoming": 0, "outgoing": 1}, "the answer is all that passed"
    assert found["last"]["incoming"] is None
    stream, _ = adatum.encrypted(HOST)
    assert closing(lambda: adatum.external(stream, HOST)).condition == "not-authorized"
    assert record(gateway, ADATUM)["refused"] == [{"direction": "incoming", "reason": "sasl", "count": 1}]
    before = {(item["direction"], item["reason"]): item["count"] for item in gateway.status()["totals"]["refused"]}
    connection = stranger.connect()
    closing(lambda: stranger.greet(connection, HOST))
    alice.bounce(alice.send("mallory@stranger.example"))
    gateway.refusal("stranger.example", "outgoing", "not-a-partner")
    status = gateway.status()
    after = {(item["direction"], item["reason"]): item["count"] for item in status["totals"]["refused"]}
    for direction in ("incoming", "outgoing"):
        key = (direction, "not-a-partner")
        assert after[key] == before.get(key, 0) + 1
        assert (
            value(metrics(gateway), "fedgate_refused_total", direction=direction, reason="not-a-partner") == after[key]
        )
    assert "stranger.example" not in [item["remote"] for item in status["partners"]]


def test_records_outlive_reloads_but_not_the_partnership(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    before = record(gateway, FABRIKAM, lambda item: item["streams"]["outgoing"] == 1)
    assert before["stanzas"]["outgoing"] == 1
    gateway.enforce({FABRIKAM: row(), "new.example": row()})
    assert record(gateway, FABRIKAM) == before
    written = gateway.status()["written"]
    gateway.shell('module:reload("fedgate_policy", "*")')
    wait_until(lambda: gateway.status()["written"] > written, "it reports again")
    assert record(gateway, FABRIKAM) == before
    gateway.enforce({"new.example": row()})
    assert FABRIKAM not in [item["remote"] for item in gateway.status()["partners"]]


def test_a_thousand_are_reported_and_the_rest_is_numbered(gateway: Gateway, alice: Client) -> None:
    partners = [f"p{number}.example" for number in range(1030)]
    gateway.enforce({name: row() for name in partners})
    for name in partners:  # none of them has a server: it is allowed, and comes back
        alice.send(f"x@{name}")
    status = wait_until(lambda: gateway.status()["partners_omitted"] == 30 and gateway.status(), "all are counted", 60)
    assert len(status["partners"]) == 1000
    samples = metrics(gateway)
    assert len([name for name, _ in samples if name == "fedgate_partner_stanzas_total"]) == 2000


def test_the_metrics_say_what_the_status_says(gateway: Gateway) -> None:
    status, samples = gateway.status(), metrics(gateway)
    assert value(samples, "fedgate_enforcing") == 1
    assert value(samples, "fedgate_policy_generation") == status["generation"]
    assert value(samples, "fedgate_start_time_seconds") == status["started"]
    assert value(samples, "fedgate_faults_total") == status["faults"]["count"]
    gateway.write("policy.json", "{")
    wait_until(lambda: value(metrics(gateway), "fedgate_alarm", kind="policy") == 1, "the alarm is in the metrics")
    gateway.shell('module:unload("fedgate_policy", "*")')
    closed = wait_until(lambda: value(metrics(gateway), "fedgate_enforcing") == 0 and metrics(gateway), "it is closed")
    assert value(closed, "fedgate_alarm", kind="module") == 1
    status_keys = set(status)
    assert set(gateway.status()) == status_keys and gateway.status()["alarm"]["kind"] == "module"
    gateway.policy(POLICY)
    gateway.restart()


def test_labels_are_escaped(gateway: Gateway) -> None:
    """Names of domains need no escapes; the function that writes them is asked with one that does."""
    status = {
        "state": "enforcing", "generation": 1, "alarm": None, "faults": {"count": 0}, "started": 1, "written": 2,
        "totals": {"stanzas": {"incoming": 0, "outgoing": 0}, "refused": []},
        "partners": [{
            "remote": 'a"b\\c\nd', "stanzas": {"incoming": 1, "outgoing": 2}, "refused": [], "methods": [],
            "last": {"incoming": None, "outgoing": 1.5}, "streams": {"incoming": 0, "outgoing": 0},
        }],
    }  # fmt: skip
    script = """
        package.path = "/usr/lib/prosody/?.lua;" .. package.path
        package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath
        local loader = io.open("/usr/lib/prosody/loader.lua")
        if loader then loader:close(); dofile("/usr/lib/prosody/loader.lua"); end
        local metrics = dofile("/fedgate/modules/fedgate_metrics.lib.lua")
        io.write(metrics.text(require "util.json".decode(io.read("a"))))
    """
    text = gateway.run("lua5.4", "-e", script, stdin=json.dumps(status))
    assert value(read(text), "fedgate_partner_stanzas_total", remote='a"b\\c\nd', direction="outgoing") == 2
    assert value(read(text), "fedgate_partner_last_seen_seconds", remote='a"b\\c\nd', direction="outgoing") == 1.5


def test_no_part_of_ours_is_longer_than_it_may_be() -> None:
    assert not [file.name for file in MODULES.glob("*.lua") if len(file.read_text().splitlines()) > 300]
