"""Record sets through octoDNS: a real PowerDNS behind, the package in front."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.reconciler import DnsRecords
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue, Refused, Unreachable, WorldMoved
from ansible.module_utils.fedgate.plan import Plan

from lab.powerdns import PowerDns

from .dns_world import Warnings, a, absent, names_of, srv
from .test_dns_module import Run, module_play

pytestmark = pytest.mark.skipif(not PowerDns.installed(), reason="PowerDNS is not installed (package pdns-server)")
ZONE, ASIA = "contoso.example", "contoso-asia.example"
SRV = f"_xmpp-server._tcp.{ZONE}"
LONDON, TOKYO = f"edge.london.{ZONE}", f"edge.tokyo.{ZONE}"
NEW = f"new.{ZONE}"
DIGEST = "0123456789abcdef" * 4
BOTH = [
    srv(f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"),
    a(LONDON, "192.0.2.10"),
    a(TOKYO, "192.0.2.20", "192.0.2.21"),
    {"name": TOKYO, "type": "AAAA", "ttl": 300, "values": ["2001:db8::20"]},
    {"name": f"im.{ZONE}", "type": "CNAME", "ttl": 300, "values": [LONDON]},
    {"name": ZONE, "type": "CAA", "ttl": 300, "values": ['0 issue "ca.example; account=1"', '128 issuewild ";"']},
    {"name": f"_5269._tcp.{LONDON}", "type": "TLSA", "ttl": 300, "values": [f"3 1 1 {DIGEST}", f"2 0 1 {DIGEST}"]},
    {"name": f"note.{ZONE}", "type": "TXT", "ttl": 300, "values": ['say "hi"; v=1', "x" * 300]},
    {"name": f"_xmpp-server._tcp.gone.{ZONE}", "type": "SRV", "ttl": 300, "state": "retired"},
    srv(f"10 0 5269 {TOKYO}", name=f"_xmpp-server._tcp.{ASIA}"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PowerDns]:
    power = PowerDns(tmp_path_factory.mktemp("pdns"))
    power.start()
    yield power
    power.stop()


@pytest.fixture
def power(server: PowerDns) -> Iterator[PowerDns]:
    """Two fresh zones, with records of somebody else."""
    for zone in (ZONE, ASIA):
        theirs = [
            ("www", 600, "A", "192.0.2.80"),
            ("deep", 60, "TXT", '"a;b" "c\\"d"'),
            ("sub", 60, "NS", "ns.x.test."),
        ]
        server.make_zone(zone, *((f"{label}.{zone}", ttl, rtype, data) for label, ttl, rtype, data in theirs))
    yield server
    for zone in (ZONE, ASIA):
        server.drop_zone(zone)


def test_the_server_for_tests_keeps_its_key_to_itself(tmp_path: Path) -> None:
    """It is the lab's too, where it listens on another address than the loopback's first."""
    server = PowerDns(tmp_path / "pdns", "127.0.0.3")
    server.start()
    try:
        server.make_zone(ZONE, (LONDON, 300, "A", "192.0.2.10"))
        assert server.look(LONDON, "A") == (300, {"192.0.2.10"})
        assert (server.folder / "pdns.conf").stat().st_mode & 0o777 == 0o600
        assert server._process is not None
        assert server.api_key not in Path(f"/proc/{server._process.pid}/cmdline").read_text()
        assert server.api_key not in (server.folder / "pdns.log").read_text()
    finally:
        server.stop()


def work_on(power: PowerDns, records: list[dict[str, Any]], hold: tuple[str, ...] = (), **options: Any) -> DnsRecords:
    provider = power.provider(ZONE, ASIA, **options)
    given = {"providers": [provider], "records": records, "hold": list(hold), "force": True, "wait": "provider"}
    return DnsRecords({**given, "resolvers": []}, Warnings())


def publish(power: PowerDns, records: list[dict[str, Any]], hold: tuple[str, ...] = (), **options: Any) -> Plan:
    """Walk the steps as ``module.run`` does, and return what was done."""
    work = work_on(power, records, hold, **options)
    observed = work.observe()
    plan = work.plan(observed)
    if plan:
        work.apply(plan, observed)
        assert not work.plan(work.observe_again(plan))
    return plan


def planned(power: PowerDns, records: list[dict[str, Any]]) -> tuple[DnsRecords, Any, Plan]:
    work = work_on(power, records)
    observed = work.observe()
    return work, observed, work.plan(observed)


def test_creates_everything_once_and_touches_nothing_else(power: PowerDns) -> None:
    before = {zone: power.everything(zone) for zone in (ZONE, ASIA)}
    plan = publish(power, BOTH)
    assert len(plan.changes) == len(BOTH) and all(change.action == "create" for change in plan.changes)
    assert power.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})
    assert power.look(ZONE, "CAA") == (300, {'0 issue "ca.example; account=1"', '128 issuewild ";"'})
    assert power.look(f"_5269._tcp.{LONDON}", "TLSA") == (300, {f"3 1 1 {DIGEST}", f"2 0 1 {DIGEST}"})
    assert power.look(f"note.{ZONE}", "TXT") == (300, {'"say \\"hi\\"; v=1"', f'"{"x" * 255}" "{"x" * 45}"'})
    assert power.look(f"_xmpp-server._tcp.gone.{ZONE}", "SRV") == (300, {"0 0 0 ."})
    assert all(before[zone] <= power.everything(zone) for zone in before)
    assert not publish(power, BOTH)
    shuffled = [
        {**one, "name": one["name"].upper(), "values": [_louder(one["type"], v) for v in one.get("values", [])[::-1]]}
        for one in BOTH[::-1]
    ]
    assert not publish(power, shuffled)
    assert len(publish(power, [absent(one["name"], one["type"]) for one in BOTH]).changes) == len(BOTH)
    assert {zone: power.everything(zone) for zone in before} == before


def _louder(rtype: str, value: str) -> str:
    return value if rtype in ("TXT", "CAA") else value.upper()


def test_changes_values_and_time_to_live(power: PowerDns) -> None:
    publish(power, BOTH)
    rest = power.everything(ZONE)
    plan = publish(power, [srv(f"10 0 5269 {LONDON}", ttl=900)])
    assert names_of(plan) == [f"update {SRV} SRV"]
    assert plan.changes[0].before == {"ttl": 300, "values": [f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"]}
    assert power.look(SRV, "SRV") == (900, {f"10 0 5269 {LONDON}."})
    ours = {line for line in rest if line.startswith(f"{SRV}. ")}
    assert rest - ours <= power.everything(ZONE) and len(ours) == 2


def test_requests_are_counted_and_few(power: PowerDns) -> None:
    many = [srv(f"10 0 5269 {LONDON}", name=f"_xmpp-server._tcp.domain-{n}.{ZONE}") for n in range(1000)]
    work, observed, plan = planned(power, many)
    work.apply(plan, observed)
    assert not work.plan(work.observe_again(plan))
    result = work.results(observed, plan)["providers"]["octodns"]
    assert result == {"zones": {ZONE: {"messages": 1}}, "requests": {"GET": 3, "PATCH": 1}}
    work, observed, plan = planned(power, many)
    assert not plan
    assert work.results(observed, plan)["providers"]["octodns"]["requests"] == {"GET": 1}


def test_hold_leaves_a_site_as_it_is(power: PowerDns) -> None:
    publish(power, BOTH)
    records = [srv(f"10 0 5269 {LONDON}", f"30 0 5269 {TOKYO}"), a(LONDON, "192.0.2.11"), a(TOKYO, "192.0.2.99")]
    assert names_of(publish(power, records, (TOKYO,))) == [f"update {LONDON} A"]
    assert power.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})


THEIRS = "7 7 7777 theirs.contoso.example."
EDITS: dict[str, tuple[Any, ...]] = {
    "a value added": ("replace", SRV, 300, "SRV", f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}.", THEIRS),
    "only the time to live": ("replace", SRV, 60, "SRV", f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."),
    "the set removed": ("delete", SRV, "SRV"),
    "a set that we would create": ("replace", NEW, 300, "A", "203.0.113.1"),
    "an alias where we would create": ("replace", NEW, 300, "CNAME", f"www.{ZONE}."),
}


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_a_concurrent_edit_stays_and_the_rest_is_done(power: PowerDns, edit: str) -> None:
    publish(power, BOTH)
    records = [srv(f"10 0 5269 {LONDON}"), a(NEW, "192.0.2.50"), a(LONDON, "192.0.2.77")]
    work, observed, plan = planned(power, records)
    power.edit(ZONE, EDITS[edit])
    edited = EDITS[edit][1]
    theirs = {line for line in power.everything(ZONE) if line.startswith(f"{edited}. ")}
    with pytest.raises(WorldMoved, match=f"somebody else changed {edited} "):
        work.apply(plan, observed)
    assert {line for line in power.everything(ZONE) if line.startswith(f"{edited}. ")} == theirs
    assert power.look(LONDON, "A") == (300, {"192.0.2.77"})


def test_no_edit_is_lost_in_twenty_races(power: PowerDns) -> None:
    for turn in range(20):
        work, observed, plan = planned(power, [srv(f"10 {turn} 5269 {LONDON}"), a(LONDON, "192.0.2.10")])
        power.edit(ZONE, ("replace", SRV, 300, "SRV", f"99 {turn} 99 theirs.{ZONE}."))
        with pytest.raises(WorldMoved):
            work.apply(plan, observed)
        assert power.look(SRV, "SRV") == (300, {f"99 {turn} 99 theirs.{ZONE}."})


def test_a_foreign_edit_elsewhere_in_the_zone_does_not_matter(power: PowerDns) -> None:
    work, observed, plan = planned(power, [a(LONDON, "192.0.2.10")])
    power.edit(ZONE, ("replace", f"www.{ZONE}", 60, "A", "192.0.2.81"))
    work.apply(plan, observed)
    assert power.look(f"www.{ZONE}", "A") == (60, {"192.0.2.81"}) and power.look(LONDON, "A")


def test_a_wrong_key_is_refused_and_not_shown(power: PowerDns) -> None:
    with pytest.raises(Refused, match=r"the zone contoso.* cannot be read.*HTTP 401.*`secrets.api_key`") as caught:
        publish(power, BOTH, secrets={"api_key": "a-wrong-key"})
    assert "a-wrong-key" not in str(caught.value)


def test_a_zone_that_is_not_there_is_never_made(power: PowerDns) -> None:
    zones = [ZONE, "fabrikam.example"]
    records = [a(LONDON, "192.0.2.10"), a("edge.fabrikam.example", "192.0.2.30")]
    with pytest.raises(Refused, match=r"powerdns has no zone fabrikam\.example"):
        publish(power, records, zones=zones)
    assert power.look(LONDON, "A") is None
    work = work_on(power, [absent("edge.fabrikam.example", "A")], zones=zones)
    observed = work.observe()
    work.results(observed, work.plan(observed))
    assert "edge.fabrikam.example: not in any zone" in work.context.warnings[0]


def test_a_name_below_a_delegation_is_not_ours(power: PowerDns) -> None:
    with pytest.raises(Refused, match=rf"edge\.sub\.{ZONE} is not in .*: sub\.{ZONE} is delegated"):
        publish(power, [a(f"edge.sub.{ZONE}", "192.0.2.10")])


def test_an_alias_where_a_service_shall_be(power: PowerDns) -> None:
    power.edit(ZONE, ("replace", SRV, 60, "CNAME", f"www.{ZONE}."))
    with pytest.raises(InvalidValue, match=f"{SRV} cannot get SRV records: it has CNAME"):
        publish(power, [srv(f"10 0 5269 {LONDON}")])
    plan = publish(power, [srv(f"10 0 5269 {LONDON}"), absent(SRV, "CNAME")])
    assert names_of(plan) == [f"create {SRV} SRV", f"delete {SRV} CNAME"]


def test_an_alias_cannot_join_other_records(power: PowerDns) -> None:
    power.edit(ZONE, ("replace", f"www.{ZONE}", 60, "MX", f"10 mx.{ZONE}."))
    alias = {"name": f"www.{ZONE}", "type": "CNAME", "ttl": 300, "values": [LONDON]}
    with pytest.raises(InvalidValue, match=rf"www\.{ZONE} cannot get CNAME records: it has MX"):
        publish(power, [alias, absent(f"www.{ZONE}", "A")])


TEXTS = [
    '"',
    "\\",
    ";",
    '\\;"; ',
    '" "',
    '"quoted" "twice"',
    "é\x00\x7f",
    " a  b ",
    'y;"' * 234,
    "x" * 255,
    "\\\\;" * 99,
]


def test_every_text_comes_back_as_it_was_written(power: PowerDns) -> None:
    """The second look is empty, and DNS answers with the same bytes."""
    import dns.message
    import dns.query
    from ansible.module_utils.fedgate.dns import txt

    record = {"name": f"note.{ZONE}", "type": "TXT", "ttl": 300, "values": [txt.quoted(t.encode()) for t in TEXTS]}
    publish(power, [record])
    assert not publish(power, [record])
    query = dns.message.make_query(record["name"], "TXT")
    answer = dns.query.tcp(query, power.address, port=power.port, timeout=5).answer[0]
    assert {b"".join(rdata.strings) for rdata in answer} == {text.encode() for text in TEXTS}


def test_what_is_more_than_its_values_is_not_changed(power: PowerDns) -> None:
    """A dynamic record of octoDNS, as its provider writes it."""
    from octodns.record import Record
    from octodns.zone import Zone
    from octodns_powerdns.dynamic import encode

    pools = {"one": {"values": [{"value": "192.0.2.1", "weight": 1}]}, "two": {"values": [{"value": "192.0.2.2"}]}}
    data = {"type": "A", "ttl": 60, "values": ["192.0.2.9"], "dynamic": {"pools": pools, "rules": []}}
    data["dynamic"]["rules"] = [{"geos": ["EU"], "pool": "one"}, {"pool": "two"}]
    record = Record.new(Zone(f"{ZONE}.", []), "edge.london", data)
    power.edit(ZONE, ("replace", LONDON, 60, "LUA", f'A "{encode(record)}"'))
    before = power.everything(ZONE)
    with pytest.raises(Refused, match=f"{LONDON} A at the DNS service powerdns is a dynamic record.* not changed"):
        publish(power, [a(LONDON, "192.0.2.10"), srv(f"10 0 5269 {LONDON}")])
    with pytest.raises(Refused, match="dynamic record"):
        publish(power, [absent(LONDON, "A")])
    assert power.everything(ZONE) == before


def test_comments_stay(power: PowerDns) -> None:
    publish(power, [a(LONDON, "192.0.2.10")])
    comment = {"content": "ask Ann", "account": "ann", "modified_at": 1}
    rrset = {"name": f"{LONDON}.", "type": "A", "ttl": 300, "changetype": "REPLACE", "comments": [comment]}
    power._ask("PATCH", f"/zones/{ZONE}.", {"rrsets": [rrset]})
    publish(power, [a(LONDON, "192.0.2.11")])
    assert f"{LONDON}. 300 A 192.0.2.11 ; ask Ann" in power.everything(ZONE)


def test_what_the_server_refuses_is_said_in_its_words(power: PowerDns) -> None:
    """A record of a type that octoDNS does not read stands where an alias shall be."""
    power.edit(ZONE, ("replace", NEW, 60, "HINFO", '"PC" "none"'))
    before = power.everything(ZONE)
    with pytest.raises(Refused, match=r"HTTP 422: .*[Cc]onflicts with pre-existing RRset"):
        publish(power, [{"name": NEW, "type": "CNAME", "ttl": 300, "values": [LONDON]}, a(LONDON, "192.0.2.10")])
    assert power.everything(ZONE) == before  # one request, one transaction


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[PowerDns]:
    """A server that a test may end."""
    server = PowerDns(tmp_path / "pdns")
    server.start()
    server.make_zone(ZONE)
    server.make_zone(ASIA)
    yield server
    server.stop()


def test_a_server_that_dies_and_comes_back(mortal: PowerDns) -> None:
    work, observed, plan = planned(mortal, BOTH)
    mortal.stop()
    with pytest.raises(Unreachable, match=r"does not answer: Connection refused.*`settings`"):
        work.apply(plan, observed)
    with pytest.raises(Unreachable, match="cannot be read: it does not answer: Connection refused"):
        publish(mortal, BOTH)
    mortal.start()
    work.apply(plan, observed)
    assert not publish(mortal, BOTH)


@contextmanager
def cutting(power: PowerDns, passing: bool) -> Iterator[int]:
    """A way to the server on which the answer to a change is lost; the change itself too unless ``passing``."""

    class Way(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PATCH" and not passing:
                return
            there = HTTPConnection(power.address, power.api_port, timeout=10)
            there.request(self.command, self.path, body, {"X-API-Key": self.headers["X-API-Key"]})
            answer = there.getresponse()
            data = answer.read()
            if self.command == "PATCH":
                return
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = relay

    server = ThreadingHTTPServer(("127.0.0.1", 0), Way)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("passing", [True, False])
def test_a_change_whose_answer_is_lost(power: PowerDns, passing: bool) -> None:
    records = [a(LONDON, "192.0.2.10"), srv(f"10 0 5269 {LONDON}")]
    with cutting(power, passing) as port:
        work = work_on(power, records, settings={"host": "127.0.0.1", "port": port})
        observed = work.observe()
        plan = work.plan(observed)
        with pytest.raises(Unreachable, match=f"the zone {ZONE} .* cannot be changed: it does not answer") as caught:
            work.apply(plan, observed)
    assert ("2 of 2 record sets are as wanted" in str(caught.value)) is passing
    assert caught.value.details["changed"] is passing
    assert bool(publish(power, records)) is not passing


def test_a_name_that_does_not_resolve_and_a_port_that_is_silent(power: PowerDns) -> None:
    import socket

    with pytest.raises(Unreachable, match="does not answer: "):
        publish(power, BOTH, settings={"host": "no-such-server.invalid"})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {"host": "127.0.0.1", "port": silent.getsockname()[1]}
        with pytest.raises(Unreachable, match="nothing came within 1 s"):
            publish(power, BOTH, settings=settings, timeout=1)


def test_the_module_shows_no_key(power: PowerDns, root: Path, tmp_path: Path) -> None:
    play = module_play(tmp_path, power.provider(ZONE))
    run = Run(root, tmp_path, play, "-vvvv")
    result = run.saved(tmp_path)
    assert run.rc == 0 and len(result["plan"]) == 3 and power.look(SRV, "SRV")
    assert result["providers"]["octodns"]["requests"] == {"GET": 3, "PATCH": 1}
    assert power.api_key not in run.text
    wrong = power.provider(ZONE, secrets={"api_key": "canary-of-a-wrong-key"})
    run = Run(root, tmp_path, module_play(tmp_path, wrong), "-vvvv")
    assert run.saved(tmp_path)["error"] == "Refused" and "HTTP 401" in run.saved(tmp_path)["msg"]
    assert "canary-of-a-wrong-key" not in run.text
    # Where Ansible expects no secret, it would print the arguments as they are.
    settings = {"host": power.address, "port": power.api_port, "api_kee": "canary-at-a-wrong-place"}
    run = Run(root, tmp_path, module_play(tmp_path, power.provider(ZONE, settings=settings)), "-vvvv")
    assert run.saved(tmp_path)["error"] == "InvalidValue" and "`api_kee`" in run.saved(tmp_path)["msg"]
    assert "canary-at-a-wrong-place" not in run.text + (tmp_path / "result.json").read_text()


def test_a_python_without_octodns(power: PowerDns, root: Path, tmp_path: Path) -> None:
    play = module_play(tmp_path, power.provider(ZONE))
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    play[0]["tasks"][0]["vars"] = {"ansible_python_interpreter": str(bare / "bin" / "python")}
    result = Run(root, tmp_path, play).saved(tmp_path)
    assert result["error"] == "MissingDependency"
    assert all(word in result["msg"] for word in ("octodns", "requirements/octodns.txt", "ansible_playbook_python"))


def test_every_key_is_a_canary(power: PowerDns) -> None:
    """No error shows a secret, whatever the server sends back."""
    for options in (
        {"settings": {"host": "127.0.0.1", "port": 1}},
        {"secrets": {"api_key": "canary", "token": "canary"}},
    ):
        with pytest.raises(FedgateError) as caught:
            publish(power, BOTH, **options)
        assert power.api_key not in str(caught.value) and "canary" not in str(caught.value)
