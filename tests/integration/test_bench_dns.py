"""``bin/bench dns`` as a whole, as small as it can be. Times are not judged here, counts are."""

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
FIRST, SECOND = "first run", "nothing to do"


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``bin/bench dns`` writes, for three records in an empty zone."""
    file = tmp_path_factory.mktemp("bench") / "result.json"
    small = ["--sizes", "3", "--zones", "0", "--rates", "none", "--repeat", "1"]
    done = subprocess.run(
        [str(ROOT / "bin" / "bench"), "dns", *small, "--json", str(file)],
        env={**os.environ, "FEDGATE_VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
    )
    # 1 says that a run took longer than wanted: on a machine that does other things too, that proves nothing.
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    assert "failed" not in done.stdout
    assert "Ansible's own start" in done.stdout
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def values(found: list[dict[str, Any]], peer: str, case: str, metric: str) -> tuple[float, float]:
    (line,) = (
        line for line in found
        if line["peer_name"].startswith(peer) and line["case"].endswith(case) and line["metric"] == metric
    )  # fmt: skip
    return line["ours"], line["peer"]


def test_every_peer_is_compared_from_nothing_and_with_nothing_to_do(comparisons: list[dict[str, Any]]) -> None:
    assert all(set(line) == KEYS and line["suite"] == "dns" for line in comparisons)
    assert {(line["case"], line["peer_name"].split()[0]) for line in comparisons} == {
        (f"{server} 3 SRV into 0 others, {each}", peer)
        for each in (FIRST, SECOND)
        for server, peer in (
            ("Route53, no limit,", "amazon.aws"),
            ("Route53, no limit,", "octoDNS"),
            ("BIND,", "community.general"),
            ("BIND,", "octoDNS"),
        )
    }


def test_requests_are_counted_by_operation(comparisons: list[dict[str, Any]]) -> None:
    assert values(comparisons, "amazon.aws", FIRST, "ChangeResourceRecordSets") == (1, 3)
    assert values(comparisons, "community.general", FIRST, "UPDATE") == (1, 3)
    assert values(comparisons, "octoDNS 1", f"Route53, no limit, 3 SRV into 0 others, {SECOND}", "requests") == (2, 2)
    assert values(comparisons, "amazon.aws", FIRST, "requests")[0] <= 6
    assert values(comparisons, "amazon.aws", SECOND, "requests")[0] <= 4
    # With nothing to do there is no line of changes: neither side sends any.
    changes = {line["case"] for line in comparisons if line["metric"] in ("ChangeResourceRecordSets", "UPDATE")}
    assert changes
    assert not [case for case in changes if case.endswith(SECOND)]


def test_times_are_taken(comparisons: list[dict[str, Any]]) -> None:
    assert all(line["ours"] > 0 and line["peer"] > 0 for line in comparisons if line["metric"] in ("wall", "CPU"))
