"""Record sets at Route 53 (moto behind the proxy): what is done, and how many requests it takes."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.acme.board import Board, Proof
from ansible.module_utils.fedgate.certificates.acme.state import State
from ansible.module_utils.fedgate.errors import InvalidValue, Refused
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .route53 import LONDON, SRV, TOKYO, ZONE, World, absent, names_of, record, services

#: name and type → time to live and indexes of values.
Found = dict[tuple[str, str], tuple[int, set[int]]]
EVERYTHING = [
    record(SRV, "SRV", f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"),
    record(LONDON, "A", "192.0.2.10"),
    record(TOKYO, "A", "192.0.2.20", "192.0.2.21"),
    record(TOKYO, "AAAA", "2001:db8::20"),
    record(f"im.{ZONE}", "CNAME", LONDON),
    record(f"*.chat.{ZONE}", "CNAME", LONDON),
    record(f"note.{ZONE}", "TXT", 'say "hi" \\ ü', "x" * 700),
    record(ZONE, "CAA", '0 issue "ca.example; validationmethods=dns-01"', '0 iodef "mailto:x@contoso.example"'),
    record(f"_5269._tcp.{LONDON}", "TLSA", "3 1 1 " + "ab" * 32),
    {"name": f"_xmpp-client._tcp.{ZONE}", "type": "SRV", "ttl": 300, "state": "retired"},
]


def test_creates_everything_once_and_touches_nothing_else(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.edit(zone, ("CREATE", f"www.{ZONE}", "A", 60, ["192.0.2.1"]), ("CREATE", LONDON, "TXT", 60, ['"theirs"']))
    before = route53.sets(zone)
    plan = route53.publish(EVERYTHING)
    assert len(plan.changes) == len(EVERYTHING) and all(change.action == "create" for change in plan.changes)
    assert route53.results["zones"] == {ZONE: {"messages": 1, "id": zone}}
    there = route53.sets(zone)
    assert before.items() <= there.items()
    assert there[f"{SRV}.", "SRV"] == (300, (f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."))
    assert there[f"\\052.chat.{ZONE}.", "CNAME"] == (300, (f"{LONDON}.",))
    long = " ".join(f'"{"x" * length}"' for length in (255, 255, 190))
    assert there[f"note.{ZONE}.", "TXT"] == (300, ('"say \\"hi\\" \\134 \\303\\274"', long))
    assert there[f"_xmpp-client._tcp.{ZONE}.", "SRV"] == (300, ("0 0 0 .",))
    assert not route53.publish(EVERYTHING)
    gone = route53.publish([absent(one["name"], one["type"]) for one in EVERYTHING])
    assert len(gone.changes) == len(EVERYTHING) and route53.sets(zone) == before


def test_case_order_and_escapes_are_no_change(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.edit(
        zone,
        ("CREATE", SRV.upper(), "SRV", 300, [f"20  0 5269 {TOKYO.upper()}", f"10 0 5269 {LONDON}"]),
        ("CREATE", f"\\052.{ZONE}", "CNAME", 300, ["\\145dge.london.Contoso.Example."]),
        ("CREATE", f"note.{ZONE}", "TXT", 300, ['"s\\141y " "\\"hi\\""']),
        ("CREATE", LONDON, "AAAA", 300, ["2001:DB8:0::10"]),
    )
    wanted = [
        record(SRV, "SRV", f"10 0 5269 {LONDON.upper()}", f"20 0 5269 {TOKYO}."),
        record(f"*.{ZONE.upper()}", "CNAME", LONDON),
        record(f"note.{ZONE}", "TXT", 'say "hi"'),
        record(LONDON, "AAAA", "2001:db8::10"),
    ]
    assert not route53.publish(wanted) and not route53.publish(wanted[::-1])


def test_changes_values_and_time_to_live(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.publish(EVERYTHING)
    route53.proxy.reset()
    plan = route53.publish([record(SRV, "SRV", f"10 0 5269 {LONDON}"), record(LONDON, "A", "192.0.2.10", ttl=900)])
    assert names_of(plan) == [f"update {LONDON} A", f"update {SRV} SRV"]
    assert route53.sets(zone)[f"{SRV}.", "SRV"] == (300, (f"10 0 5269 {LONDON}.",))
    assert route53.sets(zone)[f"{LONDON}.", "A"] == (900, ("192.0.2.10",))


def test_an_alias_takes_the_place_of_addresses_at_once(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.publish([record(f"im.{ZONE}", "A", "192.0.2.1")])
    route53.proxy.reset()
    route53.publish([absent(f"im.{ZONE}", "A"), record(f"im.{ZONE}", "CNAME", LONDON)])
    assert route53.sets(zone) == {(f"im.{ZONE}.", "CNAME"): (300, (f"{LONDON}.",))}
    with pytest.raises(InvalidValue, match="it has CNAME records already"):
        route53.publish([record(f"im.{ZONE}", "SRV", f"1 1 1 {LONDON}")])
    with pytest.raises(InvalidValue, match="it has NS and SOA records already"):
        route53.publish([record(ZONE, "CNAME", LONDON)])


@pytest.mark.parametrize(
    "labels",
    [
        [f"d{number:04}" for number in range(1000)],
        [f"pc{number * 10:05}" for number in range(1000)],
    ],
    ids=["side by side", "among the others"],
)
def test_a_thousand_records_in_a_zone_of_ten_thousand_others(route53: World, labels: list[str]) -> None:
    zone = route53.moto.zone(ZONE, records=10_000)
    before = route53.sets(zone)
    first, plan = route53.cost(services(*labels))
    assert first <= 45 and len(plan.changes) == 1000
    assert route53.results["zones"][ZONE]["messages"] == 2 == route53.proxy.counts["ChangeResourceRecordSets"]
    second, plan = route53.cost(services(*labels))
    assert second <= 41 and not plan
    there = route53.sets(zone)
    assert len(there) == 11_000 and before.items() <= there.items()


def test_three_records_in_a_zone_of_ten_thousand_others(route53: World) -> None:
    route53.moto.zone(ZONE, records=10_000)
    for labels, most in ((["a", "pc05000", "z"], 6), (["b", "c", "d"], 5)):
        first, plan = route53.cost(services(*labels))
        assert first <= most and len(plan.changes) == 3
        second, plan = route53.cost(services(*labels))
        assert second <= 4 and not plan


MADE_BY_OTHERS: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "an alias": (
        {"AliasTarget": {"HostedZoneId": "Z1", "DNSName": "lb.example.", "EvaluateTargetHealth": False}},
        [],
        "an alias to lb.example",
    ),
    "a weight": ({"SetIdentifier": "one", "Weight": 10}, ["192.0.2.10"], "(weighted)"),
    "a region": ({"SetIdentifier": "one", "Region": "eu-west-1"}, ["192.0.2.10"], "(latency)"),
    "failover": ({"SetIdentifier": "one", "Failover": "PRIMARY"}, ["192.0.2.10"], "(failover)"),
    "many answers": ({"SetIdentifier": "one", "MultiValueAnswer": True}, ["192.0.2.10"], "(multivalue answer)"),
}


@pytest.mark.parametrize("kind", MADE_BY_OTHERS)
def test_what_others_route_is_never_touched(route53: World, kind: str) -> None:
    extra, values, says = MADE_BY_OTHERS[kind]
    zone = route53.moto.zone(ZONE)
    route53.edit(zone, ("CREATE", LONDON, "A", 60, values), **extra)
    before = route53.sets(zone)
    for wanted in (record(LONDON, "A", "192.0.2.99"), absent(LONDON, "A")):
        with pytest.raises(Refused) as caught:
            route53.publish([wanted, record(TOKYO, "A", "192.0.2.20")])
        assert f"at {LONDON} A in the hosted zone" in str(caught.value) and says in str(caught.value)
    assert route53.sets(zone) == before
    route53.proxy.reset()
    assert names_of(route53.publish([record(LONDON, "AAAA", "2001:db8::1")])) == [f"create {LONDON} AAAA"]


def test_batches_use_both_limits(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    short = [record(f"h{number}.{ZONE}", "A", "192.0.2.1") for number in range(1001)]
    route53.publish(short)
    assert route53.proxy.counts["ChangeResourceRecordSets"] == 2 and route53.proxy.largest["values"] == 1000
    route53.proxy.reset()
    # A new TTL is a removal and an addition: each value counts twice.
    route53.publish([{**one, "ttl": 600} for one in short[:600]])
    assert route53.proxy.counts["ChangeResourceRecordSets"] == 2 and route53.proxy.largest["values"] == 1000
    route53.proxy.reset()
    route53.publish([record(f"t{number}.{ZONE}", "TXT", "x" * 198) for number in range(161)])
    assert route53.proxy.counts["ChangeResourceRecordSets"] == 2 and route53.proxy.largest["characters"] == 32_000
    assert len(route53.sets(zone)) == 1162


TOO_MUCH = {
    rf"changes of t\.{ZONE} do not fit .*: 20 values of \d+ characters": [f"{n:04}" + "x" * 1800 for n in range(20)],
    rf"a value of t\.{ZONE} TXT is 4047 characters long": ["x" * 4000],
}


@pytest.mark.parametrize("says", TOO_MUCH)
def test_what_does_not_fit_is_refused_before_any_change(route53: World, says: str) -> None:
    zone = route53.moto.zone(ZONE)
    work = route53.work([record(f"t.{ZONE}", "TXT", *TOO_MUCH[says]), record(LONDON, "A", "192.0.2.10")])
    observed = work.observe()
    with pytest.raises(InvalidValue, match=says):
        work.plan(observed)
    assert not route53.sets(zone)


def test_what_lies_across_the_ends_of_pages(route53: World) -> None:
    zone = route53.moto.zone(ZONE, records=700)
    others = {"A": "192.0.2.9", "TXT": '"x"', "AAAA": "2001:db8::9"}
    for label in ("m", "pc00298", "pc00299"):
        route53.edit(zone, *[("UPSERT", f"{label}.{ZONE}", rtype, 60, [value]) for rtype, value in others.items()])
    wanted = [record(f"{label}.{ZONE}", "A", "192.0.2.1") for label in ("a", "m", "pc00299", "pc00300", "zz")]
    assert len(route53.publish(wanted).changes) == 5
    route53.proxy.reset()
    assert not route53.publish(wanted)


def test_waits_until_all_name_servers_have_it(route53: World) -> None:
    route53.moto.zone(ZONE)
    route53.proxy.pending = 2
    began = time.monotonic()
    route53.publish([record(LONDON, "A", "192.0.2.10")])
    assert route53.proxy.counts["GetChange"] == 3 and time.monotonic() - began > 1


def test_keeps_to_the_rate_without_a_single_refusal(route53: World) -> None:
    zone = route53.moto.zone(ZONE, records=3000)
    route53.proxy.rate = 5
    began = time.monotonic()
    requests, _ = route53.cost(services(*(f"pc{number:05}" for number in range(0, 3000, 30))), requests_per_second=5.0)
    seconds = time.monotonic() - began
    assert not route53.proxy.errors and (requests - 5) / 5 <= seconds < (requests - 1) / 5 + 1.5
    assert len(route53.sets(zone)) == 3100


NAMES = [f"{label}.{ZONE}" for label in ("a", "b", "*.b", "b-c", "c.b", "_s._tcp.b")]
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "TXT": ["one", "two words", '\u00fc"\\'],
    "SRV": [f"1 1 1 {LONDON}", f"2 2 2 {TOKYO}"],
}
#: name and type → time to live and values; nothing where there is no such set.
SETS = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(sorted(VALUES))),
    st.tuples(st.sampled_from([60, 300]), st.sets(st.integers(0, 1), min_size=1)),
    max_size=8,
)


#: Not made smaller when it fails, as each takes a while; FEDGATE_REPEAT says which part of the full number.
@settings(
    max_examples=max(1, round(60 * float(os.environ.get("FEDGATE_REPEAT", "0.1")))),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(SETS, SETS, st.randoms(use_true_random=False))
def test_any_zone_becomes_what_is_wanted(route53: World, there: Found, wanted: Found, chance: random.Random) -> None:
    def records(sets: Found) -> list[dict[str, Any]]:
        return [
            record(name, rtype, *(VALUES[rtype][index] for index in indexes), ttl=ttl)
            for (name, rtype), (ttl, indexes) in sets.items()
        ]

    route53.moto.reset()
    route53.proxy.reset()
    zone = route53.moto.zone(ZONE)
    route53.edit(zone, ("CREATE", f"b.{ZONE}", "MX", 60, ["1 mail.example."]))
    route53.publish(records(there))
    asked = [*records(wanted), *(absent(*key) for key in there if key not in wanted)]
    chance.shuffle(asked)
    route53.publish(asked)
    assert not route53.publish(asked[::-1])
    left = route53.sets(zone)
    assert left.pop((f"b.{ZONE}.", "MX")) == (60, ("1 mail.example.",)) and len(left) == len(wanted)


def test_challenges_of_certificates(route53: World, tmp_path: Path) -> None:
    zone = route53.moto.zone(ZONE)
    theirs, routed = f"_acme-challenge.{ZONE}", f"_acme-challenge.chat.{ZONE}"
    route53.edit(zone, ("CREATE", theirs, "TXT", 300, ['"theirs"']))
    route53.edit(zone, ("CREATE", routed, "TXT", 60, ['"theirs"']), SetIdentifier="one", Weight=1)
    before = route53.sets(zone)
    warnings: list[str] = []
    board = Board(route53.provider(), [], State(str(tmp_path / "acme")), warnings.append)
    proofs = [Proof(ZONE, theirs, "a"), Proof(f"im.{ZONE}", f"_acme-challenge.im.{ZONE}", "b")]
    failed = board.publish([*proofs, Proof(f"chat.{ZONE}", routed, "c")])
    assert list(failed) == [routed] and "(weighted)" in str(failed[routed])
    assert route53.sets(zone)[f"{theirs}.", "TXT"] == (300, ('"a"', '"theirs"'))
    board.clean()
    assert route53.sets(zone) == before and not warnings and not board.noted()
