"""Makes ``ansible.module_utils.fedgate`` importable, as it is inside a run, and names the places of the checkout."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import ansible.module_utils
import pytest

ROOT = Path(__file__).resolve().parent.parent

_PACKAGE = str(ROOT / "module_utils")
if _PACKAGE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_PACKAGE)

# Programs that tests start must read our settings, wherever they are started.
os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")

# What runs beside these tests changes other things: each would wait for the other's modules on this machine.
os.environ["FEDGATE_LOCK"] = os.path.join(tempfile.gettempdir(), f"fedgate-tests-{os.getpid()}.lock")


def pytest_report_header() -> str:
    """Name the library that edge hosts have in other versions; the runs of those versions look for it here."""
    import cryptography

    return f"cryptography {cryptography.__version__}"


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the checkout."""
    return ROOT
