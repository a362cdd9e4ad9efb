"""Differences that somebody has agreed to: word for word, and no others."""

from __future__ import annotations

from ansible.module_utils.fedgate.importing.comparison import accepting, differences

FOUND = ["gained a.example: its type becomes federated, from public_verified", "lost b.example: is a partner no more"]


def test_another_reason_is_another_difference() -> None:
    said = accepting(FOUND, ["gained a.example: becomes a partner", FOUND[1]])
    assert said == {"unaccepted": [FOUND[0]], "accepted_in_vain": ["gained a.example: becomes a partner"]}


def test_folded_lines_are_the_same() -> None:
    assert accepting(FOUND, [line.replace(": ", ":\n  ") for line in FOUND])["unaccepted"] == []


def test_what_passes_as_before_needs_nobody() -> None:
    rows = [
        {"domain": "a.example", "verdict": "other", "because": ["done otherwise"]},
        {"domain": "b.example", "verdict": "unclear", "because": ["one", "two"]},
    ]
    assert differences(rows, [{"name": "every partner", "verdict": "same", "because": []}]) == [
        "unclear b.example: one; two"
    ]
