"""``bin/lab up --with-lync``: beside real hosts, found again, and gone with them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from lab.lync import process

from .test_lab import ROOT, Lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of this test's own, with a name server only."""
    one = Lab(f"test-{os.getpid()}-l")
    try:
        one("up", "--with-lync", "dns")
        yield one
    finally:
        one("down", check=False)


def test_is_there_until_the_lab_goes(lab: Lab) -> None:
    address = lab.values()["lync"]["address"]
    said = lab("status").stdout
    assert [line.split() for line in said.splitlines() if line.startswith("lync ")] == [["lync", address, "up"]]
    assert f"https://{address}:5310/OcsPowershell as CONTOSO\\admin" in said
    assert "runs already" in lab("up", "--with-lync", "dns").stdout
    lab("up", "dns")
    # Partners reach it: from a container, at the address that is published.
    lab("exec", "dns", "bash", "-c", f"exec 3<>/dev/tcp/{address}/5269")

    line = ["ansible", "-i", "inventories/lab", "-i", "inventories/lab-lync", "edge2.london", "-m", "lync_info"]
    done = subprocess.run(line, cwd=ROOT, env=lab.environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0 and "edgepool.london.contoso.example" in done.stdout, done.stdout + done.stderr
    password = lab.values()["lync"]["password"]
    assert password not in done.stdout + done.stderr + said

    pid = json.loads((lab.directory / "lync" / "process.json").read_text())["pid"]
    assert "the emulator of Lync Server ended" in lab("down").stdout
    # Where nobody collects it, an entry of it is left.
    assert not lab.directory.exists() and process._started(pid) is None
