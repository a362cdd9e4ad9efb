"""Batches hold every change once, within the limits, in safe order, and are as few as that allows."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.changes import RRsetChange, safe_order
from ansible.module_utils.fedgate.dns.records import RRset
from ansible.module_utils.fedgate.dns.route53 import batches as module
from ansible.module_utils.fedgate.dns.route53.batches import Batch, batches, cost
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

HOSTS = [f"edge{number}.example" for number in range(4)]


def rrset(name: str, rtype: str, values: list[str]) -> RRset:
    return RRset.of(name, rtype, 300, [parse(rtype, value) for value in values])


def change(name: str, rtype: str, before: list[str], after: list[str]) -> RRsetChange:
    found, wanted = (rrset(name, rtype, values) if values else None for values in (before, after))
    return RRsetChange((name, rtype), found, wanted)


ADDRESSES = st.lists(st.sampled_from([f"192.0.2.{number}" for number in range(9)]), max_size=4, unique=True)
TARGETS = st.lists(
    st.sampled_from([f"1 1 {port} {host}" for host in HOSTS for port in (1, 2)]), max_size=5, unique=True
)
CHANGES = st.lists(
    st.one_of(
        st.builds(change, st.sampled_from(HOSTS), st.just("A"), ADDRESSES, ADDRESSES),
        st.builds(change, st.sampled_from([f"d{n}.example" for n in range(9)]), st.just("SRV"), TARGETS, TARGETS),
        st.builds(change, st.sampled_from(HOSTS), st.just("TXT"), st.just([]), st.just(["x" * 50])),
    ),
    unique_by=lambda each: each.key,
    max_size=14,
).map(lambda found: sorted(found, key=safe_order))


@given(CHANGES)
def test_every_change_once_and_no_name_torn_apart(changes: list[RRsetChange]) -> None:
    found = small(changes)
    assert sorted((each for batch in found for each in batch.changes), key=safe_order) == changes
    home: dict[str, int] = {}
    for number, batch in enumerate(found):
        for each in batch.changes:
            assert home.setdefault(each.key[0], number) == number


@given(CHANGES)
def test_limits_are_kept_and_no_batch_is_left_open(changes: list[RRsetChange]) -> None:
    found = small(changes)
    for batch in found:
        assert (batch.values, batch.characters) == cost(batch.sent)
        assert batch.values <= 12 and batch.characters <= 400
    # In a given order, each batch was closed because what came next had no room: two neighbours never fit one.
    singles = [batch for batch in found if len({each.key[0] for each in batch.changes}) == 1]
    for one, other in zip(found, found[1:]):
        if other in singles:
            assert one.values + other.values > 12 or one.characters + other.characters > 400


@given(CHANGES)
def test_addresses_come_before_what_leads_to_them_and_go_after(changes: list[RRsetChange]) -> None:
    found = small(changes)
    when = {each.key: number for number, batch in enumerate(found) for each in batch.changes}
    mixed = {each.key[0] for each in changes if each.key[1] == "TXT"}
    for each in changes:
        for target in targets(each.after):
            for other in changes:
                if other.key == (target, "A") and other.before is None and other.after and target not in mixed:
                    assert when[other.key] <= when[each.key]
        for target in targets(each.before):
            for other in changes:
                if other.key == (target, "A") and other.after is None and other.before and target not in mixed:
                    assert when[other.key] >= when[each.key]


def targets(found: RRset | None) -> list[str]:
    return [value.leads_to for value in found.values if value.leads_to] if found else []


def small(changes: list[RRsetChange]) -> list[Batch]:
    """Cut with small limits, so that few changes need several batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_VALUES", 12)
        patch.setattr(module, "MOST_CHARACTERS", 400)
        return batches(changes)


def test_a_thousand_records_are_two_batches() -> None:
    changes = [change(f"_xmpp-server._tcp.d{n:04}.example", "SRV", [], [f"10 0 5269 {HOSTS[0]}"]) for n in range(1000)]
    assert [len(batch.changes) for batch in batches(changes)] == [1000]
    long = [change(each.key[0], "SRV", [], ["10 0 5269 edge.london.contoso.example"]) for each in changes]
    assert len(batches(long)) == 2


