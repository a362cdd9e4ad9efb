"""Renewal information, profiles and CAA: what Pebble lacks stands on the wire before it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible.module_utils.fedgate.certificates.acme.renewal import look

from tests.unit.certificates.world import Here

from .acme_ca import Answer, Message, Wire, problem
from .acme_world import LONDON, LONDON_NAMES, TOKYO, TOKYO_NAMES, World, loopback, needs_servers, order, servers
from .bind import Bind

pytestmark = needs_servers
ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    for addresses in loopback():
        yield from servers(tmp_path_factory.mktemp("acme"), addresses[0])


class Modern(World):
    """A CA with renewal information, profiles and a CAA identity.

    :ivar windows: serial number (hex) → what is answered for that certificate.
    """

    def __init__(self, folder: Path, bind: Bind, wire: Wire) -> None:
        super().__init__(folder, bind, wire)
        self.windows: dict[str, Any] = {}
        self.asked: list[str] = []
        self.modern()

    def modern(self) -> None:
        """Say in the directory what there is, and answer for it."""
        self.wire.forget()
        self.wire.afterwards, self.wire.instead = self._directory, self._window

    def _directory(self, message: Message, answer: Answer) -> None:
        if message.kind == "directory":
            said = answer.json
            said["renewalInfo"] = f"https://localhost:{self.wire.port}/renewal"
            said["meta"] |= {
                "caaIdentities": ["ca.example", "ca.test"],
                "profiles": {"short": "six days", "classic": "old"},
            }
            answer.json = said

    def _window(self, message: Message) -> Optional[Answer]:
        if message.kind != "renewal":
            return None
        # RFC 9773 §4.1: the authority's key identifier, a dot, the serial number, both base64url.
        serial = message.path.rsplit(".", 1)[1]
        found = base64.urlsafe_b64decode(serial + "=" * (-len(serial) % 4)).hex().lstrip("0")
        self.asked.append(found)
        said = self.windows.get(found, window(NOW + 60 * DAY, NOW + 62 * DAY))
        if isinstance(said, Answer):
            return said
        return Answer(200, json.dumps(said).encode(), Content_Type="application/json", Retry_After="21600")

    def due(self, **acme: Any) -> tuple[dict[str, str], list[str]]:
        """Ask which certificates are due, and what was warned about."""
        here = Here()
        local = {"name": "other", "kind": "local_ca", "directory": "/nowhere", "acme": None}
        found = look({"issuers": [local, self.issuer(**acme)]}, here)  # type: ignore[arg-type]
        return found["due"], here.warnings

    def serial_of(self, run: Any, name: str = LONDON) -> str:
        serial: str = run.results["certificates"][name]["serial"]
        return serial


def window(start: datetime, end: datetime, **more: str) -> dict[str, Any]:
    moments = {"start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"suggestedWindow": moments, **more}


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> Iterator[Modern]:
    found = Modern(tmp_path, *running)
    yield found
    found.wire.forget()


class TestRenewal:
    def test_only_what_is_due(self, world: Modern) -> None:
        run = world.issue(order(), order(TOKYO, TOKYO_NAMES))
        london, tokyo = world.serial_of(run), world.serial_of(run, TOKYO)
        assert world.due() == ({}, [])
        assert sorted(world.asked) == sorted([london, tokyo])
        world.windows[london] = window(NOW - 2 * DAY, NOW - DAY, explanationURL="https://ca.example/incident")
        due, warnings = world.due()
        assert list(due) == [london] and not warnings
        assert due[london].startswith("the CA wants it renewed between 20")
        assert due[london].endswith("; why: https://ca.example/incident")

    def test_daily_looks_agree(self, world: Modern) -> None:
        run = world.issue(order())
        serial = world.serial_of(run)
        world.windows[serial] = window(NOW - 30 * DAY, NOW + 30 * DAY)
        assert len({json.dumps(world.due()) for _ in range(5)}) == 1

    def test_what_comes_before_the_next_look_is_due_now(self, world: Modern) -> None:
        serial = world.serial_of(world.issue(order()))
        world.windows[serial] = window(NOW + timedelta(hours=20), NOW + timedelta(hours=23))
        assert list(world.due()[0]) == [serial]
        world.windows[serial] = window(NOW + timedelta(hours=26), NOW + timedelta(hours=28))
        assert world.due()[0] == {}

    def test_what_was_replaced_is_not_asked_for(self, world: Modern) -> None:
        first = world.serial_of(world.issue(order()))
        # A certificate begins when it is made, to the second.
        kept = next((world.state / "issued").iterdir())
        second = world.serial_of(world.issue(order()))
        assert kept.exists() and first != second
        world.due()
        assert len(world.asked) == 1

    def test_switched_off(self, world: Modern) -> None:
        world.issue(order())
        world.wire.messages.clear()
        assert world.due(renewal_info=False) == ({}, []) and not world.wire.messages

    def test_nothing_was_issued_yet(self, world: Modern) -> None:
        assert world.due() == ({}, []) and not world.wire.messages
        assert not world.state.exists()

    def test_a_ca_without_it(self, world: Modern) -> None:
        world.issue(order())
        world.wire.forget()
        due, (warning,) = world.due()
        assert due == {} and "gives no renewal information; lifetimes decide alone" in warning

    def test_a_ca_that_does_not_answer(self, world: Modern) -> None:
        world.issue(order())
        for kept in (world.state / "issued").iterdir():
            kept.write_text(kept.read_text().replace(str(world.wire.port), "1"))
        due, (warning,) = world.due(directory_url="https://localhost:1/dir")
        assert due == {} and "the CA does not answer" in warning

    @pytest.mark.parametrize(
        ("said", "part"),
        [
            (Answer(404, b'{"type": "urn:ietf:params:acme:error:malformed", "detail": "what?"}'), "what?"),
            (Answer(500, b"<html>"), "HTTP 500"),
            ({}, "an answer that is not ACME"),
            ({"suggestedWindow": {"start": "2027-01-02T00:00:00Z", "end": "2027-01-01T00:00:00Z"}}, "not ACME"),
            ({"suggestedWindow": {"start": "soon", "end": "later"}}, "not ACME"),
        ],
        ids=["refused", "broken", "empty", "backwards", "no dates"],
    )
    def test_an_answer_that_is_of_no_use(self, world: Modern, said: Any, part: str) -> None:
        run = world.issue(order(), order(TOKYO, TOKYO_NAMES))
        world.windows[world.serial_of(run)] = said
        world.windows[world.serial_of(run, TOKYO)] = window(NOW - 2 * DAY, NOW - DAY)
        due, (warning,) = world.due()
        assert list(due) == [world.serial_of(run, TOKYO)], "the others are asked for all the same"
        assert f"no renewal information for {LONDON}" in warning and part in warning

    def test_as_a_module(self, world: Modern) -> None:
        serial = world.serial_of(world.issue(order()))
        world.windows[serial] = window(NOW - 2 * DAY, NOW - DAY)
        issuer = world.issuer()
        secret = issuer["acme"]["dns_provider"]["tsig_secret"]
        tasks = [
            {"edge_certificate_renewal_info": {"issuers": [issuer]}, "register": "found"},
            {"ansible.builtin.debug": {"var": "found"}},
        ]
        play = world.folder / "play.json"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        ansible = str(Path(sys.executable).with_name("ansible-playbook"))
        python = f"ansible_python_interpreter={sys.executable}"
        command = [ansible, "-i", "localhost,", "-c", "local", "-vvvv", "-e", python, str(play)]
        done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert serial in done.stdout and secret not in done.stdout


class TestReplacement:
    """RFC 9773 §5: the CA is told which certificate an order replaces."""

    def orders(self, world: Modern) -> list[Any]:
        return [message.payload.get("replaces") for message in world.wire.messages if message.kind == "newOrder"]

    def test_it_is_told(self, world: Modern) -> None:
        first = world.issue(order())
        (asked,) = {message.path.rsplit("/", 1)[1] for message in self.renewals(world)}
        world.wire.messages.clear()
        assert world.issue(order(replaces=world.serial_of(first))).status() == "issued"
        assert self.orders(world) == [asked], "the same identifier as the library asks with"

    def renewals(self, world: Modern) -> list[Message]:
        world.due()
        return [message for message in world.wire.messages if message.kind == "renewal"]

    @pytest.mark.parametrize(
        ("status", "code"), [(400, "malformed"), (409, "alreadyReplaced"), (500, "serverInternal")]
    )
    def test_a_ca_that_does_not_want_to_hear_of_it(self, world: Modern, status: int, code: str) -> None:
        """Pebble finds no certificate whose serial number, as DER has it, begins with a zero: an error of its own."""
        first = world.issue(order())
        refused = problem(status, code, "no", Replay_Nonce="bm9uY2U")
        world.wire.messages.clear()
        world.wire.instead = lambda message: (
            refused if message.kind == "newOrder" and "replaces" in message.payload else None
        )
        assert world.issue(order(replaces=world.serial_of(first))).status() == "issued"
        told, untold = self.orders(world)
        assert told and untold is None

    def test_what_another_ca_issued_is_not_told(self, world: Modern) -> None:
        assert world.issue(order(replaces="abc123")).status() == "issued"
        assert self.orders(world) == [None]

    def test_a_ca_without_renewal_information_is_not_told(self, world: Modern) -> None:
        first = world.issue(order())
        world.wire.forget()
        assert world.issue(order(replaces=world.serial_of(first))).status() == "issued"
        assert self.orders(world) == [None]


class TestProfiles:
    def test_it_is_asked_for(self, world: Modern) -> None:
        assert world.issue(order(), profile="short").status() == "issued"
        (asked,) = [message.payload for message in world.wire.messages if message.kind == "newOrder"]
        assert asked["profile"] == "short"
        world.wire.messages.clear()
        world.issue(order())
        (asked,) = [message.payload for message in world.wire.messages if message.kind == "newOrder"]
        assert "profile" not in asked

    def test_an_unknown_one(self, world: Modern) -> None:
        error = world.issue(order(), profile="shrot").error()
        assert "has no profile 'shrot'" in error
        assert "It offers: classic (old); short (six days)." in error
        assert not world.wire.count("newOrder") and not world.wire.count("newAccount")

    def test_a_ca_without_profiles(self, world: Modern) -> None:
        world.wire.forget()
        error = world.issue(order(), profile="short").error()
        assert "offers no profiles" in error and "Take acme.profile out." in error


class TestCaa:
    def test_it_is_offered(self, world: Modern) -> None:
        one = order(names=[*LONDON_NAMES, "edge.contoso.example"])
        assert world.issue(one, check_mode=True).caa == [], "no account yet"
        done = world.issue(one, order(TOKYO, TOKYO_NAMES))
        (account,) = [each["url"] for each in json.loads((world.state / "accounts.json").read_text()).values()]
        value = f'0 issue "ca.example; accounturi={account}; validationmethods=dns-01"'
        assert done.caa == [
            {"name": "contoso-asia.example", "value": value},
            {"name": "contoso.example", "value": value},
        ]
        assert world.issue(one, check_mode=True).caa == [{"name": "contoso.example", "value": value}]

    def test_dns_takes_it(self, world: Modern) -> None:
        """As the name server reads it, it says what RFC 8657 wants."""
        (offered,) = world.issue(order()).caa
        world.bind.edit("contoso.example", ("add", f"{offered['name']}.", 60, "CAA", offered["value"]))
        found = world.bind.look("contoso.example", "CAA")
        assert found and found[1] == {offered["value"]}
        world.bind.edit("contoso.example", ("delete", "contoso.example.", "CAA"))

    def test_a_ca_without_an_identity(self, world: Modern) -> None:
        world.wire.forget()
        assert world.issue(order()).caa == []
