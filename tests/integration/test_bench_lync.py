"""``bench lync`` as a whole, as small as it can be. Times are not judged here, counts are."""

from __future__ import annotations

import json
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
    """What it writes for ten partners."""
    file = tmp_path_factory.mktemp("bench") / "result.json"
    command = [sys.executable, str(ROOT / "bench"), "lync", "--partners", "10", "--repeat", "1", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]  # no target speaks of ten partners
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def test_sessions_and_pipelines_of_both_sides(comparisons: list[dict[str, Any]]) -> None:
    assert all(set(line) == KEYS and line["suite"] == "lync" for line in comparisons)
    counted = {
        (line["case"], line["metric"]): (line["ours"], line["peer"])
        for line in comparisons
        if line["metric"] in ("sessions", "pipelines")
    }
    assert counted == {
        ("10 partners, first run", "sessions"): (1, 10),
        ("10 partners, first run", "pipelines"): (12, 20),
        ("10 partners, a tenth changed", "sessions"): (1, 10),
        ("10 partners, a tenth changed", "pipelines"): (3, 11),
        ("10 partners, nothing to do", "sessions"): (1, 10),
        ("10 partners, nothing to do", "pipelines"): (1, 10),
    }


def test_times_and_requests(comparisons: list[dict[str, Any]]) -> None:
    assert all(line["ours"] > 0 and line["peer"] > 0 for line in comparisons)
    assert {line["peer_name"].split(" (")[0] for line in comparisons} == {"one session per partner"}
