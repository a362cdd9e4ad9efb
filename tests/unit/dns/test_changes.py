"""The plan of record sets: pure, whole, independent of order, and blind to hosts that nobody verified."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Optional

import pytest
from ansible.module_utils.fedgate.dns.changes import RRsetChange, changes
from ansible.module_utils.fedgate.dns.records import Key, RRset, Wanted
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

HOSTS = ("london.example.org", "tokyo.example.org", "paris.example.org")
OWNERS = ("_xmpp-server._tcp.contoso.example", "_xmpp-client._tcp.contoso.example")


def found(name: str, rtype: str, *texts: str, ttl: int = 300) -> RRset:
    return RRset.of(name, rtype, ttl, [parse(rtype, text) for text in texts])


def wanted(name: str, rtype: str, *texts: str, ttl: int = 300) -> Wanted:
    return Wanted(name, rtype, ttl, tuple(sorted({parse(rtype, text) for text in texts})))


def observed(*rrsets: RRset) -> dict[Key, RRset]:
    return {rrset.key: rrset for rrset in rrsets}


def applied(before: dict[Key, RRset], plan: Iterable[RRsetChange]) -> dict[Key, RRset]:
    after = dict(before)
    for change in plan:
        assert after.pop(change.key, None) == change.before
        if change.after is not None:
            after[change.key] = change.after
    return after


_srv = st.builds("{} {} 5269 {}".format, st.integers(0, 2), st.integers(0, 1), st.sampled_from(HOSTS))
_ttl = st.sampled_from([60, 300])


def _sets(empty: bool) -> st.SearchStrategy[dict[Key, tuple[int, set[str]]]]:
    smallest = 0 if empty else 1
    srv = st.dictionaries(
        st.tuples(st.sampled_from(OWNERS), st.just("SRV")),
        st.tuples(_ttl, st.sets(_srv, min_size=smallest, max_size=4)),
    )
    address = st.dictionaries(
        st.tuples(st.sampled_from(HOSTS), st.just("A")),
        st.tuples(_ttl, st.sets(st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"]), min_size=smallest)),
    )
    return st.builds(lambda one, other: {**one, **other}, srv, address)


def _found(sets: dict[Key, tuple[int, set[str]]]) -> dict[Key, RRset]:
    return {key: found(*key, *texts, ttl=ttl) for key, (ttl, texts) in sets.items()}


def _wanted(sets: dict[Key, tuple[int, set[str]]]) -> list[Wanted]:
    return [wanted(*key, *texts, ttl=ttl) for key, (ttl, texts) in sets.items()]


OBSERVED, WANTED = _sets(False).map(_found), _sets(True).map(_wanted)
HOLD = st.sets(st.sampled_from(HOSTS))


@given(OBSERVED, WANTED)
def test_the_wanted_comes_about_and_the_rest_stays(before: dict[Key, RRset], want: list[Wanted]) -> None:
    after = applied(before, changes(before, want))
    for one in want:
        assert after.get(one.key) == (RRset.of(*one.key, one.ttl, one.values) if one.values else None)
    ours = {one.key for one in want}
    assert {k: v for k, v in after.items() if k not in ours} == {k: v for k, v in before.items() if k not in ours}


@given(OBSERVED, WANTED, HOLD, st.randoms())
def test_plans_do_not_depend_on_order(
    before: dict[Key, RRset], want: list[Wanted], hold: set[str], chance: random.Random
) -> None:
    shuffled, mixed = list(want), list(before.items())
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    assert changes(before, want, hold) == changes(dict(mixed), shuffled, sorted(hold, reverse=True))


@given(OBSERVED, WANTED, HOLD)
def test_a_second_plan_is_empty(before: dict[Key, RRset], want: list[Wanted], hold: set[str]) -> None:
    assert not changes(applied(before, changes(before, want, hold)), want, hold)


@given(OBSERVED, WANTED, HOLD)
def test_what_is_held_stays(before: dict[Key, RRset], want: list[Wanted], hold: set[str]) -> None:
    after = applied(before, changes(before, want, hold))
    for host in hold:
        assert after.get((host, "A")) == before.get((host, "A"))
        for owner in OWNERS:
            assert _leading(after.get((owner, "SRV")), host) == _leading(before.get((owner, "SRV")), host)


@given(OBSERVED, WANTED, HOLD)
def test_a_hold_never_leaves_a_service_without_records(
    before: dict[Key, RRset], want: list[Wanted], hold: set[str]
) -> None:
    after = applied(before, changes(before, want, hold))
    for one in want:
        if one.type == "SRV" and one.values and one.key in before:
            assert one.key in after


@given(OBSERVED, WANTED)
def test_holding_every_host_changes_nothing_of_theirs(before: dict[Key, RRset], want: list[Wanted]) -> None:
    after = applied(before, changes(before, want, HOSTS))
    assert after == before


def _leading(rrset: Optional[RRset], host: str) -> set[str]:
    return {value.text for value in (rrset.values if rrset else ()) if value.leads_to == host}


def test_no_service_is_not_put_beside_a_held_record() -> None:
    before = observed(found(OWNERS[0], "SRV", f"1 0 5269 {HOSTS[0]}", f"2 0 5269 {HOSTS[1]}"))
    (change,) = changes(before, [wanted(OWNERS[0], "SRV", "0 0 0 .", ttl=900)], [HOSTS[1]])
    assert change.after == found(OWNERS[0], "SRV", f"2 0 5269 {HOSTS[1]}")


def test_addresses_of_a_host_that_a_kept_record_leads_to_stay() -> None:
    """The successor was not verified, so the record of the retired host stays, and so must its address."""
    old, new = HOSTS[0], HOSTS[1]
    before = observed(found(OWNERS[0], "SRV", f"1 0 5269 {old}"), found(old, "A", "192.0.2.1"))
    records = [wanted(OWNERS[0], "SRV", f"1 0 5269 {new}"), Wanted(old, "A"), wanted(new, "A", "192.0.2.2")]
    assert not changes(before, records, [new])
    assert len(changes(before, records)) == 3


def test_one_address_family_can_go() -> None:
    before = observed(found(OWNERS[0], "SRV", f"1 0 5269 {HOSTS[0]}"), found(HOSTS[0], "A", "192.0.2.1"))
    records = [wanted(OWNERS[0], "SRV", f"1 0 5269 {HOSTS[0]}"), Wanted(HOSTS[0], "A")]
    records.append(wanted(HOSTS[0], "AAAA", "2001:db8::1"))
    assert [change.as_change().action for change in changes(before, records)] == ["create", "delete"]


def test_an_alias_to_or_at_a_held_host_stays() -> None:
    name = "im.contoso.example"
    before = observed(found(name, "CNAME", HOSTS[0]))
    assert not changes(before, [wanted(name, "CNAME", HOSTS[1])], [HOSTS[0]])
    assert not changes(before, [wanted(name, "CNAME", HOSTS[1])], [HOSTS[1]])
    assert not changes(before, [Wanted(name, "CNAME")], [name])
    assert changes(before, [wanted(name, "CNAME", HOSTS[1])], [HOSTS[2]])


def test_hold_is_compared_like_any_name() -> None:
    before = observed(found(HOSTS[0], "A", "192.0.2.1"))
    assert not changes(before, [Wanted(HOSTS[0], "A")], [HOSTS[0].upper() + "."])


def test_addresses_come_first_and_go_last() -> None:
    before = observed(found(HOSTS[0], "A", "192.0.2.1"), found(OWNERS[0], "SRV", f"1 0 5269 {HOSTS[0]}"))
    plan = changes(
        before,
        [
            Wanted(HOSTS[0], "A"),
            Wanted(OWNERS[0], "SRV"),
            wanted(OWNERS[1], "SRV", f"1 0 5269 {HOSTS[1]}"),
            wanted(HOSTS[1], "A", "192.0.2.2"),
        ],
    )
    assert [change.key[0] for change in plan] == [HOSTS[1], OWNERS[1], OWNERS[0], HOSTS[0]]


@pytest.mark.parametrize(("there", "wants"), [("CNAME", "A"), ("A", "CNAME"), ("CNAME", "TXT")])
def test_an_alias_beside_others_is_refused(there: str, wants: str) -> None:
    data = {"A": "192.0.2.1", "CNAME": "b.example", "TXT": "x"}
    before = observed(found("a.example", there, data[there]))
    with pytest.raises(InvalidValue, match=f"a.example cannot get {wants} records: it has {there}"):
        changes(before, [wanted("a.example", wants, data[wants])])
    assert len(changes(before, [wanted("a.example", wants, data[wants]), Wanted("a.example", there)])) == 2


def test_a_change_of_the_plan_shows_fields() -> None:
    (change,) = changes({}, [wanted(OWNERS[0], "SRV", f"20 0 5269 {HOSTS[0]}", f"3 0 5269 {HOSTS[1]}")])
    assert change.as_change().as_dict() == {
        "action": "create",
        "kind": "rrset",
        "name": f"{OWNERS[0]} SRV",
        "before": None,
        "after": {"ttl": 300, "values": [f"3 0 5269 {HOSTS[1]}", f"20 0 5269 {HOSTS[0]}"]},
    }
