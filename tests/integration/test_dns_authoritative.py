"""What a zone's own name servers answer, looked at through resolvers: real servers at port 53 of loopback addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.dns.authoritative import Resolvers, Server, wait
from ansible.module_utils.fedgate.dns.values import Value, parse
from ansible.module_utils.fedgate.errors import Unreachable

from .acme_world import loopback, needs_servers
from .bind import Bind

pytestmark = needs_servers
ZONE, NAME = "contoso.example", "_acme-challenge.contoso.example"
KEY = (NAME, "TXT")


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    yield from loopback()


@pytest.fixture
def bind(addresses: tuple[str, str], tmp_path: Path) -> Iterator[Bind]:
    server = Bind(tmp_path, root=True, address=addresses[0], port=53, recursion=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def resolvers(bind: Bind) -> Resolvers:
    return Resolvers([bind.address])


def values(*texts: str) -> set[Value]:
    return {parse("TXT", text) for text in texts}


def test_final_names(bind: Bind, resolvers: Resolvers) -> None:
    alias, asia = "alias.contoso.example.", "target.contoso-asia.example."
    bind.edit(ZONE, ("add", f"{NAME}.", 60, "CNAME", alias), ("add", alias, 60, "CNAME", asia))
    # There is nothing at its end yet, nor at the other one.
    assert resolvers.final_name(NAME) == "target.contoso-asia.example"
    assert resolvers.final_name("www.contoso.example") == "www.contoso.example"
    assert resolvers.final_name("missing.contoso.example") == "missing.contoso.example"
    bind.edit("contoso-asia.example", ("add", asia, 60, "TXT", '"a" "b"'))
    assert resolvers.final_name(NAME) == "target.contoso-asia.example"
    assert resolvers.texts(NAME) == ['"ab"']


def test_aliases_in_a_circle(bind: Bind, resolvers: Resolvers) -> None:
    one, two = "one.contoso.example.", "two.contoso.example."
    bind.edit(ZONE, ("add", one, 60, "CNAME", two), ("add", two, 60, "CNAME", one))
    with pytest.raises(Unreachable, match="one.contoso.example TXT cannot be looked up at"):
        resolvers.final_name("one.contoso.example")


def test_servers(bind: Bind, resolvers: Resolvers) -> None:
    assert resolvers.servers(ZONE) == [Server("ns.contoso.example", (bind.address,))]
    with pytest.raises(Unreachable, match="the resolvers know no name servers of www.contoso.example"):
        resolvers.servers("www.contoso.example")


def test_values_may_stand_beside_others(bind: Bind, resolvers: Resolvers) -> None:
    bind.edit(ZONE, ("add", f"{NAME}.", 60, "TXT", '"one"', '"two"', '"three"'))
    assert wait(resolvers, {ZONE: {KEY: values("one", "three")}}, 5) == {}
    lagging = wait(resolvers, {ZONE: {KEY: values("one", "four", "five")}}, 0.5)
    assert lagging == {KEY: [f"ns.contoso.example ({bind.address}): lacks 2 of 3 values"]}


def test_it_waits_until_they_are_there(bind: Bind, resolvers: Resolvers) -> None:
    threading.Timer(1, lambda: bind.edit(ZONE, ("add", f"{NAME}.", 60, "TXT", '"late"'))).start()
    begin = time.monotonic()
    assert wait(resolvers, {ZONE: {KEY: values("late")}}, 10) == {}
    assert 0.9 < time.monotonic() - begin < 4


def test_servers_that_are_of_no_use(bind: Bind, resolvers: Resolvers, addresses: tuple[str, str]) -> None:
    """One that does not answer, one whose name has no address; each is named, the good one is not."""
    bind.edit(
        ZONE,
        ("add", f"{ZONE}.", 60, "NS", "silent.contoso.example.", "nameless.elsewhere.example."),
        ("add", "silent.contoso.example.", 60, "A", addresses[1]),
        ("add", f"{NAME}.", 60, "TXT", '"here"'),
    )
    lagging = wait(resolvers, {ZONE: {KEY: values("here")}}, 1)
    nameless, silent = lagging[KEY]
    assert nameless == "nameless.elsewhere.example: its name has no address"
    assert silent.startswith(f"silent.contoso.example ({addresses[1]}): does not answer (")


def test_a_server_that_does_not_serve_the_zone(resolvers: Resolvers) -> None:
    """The zone of that name did not load there."""
    (reasons,) = wait(resolvers, {ZONE: {("x.broken.example", "TXT"): values("x")}}, 0.5).values()
    assert [reason.split(": ")[1] for reason in reasons] == ["does not serve the zone (SERVFAIL)"]


def test_a_zone_that_nobody_knows(resolvers: Resolvers) -> None:
    lagging = wait(resolvers, {"nowhere.example": {KEY: values("x")}}, 0.5)
    assert lagging == {KEY: ["the resolvers know no name servers of nowhere.example"]}


def test_no_resolver_answers(addresses: tuple[str, str]) -> None:
    silent, begin = Resolvers([addresses[1]]), time.monotonic()
    for _ in range(3):
        with pytest.raises(Unreachable, match=f"cannot be looked up at {addresses[1]}: none of them answers"):
            silent.final_name(NAME)
    assert time.monotonic() - begin < 25, "the second and third time it waits less"
