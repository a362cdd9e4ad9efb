"""After a change: all name servers of a zone asked at once, until each answers with exactly the new data."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.authoritative import Resolvers, wait
from ansible.module_utils.fedgate.dns.records import Key
from ansible.module_utils.fedgate.dns.values import Value, parse
from ansible.module_utils.fedgate.errors import NotConverged

from .acme_world import loopback, needs_servers
from .bind import Bind
from .dns_world import LONDON, SRV, TOKYO, a, absent, reconciler, run, srv

pytestmark = needs_servers
ZONE = "contoso.example"
KEY: Key = (LONDON, "A")


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    yield from loopback()


@pytest.fixture
def bind(addresses: tuple[str, str], tmp_path: Path) -> Iterator[Bind]:
    """The zone's only server, and the resolver."""
    (tmp_path / "primary").mkdir()
    server = Bind(tmp_path / "primary", root=True, address=addresses[0], port=53, recursion=True)
    server.start()
    server.edit(ZONE, ("add", f"{LONDON}.", 300, "A", "192.0.2.1"))
    yield server
    server.stop()


@pytest.fixture
def secondary(bind: Bind, addresses: tuple[str, str], tmp_path: Path) -> Iterator[Bind]:
    """A second server, which nobody tells of changes: it has them when it is started again."""
    name_another(bind, addresses[1])
    (tmp_path / "secondary").mkdir()
    server = Bind(tmp_path / "secondary", address=addresses[1], port=53, secondary_of=bind)
    server.start()
    assert _soon(lambda: server.look(LONDON, "A"))
    yield server
    server.stop()


def name_another(bind: Bind, *addresses: str) -> None:
    """Make ns2 a name server of the zone."""
    edits = [("add", "ns2.contoso.example.", 60, "AAAA" if ":" in one else "A", one) for one in addresses]
    bind.edit(ZONE, ("add", f"{ZONE}.", 60, "NS", "ns2.contoso.example."), *edits)


def ask(bind: Bind, wanted: dict[Key, set[Value]], seconds: float = 0.5) -> dict[Key, list[str]]:
    return wait(Resolvers([bind.address]), {ZONE: wanted}, seconds, exact=True)


def values(*texts: str) -> set[Value]:
    return {parse("A", text) for text in texts}


def _soon(question: Any) -> bool:
    deadline = time.monotonic() + 20
    while not question():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_exactly_the_new_data(bind: Bind) -> None:
    ns = f"ns.contoso.example ({bind.address})"
    assert ask(bind, {KEY: values("192.0.2.1")}) == {}
    assert ask(bind, {KEY: values("192.0.2.2")}) == {KEY: [f"{ns}: lacks 1 of 1 values"]}
    bind.edit(ZONE, ("add", f"{LONDON}.", 300, "A", "192.0.2.2"))
    assert ask(bind, {KEY: values("192.0.2.2")}) == {KEY: [f"{ns}: still has 1 former values"]}
    assert ask(bind, {KEY: set()}) == {KEY: [f"{ns}: still has 2 former values"]}
    bind.edit(ZONE, ("delete", f"{LONDON}."))
    assert ask(bind, {KEY: set()}) == {}


def test_a_secondary_that_lags_is_named_until_it_follows(bind: Bind, secondary: Bind) -> None:
    bind.edit(ZONE, ("replace", f"{LONDON}.", 300, "A", "192.0.2.2"))
    lagging = ask(bind, {KEY: values("192.0.2.2")})
    assert lagging == {KEY: [f"ns2.contoso.example ({secondary.address}): lacks 1 of 1 values"]}

    def follow() -> None:
        time.sleep(0.5)
        secondary.stop()
        secondary.start()

    thread = threading.Thread(target=follow)
    thread.start()
    assert ask(bind, {KEY: values("192.0.2.2")}, 20) == {}
    thread.join()


