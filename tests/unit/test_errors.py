"""How errors read."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate import errors

pytestmark = pytest.mark.edge


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.FedgateError("it is wrong"), "it is wrong"),
        (errors.InvalidValue("it is wrong", hint="Mend it."), "it is wrong. Mend it."),
        (errors.InvalidValue("it is wrong.", hint="Mend it."), "it is wrong. Mend it."),
        (errors.InvalidValue("it is wrong", path="a[3].b"), "a[3].b: it is wrong"),
        (errors.InvalidValue("it is wrong", origin="hosts.yml:12"), "hosts.yml:12: it is wrong"),
        (
            errors.InvalidValue("it is wrong", hint="Mend it.", path="a[3].b", origin="hosts.yml:12"),
            "a[3].b (hosts.yml:12): it is wrong. Mend it.",
        ),
    ],
)
def test_text(error: errors.FedgateError, text: str) -> None:
    assert str(error) == text


def test_several_are_listed_line_by_line() -> None:
    one = errors.InvalidValue("it is wrong", path="a", hint="Mend it.")
    two = errors.InvalidValue("that is wrong", path="b")
    assert str(errors.SeveralErrors([one])) == (
        "1 error in the inventory; nothing was changed:\n  - a: it is wrong. Mend it."
    )
    several = errors.SeveralErrors(error for error in (one, two))
    assert several.errors == (one, two)
    assert str(several).splitlines() == [
        "2 errors in the inventory; nothing was changed:",
        "  - a: it is wrong. Mend it.",
        "  - b: that is wrong",
    ]


def test_details_are_kept_beside_the_message() -> None:
    error = errors.WorldMoved("another plan", details={"plan": []})
    assert error.details == {"plan": []}
    assert errors.Refused("no").details == {}


@pytest.mark.parametrize(
    "kind",
    [
        errors.InvalidValue,
        errors.MissingDependency,
        errors.Unreachable,
        errors.Refused,
        errors.WorldMoved,
        errors.NotConverged,
        errors.CheckFailed,
        errors.SeveralErrors,
    ],
)
def test_one_family(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.FedgateError)
