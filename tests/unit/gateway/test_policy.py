"""The policy of a Prosody gateway: what is accepted, how it is written, what it does not honour."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.gateway.kinds import kind_of
from ansible.module_utils.fedgate.gateway.policy import (
    digest_of,
    generation_of,
    is_intact,
    mended,
    number_of,
    parse,
    partner_fields,
    successor,
    text_of,
)
from ansible.module_utils.fedgate.gateway.prosody_policy import compile_policy
from ansible.module_utils.fedgate.model.partner import MAX_DOMAINS
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge
NEGOTIATION = list(csv.DictReader((Path(__file__).parents[1] / "model" / "negotiation.csv").open(encoding="utf-8")))


def partner(domain: str = "fabrikam.example", **fields: Any) -> dict[str, Any]:
    return {"domain": domain, **fields}


def test_defaults_are_microsofts() -> None:
    """New-CsXmppAllowedPartner: TLS and SASL required, dialback supported, PublicUnverified."""
    rules = compile_policy([partner()], ["contoso.example"]).rules
    assert rules == {
        "local_hosts": ["contoso.example"],
        "components": {},
        "partners": {
            "fabrikam.example": {
                "partner": "fabrikam.example",
                "type": "public_unverified",
                "tls": "required",
                "sasl": "required",
                "dialback": True,
                "dialback_certificate": "any",
                "allow_plaintext": False,
            }
        },
    }


def test_as_many_domains_as_there_may_be_and_one_more() -> None:
    many = [f"n{number}.example" for number in range(MAX_DOMAINS - 1)]
    assert len(compile_policy([partner(additional_domains=many)], []).rules["partners"]) == MAX_DOMAINS
    with pytest.raises(InvalidValue, match="the partners have 100001 domains; at most 100000 are allowed"):
        compile_policy([partner(additional_domains=[*many, "one-more.example"])], [])


def test_names_are_compared_as_the_model_compares_them() -> None:
    rows = compile_policy([partner("Fabrikam.Example.", additional_domains=["bücher.example"])], []).rules["partners"]
    assert {name: row["partner"] for name, row in rows.items()} == {
        "fabrikam.example": "fabrikam.example",
        "xn--bcher-kva.example": "fabrikam.example",
    }


def test_additional_domains_have_rows_that_name_their_partner() -> None:
    rows = compile_policy([partner(additional_domains=["fabrikam.test"])], []).rules["partners"]
    assert sorted(rows) == ["fabrikam.example", "fabrikam.test"]
    assert rows["fabrikam.test"]["partner"] == "fabrikam.example"


def test_components_are_open_to_the_types_that_they_name() -> None:
    components = [
        {"domain": "z.example", "federated": True},
        {"domain": "a.example", "federated": ["federated", "public_verified"]},
        {"domain": "closed.example", "federated": False},
        {"domain": "elsewhere.example", "federated": True},
    ]
    hosts = ["z.example", "a.example", "closed.example"]
    assert compile_policy([], hosts, components).rules["components"] == {
        "federated": ["a.example", "z.example"],
        "public_verified": ["a.example"],
    }


@pytest.mark.parametrize("federated", ["federated", ["public"], 1, [1]])
def test_a_component_open_to_whom_nobody_knows_is_refused(federated: Any) -> None:
    with pytest.raises(InvalidValue, match="component a.example: .* does not say which partners reach it"):
        compile_policy([], ["a.example"], [{"domain": "a.example", "federated": federated}])


def test_nobody_is_a_policy_too() -> None:
    assert compile_policy([], ["contoso.example"]).rules["partners"] == {}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": "friend"}, "type 'friend'"),
        ({"additional_domains": ["*.fabrikam.example"]}, "is a wildcard"),
        ({"additional_domains": ["Contoso.example"]}, "contoso.example is one of our own (local_hosts)"),
        (
            {"additional_domains": ["FABRIKAM.example."]},
            "fabrikam.example belongs to two partners: ",
        ),
        ({"tls": "optional"}, "nobody agreed to them"),
        ({"tls": "not_supported", "allow_plaintext": False}, "nobody agreed to them"),
        (
            {"tls": "not_supported", "allow_plaintext": True, "dialback_certificate": "valid"},
            "dialback_certificate valid leaves no method",
        ),
    ],
)
def test_what_is_not_enforced_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        compile_policy([partner(**fields)], ["contoso.example"])
    assert "fabrikam.example" in str(caught.value) and named in str(caught.value)


@pytest.mark.parametrize("line", NEGOTIATION, ids=lambda line: f"{line['tls']}-{line['sasl']}-{line['dialback']}")
def test_the_valid_rows_are_compiled_and_no_others(line: dict[str, str]) -> None:
    fields = {"tls": line["tls"], "sasl": line["sasl"], "dialback": line["dialback"] == "true", "allow_plaintext": True}
    if line["verdict"] == "invalid":
        with pytest.raises(InvalidValue, match="no method of authentication is left"):
            compile_policy([partner(**fields)], [])
        return
    compiled = compile_policy([partner(**fields)], []).rules["partners"]["fabrikam.example"]
    assert {key: compiled[key] for key in fields} == fields


def test_all_partners_that_are_wrong_are_named_at_once() -> None:
    with pytest.raises(SeveralErrors) as caught:
        compile_policy([partner("a.example", tls="optional"), partner("b.example", type="friend")], [])
    assert "a.example" in str(caught.value) and "b.example" in str(caught.value)


def test_a_domain_of_two_partners_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"a\.example belongs to two partners"):
        compile_policy([partner("a.example"), partner("b.example", additional_domains=["a.example"])], [])


OWN = {"keepalive": False, "connection_limit": 5, "stanza_rate": 7, "stanza_size": 20000, "proxy_fqdn": "p.example"}


def test_nothing_of_a_partner_is_lost() -> None:
    compiled = compile_policy([partner(**OWN)], [])
    row = compiled.rules["partners"]["fabrikam.example"]
    assert {key: row[key] for key in OWN} == OWN
    assert compiled.loss == ()


def test_a_partner_without_limits_of_its_own_says_nothing_of_them() -> None:
    silent = {**dict.fromkeys(OWN), "keepalive": True}
    assert compile_policy([partner(**silent)], []).rules == compile_policy([partner()], []).rules


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"connection_limit": 0}, ["connection_limit: 0 is out of bounds", "1 to 4294967295"]),
        ({"stanza_size": 9999}, ["stanza_size: 9999 is out of bounds", "10000 to 16777216"]),
        ({"stanza_rate": "5"}, ["stanza_rate: a whole number is needed here", "Remove the quotation marks"]),
        ({"keepalive": "no"}, ["keepalive: true or false is needed"]),
        ({"proxy_fqdn": "192.0.2.1"}, ["proxy_fqdn:", "is an IP address"]),
        ({"proxy_fqdn": "not a name"}, ["proxy_fqdn:", "not a name"]),
    ],
)
def test_limits_out_of_bounds_are_refused(fields: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(InvalidValue) as caught:
        compile_policy([partner(**fields)], ["contoso.example"])
    assert "partner fabrikam.example" in str(caught.value)
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_limits_are_in_the_policy_when_given() -> None:
    assert "limits" not in compile_policy([], []).rules
    limits = compile_policy([], [], limits={"connection_limit": 50}).rules["limits"]
    assert (limits["connection_limit"], limits["partner_connection_limit"]) == (50, 20)
    with pytest.raises(SeveralErrors, match=r"limits\.keepalive_interval: 0 is out of bounds"):
        compile_policy([], [], limits={"keepalive_interval": 0})


def test_unknown_kinds_of_gateways_are_named() -> None:
    with pytest.raises(InvalidValue, match="Known: ejabberd, prosody"):
        kind_of("exim")


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True), st.randoms())
def test_order_of_input_does_not_matter(names: list[str], random: Any) -> None:
    partners = [partner(f"{name}.example") for name in names]
    shuffled = random.sample(partners, len(partners))
    assert successor(None, compile_policy(partners, ["x", "y"]).rules) == successor(
        None, compile_policy(shuffled, ["y", "x"]).rules
    )


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), unique=True), max_size=6))
def test_generations_count_changes_only(states: list[list[str]]) -> None:
    present: dict[str, Any] | None = None
    for state in states:
        rules = compile_policy([partner(f"{name}.example") for name in state], []).rules
        text = successor(present, rules)
        changed = present is None or present["partners"] != rules["partners"]
        assert generation_of(parse(text)) == generation_of(present) + (1 if changed else 0)
        assert successor(parse(text), rules) == text
        present = parse(text)


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"format": 99, "partners": {}}', '{"format": 1, "partners": []}']
)
def test_a_file_that_is_none_of_ours_counts_as_none(text: str | None) -> None:
    assert parse(text) is None


def test_a_file_of_the_first_format_gets_a_successor() -> None:
    rules = compile_policy([partner()], ["contoso.example"]).rules
    older = parse(successor(None, rules).replace('"format": 2', '"format": 1'))
    assert generation_of(older) == 1 and generation_of(parse(successor(older, rules))) == 2


def test_the_text_is_canonical() -> None:
    text = successor(None, compile_policy([partner()], ["contoso.example"]).rules)
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"


RULES = compile_policy([partner()], ["contoso.example"]).rules


def test_the_digest_is_that_of_the_text_with_zeros_in_its_place() -> None:
    text = text_of(RULES, 3)
    digest = json.loads(text)["digest"]
    assert digest == hashlib.sha256(text.replace(digest, "0" * 64).encode()).hexdigest()
    assert is_intact(text)


@given(st.integers(min_value=0), st.integers(min_value=32, max_value=126))
def test_every_change_of_a_byte_shows(place: int, code: int) -> None:
    text = text_of(RULES, 3)
    place %= len(text)
    changed = text[:place] + chr(code) + text[place + 1 :]
    assert is_intact(changed) == (changed == text)


@given(st.integers(min_value=0))
def test_a_text_cut_short_shows(length: int) -> None:
    text = text_of(RULES, 3)
    assert not is_intact(text[: length % len(text)])


def test_keys_of_that_name_elsewhere_are_no_digest() -> None:
    """A partner may be called digest, and have a row that holds one."""
    rules = {**RULES, "partners": {"digest": {"digest": "a" * 64}}}
    text = text_of(rules, 1)
    assert is_intact(text) and json.loads(text)["partners"]["digest"]["digest"] == "a" * 64


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
FIELDS = st.dictionaries(st.text(max_size=5), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=4)


@given(
    st.dictionaries(st.text(max_size=5), FIELDS, max_size=4), st.dictionaries(st.text(max_size=5), FIELDS, max_size=3)
)
def test_the_text_is_the_canonical_one_of_json(partners: dict[str, Any], others: dict[str, Any]) -> None:
    """Files that were written by json itself stay as they are."""
    rules = {**others, "partners": partners}
    text = text_of(rules, 12)
    content = {**rules, "format": 2, "generation": 12, "digest": json.loads(text)["digest"]}
    assert text == json.dumps(content, sort_keys=True, indent=1) + "\n"
    assert number_of(text) == 12


@pytest.mark.parametrize("text", [None, "", "{}", '{"format": 2, "partners": {}}'])
def test_what_holds_no_digest_is_not_intact(text: str | None) -> None:
    assert not is_intact(text)


def test_a_file_of_the_first_format_had_no_digest() -> None:
    assert is_intact('{"format": 1, "partners": {}}')
    assert not is_intact('{"format": 1, "partners": {}, "digest": "x"}')


def test_a_spoilt_file_gets_what_the_server_enforces_when_that_is_wanted() -> None:
    text = text_of(RULES, 7)
    enforced = {"generation": 7, "digest": digest_of(text)}
    spoilt = parse(text.replace('"generation": 7', '"generation": 99'))
    assert mended(spoilt, enforced, RULES) == text
    other = compile_policy([partner("adatum.example")], ["contoso.example"]).rules
    assert mended(spoilt, enforced, other) == text_of(other, 8)
    assert mended(spoilt, None, RULES) == text_of(RULES, 100)
    assert mended(None, None, RULES) == text_of(RULES, 1)


def test_rows_edited_to_something_else_can_be_shown() -> None:
    assert partner_fields({"partners": {"a.example": "yes"}}) == {"a.example": {"row": "yes"}}
