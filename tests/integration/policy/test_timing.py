"""Times: who is not authenticated soon, who is idle, and signs of life. Nothing is measured, only what came to pass."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row, wait_until
from .names import Names
from .peer import Peer, closing
from .wire import Closed, Stream

HOST = "contoso.example"
ALICE = "alice@contoso.example"
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins with no streams."""
    gateway.enforce({})
    yield
    gateway.enforce({})


def enforce(gateway: Gateway, *, adatum: dict[str, Any] | None = None, **limits: Any) -> None:
    """Let two partners in; ``adatum`` is what the second has of its own."""
    gateway.enforce({FABRIKAM: row(), ADATUM: {**row(), **(adatum or {})}}, limits=limits)


def body_of(alice: Client) -> str | None:
    return alice.message().findtext("{jabber:client}body")


def closed_without_error(stream: Stream) -> None:
    """The gateway says that it sends no more, and nothing else."""
    error = closing(stream.read)
    assert (error.condition, error.text) == ("", "")


# Establishment ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how_far", ["connected", "greeted", "encrypted"])
def test_who_is_not_authenticated_in_time_is_closed(
    how_far: str, gateway: Gateway, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, stream_establishment_timeout=2)
    fabrikam = peers(FABRIKAM)
    done, stream = fabrikam.admitted(HOST), fabrikam.connect()
    if how_far != "connected":
        fabrikam.greet(stream, HOST)
    if how_far == "encrypted":
        fabrikam.starttls(stream)
        fabrikam.greet(stream, HOST)
    assert closing(stream.read).condition == "connection-timeout"
    known = FABRIKAM if how_far != "connected" else ""
    gateway.refusal(known, "incoming", "establishment", host=HOST if known else "")
    fabrikam.send_message(done, ALICE, "authenticated, so it stays")
    assert body_of(alice) == "authenticated, so it stays"


