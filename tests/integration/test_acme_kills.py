"""A run that is killed at any question to the CA: the next one ends it, cleans DNS, and orders nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.certificates.test_kills import killed_at as killed_at_step

from .acme_ca import Message, Wire
from .acme_world import LONDON, TOKYO, TOKYO_NAMES, World, loopback, needs_servers, order, servers
from .bind import Bind

pytestmark = needs_servers
#: Which share of all points is tried.
REPEAT = float(os.environ.get("FEDGATE_REPEAT", "0.1"))
#: Names that no order before asked for. Pebble takes one authorization in a hundred over from an earlier order, even
#: when told to take none (it reuses unless a number of 0…99 is above ``PEBBLE_AUTHZREUSE``): then a record is missing.
UNUSED_NAMES = ["edge.contoso.example", "edge2.contoso.example"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    for addresses in loopback():
        yield from servers(tmp_path_factory.mktemp("acme"), addresses[0])


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, *running)
    yield found
    found.wire.forget()
    assert not found.challenges(), "something of ours is left in DNS"


def killed_at(world: World, kind: str, number: int, *orders: Any) -> bool:
    """Run the module in a child that dies when it sends its n-th message of a kind; tell whether it died."""
    child = os.fork()
    if child == 0:
        try:
            world.issue(*orders)
        finally:
            os._exit(0)
    seen = 0

    def kill(message: Message) -> None:
        nonlocal seen
        seen += kind in ("any", message.kind)
        if seen == number:
            os.kill(child, signal.SIGKILL)

    world.wire.forget()
    world.wire.instead = kill
    _, status = os.waitpid(child, 0)
    world.wire.forget()
    return os.WIFSIGNALED(status)


def test_records_of_a_killed_run_are_removed_by_the_next(world: World) -> None:
    one = order()
    assert killed_at(world, "challenge", 1, one)
    left = world.challenges()
    assert len(left) == 2, "nothing is left to be removed: killed too early"
    noted = json.loads((world.state / "challenges.json").read_text())
    assert sorted(noted) == ["_acme-challenge.conference.contoso.example", "_acme-challenge.contoso.example"]
    planned = world.issue(one, check_mode=True)
    assert world.challenges() == left and not world.wire.messages
    done = world.issue(one)
    assert planned.changes == done.changes
    assert done.changes == [("delete", "challenge_record")] * 2 + [("create", "issued_certificate")]
    assert done.status() == "issued" and not (world.state / "challenges.json").exists()
    assert world.issue(one).changes == []


def test_also_when_nothing_is_to_be_ordered_any_more(world: World) -> None:
    one = order()
    world.issue(one)
    assert killed_at(world, "challenge", 1, order(names=UNUSED_NAMES))
    assert world.challenges()
    done = world.issue(one)
    assert done.changes == [("delete", "challenge_record")] * 2 and done.status() == "issued"
    assert not world.wire.messages


def test_what_cannot_be_removed_stays_noted_and_stops_nobody(world: World) -> None:
    one = order()
    world.issue(one)
    assert killed_at(world, "challenge", 1, order(names=UNUSED_NAMES))
    done = world.issue(one, provider=world.bind.provider("limited"))
    assert done.status() == "issued"
    assert any(
        "_acme-challenge.edge.contoso.example could not be removed; a later run" in text for text in done.warnings
    )
    assert world.challenges() and (world.state / "challenges.json").exists()
    assert world.issue(one).changes == [("delete", "challenge_record")] * 2


@pytest.mark.parametrize("kind", ["order", "certificate"])
def test_an_order_that_is_nearly_done_is_gone_on_with(world: World, kind: str) -> None:
    one = order()
    assert killed_at(world, kind, 2 if kind == "order" else 1, one)
    done = world.issue(one)
    assert done.status() == "issued"
    assert world.wire.count("newOrder") == world.wire.count("challenge") == 0
    assert not (world.state / "orders.json").exists()


def test_killed_at_every_question(world: World) -> None:
    """At each message to the CA: the second run has certificates for both, and a third one nothing to do."""
    step = 1 if REPEAT >= 1 else 3
    number, killed = 1, 0
    while True:
        orders = [order(), order(TOKYO, TOKYO_NAMES)]
        if not killed_at(world, "any", number, *orders):
            break
        killed += 1
        done = world.issue(*orders)
        assert done.status(LONDON) == done.status(TOKYO) == "issued", number
        assert not world.challenges(), number
        assert world.issue(*orders).changes == [], number
        if done.changes and done.changes[-1][1] == "issued_certificate":
            assert not (world.state / "orders.json").exists(), number
        number += step
    assert killed >= 18 / step


def test_killed_at_every_step_on_the_disk(world: World) -> None:
    """Before each touch of a file in the state directory, from a bare start."""
    stride = 1 if REPEAT >= 1 else 5
    step, killed = 1, 0
    while True:
        shutil.rmtree(world.state, ignore_errors=True)
        one = order()
        if not killed_at_step(step, world.state, lambda _, one=one: world.issue(one)):  # type: ignore[misc]
            break
        killed += 1
        done = world.issue(one)
        assert done.status() == "issued", step
        assert not world.challenges(), step
        assert world.issue(one).changes == [], step
        step += stride
    assert killed * stride > 30
