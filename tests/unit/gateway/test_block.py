"""The block list: what is read, what is planned, what a second run finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.gateway.block import FederationBlock, Observed, listed
from ansible.module_utils.fedgate.gateway.blocked import parse, reported, text_of
from ansible.module_utils.fedgate.gateway.files import ABSENT, Seen
from ansible.module_utils.fedgate.gateway.policy import digest_of
from ansible.module_utils.fedgate.host.systemd import UnitState
from ansible.module_utils.fedgate.model.blocks import Block, Blocks, covering, read_domains
from ansible.module_utils.fedgate.module import Context, Here
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge

RUNNING = UnitState(True, True, False, True, 42, False, 100.0)
STOPPED = UnitState(True, False, False, True, None, False, None)
FABRIKAM, ADATUM = "fabrikam.example", "adatum.example"
OLD = Block(FABRIKAM, 1_700_000_000, "spam", "dora")
PATH = "/etc/prosody/fedgate/blocked.json"


def reconciler(*domains: str, state: str = "blocked", **more: Any) -> FederationBlock:
    params = {
        "server": "prosody", "domains": list(domains) or [FABRIKAM], "state": state, "reason": "spam",
        "subdomains": None, "by": "erin", "local_hosts": [], "path": PATH, "policy_path": "/nonexistent",
        "status_path": "/nonexistent", "timeout": 20, **more,
    }  # fmt: skip
    return FederationBlock(params, Context(Here(params, True, ())))


def blocks(*each: Block) -> Blocks:
    return {block.domain: block for block in each}


def seen(there: Optional[Blocks], held: Optional[Blocks] = None, unit: UnitState = RUNNING, **status: Any) -> Observed:
    """What is observed of a file (None: none there), and of a running server that holds ``held`` (None: the same)."""
    text = None if there is None else text_of(there)
    held_text = text if held is None else text_of(held)
    domains = [block.as_dict() for block in (held if held is not None else there or {}).values()]
    blocking = {"digest": held_text and digest_of(held_text), "reason": None, "domains": domains}
    report = {"format": 1, "pid": 42, "state": "enforcing", "reason": None, "hosts": ["contoso.example"],
              "blocking": blocking, **status}  # fmt: skip
    return Observed(file(text), there or {}, True, report if unit.active else None, unit)


def planned(work: FederationBlock, observed: Observed) -> list[str]:
    return [str(change) for change in work.plan(observed).changes]


LOAD = f"run block list {PATH}"


def test_a_first_block_is_one_change_and_its_loading() -> None:
    plan = reconciler().plan(seen(None))
    assert [str(change) for change in plan.changes] == [f"create block {FABRIKAM}", LOAD]
    entry = plan.changes[0].after
    assert entry == {"since": "known after apply", "reason": "spam", "by": "erin", "subdomains": False}
    assert plan.digest() == reconciler().plan(seen({})).digest(), "no file is an empty list"


def test_what_is_blocked_stays_with_its_date_and_who_did_it() -> None:
    assert planned(reconciler(), seen(blocks(OLD))) == []
    assert planned(reconciler(f"{FABRIKAM.upper()}."), seen(blocks(OLD))) == []
    change = reconciler(reason="malware").plan(seen(blocks(OLD))).changes[0]
    assert (str(change), change.before) == (f"update block {FABRIKAM}", OLD.fields())
    assert change.after == {**OLD.fields(), "reason": "malware", "by": "erin"}


@pytest.mark.parametrize(("asked", "left"), [(None, True), (True, True), (False, False)])
def test_subdomains_are_left_as_they_are_unless_asked_for(asked: Optional[bool], left: bool) -> None:
    wide = replace(OLD, subdomains=True)
    plan = reconciler(subdomains=asked, reason="malware").plan(seen(blocks(wide)))
    assert plan.changes[0].after and plan.changes[0].after["subdomains"] is left


def test_others_stay_blocked() -> None:
    other = replace(OLD, domain=ADATUM)
    assert planned(reconciler(state="released"), seen(blocks(OLD, other))) == [f"delete block {FABRIKAM}", LOAD]
    assert planned(reconciler(ADATUM), seen(blocks(OLD))) == [f"create block {ADATUM}", LOAD]


def test_releasing_who_is_not_blocked_changes_nothing() -> None:
    for observed in (seen(None), seen({}), seen(None, unit=STOPPED)):
        assert planned(reconciler(state="released"), observed) == []


def test_a_list_that_the_server_does_not_hold_is_loaded() -> None:
    assert planned(reconciler(), seen(blocks(OLD), held={})) == [LOAD]
    assert planned(reconciler(), seen(blocks(OLD), blocking=None)) == [LOAD]
    assert planned(reconciler(), replace(seen(blocks(OLD)), status=None)) == [LOAD]


@pytest.mark.parametrize("unit", [RUNNING, STOPPED])
def test_rights_are_put_right(unit: UnitState) -> None:
    observed = seen(blocks(OLD), unit=unit)
    assert planned(reconciler(), replace(observed, file=replace(observed.file, mode=0o600))) == [LOAD]


def test_where_nobody_federates_nothing_is_waited_for() -> None:
    stopped = seen(blocks(OLD), unit=STOPPED)
    guarded = seen(blocks(OLD), blocking=None, state="closed", reason="the policy module is not loaded")
    assert stopped.closed and guarded.closed and not seen({}).closed
    assert planned(reconciler(), stopped) == planned(reconciler(), guarded) == []


def file(text: Optional[str]) -> Seen:
    return ABSENT if text is None else Seen("file", text.encode(), 0o640, "root", "prosody", 50.0)


@pytest.mark.parametrize("text", [None, "{", ""])
def test_without_a_good_file_the_running_server_says_who_is_blocked(text: Optional[str]) -> None:
    status = seen(blocks(OLD)).status
    found, good = listed(PATH, file(text), status)
    assert (found, good) == (blocks(OLD), False)
    observed = Observed(file(text), found, good, status, RUNNING)
    assert planned(reconciler(ADATUM), observed) == [f"create block {ADATUM}", LOAD]
    assert planned(reconciler(state="released"), observed) == [f"delete block {FABRIKAM}", LOAD]


@pytest.mark.parametrize("status", [None, {"blocking": {"digest": None, "reason": "broken", "domains": None}}])
def test_a_broken_file_that_nobody_can_tell_the_list_of_is_left_alone(status: Optional[dict[str, Any]]) -> None:
    with pytest.raises(CheckFailed, match=r"blocked.json is no block list.*nothing was changed"):
        listed(PATH, file("{"), status)
    assert listed(PATH, file(None), status) == ({}, True)


def test_our_own_domains_are_not_blocked(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"format": 2, "generation": 1, "partners": {}, "local_hosts": ["rooms.contoso.example"]}')
    ways = [
        reconciler("Contoso.example"),
        reconciler("rooms.contoso.example", policy_path=str(policy)),
        reconciler("bücher.example", local_hosts=["Bücher.example", "not a name"]),
    ]
    for work in ways:
        with pytest.raises(InvalidValue, match="our own, and no partner's"):
            work.plan(seen(None))
    assert planned(reconciler("contoso.example", state="released"), seen(None)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("*.fabrikam.example", "is a wildcard.*subdomains: true"),
        ("bob@fabrikam.example", "address of a user"),
        ("https://fabrikam.example/", "not a bare domain name"),
        ("192.0.2.1", "is an IP address"),
        ("fabrikam", "only one label"),
        ("", "a domain name is missing"),
    ],
)
def test_what_is_no_domain_is_refused_where_it_stands(name: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=rf"domains\[1\]: .*{said}"):
        read_domains([ADATUM, name])
    with pytest.raises(SeveralErrors):
        read_domains([name, name])


def test_names_are_read_as_the_model_reads_them() -> None:
    assert read_domains(["Bücher.example", "xn--bcher-kva.EXAMPLE.", ADATUM]) == ["xn--bcher-kva.example", ADATUM]
    with pytest.raises(InvalidValue, match="no domain is named"):
        read_domains([])


@pytest.mark.parametrize("reason", [None, "", "  ", "two\nlines", "x" * 501, "bell\a"])
def test_a_reason_is_one_line(reason: Optional[str]) -> None:
    with pytest.raises(InvalidValue, match="reason: "):
        reconciler(reason=reason)
    reconciler(reason=reason, state="released")


GOOD = text_of(blocks(OLD))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", GOOD.replace('"format": 1', '"format": 2'), GOOD.replace('"reason"', '"raison"'),
        GOOD.replace("false", "0"), GOOD.replace("1700000000", '"today"'), GOOD.replace("1700000000", "true"),
        '{"format": 1}', '{"format": 1, "blocked": ["fabrikam.example"]}',
        '{"format": 1, "blocked": {"fabrikam.example": null}}',
    ],
)  # fmt: skip
def test_what_the_server_would_not_take_is_no_list(text: str) -> None:
    assert parse(text.encode()) is None
    assert parse(b"\xff" + text.encode()) is None


NAMES = st.lists(st.sampled_from([f"p{number}.example" for number in range(6)]), min_size=1, max_size=6)


@given(NAMES, NAMES, st.sampled_from(["blocked", "released"]), st.booleans())
def test_a_second_run_finds_nothing_to_do(first: list[str], then: list[str], state: str, wide: bool) -> None:
    before = blocks(*(replace(OLD, domain=name, subdomains=wide) for name in first))
    work = reconciler(*then, state=state)
    after = work._wanted(seen(before), 1_800_000_000)
    assert planned(work, seen(parse(text_of(after).encode()))) == []
    assert (set(then) <= set(after)) if state == "blocked" else not set(then) & set(after)
    assert {name: after[name] for name in set(first) - set(then)} == {
        name: before[name] for name in set(first) - set(then)
    }


def test_which_blocks_shut_out_whom() -> None:
    wide, narrow = replace(OLD, subdomains=True), replace(OLD, domain=ADATUM)
    everybody = [FABRIKAM, f"chat.{FABRIKAM}", f"chat.{ADATUM}"]
    assert covering([wide, narrow], everybody) == [wide.as_dict()]
    assert covering([wide, narrow], [f"not{FABRIKAM}", ADATUM]) == [narrow.as_dict()]
    assert not covering([], everybody)


def test_a_server_that_says_nothing_of_blocks_has_none_to_say() -> None:
    for blocking in (None, {"domains": None}, "?"):
        assert reported({"blocking": blocking}) is None
    assert reported(None) is None
    # Lua's empty table is an object to some versions.
    assert reported({"blocking": {"domains": {}}}) == reported({"blocking": {"domains": []}}) == {}
