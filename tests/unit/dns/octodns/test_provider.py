"""What is asked of octoDNS's providers, and what becomes of their answers: a service in memory behind them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.octodns import provider as module
from ansible.module_utils.fedgate.dns.octodns.provider import OctoDns
from ansible.module_utils.fedgate.dns.octodns.services import SERVICES
from ansible.module_utils.fedgate.dns.place import Place
from ansible.module_utils.fedgate.dns.wanted import wanted_from
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue, Refused, Unreachable, WorldMoved
from octodns.provider import ProviderException
from octodns.record.exception import ValidationError
from requests import exceptions as requests
from requests.models import Response

from .memory import World

ZONE = "contoso.example"
SRV = f"_xmpp-server._tcp.{ZONE}"
EDGE = f"edge.{ZONE}"
TOKEN = "canary-token"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The table of services has one more."""
    found = World(f"{ZONE}.")
    monkeypatch.setattr(module, "SERVICES", {**SERVICES, "memory": found.service()})
    return found


def place(*records: tuple[Any, ...]) -> Place:
    """A place at work; records are (name, type, value…), absent without values."""
    given = [
        {"name": name, "type": rtype, "ttl": 300, "values": list(values)}
        if values
        else {"name": name, "type": rtype, "state": "absent"}
        for name, rtype, *values in records
    ]
    return Place("memory", OctoDns("memory", {"token": TOKEN}, [ZONE], 10), wanted_from(given))


def publish(*records: tuple[Any, ...]) -> Place:
    work = place(*records)
    seen = work.observe()
    changes = work.changes(seen)
    if changes:
        work.apply(ZONE, changes, seen)
        again = seen.with_news([change.key for change in changes], work.provider.look_again(changes))
        assert not work.changes(again)
    return work


def test_a_change_is_one_look_more_and_one_plan_a_step(world: World) -> None:
    work = publish((SRV, "SRV", f"10 0 5269 {EDGE}"), (EDGE, "A", "192.0.2.10"), (f"im.{ZONE}", "CNAME", EDGE))
    assert world.log == ["Create edge A", "Create _xmpp-server._tcp SRV", "Create im CNAME"]
    assert work.provider.requests == {"populate": 3, "apply": 2} and work.messages == {ZONE: 3}
    assert publish((SRV, "SRV", f"10 0 5269 {EDGE}")).provider.requests == {"populate": 1}


def test_addresses_go_after_what_leads_to_them(world: World) -> None:
    publish((SRV, "SRV", f"10 0 5269 {EDGE}"), (EDGE, "A", "192.0.2.10"))
    world.log.clear()
    publish((SRV, "SRV"), (EDGE, "A"))
    assert world.log == ["Delete _xmpp-server._tcp SRV", "Delete edge A"]


@pytest.mark.parametrize("first", ["A", "CNAME"])
def test_an_alias_and_what_it_replaces_go_together(world: World, first: str) -> None:
    values = {"A": "192.0.2.10", "CNAME": f"www.{ZONE}"}
    other = {"A": "CNAME", "CNAME": "A"}[first]
    publish((EDGE, first, values[first]))
    work = publish((EDGE, first), (EDGE, other, values[other]))
    assert world.log[1:] == [f"Delete edge {first}", f"Create edge {other}"] and work.provider.requests["apply"] == 1


def test_what_a_provider_keeps_in_mind_does_not_hide_an_edit(world: World) -> None:
    work = place((EDGE, "A", "192.0.2.10"), (SRV, "SRV", f"10 0 5269 {EDGE}"))
    seen = work.observe()
    changes = work.changes(seen)
    world.zones[f"{ZONE}."]["edge", "A"] = {"type": "A", "ttl": 60, "values": ["203.0.113.1"]}
    with pytest.raises(WorldMoved, match=f"somebody else changed {EDGE} A"):
        work.provider.apply(ZONE, changes)
    assert not world.log
    work.apply(ZONE, changes, seen)
    assert work.moved == {EDGE} and world.log == ["Create _xmpp-server._tcp SRV"]


def test_what_took_effect_before_a_failure_is_told(world: World) -> None:
    work = place((EDGE, "A", "192.0.2.10"), (SRV, "SRV", f"10 0 5269 {EDGE}"), (f"im.{ZONE}", "CNAME", EDGE))
    seen = work.observe()
    world.fails[2] = ProviderException(f"quota exceeded for {TOKEN}")
    with pytest.raises(Refused) as caught:
        work.apply(ZONE, work.changes(seen), seen)
    assert "ProviderException: quota exceeded for ***; 2 of 3 record sets are as wanted" in str(caught.value)
    assert caught.value.details["messages_applied"] == 2
    publish((EDGE, "A", "192.0.2.10"), (SRV, "SRV", f"10 0 5269 {EDGE}"), (f"im.{ZONE}", "CNAME", EDGE))


def test_what_took_effect_is_not_known_when_nothing_answers_any_more(world: World) -> None:
    work = place((EDGE, "A", "192.0.2.10"), (SRV, "SRV", f"10 0 5269 {EDGE}"))
    seen = work.observe()
    changes = work.changes(seen)

    def die(change: Any) -> None:
        world.reading = ConnectionResetError(104, "Connection reset by peer")
        raise world.reading

    world.write = die  # type: ignore[method-assign]
    with pytest.raises(Unreachable, match="Connection reset by peer; what of it took effect is not known"):
        work.apply(ZONE, changes, seen)


