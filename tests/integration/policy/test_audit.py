"""The audit trail: one line for each verdict, who and whom, and never what was said."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import MODULES, Gateway, row, wait_until
from .peer import closing

HOST = "contoso.example"
FABRIKAM, ADATUM, PUBLIC = "fabrikam.example", "adatum.example", "public.example"
POLICY = {FABRIKAM: row(), ADATUM: row(sasl="not_supported"), PUBLIC: row(kind="public_unverified")}
SECRET = "nobody-may-keep-this"
KEYS = ["at", "verdict", "direction", "local", "remote", "reason", "method", "tls", "certificate", "stream", "from",
        "to", "stanza", "address", "suppressed"]  # fmt: skip


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> None:
    gateway.enforce({})
    gateway.enforce(POLICY)


@pytest.fixture
def elsewhere(gateway: Gateway) -> Iterator[None]:
    """For tests that send the trail elsewhere or change the module: all is as before after them."""
    yield
    gateway.stop()
    gateway.restore_modules()
    gateway.configure()
    gateway.policy({})
    gateway.start()


def trail(gateway: Gateway, name: str = "audit.log") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (gateway.folder / name).read_text().splitlines()]


def line(gateway: Gateway, **wanted: object) -> dict[str, Any]:
    """Wait for a line with these facts; return it."""

    def look() -> list[dict[str, Any]]:
        return [item for item in trail(gateway) if all(item.get(key) == value for key, value in wanted.items())]

    return wait_until(look, f"a line with {wanted}")[-1]  # type: ignore[no-any-return]


def test_allowed_pairs_once_each_stream(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    for _ in range(3):
        fabrikam.send_message(stream, "alice@contoso.example", SECRET)
        alice.message()
        alice.send(f"bob@{FABRIKAM}", SECRET)
        fabrikam.wait("stanza")
    other, _ = adatum.encrypted(HOST)
    assert adatum.dialback(other, HOST) == "valid"
    for direction in ("incoming", "outgoing"):
        session = gateway.session(FABRIKAM, direction)
        found = line(gateway, verdict="allowed", direction=direction, remote=FABRIKAM, stream=session["id"])
        assert (found["local"], found["method"], found["tls"]) == (HOST, "external", "TLSv1.3")
        assert found["certificate"] == "valid" and "reason" not in found
        assert len([item for item in trail(gateway) if item.get("stream") == session["id"]]) == 1
    incoming = line(gateway, verdict="allowed", direction="incoming", remote=ADATUM)
    assert (incoming["method"], incoming["address"]) == ("dialback", gateway.address.rsplit(".", 1)[0] + ".1")
    text = (gateway.folder / "audit.log").read_text()
    assert SECRET not in text
    for entry in trail(gateway):
        assert list(entry) == [key for key in KEYS if key in entry]


def test_refused_with_who_whom_and_why(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    stranger, public = peers("stranger.example"), peers(PUBLIC)
    connection = stranger.connect()
    closing(lambda: stranger.greet(connection, HOST))
    found = line(gateway, verdict="refused", direction="incoming", remote="stranger.example")
    assert (found["local"], found["reason"]) == (HOST, "not-a-partner") and found["address"]
    alice.bounce(alice.send("mallory@stranger.example", SECRET))
    found = line(gateway, verdict="refused", direction="outgoing", remote="stranger.example")
    assert (found["from"], found["to"], found["stanza"]) == (alice.full, "mallory@stranger.example", "message")
    stream, _ = public.encrypted(HOST)
    public.external(stream, HOST)
    public.send_message(stream, "alice@contoso.example", SECRET)
    found = line(gateway, verdict="refused", remote=PUBLIC, reason="stranger")
    assert (found["from"], found["to"]) == (f"bob@{PUBLIC}", "alice@contoso.example")
    assert SECRET not in (gateway.folder / "audit.log").read_text()


def test_a_withdrawn_partner_is_in_it(gateway: Gateway, peers: MakePeer) -> None:
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    fabrikam.external(stream, HOST)
    gateway.session(FABRIKAM, "incoming")
    gateway.enforce({})
    line(gateway, verdict="refused", direction="incoming", remote=FABRIKAM, reason="not-a-partner")


@pytest.mark.usefixtures("elsewhere")
def test_a_flood_is_cut_and_counted(gateway: Gateway, alice: Client) -> None:
    """The minute is made shorter in the running module, so that its end comes soon."""
    text = (MODULES / "fedgate_audit.lib.lua").read_text()
    assert "MINUTE = 60;" in text
    gateway.write("modules/fedgate_audit.lib.lua", text.replace("MINUTE = 60;", "MINUTE = 4;"))
    gateway.shell('module:reload("fedgate_policy", "*")')
    names = [f"flood{number}.example" for number in range(3)]
    for _ in range(100):
        for name in names:
            alice.send(f"x@{name}")
    alice.drain()
    for name in names:
        wait_until(lambda n=name: _told(gateway, n) == 100, f"all refusals of {name} are told")
        lines = [item for item in trail(gateway) if item.get("remote") == name]
        assert len(lines) <= 25, "the flood is not cut"
        assert any(item.get("suppressed", 0) > 0 for item in lines)


def _told(gateway: Gateway, name: str) -> int:
    """Return how many refusals of a domain the trail accounts for: one a line, or as many as a line says."""
    return sum(item.get("suppressed", 1) for item in trail(gateway) if item.get("remote") == name)


def test_the_file_may_be_rotated(gateway: Gateway, alice: Client) -> None:
    alice.bounce(alice.send("x@before.example"))
    line(gateway, remote="before.example")
    (gateway.folder / "audit.log").rename(gateway.folder / "audit.log.1")
    gateway.enforce(POLICY)
    alice.bounce(alice.send("x@after.example"))
    line(gateway, remote="after.example")
    assert "after.example" not in [item.get("remote") for item in trail(gateway, "audit.log.1")]


@pytest.mark.usefixtures("elsewhere")
def test_to_syslog(gateway: Gateway) -> None:
    path = Path(gateway.folder, "log.sock")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.settimeout(10)
        gateway.run("ln", "-sf", "/fedgate/log.sock", "/dev/log")
        configure(gateway, '"syslog"')
        alice = Client(gateway.address, "alice@contoso.example", "correct-horse")
        alice.bounce(alice.send("x@stranger.example", SECRET))
        said = ""
        while "stranger.example" not in said:
            said = listener.recv(65536).decode()
        alice.close()
    priority, _, text = said.partition("fedgate_audit: ")
    assert priority.startswith("<30>") and "prosody" in priority, "facility daemon, level info"
    assert json.loads(text.rstrip("\0\n"))["remote"] == "stranger.example"
    assert SECRET not in said


@pytest.mark.usefixtures("elsewhere")
def test_to_the_log_and_nowhere(gateway: Gateway) -> None:
    for where, there in (('"log"', True), ('"off"', False)):
        configure(gateway, where)
        alice = Client(gateway.address, "alice@contoso.example", "correct-horse")
        alice.bounce(alice.send("x@stranger.example"))
        alice.close()
        lines = [text for text in gateway.log().splitlines() if "fedgate_audit\tinfo\t{" in text]
        assert any("stranger.example" in text for text in lines) is there


def configure(gateway: Gateway, where: str) -> None:
    """Start the gateway with the trail elsewhere."""
    gateway.stop()
    gateway.configure(extra="")
    config = gateway.folder / "prosody.cfg.lua"
    gateway.write("prosody.cfg.lua", config.read_text().replace('"/fedgate/audit.log"', where))
    gateway.start()