def test_new_addresses_come_in_the_batch_of_what_leads_to_them() -> None:
    changes = [
        change("a.example", "A", [], ["192.0.2.1"]),
        *(change(f"b{number:04}.example", "A", [], ["192.0.2.1"]) for number in range(999)),
        change("z.example", "A", [], ["192.0.2.1"]),
        change("_s._tcp.example", "SRV", [], ["1 1 1 a.example", "1 1 1 z.example"]),
    ]
    first, second = batches(changes)
    assert len(first.changes) == 999 and [each.key[0] for each in second.changes] == [
        "a.example", "z.example", "_s._tcp.example",
    ]  # fmt: skip


def test_what_is_sent() -> None:
    raw: dict[str, Any] = {"Name": "A.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    before = RRset.of("a.example", "A", 60, [parse("A", "192.0.2.1")], raw)
    after = rrset("*.example", "CNAME", ["edge.example"])
    (batch,) = batches(
        [RRsetChange(("*.example", "CNAME"), None, after), RRsetChange(("a.example", "A"), before, None)]
    )
    records = [{"Value": "edge.example."}]
    assert batch.sent == [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {"Name": "\\052.example.", "Type": "CNAME", "TTL": 300, "ResourceRecords": records},
        },
        {"Action": "DELETE", "ResourceRecordSet": raw},
    ]


def test_upserts_count_twice() -> None:
    records = {"ResourceRecords": [{"Value": "12345"}, {"Value": "678"}]}
    assert cost([{"Action": "CREATE", "ResourceRecordSet": records}]) == (2, 8)
    assert cost([{"Action": "UPSERT", "ResourceRecordSet": records}]) == (4, 16)
    assert cost([{"Action": "DELETE", "ResourceRecordSet": {"AliasTarget": {}}}]) == (0, 0)


def test_one_name_that_is_too_large() -> None:
    with pytest.raises(InvalidValue, match=r"changes of t\.example do not fit .*: 18 values of \d{5} characters"):
        batches([change("t.example", "TXT", [], [f"{number:02}" + "x" * 1990 for number in range(18)])])


@given(CHANGES.filter(bool))
def test_parts_hold_the_same_in_safe_order(changes: list[RRsetChange]) -> None:
    whole = Batch.of(changes)
    parts = whole.parts()
    assert sorted((each for part in parts for each in part.changes), key=safe_order) == changes
    names = [{each.key[0] for each in part.changes} for part in parts]
    assert sum(map(len, names)) == len(set().union(*names))
    assert len(parts) > 1 or len(names[0]) == 1
    # One kind of names each, until there is one kind only: then fewer names each.
    kinds = [{tuple(sorted({e.key[1] for e in part.changes if e.key[0] == name})) for name in these}
             for part, these in zip(parts, names)]  # fmt: skip
    assert all(len(kind) == 1 for kind in kinds)
    order = [
        (0 if any(each.after for each in part.changes) else 2) if kind == {("A",)} else 1
        for part, kind in zip(parts, kinds)
    ]
    assert order == sorted(order)


def test_parts_of_new_and_old_addresses() -> None:
    new, old = change("new.example", "A", [], ["192.0.2.1"]), change("old.example", "A", ["192.0.2.2"], [])
    v6 = change("new.example", "AAAA", [], ["2001:db8::1"])
    services = [change(f"d{n}.example", "SRV", ["1 1 1 old.example"], ["1 1 1 new.example"]) for n in range(3)]
    parts = Batch.of([new, v6, *services, old]).parts()
    assert [part.changes for part in parts] == [[new, v6], services, [old]]
    assert [part.changes for part in parts[1].parts()] == [services[:2], services[2:]]
    assert [part.changes for part in parts[0].parts()] == [[new, v6]]
