"""``bin/bench policy`` as a whole, as small as it can be. Nothing that depends on time is judged here."""

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
KINDS = ("messages-in", "presence-out-public", "strangers")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """What ``bin/bench policy`` says and writes, for three partners and two rounds."""
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    file = tmp_path_factory.mktemp("bench") / "result.json"
    small = ["--partners", "3", "--kinds", ",".join(KINDS), "--stanzas", "200", "--repeat", "2"]
    done = subprocess.run(
        [str(ROOT / "bin" / "bench"), "policy", *small, "--json", str(file)],
        env={**os.environ, "FEDGATE_VENV": sys.prefix, "LAB_NAME": "bench-test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]  # no target speaks of three partners
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return done.stdout, found


def test_every_kind_is_measured_on_both_sides(measured: tuple[str, list[dict[str, Any]]]) -> None:
    _, lines = measured
    assert all(set(line) == KEYS and line["suite"] == "policy" for line in lines)
    per_stanza = [line for line in lines if line["metric"] == "CPU per stanza"]
    assert len(per_stanza) == len(KINDS)
    assert all(line["ours"] > 0 and line["peer"] > 0 for line in per_stanza)
    assert [line["case"] for line in lines if line["metric"] == "memory"] == ["3 partners, before any load"]


def test_ratios_and_who_was_busy_are_told(measured: tuple[str, list[dict[str, Any]]]) -> None:
    output, lines = measured
    assert output.count("of 2 rounds, all between") == len(KINDS)
    for metric in ("gateway busy", "generator busy"):
        assert all(line["ours"] > 0 for line in lines if line["metric"] == metric)


def test_the_change_is_timed_and_no_stream_is_lost(measured: tuple[str, list[dict[str, Any]]]) -> None:
    output, lines = measured
    (enforced,) = (line["ours"] for line in lines if line["metric"] == "enforced")
    (playbook,) = (line["ours"] for line in lines if line["metric"] == "playbook")
    assert 0 < enforced < playbook
    assert "3 open streams kept their ids" in output
