"""Who was refused: counts over all gateways, names that strangers chose, and entries that the model accepts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.explain.knocking import explain_knocking, snippet
from ansible.module_utils.fedgate.explain.knocking_text import knocking_text
from hypothesis import given
from hypothesis import strategies as st

from .sources import inventory, with_partners

LAST = 1795773600  # 2026-11-27T10:00:00Z


def refused(
    remote: Any, count: Any = 1, reason: str = "not-a-partner", last: Any = LAST, **more: Any
) -> dict[str, Any]:
    found = {"remote": remote, "local": "contoso.example", "direction": "incoming", "reason": reason}
    return {**found, "count": count, "last": last, **more}


def gateway(*counters: Any) -> dict[str, Any]:
    return {"status": {"state": "enforcing", "refused": list(counters)}, "changed": False}


def knocked(*counters: Any) -> dict[str, Any]:
    return explain_knocking(inventory(), {"edge1.london": gateway(*counters)})


def uncommented(text: str) -> Any:
    return yaml.safe_load("".join(line.removeprefix("# ") for line in text.splitlines(keepends=True)[1:]))


def test_counts_are_those_of_all_gateways() -> None:
    found = explain_knocking(
        inventory(),
        {
            "edge1.london": gateway(
                refused("Tailspin.example.", 3), refused("tailspin.example", 2, direction="outgoing")
            ),
            "edge1.tokyo": gateway(refused("tailspin.example", 4, last=LAST + 60), refused("a.example", 1)),
            "edge2.london": {},
        },
    )
    first = found["strangers"][0]
    assert (first["domain"], first["count"], first["last"]) == ("tailspin.example", 9, "2026-11-27T10:01:00Z")
    assert first["refusals"][0] == {
        "direction": "incoming", "local": "contoso.example", "reason": "not-a-partner", "count": 7,
    }  # fmt: skip
    assert [item["domain"] for item in found["strangers"]] == ["tailspin.example", "a.example"]
    assert (found["silent"], found["full"], found["gateways"]) == (["edge2.london"], [], 3)
    text = knocking_text(found)
    assert "2 of 3 gateways answered." in text and "Nothing is known from edge2.london." in text
    assert "tailspin.example: 9, last 2026-11-27T10:01:00Z" in text


def test_the_entries_are_comments_until_somebody_removes_the_marks() -> None:
    found = knocked(refused("tailspin.example", 3), refused("1e5.example"), refused("xn--bcher-kva.example"))
    assert yaml.safe_load(found["snippet"]) is None
    entries = uncommented(found["snippet"])["federation_partners_new"]
    assert [item["domain"] for item in entries] == ["tailspin.example", "1e5.example", "xn--bcher-kva.example"]
    known = with_partners(*entries)
    for entry in known.entries().values():
        assert entry.partner.type == "public_unverified" and entry.partner.tls == "required"
        assert entry.partner.dialback_certificate == "valid" and not entry.partner.allow_plaintext


def test_who_is_listed_by_now_gets_no_entry() -> None:
    known = with_partners({"domain": "new.example"}, {"domain": "old.example", "expires": "2026-01-01"})
    counters = [refused("new.example"), refused("old.example"), refused("contoso.example"), refused("x.example")]
    found = explain_knocking(known, {"edge1.london": gateway(*counters)})
    assert [item["domain"] for item in found["strangers"]] == ["x.example"]
    told = {item["domain"]: item for item in found["partners"]}
    assert told["new.example"]["source"] == "inventory.yml:federation_partners/0/domain"
    assert told["old.example"]["expired"] and "expires" in told["old.example"]["source"]
    assert told["contoso.example"]["listed"] is False
    text = knocking_text(found)
    assert "listed (inventory.yml:federation_partners/0/domain)" in text
    assert "listed, but expired (inventory.yml:federation_partners/1/expires)" in text


def test_who_is_blocked_gets_no_entry() -> None:
    blocked = [{"domain": "evil.example", "subdomains": True}, {"domain": "bad.example", "subdomains": False}]
    names = ["evil.example", "sub.evil.example", "bad.example", "sub.bad.example", "notevil.example"]
    with_list = {**gateway(*(refused(name) for name in names)), "blocked": blocked}
    found = explain_knocking(inventory(), {"edge1.london": with_list, "edge1.tokyo": {"blocked": None}})
    assert [item["domain"] for item in found["strangers"]] == ["notevil.example", "sub.bad.example"]
    assert {item["domain"] for item in found["partners"]} == {"evil.example", "sub.evil.example", "bad.example"}
    assert all(item["blocked"] for item in found["partners"])
    assert "bad.example: 1, last 2026-11-27T10:00:00Z; blocked at a gateway" in knocking_text(found)


def test_partners_that_fail_are_told_apart() -> None:
    found = knocked(refused("fabrikam.example", 5, "certificate"), refused("x.example", 1, "closed"))
    assert not found["strangers"] and not found["snippet"]
    assert [(item["domain"], item["refusals"][0]["reason"]) for item in found["partners"]] == [
        ("fabrikam.example", "certificate"),
        ("x.example", "closed"),
    ]
    assert "Nobody who is not listed was refused." in knocking_text(found)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "(no name)"),
        ("localhost", "localhost"),
        ("evil\n  - domain: x.example", "evil\\n  - domain: x.example"),
        ("\x1b[2J\x1b]0;owned\x07.example", "\\x1b[2J\\x1b]0;owned\\x07.example"),
        ("‮elpmaxe.example", "\\u202eelpmaxe.example"),
        ("{{ lookup('pipe', 'id') }}", "{{ lookup('pipe', 'id') }}"),
        ("a" * 300 + ".example", "a" * 80 + "..."),
        ("192.0.2.1", "192.0.2.1"),
        (None, "None"),
    ],
)
def test_what_is_no_domain_name_is_only_told(name: Any, told: str) -> None:
    found = knocked(refused(name), refused("x.example"))
    assert [item["name"] for item in found["invalid"]] == [told]
    assert [item["domain"] for item in found["strangers"]] == ["x.example"]
    assert f"  {told}: 1, last" in knocking_text(found)
    assert uncommented(found["snippet"]) == uncommented(knocked(refused("x.example"))["snippet"])


@given(
    st.lists(
        st.builds(
            refused,
            st.one_of(st.text(max_size=300), st.from_regex(r"\A[a-z0-9.\-]{1,30}\.example\Z")),
            st.one_of(st.integers(), st.floats(), st.none(), st.text(max_size=3)),
            st.one_of(st.just("not-a-partner"), st.text(max_size=20)),
            st.one_of(st.integers(), st.floats(), st.none()),
            local=st.text(max_size=50),
            direction=st.text(max_size=20),
        ),
        max_size=6,
    )
)
def test_strangers_write_nothing_but_domain_names(counters: list[dict[str, Any]]) -> None:
    found = knocked(*counters)
    text = knocking_text(found)
    assert text.isascii() and all(character == "\n" or character.isprintable() for character in text)
    assert all(line.startswith("# ") for line in found["snippet"].splitlines())
    assert yaml.safe_load(found["snippet"]) is None
    if found["snippet"]:
        entries = uncommented(found["snippet"])["federation_partners_new"]
        assert [item["domain"] for item in entries] == [item["domain"] for item in found["strangers"]]
        with_partners(*entries)


@pytest.mark.parametrize(
    "broken", [None, [], {"status": None}, {"status": {"refused": None}}, {"status": {"refused": [1]}}]
)
def test_a_gateway_that_reports_nonsense_breaks_nothing(broken: Any) -> None:
    assert explain_knocking(inventory(), {"edge1.london": broken})["strangers"] == []


def test_a_gateway_that_forgot_some_is_named() -> None:
    found = knocked(*(refused(f"d{number}.example") for number in range(200)))
    assert found["full"] == ["edge1.london"]
    assert "edge1.london: 200 refusals, as many as a gateway keeps" in knocking_text(found)


def test_a_gateway_that_is_none_of_ours() -> None:
    with pytest.raises(InvalidValue, match="gateways: edge9 is no gateway of the inventory. Give what"):
        explain_knocking(inventory(), {"edge9": gateway()})


def test_no_strangers_no_snippet() -> None:
    assert snippet([]) == ""
