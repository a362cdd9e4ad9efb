"""The rules against the product's table, row by row."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.model import negotiation

ROWS = list(csv.DictReader(Path(__file__).with_name("negotiation.csv").open(encoding="utf-8")))


def _combination(row: dict[str, str]) -> tuple[str, str, bool]:
    return row["tls"], row["sasl"], row["dialback"] == "true"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tls']}-{row['sasl']}-{row['dialback']}")
def test_row(row: dict[str, str]) -> None:
    combination = _combination(row)
    assert "+".join(negotiation.methods(*combination)) == row["methods"]
    assert negotiation.verdict(*combination) == row["verdict"]


def test_table_is_complete() -> None:
    every = set(itertools.product(negotiation.LEVELS, negotiation.LEVELS, (True, False)))
    assert {_combination(row) for row in ROWS} == every
    assert len(ROWS) == 18


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tls']}-{row['sasl']}-{row['dialback']}")
def test_every_verdict_has_its_sentence(row: dict[str, str]) -> None:
    combination = _combination(row)
    if row["verdict"] == "invalid":
        assert negotiation.dead_end(*combination)
    else:
        assert bool(negotiation.doubt(*combination)) is (row["verdict"] == "warning")