REFUSED: list[tuple[tuple[Any, ...], str]] = [
    (
        (f"_5269._tcp.{EDGE}", "TLSA", "3 1 1 " + "ab" * 32),
        "octoDNS has no TLSA records for the service memory. It has A,",
    ),
    ((EDGE, "TXT", 'say "hi"'), "edge.contoso.example TXT at memory: .* holds quotes, backslashes"),
    ((EDGE, "TXT", "é"), "does not carry unchanged"),
    ((EDGE, "CAA", '0 issue "a\\\\b"'), "does not carry unchanged"),
]


@pytest.mark.parametrize(("record", "says"), REFUSED)
def test_what_the_provider_cannot_hold_is_refused_before_any_change(
    world: World, record: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(InvalidValue, match=says):
        publish((SRV, "SRV", f"10 0 5269 {EDGE}"), record)
    assert not world.log
    publish((record[0], record[1]))  # that there shall be none is no matter


def test_a_time_to_live_that_the_service_would_raise(world: World) -> None:
    world.min_ttl = 600
    with pytest.raises(InvalidValue, match="memory takes no time to live below 600 seconds, not 300"):
        publish((EDGE, "A", "192.0.2.10"))


def test_semicolons_and_long_texts_are_carried(world: World) -> None:
    publish((EDGE, "TXT", "v=1; k=2;;", "x" * 700))
    publish((ZONE, "CAA", '0 issue "ca.example; a=b"'))
    records = world.zones[f"{ZONE}."]
    assert set(records["edge", "TXT"]["values"]) == {"v=1\\; k=2\\;\\;", "x" * 700}
    assert dict(records["", "CAA"]["value"]) == {"flags": 0, "tag": "issue", "value": "ca.example; a=b"}


def test_what_is_kept_beside_a_record_stays(world: World) -> None:
    beside = {"cloudflare": {"comment": "ask Ann", "auto-ttl": True}}
    world.zones[f"{ZONE}."]["edge", "A"] = {"type": "A", "ttl": 60, "values": ["192.0.2.9"], "octodns": beside}
    publish((EDGE, "A", "192.0.2.10"))
    assert world.zones[f"{ZONE}."]["edge", "A"]["octodns"] == {"cloudflare": {"comment": "ask Ann"}}


def test_what_a_proxy_serves_is_not_changed(world: World) -> None:
    beside = {"cloudflare": {"proxied": True, "auto-ttl": True}}
    world.zones[f"{ZONE}."]["edge", "A"] = {"type": "A", "ttl": 300, "values": ["192.0.2.9"], "octodns": beside}
    publish((EDGE, "A", "192.0.2.9"))
    with pytest.raises(Refused, match=f"{EDGE} A at the DNS service memory is served by the service's own proxy"):
        publish((EDGE, "A", "192.0.2.10"))


def answered(status: int, text: str = "") -> requests.HTTPError:
    response = Response()
    response.status_code, response._content = status, text.encode()
    return requests.HTTPError(f"{status} for url https://api.example/?key={TOKEN}", response=response)


class VendorUnauthorized(ProviderException):
    """As the exceptions of several providers are called."""


ERRORS: list[tuple[Exception, type[FedgateError], str]] = [
    (answered(401), Refused, "HTTP 401.*Check `secrets.token`"),
    (answered(403), Refused, "HTTP 403.*Check `secrets.token`"),
    (VendorUnauthorized("no"), Refused, "does not accept the credentials.*`secrets.token`"),
    (answered(500, f"broken {TOKEN}"), Refused, r"HTTP 500: broken \*\*\*"),
    (answered(429, ""), Refused, "HTTPError: 429 for url"),
    (requests.ConnectionError(OSError(113, "No route to host")), Unreachable, "does not answer: No route to host"),
    (requests.ConnectTimeout(), Unreachable, "nothing came within 10 s"),
    (requests.ReadTimeout(), Unreachable, "nothing came within 10 s"),
    (TimeoutError(), Unreachable, "nothing came within 10 s"),
    (ValidationError("x.", ["bad"]), Refused, "ValidationError"),
    (KeyError("result"), Refused, "KeyError: 'result'"),
]


@pytest.mark.parametrize(("error", "kind", "says"), ERRORS, ids=lambda value: getattr(type(value), "__name__", ""))
def test_failures_are_told_without_secrets(world: World, error: Exception, kind: type[FedgateError], says: str) -> None:
    world.reading = error
    with pytest.raises(kind, match=says) as caught:
        publish((EDGE, "A", "192.0.2.10"))
    assert f"the zone {ZONE} at the DNS service memory cannot be read" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_nothing_is_printed(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """The module's standard output is its result."""
    import logging
    import subprocess
    import sys

    program = (
        "import sys, logging; sys.path[:0] = sys.argv[2:]; import ansible.module_utils;"
        "ansible.module_utils.__path__.append(sys.argv[1]);"
        "from ansible.module_utils.fedgate.dns.providers import open_provider;"
        "open_provider({'kind': 'octodns', 'service': 'powerdns', 'zones': ['a.example'],"
        "'settings': {'host': 'h'}, 'secrets': {'api_key': 'k'}});"
        "logging.getLogger('PowerDnsProvider[x]').error('noise')"
    )
    folder = str(module.__file__).split("/fedgate/", 1)[0]
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "") and logging.getLogger().handlers
