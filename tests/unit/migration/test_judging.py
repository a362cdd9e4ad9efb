"""Where a move stands, from what is published, noted and wanted; and when it may be made."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.records import RRset
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.dns.wanted import wanted_from
from ansible.module_utils.fedgate.migration import judging, telling
from ansible.module_utils.fedgate.migration.judging import World
from ansible.module_utils.fedgate.migration.lives import Lives
from ansible.module_utils.fedgate.migration.notes import Note
from ansible.module_utils.fedgate.migration.published import Found

NAME = "_xmpp-server._tcp.contoso.example"
PLACE = ("external", NAME, "SRV")
EDGE, GATEWAY = "5 0 5269 edge.contoso.example", "10 0 5269 xmpp.contoso.example"
SINCE = datetime(2026, 11, 27, 20, 0, 0, tzinfo=timezone.utc)
LOW = 60


def srv(value: str, ttl: int, name: str = NAME) -> dict[tuple[str, str, str], RRset]:
    return {("external", name, "SRV"): RRset.of(name, "SRV", ttl, [parse("SRV", value)])}


def note(since: datetime | None = None, values: tuple[str, ...] = (EDGE,)) -> dict[tuple[str, str, str], Note]:
    return {PLACE: Note(*PLACE, values, 3600 if values else 0, 3600 if values else 0, since)}


def record(*values: str, name: str = NAME, rtype: str = "SRV") -> dict[str, Any]:
    state = "present" if values else "absent"
    return {"name": name, "type": rtype, "ttl": 300, "state": state, "values": list(values)}


def world(
    found: dict[tuple[str, str, str], RRset],
    notes: dict[tuple[str, str, str], Note] | None = None,
    records: list[dict[str, Any]] | None = None,
    now: datetime = SINCE,
    lives: Lives | None = None,
) -> World:
    wanted = wanted_from([record(GATEWAY)] if records is None else records)
    return World(
        Found(found), notes or {}, {(one.view, one.name, one.type): one for one in wanted}, lives or Lives(), LOW, now
    )


def test_what_nobody_noted_is_not_moved() -> None:
    seen = world(srv(EDGE, 3600))
    assert (seen.state(PLACE), seen.whole(), judging.move_at(seen)) == (judging.UNNOTED, judging.NOTHING, None)
    assert judging.too_early(seen) and "migrate_phase=lower" in telling.text(seen, [], judging.too_early(seen))


def test_a_long_time_to_live_is_too_early_whatever_was_noted() -> None:
    (line,) = judging.too_early(world(srv(EDGE, 3600), note(SINCE), now=SINCE + timedelta(days=3)))
    assert "3600 s" in line


def test_one_server_that_lags_is_too_early() -> None:
    lives = Lives({(NAME, "SRV"): 3600})
    assert judging.too_early(world(srv(EDGE, LOW), note(SINCE), now=SINCE + timedelta(days=3), lives=lives))
    silent = Lives(silent=["ns2 does not answer"])
    assert judging.too_early(world(srv(EDGE, LOW), note(SINCE), now=SINCE + timedelta(days=3), lives=silent)) == [
        "ns2 does not answer"
    ]


def test_since_when_has_to_be_known() -> None:
    (line,) = judging.too_early(world(srv(EDGE, LOW), note(None)))
    assert "since when" in line


@pytest.mark.parametrize(("seconds", "free"), [(0, False), (3599, False), (3600, True), (7200, True)])
def test_the_former_time_to_live_is_waited_for(seconds: int, free: bool) -> None:
    seen = world(srv(EDGE, LOW), note(SINCE), now=SINCE + timedelta(seconds=seconds))
    early = judging.too_early(seen)
    assert (early == []) == free and judging.move_at(seen) == SINCE + timedelta(hours=1)
    if not free:
        assert "2026-11-27T20:00:00Z from 3600 s" in early[0] and "until 2026-11-27T21:00:00Z" in early[0]


def test_what_changed_since_it_was_noted_is_not_moved() -> None:
    seen = world(srv("7 0 5269 other.example", LOW), note(SINCE), now=SINCE + timedelta(days=1))
    assert seen.state(PLACE) == judging.OTHER and "changed since it was noted" in judging.too_early(seen)[0]


def test_moved_and_back() -> None:
    moved = world(srv(GATEWAY, LOW), note(SINCE))
    assert (moved.state(PLACE), moved.whole(), judging.too_early(moved)) == (judging.MOVED, judging.MOVED, [])
    back = world(srv(EDGE, LOW), note(SINCE))
    assert back.whole() == judging.BEFORE
    # Without what is wanted, only the way back is known.
    assert world(srv(GATEWAY, LOW), note(SINCE), []).whole() == judging.BETWEEN


def test_a_set_that_was_not_there_is_removed_on_the_way_back() -> None:
    notes = note(values=())
    assert notes[PLACE].record(LOW) == {"name": NAME, "type": "SRV", "view": "external", "state": "absent"}
    assert world(srv(GATEWAY, LOW), notes).state(PLACE) == judging.MOVED
    assert judging.too_early(world({}, notes)) == []


def test_the_way_back_is_exact() -> None:
    kept = note(SINCE)[PLACE]
    assert kept.record()["ttl"] == 3600 and kept.record(LOW)["ttl"] == LOW and kept.record()["values"] == [EDGE]
    short = Note(*PLACE, (EDGE,), 30, 30, None)
    assert short.record(LOW)["ttl"] == 30


def test_the_name_of_an_edge_server_is_not_taken() -> None:
    there = {
        ("external", "edge.contoso.example", "A"): RRset.of("edge.contoso.example", "A", 300, [parse("A", "192.0.2.1")])
    }
    for wanted in (
        [record("192.0.2.9", name="edge.contoso.example", rtype="A")],
        [record(name="edge.contoso.example", rtype="A")],
    ):
        (line,) = judging.problems(world(there, records=wanted))
        assert "192.0.2.1 now" in line and "edge_pool_fqdn" in line and "federation_retired_pools" in line
    same = [record("192.0.2.1", name="edge.contoso.example", rtype="A")]
    assert judging.problems(world(there, records=same)) == []


def test_sip_is_left_alone() -> None:
    name = "_sipfederationtls._tcp.contoso.example"
    (line,) = judging.problems(world(srv("0 0 5061 edge.contoso.example", 300, name), records=[record(name=name)]))
    assert "federation_publish_sip_federation" in line


def test_no_domain_loses_its_last_server() -> None:
    (line,) = judging.problems(world(srv(EDGE, 300), records=[record()]))
    assert "last SRV record" in line


def test_an_alias_is_named() -> None:
    alias = {("external", NAME, "CNAME"): RRset.of(NAME, "CNAME", 300, [parse("CNAME", "other.example")])}
    (line,) = judging.problems(world(alias))
    assert "alias" in line
