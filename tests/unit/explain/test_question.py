"""One question at a time."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.explain.question import about, which


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        ({"who": "a.example", "whom": "b.example"}, "pair"),
        ({"before": ["a"], "after": ["b"], "who": None}, "changes"),
        ({"gateways": {}}, "knocking"),
    ],
)
def test_which(arguments: dict[str, Any], question: str) -> None:
    assert which(arguments) == question


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing is asked. Give who and whom"),
        ({"who": "a.example"}, "who is given, whom is not. Give who and whom"),
        ({"after": ["b"]}, "after is given, before is not. "),
        ({"who": "a", "whom": "b", "gateways": {}}, "who, whom and gateways are different questions. Ask one"),
        ({"who": "a", "after": ["b"]}, "who and after are different questions."),
        ({"who": "", "whom": "b"}, "who: it is empty. Give"),
        ({"before": [], "after": ["b"]}, "before: it is empty. Give"),
        ({"before": [""], "after": ["b"]}, "before: it is empty. Give"),
    ],
)  # fmt: skip
def test_bad_questions(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        which(arguments)
    assert str(caught.value).startswith(message)


def test_an_error_names_the_inventory_that_it_speaks_of() -> None:
    with pytest.raises(InvalidValue, match=r"before \(a, b\): x: wrong. Mend it."), about("before", ["a", "b"]):
        raise InvalidValue("wrong", path="x", hint="Mend it.")
