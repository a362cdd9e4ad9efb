"""The benchmark of partners on Lync Server: what is measured, what counts as done, the targets."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psrpcore", reason="the emulator runs where the tests' own requirements are")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import cli, report  # noqa: E402 - the path comes first
from bench.errors import BenchError  # noqa: E402
from bench.lync import cases, place, suite, usual  # noqa: E402
from bench.lync.cases import CHANGED, FIRST, PASSES, SECOND, Case  # noqa: E402
from bench.progress import Progress  # noqa: E402

TITLE = "1,000 partners"


def verdicts(case: str, metric: str, ours: float, peer: float) -> list[bool]:
    lines = report.compare("lync", case, [{metric: ours}], [{metric: peer}], cases.PEER, cases.UNITS)
    return [verdict.met for verdict in report.judge(lines, cases.targets())]


def test_a_tenth_becomes_another() -> None:
    before, after = cases.partners(100), cases.partners(100, changed=True)
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 10
    assert len({item["domain"] for item in before}) == 100
    assert (Case(1000).title, Case(1).title) == (TITLE, "1 partner")


@pytest.mark.parametrize(
    ("each", "metric", "met", "missed"),
    [
        (FIRST, "pipelines", 1050, 1051),
        (CHANGED, "pipelines", 150, 151),
        (SECOND, "pipelines", 3, 4),
        (FIRST, "sessions", 1, 2),
        (SECOND, "sessions", 1, 2),
    ],
)
def test_targets(each: str, metric: str, met: float, missed: float) -> None:
    assert verdicts(f"{TITLE}, {each}", metric, met, 5000) == [True]
    assert verdicts(f"{TITLE}, {each}", metric, missed, 5000) == [False]


def test_how_many_times_as_long_the_usual_way_takes_is_held_against_a_target() -> None:
    assert verdicts(f"{TITLE}, {FIRST}", "wall", 10, 20) == [True]
    assert verdicts(f"{TITLE}, {FIRST}", "wall", 10, 19) == [False]
    assert verdicts(f"100 partners, {FIRST}", "wall", 10, 1) == [], "Ansible's own start counts there"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--partners", "0"], "'0': use a whole number from 1 on"),
        (["--partners", "ten"], "'ten': use a whole number from 1 on"),
        (["--partners", "10001"], "10001 partners: use at most 10000"),
    ],
)
def test_usage_errors_end_with_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["lync", *arguments])
    assert ended.value.code == 2 and message in capsys.readouterr().err


class Side:
    """Writes to the server itself, in a way that a test names."""

    name = "ours"

    def __init__(self, front_end: place.FrontEnd, change: str = "") -> None:
        self.front_end = front_end
        self.change = change

    def run(
        self, folder: Path, way: Mapping[str, Any], partners: Sequence[Mapping[str, Any]], tell: object
    ) -> dict[str, float]:
        """Do what ``usual.py`` does, but for what a test has left out or does too much."""
        wanted = partners[:-1] if self.change == "leaves one out" else partners
        if self.change == "writes another note":
            wanted = [{**item, "description": "x"} for item in wanted]
        for item in wanted:
            usual.one(dict(way), item["domain"], usual.wanted(dict(item)))
        return {"wall": 0.0, "CPU": 0.0}


@pytest.fixture
def front_end(tmp_path: Path) -> Any:
    """The server of the benchmark."""
    found = place.FrontEnd(tmp_path)
    yield found
    found.close()


def test_the_usual_way_does_it_and_is_counted(front_end: place.FrontEnd, tmp_path: Path) -> None:
    measurement = suite.Measurement(Case(10), front_end, tmp_path, Progress(3))
    found: suite.Found = {}
    measurement._passes(Side(front_end), found)
    counted = {each: found["ours", each][0] for each in PASSES}
    assert {each: figures["sessions"] for each, figures in counted.items()} == dict.fromkeys(PASSES, 10)
    assert [counted[each]["pipelines"] for each in PASSES] == [20, 11, 10]
    assert all(figures["requests"] > figures["pipelines"] + figures["sessions"] for figures in counted.values())


@pytest.mark.parametrize("change", ["leaves one out", "writes another note"])
def test_a_side_that_does_something_else_is_no_result(front_end: place.FrontEnd, tmp_path: Path, change: str) -> None:
    measurement = suite.Measurement(Case(3), front_end, tmp_path, Progress(3))
    with pytest.raises(BenchError, match="2 changes instead of 3|not as asked for: .'partner0.example'"):
        measurement._passes(Side(front_end, change), {})
