"""``bin/bench`` as a whole, as small as it can be: one host, one round. Times are not judged here, counts are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"suite", "case", "metric", "unit", "ours", "peer", "peer_name"}


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``bin/bench certificates`` writes, for one host and each issuer."""
    file = tmp_path_factory.mktemp("bench") / "result.json"
    done = subprocess.run(
        [str(ROOT / "bin" / "bench"), "certificates", "--hosts", "1", "--repeat", "1", "--json", str(file)],
        env={**os.environ, "LAB_NAME": "benchtest", "FEDGATE_VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    # 1 says that a run took longer than wanted: on a machine that does other things too, that proves nothing.
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    assert "ours/peer" in done.stdout
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def test_every_line_has_the_documented_keys(comparisons: list[dict[str, Any]]) -> None:
    assert all(set(line) == KEYS for line in comparisons)
    assert {line["suite"] for line in comparisons} == {"certificates"}
    assert {line["peer_name"].split()[0] for line in comparisons} == {"community.crypto"}


def test_each_issuer_is_measured_from_nothing_and_with_nothing_to_do(comparisons: list[dict[str, Any]]) -> None:
    assert {line["case"] for line in comparisons} == {
        f"{issuer}, 1 host, {what}" for issuer in ("private CA", "ACME") for what in ("first run", "nothing to do")
    }


def test_with_nothing_to_do_one_module_looks_at_the_host(comparisons: list[dict[str, Any]]) -> None:
    values = {
        (line["case"].split(",")[0], line["metric"]): (line["ours"], line["peer"])
        for line in comparisons
        if line["case"].endswith("nothing to do")
    }
    for issuer in ("private CA", "ACME"):
        ours, peer = values[issuer, "modules per host"]
        assert ours == 1
        assert peer > ours
        assert values[issuer, "sent per host"][0] < values[issuer, "sent per host"][1]
        assert all(value > 0 for value in values[issuer, "hosts CPU"])


def test_no_host_is_left(comparisons: list[dict[str, Any]]) -> None:
    assert comparisons
    done = subprocess.run(
        [str(ROOT / "bin" / "lab"), "status"],
        env={**os.environ, "LAB_NAME": "benchtest"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "benchtest is not up" in done.stdout