def test_longer_than_prosodys_own_time(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    """The test gateway has s2s_timeout = 15; the time of the policy is what counts."""
    enforce(gateway, stream_establishment_timeout=60)
    fabrikam = peers(FABRIKAM)
    stream, _ = fabrikam.encrypted(HOST)
    time.sleep(17)
    fabrikam.external(stream, HOST)
    fabrikam.send_message(stream, ALICE, "late")
    assert body_of(alice) == "late"


def test_a_server_that_says_nothing(gateway: Gateway, names: Names, alice: Client) -> None:
    enforce(gateway, stream_establishment_timeout=2)
    with socket.create_server((names.address, 0)) as mute:
        names.put(FABRIKAM, mute.getsockname()[1])
        condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    names.forget(FABRIKAM)
    assert condition == "remote-server-timeout"
    assert f"the stream with {FABRIKAM} was not authenticated in time" in text
    gateway.refusal(FABRIKAM, "outgoing", "establishment")


def test_a_server_that_is_not_found_in_time(gateway: Gateway, names: Names, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, stream_establishment_timeout=2)
    fabrikam = peers(FABRIKAM)
    names.silent.add(f"{FABRIKAM}.")
    assert alice.bounce(alice.send(f"bob@{FABRIKAM}"))[0] == "remote-server-timeout"
    gateway.refusal(FABRIKAM, "outgoing", "establishment")
    names.silent.clear()

    def arrives() -> bool:
        alice.send(f"bob@{FABRIKAM}", "once more")
        return "stanza" in fabrikam.happened()

    wait_until(arrives, "a later message arrives", seconds=30)


# Inactivity ---------------------------------------------------------------------------------------------------------


def test_an_idle_stream_of_theirs_is_closed(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, stream_inactivity_timeout=2)
    fabrikam = peers(FABRIKAM)
    stream = fabrikam.admitted(HOST)
    closed_without_error(stream)
    fabrikam.send_message(stream, ALICE, "on its way when the stream was closed")
    assert body_of(alice) == "on its way when the stream was closed"
    stream.send("</stream:stream>")
    wait_until(lambda: not gateway.sessions(FABRIKAM), "the stream is gone")


def test_an_idle_stream_of_ours_is_closed_and_opened_again(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, stream_inactivity_timeout=2)
    fabrikam = peers(FABRIKAM)
    for number in range(3):
        alice.send(f"bob@{FABRIKAM}", f"number {number}")
        assert fabrikam.stanzas.get(timeout=10).findtext("{jabber:server}body") == f"number {number}"
        assert fabrikam.wait("closed", 10) == ""
    assert sum(header["from"] == HOST for header in fabrikam.headers) >= 3


def test_white_space_is_no_use_of_a_stream(gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, stream_inactivity_timeout=3, keepalive_interval=1)
    stream = peers(FABRIKAM).admitted(HOST)
    stream.connection.settimeout(0.2)
    with pytest.raises(Closed) as closed:
        for _ in range(100):
            stream.send(" ")
            try:
                stream.read()
            except TimeoutError:
                continue
    assert closed.value.condition == ""
    assert stream.blanks > 0


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_a_stream_in_use_stays(direction: str, gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, stream_inactivity_timeout=4)
    fabrikam = peers(FABRIKAM)
    idle = peers(ADATUM).admitted(HOST)
    stream = fabrikam.admitted(HOST) if direction == "incoming" else None
    seen = set()
    for number in range(16):
        if stream:
            fabrikam.send_message(stream, ALICE, str(number))
            assert body_of(alice) == str(number)
        else:
            alice.send(f"bob@{FABRIKAM}", str(number))
            fabrikam.wait("stanza")
        seen.add(gateway.session(FABRIKAM, direction)["id"])
        time.sleep(0.5)
    assert len(seen) == 1
    closed_without_error(idle)


def test_a_shorter_time_holds_for_present_streams(gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, stream_inactivity_timeout=600)
    stream = peers(FABRIKAM).admitted(HOST)
    enforce(gateway, stream_inactivity_timeout=1)
    closed_without_error(stream)


# Signs of life ------------------------------------------------------------------------------------------------------


def in_both_directions(peer: Peer, alice: Client) -> Stream:
    alice.send(f"bob@{peer.domain}")
    peer.wait("stanza")
    return peer.admitted(HOST)


def read_on(stream: Stream) -> None:
    """Read what comes, which is no stanza."""
    stream.connection.settimeout(0.1)
    with pytest.raises(TimeoutError):
        stream.read()


def test_signs_of_life_are_seen_on_the_wire(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, keepalive_interval=1, adatum={"keepalive": False})
    fabrikam, adatum = peers(FABRIKAM), peers(ADATUM)
    streams = [in_both_directions(peer, alice) for peer in (fabrikam, adatum)]

    def seen() -> bool:
        for stream in streams:
            read_on(stream)
        return streams[0].blanks >= 3 and fabrikam.blanks() - streams[0].blanks >= 3

    wait_until(seen, "white space on both streams", seconds=20)
    assert adatum.blanks() == 0
    alice.send(f"bob@{FABRIKAM}", "in between")
    fabrikam.wait("stanza")


def test_without_signs_of_life_for_all_there_are_none(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, keepalive=False, keepalive_interval=1)
    fabrikam = peers(FABRIKAM)
    stream = in_both_directions(fabrikam, alice)
    for _ in range(30):
        read_on(stream)
    assert fabrikam.blanks() == 0
    enforce(gateway, keepalive_interval=1)

    def seen() -> bool:
        read_on(stream)
        return stream.blanks > 0

    wait_until(seen, "white space after the policy asks for it", seconds=20)


@pytest.fixture
def impatient(gateway: Gateway) -> Iterator[None]:
    """A Prosody that itself sends white space where nothing came for a second."""
    gateway.stop()
    text = (gateway.folder / "prosody.cfg.lua").read_text()
    gateway.write("prosody.cfg.lua", f"network_settings = {{ read_timeout = 1 }}\n{text}")
    gateway.start()
    yield
    gateway.stop()
    gateway.write("prosody.cfg.lua", text)
    gateway.start()


@pytest.mark.usefixtures("impatient")
def test_prosodys_own_signs_of_life_obey_too(gateway: Gateway, peers: MakePeer) -> None:
    enforce(gateway, keepalive_interval=3600, adatum={"keepalive": False})
    with_them, without = peers(FABRIKAM).admitted(HOST), peers(ADATUM).admitted(HOST)

    def seen() -> bool:
        read_on(with_them)
        read_on(without)
        return with_them.blanks >= 3

    wait_until(seen, "white space from Prosody", seconds=20)
    assert without.blanks == 0
    assert gateway.sessions(ADATUM)
