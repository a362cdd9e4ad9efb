"""The code that runs on edge hosts, with the oldest library and the oldest Python that they may have.

The unit tests marked ``edge`` run once more, each time in a process of its own. The newest library is the one of
``requirements/test.txt``, with which they run anyway.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests" / "unit"
#: Fewer than this, and a marker was lost.
FEWEST = 250
#: Unit tests of certificates that do not run on edge hosts, and why.
CONTROLLER_ONLY = {
    "test_issue.py": "issuing needs the path builder of cryptography 42",
    "test_verification.py": "so does the verification of whole chains",
    "test_formats.py": "answers of authorities are read on the controller",
    "test_manual.py": "the authority by hand is asked from there",
    "test_local_ca.py": "the private authority lies there",
    "test_acme.py": "the ACME library is there only",
}


def marked() -> list[Path]:
    """Return the files with such tests; the others may import what old versions do not have."""
    return sorted(path for path in UNIT.rglob("test_*.py") if "pytest.mark.edge" in path.read_text())


def run_marked(python: str, environment: Mapping[str, str]) -> str:
    """Run the marked tests and return what pytest says; all must pass, and be as many as there are."""
    command = [python, "-m", "pytest", "-m", "edge", "-p", "no:cacheprovider", *map(str, marked())]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV"))}
    clean |= {"PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    closing = done.stdout.splitlines()[-1]
    passed = re.search(r"(\d+) passed", closing)
    assert passed and int(passed[1]) >= FEWEST, closing
    assert not re.search(r"failed|error", closing), closing
    return done.stdout


def install(python: str, lock: str, *arguments: str) -> None:
    """Install what a lock names, and nothing else."""
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--no-deps", "--only-binary", ":all:", "--requirement", f"requirements/{lock}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def python39() -> Optional[str]:
    """Return an interpreter of Python 3.9 that can make environments, or None. The one named by hand must do."""
    named = os.environ.get("FEDGATE_PYTHON39")
    if named:
        assert is_python39(named), f"FEDGATE_PYTHON39={named} is no Python 3.9 with venv and ensurepip"
        return named
    return next(filter(is_python39, candidates()), None)


def candidates() -> Iterator[str]:
    """Yield what may be an interpreter of Python 3.9: those in PATH, and those of pyenv, whose shims need not work."""
    for folder in os.get_exec_path():
        found = shutil.which("python3.9", path=folder)
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.9*/bin/python3.9")))


def is_python39(python: str) -> bool:
    program = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 9))"
    try:
        return subprocess.run([python, "-c", program], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize(("lock", "version"), [("edge-36.txt", "36.0.2"), ("edge-38.txt", "38.0.4")])
def test_old_cryptography(tmp_path: Path, lock: str, version: str) -> None:
    install(sys.executable, lock, "--target", str(tmp_path))
    assert f"\ncryptography {version}\n" in run_marked(sys.executable, {"PYTHONPATH": str(tmp_path)})


def test_python39(tmp_path: Path) -> None:
    python = python39()
    if python is None:
        pytest.skip("no Python 3.9 in PATH or of pyenv; name one in FEDGATE_PYTHON39")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    inside = str(tmp_path / "venv" / "bin" / "python")
    install(inside, "edge-python39.txt")
    output = run_marked(inside, {})
    assert re.search(r"^platform \w+ -- Python 3\.9\.\d+,", output, re.M), output
    assert "\ncryptography 36.0.2\n" in output


def test_nothing_is_forgotten() -> None:
    """Each unit test of certificates runs with old versions, or it is said why not."""
    unmarked = {path.name for path in (UNIT / "certificates").glob("test_*.py")} - {path.name for path in marked()}
    assert unmarked == set(CONTROLLER_ONLY), "add pytestmark = pytest.mark.edge, or a line to CONTROLLER_ONLY"
