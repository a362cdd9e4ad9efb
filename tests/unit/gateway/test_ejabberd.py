"""The compiler for ejabberd, its file, and what is read out of a server's dump."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue, SeveralErrors
from ansible.module_utils.fedgate.gateway.ejabberd_file import parse, running, successor, text_of
from ansible.module_utils.fedgate.gateway.ejabberd_policy import compile_policy, server_methods
from hypothesis import given
from hypothesis import strategies as st

HOST = "contoso.example"
TABLE = Path(__file__).parents[1] / "model" / "negotiation.csv"
NEGOTIATED = {"tls", "sasl", "dialback"}
DOMAINS = st.sampled_from([f"{name}.example" for name in ("a", "b", "c", "xn--bcher-kva", "d-1")])
RULES = st.fixed_dictionaries(
    {
        "local_hosts": st.lists(DOMAINS, unique=True).map(sorted),
        "partners": st.dictionaries(DOMAINS, DOMAINS),
        "starttls": st.sampled_from(["required", "true", "false"]),
    }
)


def partner(domain: str = "fabrikam.example", **fields: Any) -> dict[str, Any]:
    return {"domain": domain, "type": "federated", "sasl": "optional", **fields}


def lost(*partners: dict[str, Any], **more: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {item["domain"]: set() for item in partners}
    for item in compile_policy(list(partners), [HOST], **more).loss:
        found[item.partner].add(item.rule)
    return found


def rows() -> list[tuple[dict[str, Any], set[str]]]:
    found = []
    for line in csv.DictReader(TABLE.open(encoding="utf-8")):
        if line["verdict"] != "invalid":
            rules = {"tls": line["tls"], "sasl": line["sasl"], "dialback": line["dialback"] == "true"}
            found.append(({**rules, "allow_plaintext": True}, set(line["methods"].split("+"))))
    return found


@pytest.mark.parametrize("dialback", [True, False])
@pytest.mark.parametrize("strict", [True, False])
def test_a_row_has_a_loss_if_and_only_if_the_server_takes_other_methods(dialback: bool, strict: bool) -> None:
    others = [partner("strict.example", sasl="required")] if strict else []
    for rules, wanted in rows():
        policy = [partner(**rules), *others]
        starttls = compile_policy(policy, [HOST], dialback=dialback).rules["starttls"]
        kept = server_methods(starttls, dialback) == wanted
        assert kept != bool(lost(*policy, dialback=dialback)["fabrikam.example"] & NEGOTIATED), rules


@pytest.mark.parametrize(
    ("levels", "starttls"),
    [
        ([], "required"),
        (["required"], "required"),
        (["optional"], "true"),
        (["not_supported"], "false"),
        (["not_supported", "optional"], "true"),
        (["not_supported", "required"], "required"),
    ],
)
def test_the_strictest_row_decides_on_tls(levels: list[str], starttls: str) -> None:
    policy = [partner(f"{level.replace('_', '-')}.example", tls=level, allow_plaintext=True) for level in levels]
    compiled = compile_policy(policy, [HOST])
    assert compiled.rules["starttls"] == starttls
    expected = {f"{level.replace('_', '-')}.example" for level in levels if (level, starttls) in TLS_LOSSES}
    assert {item.partner for item in compiled.loss if item.rule == "tls"} == expected


TLS_LOSSES = {("not_supported", "true"), ("not_supported", "required"), ("optional", "required")}


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"type": "federated"}, {"auto_approval", "host"}),
        ({"type": "public_verified"}, {"auto_approval", "private", "host"}),
        ({"type": "public_unverified"}, {"consent", "private", "host"}),
        ({"keepalive": True}, {"auto_approval", "host", "keepalive"}),
        ({"connection_limit": 5}, {"auto_approval", "host", "connection_limit"}),
        ({"stanza_rate": 5, "stanza_size": 10000}, {"auto_approval", "host", "stanza_rate", "stanza_size"}),
        ({"proxy_fqdn": "p.example"}, {"auto_approval", "host", "proxy_fqdn"}),
        ({"dialback_certificate": "valid"}, {"auto_approval", "host", "dialback_certificate"}),
        ({"dialback": False}, {"auto_approval", "host", "dialback"}),
        ({"sasl": "required"}, {"auto_approval", "host", "sasl"}),
        ({"sasl": "not_supported"}, {"auto_approval", "host", "sasl"}),
    ],
)
def test_what_is_lost_depends_on_the_value(fields: dict[str, Any], rules: set[str]) -> None:
    assert lost(partner(**fields)) == {"fabrikam.example": rules}


def test_a_server_without_dialback_demands_certificates() -> None:
    for fields in ({"sasl": "required"}, {"dialback": False}, {"dialback": False, "dialback_certificate": "valid"}):
        assert lost(partner(**fields), dialback=False) == {"fabrikam.example": {"auto_approval", "host"}}


def test_components_are_lost_where_they_are_closed_to_the_type() -> None:
    rooms = [{"domain": "rooms.contoso.example", "federated": ["federated"]}]
    verified = partner("verified.example", type="public_verified")
    found = lost(partner(), verified, components=rooms)
    assert "components" not in found["fabrikam.example"] and "components" in found["verified.example"]
    compiled = compile_policy([partner()], [HOST, "rooms.contoso.example"], rooms)
    assert compiled.rules["local_hosts"] == [HOST]


def test_limits_and_scope() -> None:
    assert "limits" in lost(partner(), limits={"connection_limit": 1000})["fabrikam.example"]
    assert "limits" not in lost(partner())["fabrikam.example"]
    with pytest.raises(FedgateError, match="connection_limit"):
        lost(partner(), limits={"connection_limit": 0})
    scope = {"policies": {"global": True, "London": False}, "hosts": {HOST: "global"}, "users": {}, "groups": {}}
    assert "scope" in lost(partner(), scope=scope)["fabrikam.example"]
    assert "scope" not in lost(partner(), scope={**scope, "policies": {"global": True}})["fabrikam.example"]
    assert "scope" in lost(partner(), scope={**scope, "policies": {"global": True}, "hosts": {}})["fabrikam.example"]
    with pytest.raises(InvalidValue, match="which is no policy"):
        lost(partner(), scope={**scope, "users": {f"alice@{HOST}": "Paris"}})


def test_the_meaning_is_one_sentence() -> None:
    everything = partner(type="public_verified", keepalive=True, connection_limit=1, proxy_fqdn="p.example")
    for item in compile_policy([everything], [HOST], limits={}).loss:
        assert item.meaning.endswith(".") and item.meaning.count(". ") == 0, item


def test_bad_partners_are_refused_together() -> None:
    with pytest.raises(SeveralErrors) as caught:
        compile_policy([partner(tls="optional"), partner("a.example", sasl="not_supported", dialback=False)], [HOST])
    assert "nobody agreed" in str(caught.value) and "no method of authentication" in str(caught.value)
    with pytest.raises(InvalidValue, match="b.example belongs to two partners"):
        compile_policy([partner(additional_domains=["b.example"]), partner("b.example")], [HOST])


@given(RULES, st.integers(1, 10**6))
def test_the_file_is_read_back(rules: dict[str, Any], generation: int) -> None:
    text = text_of(rules, generation)
    assert parse(text) == (rules, generation)
    assert parse(text.replace("deny: all", "allow: all")) is None
    assert successor((rules, generation), rules) == generation
    content = yaml.safe_load(text)
    assert content["s2s_access"] == "none" and sorted(content.get("host_config", {})) == rules["local_hosts"]


def test_domains_are_listed_as_addresses_have_them() -> None:
    rules = {"local_hosts": [HOST], "partners": {"xn--bcher-kva.example": "a.example"}, "starttls": "required"}
    content = yaml.safe_load(text_of(rules, 1))
    (acl,) = content["acl"].values()
    assert acl == {"server": ["xn--bcher-kva.example"], "server_regexp": [r"^b\x{fc}cher\.example$"]}
    assert text_of(rules, 1).isascii()
    widened = dumped(text_of(rules, 1)).replace("access_rules", '      - ".*"\naccess_rules')
    assert not running(widened).enforces(rules, 1)
    widened = dumped(text_of(rules, 1)).replace("access_rules", '    server_glob: "*"\naccess_rules')
    assert not running(widened).enforces(rules, 1)


@given(RULES, RULES, st.integers(1, 10**6))
def test_a_dump_tells_whether_a_policy_is_enforced(
    rules: dict[str, Any], others: dict[str, Any], generation: int
) -> None:
    """``dump_config`` writes what was read without comments; the lists of rules begin on lines of their own."""
    dump = dumped(text_of(rules, generation))
    assert running(dump).enforces(rules, generation)
    assert running(dump).enforces(others, generation) == (rules == others)
    assert not running(dump).exceeds(rules)
    removed = set(rules["partners"]) - set(others["partners"])
    if removed:
        assert running(dump).exceeds(others)


def dumped(text: str) -> str:
    lines = [line.split(" # ")[0] for line in text.splitlines() if not line.startswith("#")]
    return "".join(
        line.replace("- ", "- \n      ", 1) + "\n" if line.startswith("    - ") else line + "\n" for line in lines
    )


@pytest.mark.parametrize(
    ("addition", "others"),
    [
        ("", ()),
        ("host_config:\n", ("all",)),
        ('  "b.example":\n    s2s_access: all\n', ("all",)),
        ('  "b.example":\n    s2s_access: \n      - \n        allow: all\n', ("a list of rules",)),
    ],
)
def test_other_access_rules_are_seen(addition: str, others: tuple[str, ...]) -> None:
    rules = {"local_hosts": [HOST], "partners": {"a.example": "a.example"}, "starttls": "required"}
    dump = dumped(text_of(rules, 1))
    if addition == "host_config:\n":
        dump = dump.replace("s2s_access: none\n", "")
    else:
        dump += addition
    assert running(dump).others == others
    assert running(dump).enforces(rules, 1) == (not others) == (not running(dump).exceeds(rules))


def test_a_rule_that_goes_on_is_not_ours() -> None:
    rules = {"local_hosts": [HOST], "partners": {"a.example": "a.example"}, "starttls": "required"}
    dump = dumped(text_of(rules, 1))
    assert not running(dump.replace("deny: all\n", "deny: all\n    - \n      allow: all\n")).enforces(rules, 1)
    assert not running(dump.replace("deny: all", "allow: all")).enforces(rules, 1)
    assert not running(dump.replace("required", "true")).enforces(rules, 1)
