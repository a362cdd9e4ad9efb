"""Who makes the key of a pool, and who gets it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible.module_utils.fedgate.certificates.pools import Election, Member, elect
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge

BARE = Member("edge1", True, True, None, None, False, "", (), ())
OLD = replace(BARE, needed=False, serial="a", request="A", issued=True, not_before="2026-01-01", requests=("A",))
NEW = replace(OLD, serial="b", request="B", not_before="2026-02-01", requests=("A", "B"))


def member(base: Member, host: str, **changes: object) -> Member:
    return replace(base, host=host, active=host == "edge1", **changes)  # type: ignore[arg-type]


def test_the_active_member_makes_the_first_key() -> None:
    assert elect([member(BARE, "edge2"), member(BARE, "edge1")]) == Election(
        "edge1", make=True, needed=True, receivers=("edge2",), outdated=()
    )


def test_the_first_that_answers_makes_it_when_the_active_one_does_not() -> None:
    found = elect([member(BARE, "edge2"), member(BARE, "edge3")])
    assert (found.holder, found.make, found.receivers) == ("edge2", True, ("edge3",))


def test_nothing_to_do() -> None:
    assert elect([member(NEW, "edge1"), member(NEW, "edge2")]) == Election("edge1", False, False, (), ())


def test_the_latest_certificate_is_everybodys() -> None:
    found = elect([member(OLD, "edge1"), member(NEW, "edge2")])
    assert found == Election("edge2", make=False, needed=False, receivers=("edge1",), outdated=("edge1",))
    has_the_key = elect([member(OLD, "edge1", requests=("A", "B")), member(NEW, "edge2")])
    assert (has_the_key.receivers, has_the_key.outdated) == ((), ("edge1",))


def test_who_joins_or_is_damaged_gets_what_the_others_have() -> None:
    damaged = member(BARE, "edge2", request=None)
    found = elect([member(NEW, "edge1"), damaged, member(BARE, "edge3")])
    assert found == Election("edge1", False, False, receivers=("edge2", "edge3"), outdated=("edge2", "edge3"))


def test_a_prepared_request_is_gone_on_with() -> None:
    """The CA may have it already: the one that most members hold, an issued one before all."""
    prepared = member(BARE, "edge2", request="P", requests=("P",))
    assert elect([member(BARE, "edge1"), prepared]) == Election("edge2", False, True, ("edge1",), ())
    common = [member(BARE, host, request="P", requests=("P",)) for host in ("edge2", "edge3")]
    own = member(BARE, "edge1", request="Q", requests=("Q",))
    assert elect([own, *common]).holder == "edge2"
    assert elect([replace(own, issued=True), *common]).holder == "edge1"


def test_what_somebody_went_back_from_never_counts() -> None:
    went_back = member(OLD, "edge1", requests=("A", "B"), rejected=("B",))
    found = elect([went_back, member(NEW, "edge2")])
    assert found == Election("edge1", False, False, receivers=(), outdated=("edge2",))


def test_the_same_certificate_by_another_request_is_the_same() -> None:
    """A key that came with the answer has a request of its own on each member."""
    found = elect([member(NEW, "edge1"), member(NEW, "edge2", request="C", requests=("C",))])
    assert (found.receivers, found.outdated) == ((), ())


_IDENTITIES = st.sampled_from(["A", "B", "C"])


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        held = tuple(sorted(draw(st.sets(_IDENTITIES))))
        request = draw(st.sampled_from([None, *held]))
        issued = draw(st.booleans()) and request is not None
        needed = draw(st.booleans()) or not issued
        serial = request if issued and not needed else draw(st.sampled_from([None, "old"]))
        rejected = tuple(draw(st.sets(st.sampled_from(held)))) if held else ()
        found.append(Member(f"edge{number}", draw(st.booleans()), needed, serial, request, issued,
                            draw(st.sampled_from(["1", "2"])), held, rejected))  # fmt: skip
    return found


@given(members())
def test_after_it_was_carried_out_nothing_is_left(found: list[Member]) -> None:
    """The holder makes if it has to, the receivers receive, the outdated install: then all agree."""
    first = elect(found)
    by_host = {each.host: each for each in found}
    assert first.holder not in (*first.receivers, *first.outdated)
    holder = by_host[first.holder]
    if first.make:
        holder = replace(holder, request="N", issued=True, not_before="3", requests=(*holder.requests, "N"))
    if first.needed:
        holder = replace(holder, serial=holder.request, issued=True, not_before="3", needed=False)
    after = []
    for each in found:
        if each.host == first.holder:
            after.append(holder)
            continue
        if each.host in first.receivers and holder.request:
            each = replace(each, requests=tuple({*each.requests, holder.request}))
        if first.needed or each.host in first.outdated:
            assert holder.request in each.requests, "it would install a certificate without its key"
            each = replace(each, request=holder.request, serial=holder.serial, issued=True, needed=False,
                           not_before=holder.not_before)  # fmt: skip
        after.append(each)
    again = elect(after)
    assert (again.make, again.needed, again.receivers, again.outdated) == (False, False, (), ())
