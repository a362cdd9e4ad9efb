"""What goes wrong between an ACME CA, DNS and us: said in words, with what to do; nobody else's order is harmed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

import pytest

from lab.servers import free_port

from .acme_ca import Answer, Message, Wire, problem
from .acme_world import LONDON, LONDON_NAMES, TOKYO, TOKYO_NAMES, World, loopback, needs_servers, order, servers
from .bind import Bind
from .pki import Authority

pytestmark = needs_servers


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    for addresses in loopback():
        # Four of ten nonces are not taken.
        yield from servers(tmp_path_factory.mktemp("acme"), addresses[0], PEBBLE_WFE_NONCEREJECT="40")


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, *running)
    yield found
    found.wire.forget()
    assert not found.challenges(), "something of ours is left in DNS"


def only(kind: str, answer: Callable[[Message], Optional[Answer]]) -> Callable[[Message], Optional[Answer]]:
    """Answer messages of one kind in the CA's place."""
    return lambda message: answer(message) if message.kind == kind else None


def names_of(message: Message) -> list[str]:
    return [each["value"] for each in message.payload["identifiers"]]


def test_nonces_that_are_not_taken_do_no_harm(world: World) -> None:
    done = world.issue(order(), order(TOKYO, TOKYO_NAMES))
    assert done.status() == done.status(TOKYO) == "issued"


