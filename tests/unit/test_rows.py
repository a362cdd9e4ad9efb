"""An argument of thousands of rows is read as Ansible reads it, faster."""

from __future__ import annotations

import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.fedgate import rows
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge
ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "library" / "xmpp_partner_policy.py"


def partner_spec() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("library_xmpp_partner_policy", MODULE)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    found: dict[str, Any] = loaded.ARGUMENTS["partners"]
    return found


OPTION = partner_spec()
SPEC: dict[str, Any] = OPTION["options"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 99),
    st.sampled_from(["required", "optional", "federated", "any", "valid", "yes", "a.example", "1", "", "a,b", "{}"]),
    st.lists(st.sampled_from(["a.example", 1, None, True]), max_size=2),
    st.just({"a": "b"}),
)
ROWS = st.one_of(
    st.dictionaries(st.sampled_from([*SPEC, "domian"]), VALUES, max_size=6),
    st.fixed_dictionaries(
        {"domain": st.just("a.example")}, optional=dict.fromkeys(("tls", "waive", "dialback"), VALUES)
    ),
    VALUES,
)


def ansible(given_rows: list[Any]) -> tuple[Any, list[str]]:
    """What Ansible makes of rows, and what it says is wrong."""
    read = ArgumentSpecValidator({"partners": OPTION}).validate({"partners": given_rows})
    return read.validated_parameters["partners"], read.error_messages


def check(row: Any) -> tuple[Any, list[str]]:
    found, problems = ansible([row])
    return (row, problems) if problems else (found[0], [])


@given(st.lists(ROWS, max_size=4))
def test_rows_are_accepted_refused_and_converted_as_by_ansible(given_rows: list[Any]) -> None:
    before = copy.deepcopy(given_rows)
    found, wrong = rows.checked("partners", given_rows, SPEC, check)
    theirs, problems = ansible(copy.deepcopy(given_rows))
    assert bool(wrong) == bool(problems)
    if not wrong:
        # Types too: True is no 1.
        assert json.dumps(found, sort_keys=True) == json.dumps(theirs, sort_keys=True)
    assert given_rows == before


def test_rows_that_are_right_are_not_shown_to_ansible() -> None:
    """Else nothing is gained."""
    given_rows = [{"domain": "a.example", "tls": "optional", "keepalive": None, "description": None, "waive": ["host"]}]
    found, wrong = rows.checked("partners", given_rows, SPEC, lambda row: pytest.fail(f"{row} was shown"))
    assert not wrong and found == ansible(copy.deepcopy(given_rows))[0]


def test_secrets_are_ansibles_affair() -> None:
    """Only it notes them, so that they are never printed."""
    seen = []
    spec = {"name": {"type": "str"}, "password": {"type": "str", "no_log": True}}
    rows.checked("users", [{"name": "a"}, {"password": "x"}], spec, lambda row: (seen.append(row) or row, []))
    assert seen == [{"password": "x"}]


def test_faults_name_the_row_and_many_are_counted() -> None:
    given_rows = [{"domain": "good.example"}, *({"domain": f"n{n}.example", "tls": "maybe"} for n in range(50)), {}, 7]
    _, wrong = rows.checked("partners", given_rows, SPEC, check)
    assert len(wrong) == 21 and wrong[-1] == "33 more errors in partners"
    assert wrong[0] == (
        "partners[1] (n0.example): value of tls must be one of: required, optional, not_supported, got: maybe found in"
        " partners"
    )


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != rows.PACKED), st.integers()), st.lists(ROWS))
def test_what_is_packed_is_unpacked(others: dict[str, int], large: list[Any]) -> None:
    sent = {**others, **rows.packed({"partners": json.dumps(large)})}
    assert json.loads(json.dumps(sent)) == sent
    assert rows.unpacked(sent) == {**others, "partners": large}
    assert rows.unpacked(others) == others


def test_thousands_take_little_room() -> None:
    many = [{"domain": f"n{number}.partner.example", "type": "federated"} for number in range(10_000)]
    text = json.dumps(many)
    assert len(rows.packed({"partners": text})[rows.PACKED]) < len(text) / 5


def run_module(**arguments: Any) -> dict[str, Any]:
    """Run the module in a process of its own, as who calls it alone does; nothing is there that it could change."""
    program = (
        "import sys, runpy, ansible.module_utils\n"
        f"ansible.module_utils.__path__.append({str(ROOT / 'module_utils')!r})\n"
        f"sys.argv = sys.argv[:1]\nrunpy.run_path({str(MODULE)!r}, run_name='__main__')"
    )
    sent = json.dumps({"ANSIBLE_MODULE_ARGS": {"local_hosts": ["contoso.example"], **arguments}})
    done = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["failed"]
    return found


A = "a.example"


@pytest.mark.parametrize(
    ("partners", "said"),
    [
        (None, "partners"),
        ("fabrikam.example", "could not parse JSON or key=value"),
        ({"domain": A}, "unable to convert to list"),
        (["fabrikam.example"], "partners[0]: Elements value for option 'partners' is of type"),
        ([{"domain": A}, {"tls": "optional"}], "partners[1]: missing required arguments: domain"),
        ([{"domain": A, "tsl": "optional"}], "partners[0] (a.example): unsupported suboption: partners.tsl. Supported"),
        ([{"domain": A, "dialback": "perhaps"}], "partners[0] (a.example): argument 'dialback' is of type"),
        ([{"domain": A, "tls": None}], "partners[0] (a.example): value of tls must be one of"),
        ([{"domain": "contoso.example"}], "contoso.example is one of our own"),
        ([{"domain": A, "stanza_rate": 0}], "partner a.example.stanza_rate: 0 is out of bounds"),
    ],
)
def test_called_alone_the_module_says_what_is_wrong(partners: Any, said: str) -> None:
    assert said in run_module(partners=partners)["msg"]


def test_partners_are_required() -> None:
    assert run_module()["msg"] == "missing required arguments: partners"


def test_what_is_converted_still_is() -> None:
    """A text for true or false, a text for a list, a mapping written as key=value."""
    said = run_module(partners=[{"domain": "contoso.example", "dialback": "no", "waive": "host"}])["msg"]
    assert "contoso.example is one of our own" in said
    assert "contoso.example is one of our own" in run_module(partners=["domain=contoso.example"])["msg"]


def test_a_large_argument_is_not_sent_back() -> None:
    many = [{"domain": f"n{number}.example"} for number in range(101)]
    found = run_module(partners=[*many, {"domain": "contoso.example"}])
    if "invocation" not in found:
        pytest.skip("from 2.21 on, Ansible has arguments sent back only when it asks for them")
    arguments = found["invocation"]["module_args"]
    assert arguments["partners"] == "102 items" and arguments["local_hosts"] == ["contoso.example"]
    few = [{"domain": "contoso.example"}]
    assert run_module(partners=few)["invocation"]["module_args"]["partners"] == few