def test_the_module_waits_for_all_of_them(bind: Bind, secondary: Bind) -> None:
    options = {"wait": "authoritative", "wait_timeout": 1, "resolvers": [bind.address]}
    records = [srv(f"10 0 5269 {TOKYO}"), absent(LONDON, "A")]
    with pytest.raises(NotConverged) as caught:
        run(reconciler(bind.provider(), records, **options))
    ns2 = f"ns2.contoso.example ({secondary.address})"
    assert caught.value.details == {
        "changed": True,
        "lagging": {
            f"{SRV} SRV": [f"{ns2}: lacks 1 of 1 values"],
            f"{LONDON} A": [f"{ns2}: still has 1 former values"],
        },
    }
    assert "changes were made" in str(caught.value) and ns2 in str(caught.value) and "wait_timeout" in str(caught.value)
    assert not run(reconciler(bind.provider(), records, **options))[0], "a second run has nothing to do or to wait for"
    secondary.stop()
    bind.edit(ZONE, ("delete", f"{ZONE}.", "NS", "ns2.contoso.example."))
    assert run(reconciler(bind.provider(), [a(LONDON, "192.0.2.3")], **options))[0]


def test_a_thousand_sets_at_four_servers(bind: Bind) -> None:
    """Each over one connection, all at once."""
    for number in range(2, 5):
        bind.edit(
            ZONE,
            ("add", f"{ZONE}.", 60, "NS", f"ns{number}.contoso.example."),
            ("add", f"ns{number}.contoso.example.", 60, "A", bind.address),
        )
    wanted = {(f"host-{number}.contoso.example", "A"): set() for number in range(1000)}
    begin = time.monotonic()
    assert ask(bind, wanted, 60) == {}
    assert time.monotonic() - begin < 15


def test_addresses_without_a_route(bind: Bind, addresses: tuple[str, str]) -> None:
    """An address that does not answer is of no account as long as another one of that server does."""
    name_another(bind, bind.address, "2001:db8::53", addresses[1])
    assert ask(bind, {KEY: values("192.0.2.1")}, 10) == {}
    bind.edit(ZONE, ("delete", "ns2.contoso.example.", "A"))
    (reasons,) = ask(bind, {KEY: values("192.0.2.1")}).values()
    assert len(reasons) == 1 and reasons[0].startswith("ns2.contoso.example (2001:db8::53): does not answer (")


def test_every_address_that_answers_counts(bind: Bind, secondary: Bind) -> None:
    """One name with two machines behind it, of which one lags."""
    bind.edit(
        ZONE,
        ("add", "ns.contoso.example.", 300, "A", secondary.address),
        ("replace", f"{LONDON}.", 300, "A", "192.0.2.2"),
    )
    assert set(ask(bind, {KEY: values("192.0.2.2")})) == {KEY}


def test_a_server_that_only_speaks_udp(bind: Bind, addresses: tuple[str, str]) -> None:
    name_another(bind, addresses[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind((addresses[1], 53))
        relay.settimeout(3)
        thread = threading.Thread(target=_relay, args=(relay, bind.address), daemon=True)
        thread.start()
        wanted = {KEY: values("192.0.2.1"), ("none.contoso.example", "A"): set()}
        assert ask(bind, wanted, 10) == {}
        assert set(ask(bind, {KEY: values("192.0.2.2")}, 0.5)[KEY]) == {
            f"ns.contoso.example ({bind.address}): lacks 1 of 1 values",
            f"ns2.contoso.example ({addresses[1]}): lacks 1 of 1 values",
        }
        relay.sendto(b"", relay.getsockname())
        thread.join(5)


def _relay(relay: socket.socket, server: str) -> None:
    with contextlib.suppress(OSError):
        while (received := relay.recvfrom(65535))[0]:
            data, client = received
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onward:
                onward.sendto(data, (server, 53))
                relay.sendto(onward.recv(65535), client)


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_silence_does_not_outlast_the_deadline(bind: Bind, addresses: tuple[str, str], seconds: float) -> None:
    """A server that takes connections and datagrams, and answers nothing."""
    name_another(bind, addresses[1])
    with socket.create_server((addresses[1], 53)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((addresses[1], 53))
        begin = time.monotonic()
        (reasons,) = ask(bind, {KEY: values("192.0.2.1")}, seconds).values()
        assert time.monotonic() - begin < seconds + 1.5
    assert len(reasons) == 1 and reasons[0].startswith(f"ns2.contoso.example ({addresses[1]}): does not answer (")
