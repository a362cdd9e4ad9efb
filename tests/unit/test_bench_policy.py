"""The pure parts of the benchmark of the policy: ratios, stanzas, partners, configurations, counting, targets."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import cli, fleet, report  # noqa: E402 - the path comes first
from bench.errors import BenchError  # noqa: E402
from bench.policy import cases, change, cores, gateway, making, spread, targets  # noqa: E402
from bench.policy.cases import KINDS, OURS, PLAIN  # noqa: E402
from bench.policy.load import Burst, Tally  # noqa: E402

CONFIGURATION = """admins = {}
modules_disabled = { "s2s" }
modules_enabled = {
	"fedgate_guard"; "fedgate_policy";
	"tls"; "dialback"; "limits";
	"csi_simple"; "ping"; "offline";
}
"""


def test_ratios_are_those_of_rounds_not_of_medians() -> None:
    # The machine was twice as slow in the second and third round, for both sides alike.
    found = spread.ratios([1.1, 2.2, 2.1, 1.0, 1.2], [1.0, 2.0, 2.0, 1.0, 1.0])
    assert found.middle == pytest.approx(1.1)
    assert (found.low, found.high) == (pytest.approx(1.05), pytest.approx(1.1))
    assert str(found) == "median 1.100 of 5 rounds, half of them between 1.050 and 1.100"


def test_a_few_rounds_show_their_ends() -> None:
    found = spread.ratios([1.0, 3.0], [1.0, 2.0])
    assert (found.low, found.middle, found.high) == (1.0, 1.25, 1.5)
    assert str(found).endswith("all between 1.000 and 1.500")


@pytest.mark.parametrize(("ours", "plain"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_what_makes_no_pairs_is_refused(ours: list[float], plain: list[float]) -> None:
    with pytest.raises(ValueError, match="pairs|nothing was used"):
        spread.ratios(ours, plain)


def test_cpu_time_is_read_from_either_version_of_control_groups(tmp_path: Path) -> None:
    first, second = tmp_path / "cpuacct.usage", tmp_path / "cpu.stat"
    first.write_text("1500000000\n")
    second.write_text("usage_usec 250000\nuser_usec 200000\nsystem_usec 50000\n")
    assert fleet.used([first, second]) == pytest.approx(1.75)


def test_memory_is_what_is_resident() -> None:
    assert gateway.resident("Name:\tlua5.4\nVmHWM:\t   30000 kB\nVmRSS:\t   20000 kB\n") == pytest.approx(20.48)
    with pytest.raises(BenchError, match="VmRSS"):
        gateway.resident("Name:\tlua5.4\n")


def test_partners_take_turns_at_the_types_and_the_first_have_streams() -> None:
    assert [item["type"] for item in cases.partners(4)] == [*cases.TYPES, "federated"]
    assert len(cases.partners(10_000)) == 10_000
    assert len(cases.connected(10_000)) == cases.MOST_STREAMS
    assert cases.connected(10, "public_unverified") == [cases.domain(number) for number in (3, 6, 9)]
    assert cases.domain(cases.MOST_PARTNERS) not in {item["domain"] for item in cases.partners(10_000)}


def test_each_side_is_first_in_every_other_pair() -> None:
    assert cases.turns(3) == [(OURS, PLAIN), (PLAIN, OURS), (OURS, PLAIN)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_stanza_has_its_marker_and_its_partner_once(kind: cases.Kind) -> None:
    stanza = kind.stanza("p00001.partner.example", "m7-").decode()
    assert stanza.count("m7-") == 1 and stanza.count("p00001.partner.example") == 1
    assert kind.partners in cases.TYPES


def test_what_a_side_must_show_and_must_not_is_looked_for() -> None:
    kind = KINDS["presence-out-public"]
    whole, stripped = b"<presence><show>away</show>" + kind_note() + b"</status></presence>", b"<presence/>"
    assert kind.wrong(PLAIN, whole) == "" and kind.wrong(OURS, stripped) == ""
    assert "missing" in kind.wrong(PLAIN, stripped)
    assert "is there" in kind.wrong(OURS, whole)


def kind_note() -> bytes:
    return f"<status>{cases.NOTE}".encode()


def test_both_configurations_differ_in_our_modules_alone() -> None:
    found = making.configurations(CONFIGURATION)
    ours, plain = (found[side].splitlines() for side in (OURS, PLAIN))
    assert [(mine.strip(), other.strip()) for mine, other in zip(ours, plain) if mine != other] == [
        ('modules_disabled = { "s2s"; "offline" }', 'modules_disabled = { "offline" }'),
        ('"fedgate_guard"; "fedgate_policy";', ""),
    ]
    assert "limits" not in found[OURS] + found[PLAIN]
    with pytest.raises(BenchError, match="another template"):
        making.configurations("admins = {}\n")


def test_markers_are_counted_across_the_pieces_in_which_they_arrive() -> None:
    async def count() -> bytes:
        tally = Tally()
        first, second = tally.ear(), tally.ear()
        tally.expect("m12-", 3)
        for piece in (b"<message id='m1", b"2-'/><message id='m12-'/>", b"<message id='m1"):
            first(piece)
        second(b"2-'/><message id='m112-'/><message id='m2-'/>")  # pieces of different streams do not join
        assert not tally._done.is_set()
        second(b"<message id='m12-'/>")
        await tally.complete("messages")
        return tally.seen

    assert b"<message id='m12-'/>" in asyncio.run(count())


def test_figures_are_per_stanza_and_parts_of_one_core() -> None:
    assert Burst(stanzas=1000, wall=0.5, gateway=0.45, generator=0.1).figures == {
        "CPU per stanza": pytest.approx(450),
        "gateway busy": pytest.approx(90),
        "generator busy": pytest.approx(20),
    }


def test_bursts_of_a_round_count_together() -> None:
    first, second = Burst(stanzas=500, wall=0.1, gateway=0.05, generator=0.01), Burst(500, 0.3, 0.15, 0.03)
    assert Burst.sum([first, second]).figures["CPU per stanza"] == pytest.approx(200)
    assert Burst.sum([first, second]).wall == pytest.approx(0.4)


def test_the_change_in_the_middle_is_reported() -> None:
    found = [change.Change(seconds, 5.0, 50) for seconds in (2.0, 1.0, 3.0)]
    assert change.middle(found).enforced == 2.0
    assert change.middle(found[:2]).enforced == 2.0


def lines(partners: int, ratio: float, enforced: float) -> list[report.Comparison]:
    title = cases.title(KINDS["messages-in"], partners)
    return [
        report.Comparison("policy", title, "CPU ratio", "", ratio, 1.0, targets.PEER),
        report.Comparison("policy", f"{targets.CHANGE} {partners:,}", "enforced", "s", enforced, 0.0, "nothing"),
    ]


def test_targets_speak_of_ten_thousand_partners() -> None:
    assert [verdict.met for verdict in report.judge(lines(10_000, 1.05, 3.0), targets.targets())] == [True, True]
    assert [verdict.met for verdict in report.judge(lines(10_000, 1.051, 3.01), targets.targets())] == [False, False]
    assert report.judge(lines(1_000, 2.0, 9.0), targets.targets()) == []


def test_the_whole_suite_takes_less_than_a_quarter_of_an_hour() -> None:
    options = cli.parser().parse_args(["policy"])
    assert options.partners == [10, 1000, 10000] and options.repeat == 8
    assert cases.seconds(options.partners, options.kinds, options.repeat, options.stanzas) < 15 * 60


@pytest.mark.parametrize("given", ["2", "99999", "0", "x", "10,2"])
def test_numbers_of_partners_are_checked(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["policy", "--partners", given])
    assert "use " in capsys.readouterr().err


@pytest.mark.parametrize(("given", "gateways", "load"), [({0, 1}, 1, {0}), ({2, 5, 7}, 7, {2, 5}), ({3}, 3, {3})])
def test_both_gateways_have_one_core_and_the_load_the_others(given: set[int], gateways: int, load: set[int]) -> None:
    assert (cores.shared(given), cores.others(given)) == (gateways, load)


def test_this_process_keeps_off_that_core_until_the_end() -> None:
    before = os.sched_getaffinity(0)
    with cores.beside() as core:
        assert core == max(before) and os.sched_getaffinity(0) == cores.others(before)
    assert os.sched_getaffinity(0) == before


def test_without_a_core_nothing_runs() -> None:
    with pytest.raises(ValueError, match="no core"):
        cores.shared(set())
