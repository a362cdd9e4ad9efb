"""A policy file that is not what was written: seen at the reload and between reloads, and never put in force."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row, wait_until
from .peer import closing

HOST = "contoso.example"
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"

Tamper = Callable[[Gateway, str], None]


def edit(change: Callable[[str], str]) -> Tamper:
    """Return what writes a file anew with its text changed."""
    return lambda gateway, text: gateway.write("policy.json", change(text))


def world_writable(gateway: Gateway, text: str) -> None:
    (gateway.folder / "policy.json").chmod(0o666)


def of_another(gateway: Gateway, text: str) -> None:
    os.chown(gateway.folder / "policy.json", 4711, 0)


def removed(gateway: Gateway, text: str) -> None:
    (gateway.folder / "policy.json").unlink()


def in_place(gateway: Gateway, text: str) -> None:
    """Change one byte, and give the file its old date again."""
    path = gateway.folder / "policy.json"
    dates = path.stat()
    path.write_text(text.replace('"required"', '"optional"', 1))
    os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))


def without_digest(text: str) -> str:
    content = json.loads(text)
    del content["digest"]
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def two_digests(text: str) -> str:
    """Return the text with a second key of that name, which JSON readers take in place of the first."""
    return text.replace('\n "format"', '\n "digest": "' + "0" * 64 + '",\n "format"')


TAMPERED: dict[str, tuple[Tamper, str]] = {
    "a partner more": (edit(lambda text: text.replace(FABRIKAM, ADATUM)), "changed after it was written"),
    "a row relaxed": (edit(lambda text: text.replace('"sasl": "required"', '"sasl": "optional"')), "changed after"),
    "a space more": (edit(lambda text: text + " "), "changed after it was written"),
    "cut short": (edit(lambda text: text[: len(text) // 2]), "is not JSON"),
    "without digest": (edit(without_digest), "does not hold its own digest"),
    "two digests": (edit(two_digests), "does not hold its own digest"),
    "keys in another order": (edit(lambda text: json.dumps(json.loads(text))), "does not hold its own digest"),
    "in place, the old date": (in_place, "changed after it was written"),
    "world-writable": (world_writable, "everybody may write it"),
    "of another user": (of_another, "it belongs to user id 4711"),
    "removed": (removed, "No such file"),
}


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins and ends with a policy of one partner, and no alarm."""
    gateway.enforce({FABRIKAM: row(sasl="required", dialback=False)})
    yield
    gateway.enforce({})


def alarm(gateway: Gateway) -> dict[str, Any]:
    """Wait for an alarm; return it."""
    return wait_until(lambda: gateway.status()["alarm"], "an alarm")  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", TAMPERED)
def test_it_is_seen_without_a_reload_and_changes_nothing(
    how: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    tamper, what = TAMPERED[how]
    before = gateway.status()
    fabrikam = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    fabrikam.wait("stanza")
    held = gateway.session(FABRIKAM, "outgoing")["id"]
    began = int(time.time())
    tamper(gateway, (gateway.folder / "policy.json").read_text())
    raised = alarm(gateway)
    assert raised["kind"] == "policy" and what in raised["reason"] and "policy.json" in raised["reason"]
    assert began <= raised["since"] <= time.time()
    kept = gateway.log().count("The policy stays as it was")
    gateway.run("sh", "-c", "kill -HUP $(cat /run/prosody/prosody.pid)")
    wait_until(lambda: gateway.log().count("The policy stays as it was") > kept, "it is read again, in vain")
    status = gateway.status()
    assert status["reason"] == raised["reason"]
    assert (status["state"], status["digest"]) == ("enforcing", before["digest"])
    assert status["alarm"]["since"] == raised["since"]
    assert [item["id"] for item in gateway.sessions(FABRIKAM)] == [held]
    assert f"Alarm (policy): {raised['reason']}" in gateway.log()
    stranger = peers(ADATUM)
    connection = stranger.connect()
    assert closing(lambda: stranger.greet(connection, HOST)).condition == "policy-violation"


def test_the_same_file_put_back_ends_the_alarm(gateway: Gateway) -> None:
    text = (gateway.folder / "policy.json").read_text()
    gateway.write("policy.json", text.replace(FABRIKAM, ADATUM))
    alarm(gateway)
    gateway.write("policy.json", text)
    wait_until(lambda: gateway.status()["alarm"] is None, "the alarm ends")
    assert gateway.status()["reason"] is None


def test_a_policy_that_waits_for_its_reload_is_no_alarm(gateway: Gateway) -> None:
    before = gateway.status()["digest"]
    gateway.policy({ADATUM: row()})
    looked = gateway.status()["written"]
    wait_until(lambda: gateway.status()["written"] > looked + 1, "it looked again")
    status = gateway.status()
    assert (status["alarm"], status["reason"], status["digest"]) == (None, None, before)


@pytest.mark.parametrize("how", ["a partner more", "cut short", "without digest", "world-writable", "of another user"])
def test_at_a_start_nobody_federates(how: str, gateway: Gateway, peers: MakePeer) -> None:
    tamper, what = TAMPERED[how]
    gateway.stop()
    tamper(gateway, (gateway.folder / "policy.json").read_text())
    gateway.start()
    status = gateway.status()
    assert (status["state"], status["generation"]) == ("closed", None)
    assert what in status["alarm"]["reason"] and status["alarm"]["kind"] == "policy"
    for domain in (FABRIKAM, ADATUM):
        peer = peers(domain)
        connection = peer.connect()
        assert closing(lambda p=peer, c=connection: p.greet(c, HOST)).condition == "policy-violation"
    gateway.enforce({FABRIKAM: row()})
    assert gateway.status()["alarm"] is None


def test_a_file_of_the_first_format_needs_no_digest(gateway: Gateway) -> None:
    rules = {"partner": FABRIKAM, **row()}
    content = {"format": 1, "generation": 77, "local_hosts": [HOST], "partners": {FABRIKAM: rules}}
    gateway.write("policy.json", json.dumps(content))
    status = gateway.hangup(lambda status: status["generation"] == 77)
    assert (status["state"], status["alarm"]) == ("enforcing", None)


def test_ten_thousand_partners(gateway: Gateway, peers: MakePeer) -> None:
    gateway.enforce({FABRIKAM: row(), **{f"p{number}.example": row() for number in range(10_000)}})
    peer = peers(FABRIKAM)
    assert peer.encrypted(HOST)
    path = gateway.folder / "policy.json"
    gateway.write("policy.json", path.read_text().replace("p9999.example", "q9999.example"))
    assert "changed after it was written" in alarm(gateway)["reason"]
