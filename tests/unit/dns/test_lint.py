"""What is allowed, and yet will not work as it is meant."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.changes import RRsetChange, changes
from ansible.module_utils.fedgate.dns.lint import Facts, further_keys, lint, outcome
from ansible.module_utils.fedgate.dns.records import Key, RRset, Wanted
from ansible.module_utils.fedgate.dns.values import parse
from hypothesis import given
from hypothesis import strategies as st

SRV = "_xmpp-server._tcp.contoso.example"
LONDON, TOKYO = "edge.london.contoso.example", "edge.tokyo.contoso.example"
ONE, TWO = "ab" * 32, "cd" * 32
OWNER = f"_5269._tcp.{LONDON}"


def sets(*given: tuple[Any, ...]) -> dict[Key, RRset]:
    """Record sets from name, type, values; 300 seconds unless a number follows."""
    found = {}
    for name, rtype, values, *ttl in given:
        found[name, rtype] = RRset.of(name, rtype, *(ttl or [300]), [parse(rtype, text) for text in values])
    return found


def ours(*keys: Key) -> list[Wanted]:
    return [Wanted(*key) for key in keys]


def judge(final: dict[Key, RRset], facts: Facts | None = None) -> list[str]:
    """Judge sets that are all ours."""
    return lint(ours(*final), final, facts or Facts())


def test_sound_records() -> None:
    final = sets(
        (SRV, "SRV", [f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"]),
        (LONDON, "A", ["192.0.2.1"]),
        (TOKYO, "AAAA", ["2001:db8::1"]),
        ("_xmpp-client._tcp.old.example", "SRV", ["0 0 0 ."]),
    )
    assert judge(final) == []


@pytest.mark.parametrize(("ttl", "said"), [(59, True), (60, False), (86400, False), (86401, True)])
def test_time_to_live(ttl: int, said: bool) -> None:
    text = f"{LONDON} A has a time to live of {ttl} s; 60 to 86400 s are sound"
    assert judge(sets((LONDON, "A", ["192.0.2.1"], ttl))) == ([text] if said else [])


def test_equal_priorities() -> None:
    final = sets(
        (SRV, "SRV", [f"10 0 5269 {TOKYO}", f"10 5 5269 {LONDON}"]),
        (LONDON, "A", ["192.0.2.1"]),
        (TOKYO, "A", ["192.0.2.2"]),
    )
    assert judge(final) == [f"{SRV} SRV gives {LONDON} and {TOKYO} the same priority 10; give each one its own"]


def test_a_target_that_is_an_alias_or_an_address() -> None:
    final = sets((SRV, "SRV", [f"10 0 5269 {LONDON}", "20 0 5269 192.0.2.7"]))
    alias = sets((LONDON, "CNAME", ["other.contoso.example"]))
    address, cname = lint(ours((SRV, "SRV")), {**final, **alias}, Facts())
    assert f"{SRV} SRV leads to the address 192.0.2.7" in address
    assert f"{SRV} SRV leads to {LONDON}, which is a CNAME" in cname


LEADS = sets(
    (SRV, "SRV", [f"10 0 5269 {LONDON}"]), ("_xmpps-server._tcp.contoso.example", "SRV", [f"1 0 5270 {LONDON}"])
)
NO_ADDRESS = f"{SRV} and 1 more SRV leads to {LONDON}, which has no address"
LOOKED = [(LONDON, "A"), (LONDON, "AAAA")]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts(), False),
        (Facts(looked_up=[(LONDON, "A")]), False),
        (Facts(looked_up=LOOKED), True),
        (Facts(looked_up=LOOKED, resolves={LONDON: True}), False),
        (Facts(resolves={LONDON: False}), True),
        (Facts(resolves={LONDON: True}), False),
    ],
)
def test_a_target_without_an_address(facts: Facts, said: bool) -> None:
    assert judge(LEADS, facts) == ([NO_ADDRESS] if said else [])


def test_only_ours_is_judged() -> None:
    assert lint([], sets((SRV, "SRV", ["1 0 5269 192.0.2.7"], 5)), Facts()) == []


CA = "letsencrypt.org"
CERTIFIED = {LONDON: [CA]}
ALL = [(name, "CAA") for name in (LONDON, "london.contoso.example", "contoso.example", "example")]
FORBIDS = f"contoso.example CAA keeps {CA} from certifying {LONDON}: "
CAA: list[tuple[list[str], str]] = [
    ([f'0 issue "{CA}"'], ""),
    (['0 issue "LetsEncrypt.org; accounturi=https://ca.example/1"'], ""),
    (['0 iodef "mailto:a@contoso.example"'], ""),
    (['0 issuewild ";"'], ""),
    (['0 issue "digicert.com"', f'0 issue "{CA}"'], ""),
    (['128 issue "letsencrypt.org"'], ""),
    (['0 issue "digicert.com"', '0 issue "pki.goog"'], "it names digicert.com, pki.goog"),
    (['0 issue ";"'], "it names nobody"),
    ([f'0 issue "{CA}"', '128 tbs "x"'], "its property tbs is critical"),
    ([f'0 issue "{CA}; validationmethods=http-01,tls-alpn-01"'], "it allows other methods than dns-01"),
    ([f'0 issue "{CA}; validationmethods=http-01,dns-01"'], ""),
]


@pytest.mark.parametrize(("values", "reason"), CAA, ids=str)
def test_certification_that_is_forbidden(values: list[str], reason: str) -> None:
    facts = Facts(looked_up=ALL, authorities=CERTIFIED, methods=["dns-01"])
    found = lint([], sets(("contoso.example", "CAA", values)), facts)
    assert (len(found) == 1 and found[0].startswith(FORBIDS + reason)) if reason else found == []


def test_the_nearest_set_counts_and_what_was_not_looked_up_is_not_judged() -> None:
    forbidden = sets(("contoso.example", "CAA", ['0 issue ";"']))
    allowed = sets((LONDON, "CAA", [f'0 issue "{CA}"']))
    facts = Facts(looked_up=ALL, authorities=CERTIFIED)
    assert lint([], {**forbidden, **allowed}, facts) == []
    assert lint([], forbidden, Facts(looked_up=ALL[1:], authorities=CERTIFIED)) == []
    assert len(lint([], forbidden, facts)) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([f"3 1 1 {ONE}", f"3 1 1 {TWO}"], []),
        ([f"3 1 1 {ONE}"], ["that is to serve next"]),
        ([f"3 1 1 {TWO}"], ["that serves"]),
        ([f"3 1 1 {'ef' * 32}"], ["that serves", "that is to serve next"]),
        # The certificate's own digest, which keys do not tell.
        ([f"3 0 1 {'ef' * 32}"], []),
    ],
)
def test_keys(values: list[str], said: list[str]) -> None:
    found = lint([], sets((OWNER, "TLSA", values)), Facts(keys={OWNER: [ONE.upper(), TWO]}))
    assert found == [f"{OWNER} TLSA does not match the key {which}" for which in said]


def test_no_record_says_nothing_of_keys() -> None:
    assert lint([], {}, Facts(keys={OWNER: [ONE]})) == []


def test_what_else_to_look_up() -> None:
    wanted = [Wanted(SRV, "SRV", 300, (parse("SRV", f"1 0 5269 {LONDON}"),)), Wanted(LONDON, "A")]
    assert further_keys(wanted, Facts(authorities={LONDON: [CA]}, keys={OWNER: [ONE]})) == sorted(
        [(LONDON, "AAAA"), (OWNER, "TLSA"), *ALL]
    )


@given(st.lists(st.sampled_from([(SRV, "SRV"), (LONDON, "A"), (TOKYO, "A")]), unique=True), st.booleans())
def test_the_outcome_is_what_the_changes_lead_to(keys: list[Key], empty: bool) -> None:
    data = {"SRV": f"10 0 5269 {LONDON}", "A": "192.0.2.1"}
    observed = sets((TOKYO, "A", ["192.0.2.9"]), ("www.contoso.example", "A", ["192.0.2.8"]))
    wanted = [Wanted(*key, *(() if empty else (300, (parse(key[1], data[key[1]]),)))) for key in keys]
    final = outcome(observed, changes(observed, wanted))
    assert changes(final, wanted) == []
    assert {key: final.get(key) for key in observed if key not in keys} == {
        key: observed[key] for key in observed if key not in keys
    }


def test_a_held_record_is_judged_as_it_stays() -> None:
    observed = sets((SRV, "SRV", [f"10 0 5269 {TOKYO}"], 5))
    wanted = [Wanted(SRV, "SRV", 300, (parse("SRV", f"10 0 5269 {TOKYO}"),))]
    assert len(lint(wanted, outcome(observed, changes(observed, wanted, hold=[SRV[18:], TOKYO])), Facts())) == 1
    change = RRsetChange((SRV, "SRV"), observed[SRV, "SRV"], None)
    assert lint(wanted, outcome(observed, [change]), Facts()) == []
