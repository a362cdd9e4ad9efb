"""The pure parts of the benchmark of DNS: what is measured, with whom, what is counted, and the targets."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.update
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import cli, report  # noqa: E402 - the path comes first
from bench.dns import cases, records, sides, suite, targets, wire  # noqa: E402
from bench.dns.cases import FIRST, PEERS, SECOND, Case  # noqa: E402
from bench.errors import BenchError  # noqa: E402
from bench.progress import Progress  # noqa: E402
from lab.route53.names import order  # noqa: E402

BIG = "Route53, no limit, 1,000 SRV into 10,000 others"
BIND = {
    "server": "127.0.0.1",
    "port": 53,
    "tsig_name": "bench",
    "tsig_algorithm": "hmac-sha256",
    "tsig_secret": "c2VjcmV0",
}
AWS = {"url": "http://127.0.0.1:1", "access_key": "AKIAEXAMPLE", "secret_key": "hidden", "limited": False}


def lines(title: str, metric: str, ours: float, peer: float, name: str = "octoDNS 1.22") -> list[report.Comparison]:
    units = targets.UNITS["bind" if title.startswith("BIND") else "route53"]
    return report.compare("dns", title, [{metric: ours}], [{metric: peer}], name, units)


def test_every_server_size_zone_and_limit_is_measured_with_octodns() -> None:
    plan = cases.plan(list(cases.SERVERS), [1000, 3], [10000, 0], [None, 5.0], list(PEERS))
    assert [case.title for case in plan.peers] == [
        "Route53, no limit, 3 SRV into 0 others",
        "Route53, no limit, 1,000 SRV into 0 others",
        "Route53, no limit, 3 SRV into 10,000 others",
        BIG,
        "Route53, 5 requests/s, 3 SRV into 0 others",
        "Route53, 5 requests/s, 1,000 SRV into 0 others",
        "Route53, 5 requests/s, 3 SRV into 10,000 others",
        "Route53, 5 requests/s, 1,000 SRV into 10,000 others",
        "BIND, 3 SRV into 0 others",
        "BIND, 1,000 SRV into 0 others",
        "BIND, 3 SRV into 10,000 others",
        "BIND, 1,000 SRV into 10,000 others",
    ]
    assert all("octodns" in peers for peers in plan.peers.values())


@pytest.mark.parametrize(
    ("server", "size", "rate", "taking_part", "reason"),
    [
        ("route53", 100, None, ["amazon.aws", "octodns"], ""),
        ("route53", 101, None, ["octodns"], "at most 100 records here: it lists the whole zone"),
        ("route53", 10, 5.0, ["amazon.aws", "octodns"], ""),
        ("route53", 11, 5.0, ["octodns"], "at most 10 records here: it lists the whole zone"),
        ("bind", 100, None, ["nsupdate", "octodns"], ""),
        ("bind", 101, None, ["octodns"], "at most 100 records here: it starts a module"),
    ],
)
def test_slow_peers_are_left_out_of_large_cases_and_that_is_said(
    server: str, size: int, rate: cases.Rate, taking_part: list[str], reason: str
) -> None:
    plan = cases.plan([server], [size], [0], [rate], list(PEERS))
    assert list(plan.peers.values()) == [taking_part]
    assert len(plan.notes) == bool(reason)
    assert all(reason in note and next(iter(plan.peers)).title in note for note in plan.notes)


def test_a_case_without_any_peer_is_left_out_and_that_is_said() -> None:
    plan = cases.plan(["route53", "bind"], [3], [0], [None], ["nsupdate"])
    assert [case.server for case in plan.peers] == ["bind"]
    assert plan.notes == ["left out: Route53, no limit, 3 SRV into 0 others: no peer of those named is measured there"]


def test_nothing_left_to_measure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dns", "--servers", "bind", "--peers", "nsupdate", "--sizes", "1000"]) == 2
    assert "nothing is left to measure" in (said := capsys.readouterr().err)
    assert "it starts a module for each of them" in said


def test_peers_that_are_not_installed_are_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="the peers are not installed for .*bin/bench installs them"):
        sides.peer_names("bind", tmp_path / "python")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "3,x"], "'x': use a whole number from 1 on"),
        (["--sizes", "0"], "'0': use a whole number from 1 on"),
        (["--sizes", "10001"], "10001 records: there are names for at most 10000"),
        (["--zones", "-1"], "'-1': use a whole number from 1 on"),
        (["--zones", "100001"], "100001 others: there are names for at most 100000"),
        (["--rates", "fast"], "'fast': use a whole number from 1 on"),
        (["--peers", "terraform"], "no such peer: terraform; there are amazon.aws, nsupdate, octodns"),
        (["--servers", "knot"], "no such server: knot; there are route53, bind"),
        (["--repeat", "0"], "'0': use a whole number from 1 on"),
    ],
)
def test_usage_errors_end_with_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["dns", *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_options_are_read() -> None:
    options = cli.parser().parse_args(["dns", "--zones", "0,5", "--rates", "none,2", "--sizes", "7"])
    assert (options.zones, options.rates, options.sizes) == ([0, 5], [None, 2.0], [7])


@pytest.mark.parametrize("count", [3, 10, 1000, 10000])
def test_records_have_names_of_their_own_spread_among_the_others(count: int) -> None:
    ours, others = records.rows(count), records.others(10_000)
    assert len({row[0] for row in ours}) == count
    in_order = sorted([*ours, *others], key=lambda row: order(row[0]))
    places = [index for index, row in enumerate(in_order) if row[1] == "SRV"]
    steps = [after - before for before, after in zip(places, places[1:])]
    assert max(steps) - min(steps) <= 1


def test_the_largest_update_of_the_peer_fits_one_message() -> None:
    """octodns-bind sends 1,000 records in one message, however long they are; it shall be able to."""
    update = dns.update.UpdateMessage(records.ZONE)
    for name, rtype, ttl, value in records.rows(1000):
        update.add(f"{name}.", ttl, rtype, value)
    assert len(update.to_wire(max_size=65535)) < 65535 - 200  # and its signature


@pytest.mark.parametrize(
    ("metric", "title", "ours", "met"),
    [
        ("requests", f"{BIG}, {FIRST}", 45, True),
        ("requests", f"{BIG}, {FIRST}", 46, False),
        ("requests", f"{BIG}, {SECOND}", 42, False),
        ("requests", f"Route53, 5 requests/s, 1,000 SRV into 10,000 others, {SECOND}", 41, True),
        ("requests", f"Route53, no limit, 3 SRV into 10,000 others, {FIRST}", 7, False),
        ("requests", f"Route53, no limit, 3 SRV into 10,000 others, {SECOND}", 5, False),
        ("requests", f"Route53, no limit, 3 SRV into 0 others, {SECOND}", 5, False),
        ("requests", f"Route53, no limit, 103 SRV into 10,000 others, {FIRST}", 7, None),
        (wire.CHANGES, f"BIND, 1,000 SRV into 10,000 others, {FIRST}", 10, True),
        (wire.CHANGES, f"BIND, 1,000 SRV into 0 others, {FIRST}", 11, False),
        ("requests", f"BIND, 1,000 SRV into 0 others, {FIRST}", 2000, None),
    ],
)
def test_counts_of_ours_are_judged_whatever_the_peers(metric: str, title: str, ours: float, met: bool | None) -> None:
    both = [*lines(title, metric, ours, 0.0), *lines(title, metric, ours, 3.0, "amazon.aws 10")]
    found = report.judge(both, targets.targets(0.6))
    assert [verdict.met for verdict in found] == ([] if met is None else [met])
    assert all(f"{ours} " in verdict.text and "at most" in verdict.text for verdict in found)


@pytest.mark.parametrize("each", cases.PASSES)
@pytest.mark.parametrize(
    ("title", "name", "times"),
    [
        ("Route53, no limit, 100 SRV into 10,000 others", "amazon.aws 10.1", 30),
        ("Route53, 5 requests/s, 10 SRV into 10,000 others", "amazon.aws 10.1", 15),
        ("BIND, 100 SRV into 0 others", "community.general 11", 20),
        ("BIND, 100 SRV into 10,000 others", "community.general 11", 20),
    ],
)
def test_loops_shall_take_many_times_as_long(title: str, name: str, times: int, each: str) -> None:
    for peer, met in ((2.0 * times, True), (2.0 * times - 0.1, False)):
        (found,) = report.judge(lines(f"{title}, {each}", "wall", 2.0, peer, name), targets.targets(0.6))
        assert found.met is met
        assert f"at least {times} times is wanted" in found.text
    others = lines(f"{title.replace('100 ', '3 ').replace('10 S', '3 S')}, {each}", "wall", 2.0, 2.0, name)
    assert not report.judge(others, targets.targets(0.6))


@pytest.mark.parametrize(
    ("start", "ours", "met"), [(0.2, 1.6, True), (0.2, 1.61, False), (1.3, 2.3, True), (1.3, 2.31, False)]
)
def test_beside_octodns_the_start_of_ansible_is_allowed(start: float, ours: float, met: bool) -> None:
    (found,) = report.judge(lines("BIND, 7 SRV into 5 others, first run", "wall", ours, 1.0), targets.targets(start))
    assert found.met is met


def test_the_table_names_the_peer_of_each_block() -> None:
    title = f"{BIG}, {FIRST}"
    text = report.table([*lines(title, "wall", 1, 2), *lines(title, "wall", 1, 3, "amazon.aws 10")])
    assert [line for line in text.splitlines() if BIG in line] == [
        f"{title}; peer: octoDNS 1.22",
        f"{title}; peer: amazon.aws 10",
    ]


def test_notes_stand_between_table_and_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    found = report.Outcome(lines(f"{BIG}, {FIRST}", "requests", 50, 1), targets.targets(0.6), ["left out: nobody"])
    assert cli.conclude(found) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[-2:]] == [
        "left out",
        f"MISSED  {BIG}, {FIRST}",
    ]


def test_messages_are_told_apart() -> None:
    update = dns.update.UpdateMessage(records.ZONE)
    update.absent("a")
    conditions = update.to_wire()
    update.add("a", 300, "A", "192.0.2.1")
    query = dns.message.make_query(records.ZONE, "SOA")
    transfers = [dns.message.make_query(records.ZONE, rtype).to_wire() for rtype in ("AXFR", "IXFR")]
    notify = dns.message.make_query(records.ZONE, "SOA")
    notify.set_opcode(4)
    messages = [conditions, update.to_wire(), query.to_wire(), *transfers, notify.to_wire(), b"short"]
    assert [wire.kind(message) for message in messages] == [
        wire.CONDITIONS, wire.CHANGES, wire.QUERY, wire.TRANSFER, wire.TRANSFER, wire.OTHER, wire.OTHER,
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_messages_are_found_however_the_stream_is_cut(size: int) -> None:
    stream = b"\x00\x03abc\x00\x01d\x00\x00\x00\x02ef\x00"
    found, waiting = [], b""
    for place in range(0, len(stream), size):
        whole, waiting = wire.split(waiting + stream[place : place + size])
        found += whole
    assert (found, waiting) == ([b"abc", b"d", b"", b"ef"], b"\x00")


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers each message with itself, as a response; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                waiting = b""
                while data := client.recv(4096):
                    whole, waiting = wire.split(waiting + data)
                    for message in whole:
                        answer = dns.message.make_response(dns.message.from_wire(message)).to_wire()
                        client.sendall(len(answer).to_bytes(2, "big") + answer)

    threading.Thread(target=serve, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_wire_passes_on_and_counts(echo: int) -> None:
    between = wire.Wire(echo)
    query = dns.message.make_query(records.ZONE, "SOA")
    for _ in range(3):
        assert dns.query.tcp(query, "127.0.0.1", port=between.port, timeout=5).id == query.id
    assert between.counts() == {**dict.fromkeys(wire.KINDS, 0), wire.QUERY: 3}
    between.clear()
    assert not any(between.counts().values())
    between.close()
    with pytest.raises(OSError):
        dns.query.tcp(query, "127.0.0.1", port=between.port, timeout=5)


@pytest.mark.parametrize(("server", "settings"), [("bind", BIND), ("route53", AWS)])
def test_no_secret_stands_in_the_configuration_of_octodns(
    server: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    text = str(sides.octodns_config(server, tmp_path, settings))
    assert "env/" in text
    assert settings.get("tsig_secret", settings.get("secret_key")) not in text


def test_octodns_may_try_more_often_where_requests_are_limited(tmp_path: Path) -> None:
    tries = [
        sides.octodns_config("route53", tmp_path, {**AWS, "limited": limited})["providers"]["target"]
        for limited in (False, True)
    ]
    assert [target.get("client_max_attempts") for target in tries] == [None, 10]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("x failed (2):\n  msg: refused\n\nNOT DONE: a", "msg: refused"),
        ("x failed (1):\nTraceback\nClientError: Throttling", "ClientError: Throttling"),
        ("x failed (1):\nkilled\n", "killed"),
    ],
)
def test_the_line_that_says_why_is_shown(output: str, said: str) -> None:
    assert suite.reason(output) == said


class Zone:
    """A place that holds what it is told to, in memory."""

    kinds, changing = ("LOOK", "CHANGE"), "CHANGE"

    def __init__(self, spoiled: bool = False) -> None:
        self.held: list[records.Row] = []
        self.count = dict.fromkeys(self.kinds, 0)
        self.resets = 0
        self.spoiled = spoiled

    def reset(self, count: int, _rate: cases.Rate) -> None:
        self.held, self.resets = records.others(count), self.resets + 1

    def clear(self) -> None:
        self.count = dict.fromkeys(self.kinds, 0)

    def counts(self) -> dict[str, int]:
        return dict(self.count)

    def rows(self) -> list[records.Row]:
        return self.held[1:] if self.spoiled else self.held

    def provider(self) -> dict[str, Any]:
        return {}

    settings = provider

    def close(self) -> None:
        return


class Worker:
    """A side that publishes in memory."""

    def __init__(self, name: str, zone: Zone, wall: float, restless: bool = False, fails: str = "") -> None:
        self.name, self.zone, self.wall, self.restless, self.fails = name, zone, wall, restless, fails
        self.records = 0

    def prepare(self, _folder: Path, given: sides.Given) -> None:
        self.records = given.case.records

    def run(self, _folder: Path, _tell: Callable[[], object]) -> dict[str, float]:
        if self.fails:
            raise BenchError(f"x failed (1):\n{self.fails}")
        missing = [row for row in records.rows(self.records) if row not in self.zone.held]
        self.zone.held = [*self.zone.held, *missing]
        self.zone.count["LOOK"] += 1
        self.zone.count["CHANGE"] += bool(missing) or self.restless
        return {"wall": self.wall, "CPU": 0.1}


def measure(zone: Zone, *workers: Worker, repeat: int = 3, folder: Path) -> tuple[suite.Measurement, Any, Progress]:
    progress = Progress(len(workers) * repeat * 2)
    measurement = suite.Measurement(Case("bind", 3, 5), workers, zone, folder, progress)  # type: ignore[arg-type]
    return measurement, measurement.all(repeat), progress


def test_each_side_begins_with_the_same_zone_in_each_round(tmp_path: Path) -> None:
    zone = Zone()
    _, found, _ = measure(zone, Worker("ours", zone, 1), Worker("octodns", zone, 2), folder=tmp_path)
    assert zone.resets == 6
    for side in ("ours", "octodns"):
        assert [run["CHANGE"] for run in found[side, FIRST]] == [1, 1, 1]
        assert [run["CHANGE"] for run in found[side, SECOND]] == [0, 0, 0]
        assert found[side, FIRST][0]["requests"] == 2


def test_a_peer_that_takes_long_is_run_once_and_that_is_said(tmp_path: Path) -> None:
    zone = Zone()
    slow = Worker("nsupdate", zone, 60)
    measurement, found, progress = measure(zone, Worker("ours", zone, 90), slow, folder=tmp_path)
    assert (len(found["ours", FIRST]), len(found["nsupdate", FIRST])) == (3, 1)
    assert measurement.notes == ["not run again: 60 s: nsupdate, BIND, 3 SRV into 5 others"]
    assert progress.total == 8


def test_a_peer_that_fails_is_left_out_with_its_reason(tmp_path: Path) -> None:
    zone = Zone()
    broken = Worker("octodns", zone, 1, fails="SomeError: Throttling")
    measurement, found, _ = measure(zone, Worker("ours", zone, 1), broken, folder=tmp_path)
    assert {side for side, _ in found} == {"ours"}
    assert measurement.notes == ["failed: SomeError: Throttling: octodns, BIND, 3 SRV into 5 others"]


@pytest.mark.parametrize(
    ("spoiled", "restless", "fails", "message"),
    [
        (True, False, "", "ours made something else of BIND: 7 records instead of 8"),
        (False, True, "", "ours has nothing to do, yet changes something"),
        (False, False, "refused", "refused"),
    ],
)
def test_what_goes_wrong_with_ours_ends_the_suite(
    spoiled: bool, restless: bool, fails: str, message: str, tmp_path: Path
) -> None:
    zone = Zone(spoiled)
    with pytest.raises(BenchError, match=message):
        measure(zone, Worker("ours", zone, 1, restless, fails), folder=tmp_path)
