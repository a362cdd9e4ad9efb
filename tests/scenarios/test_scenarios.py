"""Molecule's scenarios: one for each role, and the whole. Each is one test here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


@pytest.mark.lab
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # Molecule leaves its lab behind when something fails, unless told otherwise; the next run begins with destroy.
    destroy = (os.environ.get("FEDGATE_KEEP_LAB", "") and "never") or "always"
    command = [sys.executable, "-m", "molecule", "test", "--scenario-name", name, "--destroy", destroy]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-12000:]}\n{done.stderr[-4000:]}"
