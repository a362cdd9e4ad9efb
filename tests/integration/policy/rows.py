"""The rows with TLS required, one partner domain for each, and what must come of them for each kind of peer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .gateway import row

ROWS: dict[str, dict[str, Any]] = {
    "required-true": row(sasl="required", dialback=True),
    "required-false": row(sasl="required", dialback=False),
    "optional-true": row(sasl="optional", dialback=True),
    "optional-true-valid": row(sasl="optional", dialback=True, certificate="valid"),
    "optional-false": row(sasl="optional", dialback=False),
    "never-true": row(sasl="not_supported", dialback=True),
    "never-true-valid": row(sasl="not_supported", dialback=True, certificate="valid"),
}


def domain(name: str, kind: str) -> str:
    """Return the partner domain that has a row, another one for each kind of peer: no test sees another's streams."""
    return f"{kind.replace(' ', '-').replace(',', '').lower()}.{name}.example"


def partners(kinds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return a policy's partners: every row for every kind of peer."""
    return {domain(name, kind): rules for kind in kinds for name, rules in ROWS.items()}
