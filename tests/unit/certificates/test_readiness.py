"""What a certificate without clientAuth leaves, partner by partner."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.readiness import readiness, warning

pytestmark = pytest.mark.edge

ROWS = list(csv.DictReader((Path(__file__).parent.parent / "model" / "negotiation.csv").open()))


def partner(domain: str, tls: str = "required", sasl: str = "required", dialback: bool = True) -> dict[str, Any]:
    return {"domain": domain, "tls": tls, "sasl": sasl, "dialback": dialback}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['tls']}-{row['sasl']}-{row['dialback']}")
def test_external_goes_and_the_rest_stays(row: dict[str, str]) -> None:
    one = partner("x.example", row["tls"], row["sasl"], row["dialback"] == "true")
    allowed = [method for method in row["methods"].split("+") if method]
    (with_it,) = readiness([one], client_auth=True)
    (without,) = readiness([one], client_auth=False)
    assert list(with_it.methods) == list(with_it.strict) == allowed
    assert list(without.strict) == [method for method in allowed if method != "sasl_over_tls"]
    assert without.in_danger == (allowed == ["sasl_over_tls"])


def test_one_warning_names_who_depends_on_it_and_since_when() -> None:
    partners = [partner("strict.example"), partner("either.example", sasl="optional"),
                partner("also.example", sasl="optional", dialback=False)]  # fmt: skip
    text = warning(partners, ["edge.london.contoso.example"])
    assert text and "With strict.example, also.example only SASL EXTERNAL is allowed" in text
    assert "either.example" not in text
    for date in ("2026-02-11", "2026-07-08", "2027-03-15"):
        assert date in text
    assert "sasl: optional" in text and "client_auth: true" in text


def test_no_warning_where_nobody_depends_on_it() -> None:
    assert warning([partner("either.example", sasl="optional")], ["edge.example"]) is None
    assert warning([partner("strict.example")], []) is None


def test_many_partners_are_counted() -> None:
    text = warning([partner(f"p{number:02}.example") for number in range(14)], ["edge.example"])
    assert text and "p09.example and 4 more only" in text and "p10" not in text