class TestUnreachable:
    def test_nobody_there(self, world: World) -> None:
        url = f"https://localhost:{free_port()}/dir"
        error = world.issue(order(), directory_url=url).error()
        assert f"the directory at {url}: the CA does not answer" in error and "(Connection refused)" in error
        assert "firewall" in error

    def test_no_such_name(self, world: World) -> None:
        error = world.issue(order(), directory_url="https://ca.invalid/dir").error()
        assert "https://ca.invalid/dir: the CA does not answer (Name or service not known)" in error

    def test_it_hangs_up(self, world: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
            error = world.issue(order(), directory_url=f"https://localhost:{server.getsockname()[1]}/dir").error()
        assert "the CA does not answer" in error or "does not verify" in error

    def test_without_ca_file(self, world: World) -> None:
        error = world.issue(order(), ca_file=None).error()
        assert "the CA's HTTPS certificate does not verify with the public roots (unable to get local issuer" in error
        assert "name the PEM file with the root of its HTTPS certificate in acme.ca_file" in error

    def test_with_another_ca_file(self, world: World) -> None:
        other = world.folder / "other.pem"
        other.write_text(Authority("Another").pem)
        error = world.issue(order(), ca_file=str(other)).error()
        assert f"does not verify with the roots in {other}" in error

    def test_with_a_ca_file_that_is_not_there(self, world: World) -> None:
        error = world.issue(order(), ca_file="/nowhere/ca.pem").error()
        assert "/nowhere/ca.pem is not there" in error and "issuer.acme.ca_file" in error

    def test_with_a_ca_file_that_is_none(self, world: World) -> None:
        other = world.folder / "other.pem"
        other.write_text("no certificate")
        error = world.issue(order(), ca_file=str(other)).error()
        assert "directory" in error and "Internal" not in error

    def test_not_a_directory(self, world: World) -> None:
        world.wire.instead = only(
            "directory", lambda message: Answer(200, b'{"hello": 1}', Content_Type="application/json")
        )
        error = world.issue(order()).error()
        assert "is not an ACME directory: newNonce is missing" in error

    def test_not_even_json(self, world: World) -> None:
        world.wire.instead = only("directory", lambda message: Answer(200, b"<html>", Content_Type="text/html"))
        assert "an answer that is not ACME" in world.issue(order()).error()
        world.wire.instead = only("directory", lambda message: Answer(502, b"<html>", Content_Type="text/html"))
        assert "HTTP 502 without a reason that could be read" in world.issue(order()).error()

    def test_it_breaks_off_in_the_middle(self, world: World) -> None:
        broken = Answer(500, b"<html>", Content_Type="text/html")
        world.wire.instead = only("finalize", lambda message: broken)
        error = world.issue(order()).error()
        assert f"the order for {LONDON}" in error and "HTTP 500" in error


class TestRateLimits:
    def limited(self, world: World, detail: str, **headers: str) -> str:
        def answer(message: Message) -> Optional[Answer]:
            if "contoso.example" in names_of(message):
                return problem(429, "rateLimited", detail, Replay_Nonce="bm9uY2U", **headers)
            return None

        world.wire.instead = only("newOrder", answer)
        done = world.issue(order(), order(TOKYO, TOKYO_NAMES))
        assert done.status(TOKYO) == "issued", "another pool is not concerned"
        return done.error()

    def test_seconds(self, world: World) -> None:
        error = self.limited(world, "too many certificates (5) already issued", Retry_After="12000")
        assert "it has a rate limit, which was reached (rateLimited: too many certificates (5) already issued)" in error
        assert ("Run again after 20" in error and "in 3 h 20 min" in error) or "in 3 h 19 min" in error
        assert "present certificates go on serving" in error

    def test_a_date(self, world: World) -> None:
        error = self.limited(world, "too many", Retry_After="Wed, 01 Dec 2100 04:05:06 GMT")
        assert "Run again after 2100-12-01 04:05:06Z" in error

    def test_in_the_text_only(self, world: World) -> None:
        error = self.limited(
            world, "too many certificates, retry after 2100-12-01 04:05:06 UTC: see https://ca.example"
        )
        assert "Run again after 2100-12-01 04:05:06Z" in error

    def test_nowhere(self, world: World) -> None:
        assert "Run again later" in self.limited(world, "too many")

    def test_of_accounts(self, world: World) -> None:
        refused = problem(429, "rateLimited", "too many accounts", Replay_Nonce="bm9uY2U", Retry_After="90")
        world.wire.instead = only("newAccount", lambda message: refused)
        done = world.issue(order(), order(TOKYO, TOKYO_NAMES))
        assert "at https://localhost" in done.error() and done.error() == done.error(TOKYO)
        assert "in 2 min" in done.error() or "in 89 s" in done.error() or "in 1 min" in done.error()


#: Problem type → what the error says.
PROBLEMS = {
    "badCSR": "federation_certificate.key",
    "caa": "CAA records forbid this CA",
    "rejectedIdentifier": "it will not certify this name",
    "unauthorized": "it does not accept our authority",
    "serverInternal": "it has an error of its own",
    "userActionRequired": "terms of service have changed",
    "somethingNew": "it refused",
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_refusals(world: World, kind: str) -> None:
    parts = [
        {
            "type": f"urn:ietf:params:acme:error:{kind}",
            "detail": "this one",
            "identifier": {"type": "dns", "value": "x.example"},
        }
    ]
    said = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": "the CA's own words", "subproblems": parts}
    refused = Answer(403, json.dumps(said).encode(), Content_Type="application/problem+json", Replay_Nonce="bm9uY2U")
    world.wire.instead = only("finalize", lambda message: refused)
    error = world.issue(order()).error()
    assert PROBLEMS[kind] in error, error
    assert f"{kind}: the CA's own words; x.example: {kind}: this one" in error


class TestChallenges:
    def test_an_update_is_lost(self, world: World) -> None:
        """Somebody takes the record away between our look and the CA's."""

        def lose(message: Message) -> None:
            if message.kind == "challenge":
                world.bind.edit("contoso.example", ("delete", "_acme-challenge.contoso.example."))

        world.wire.instead = lose
        done = world.issue(order(names=LONDON_NAMES[:1]), order(TOKYO, TOKYO_NAMES))
        error = done.error()
        assert "the CA does not accept the challenge for contoso.example: unauthorized" in error
        assert "It looked at _acme-challenge.contoso.example for " in error
        assert "our resolvers answer there now: no TXT record" in error
        assert done.status(TOKYO) == "issued"

    def test_somebody_else_writes_the_same_name(self, world: World) -> None:
        name = "_acme-challenge.contoso.example."

        def replace(message: Message) -> None:
            if message.kind == "challenge":
                world.bind.edit("contoso.example", ("replace", name, 60, "TXT", '"wrong"'))

        world.wire.instead = replace
        try:
            error = world.issue(order(names=LONDON_NAMES[:1])).error()
            assert 'our resolvers answer there now: "wrong"' in error
        finally:
            world.bind.edit("contoso.example", ("delete", name))

    def test_a_ca_without_dns(self, world: World) -> None:
        def without(message: Message, answer: Answer) -> None:
            if message.kind == "authorization":
                said = answer.json
                said["challenges"] = [each for each in said["challenges"] if each["type"] != "dns-01"]
                answer.json = said

        world.wire.afterwards = without
        assert "the CA offers no dns-01 challenge for" in world.issue(order()).error()


class TestTime:
    def change_orders(self, world: World, **fields: object) -> None:
        def change(message: Message, answer: Answer) -> None:
            if message.kind == "order":
                answer.json = {**answer.json, **fields}

        world.wire.afterwards = change

    def test_an_order_that_has_expired(self, world: World) -> None:
        self.change_orders(world, status="invalid", expires="2026-01-02T03:04:05Z")
        error = world.issue(order()).error()
        assert f"the order for {LONDON} has expired (2026-01-02 03:04:05Z)" in error
        assert "a new order is made" in error
        world.wire.forget()
        assert world.issue(order()).status() == "issued"

    def test_an_order_that_the_ca_gave_up(self, world: World) -> None:
        self.change_orders(world, status="invalid", error={"type": "urn:ietf:params:acme:error:caa", "detail": "no"})
        assert "CAA records forbid this CA" in world.issue(order()).error()

    def test_a_slow_ca_is_picked_up_by_the_next_run(self, world: World) -> None:
        self.change_orders(world, status="processing", certificate=None)
        one, begin = order(), time.monotonic()
        error = world.issue(one, timeout=4).error()
        assert time.monotonic() - begin < 8
        assert "did not come to its end within 4 s" in error and "acme.timeout" in error
        world.wire.forget()
        assert world.issue(one).status() == "issued"
        assert world.wire.count("newOrder") == 0, "what the CA has issued meanwhile is not ordered twice"

    def test_an_authorization_that_takes_too_long(self, world: World) -> None:
        def slow(message: Message, answer: Answer) -> None:
            if message.kind == "authorization" and message.payload is None and answer.json["status"] != "pending":
                answer.json = {**answer.json, "status": "pending"}

        world.wire.afterwards = slow
        assert "the authorization of" in world.issue(order(), timeout=3).error()


def test_another_key_than_asked_for(world: World) -> None:
    """A CA that mixes up certificates harms nobody."""
    other = world.issue(order(TOKYO, TOKYO_NAMES)).results["certificates"][TOKYO]["chain"]

    def mixed(message: Message, answer: Answer) -> None:
        if message.kind == "certificate":
            answer.body = other.encode()

    world.wire.afterwards = mixed
    assert f"the CA gave a certificate for another key than {LONDON}'s" in world.issue(order()).error()


class TestState:
    def test_a_folder_that_cannot_be_written(self, world: World) -> None:
        world.state.write_text("a file")
        error = world.issue(order()).error()
        assert f"{world.state} is not a folder" in error and "issuer.acme.state_directory" in error

    @pytest.mark.parametrize("name", ["accounts.json", "challenges.json", "orders.json"])
    def test_a_damaged_file(self, world: World, name: str) -> None:
        world.state.mkdir(mode=0o700)
        (world.state / name).write_text("{")
        done = world.issue(order())
        assert f"{world.state / name} is damaged" in done.error()

    def test_a_damaged_certificate_is_ordered_anew(self, world: World) -> None:
        one = order()
        world.issue(one)
        (kept,) = (world.state / "issued").iterdir()
        kept.write_text("damaged")
        again = world.issue(one)
        assert again.status() == "issued" and any("holds no certificate" in text for text in again.warnings)
