"""The second controller: the newest ansible-core on Python 3.13, in a Debian 13 host of the lab.

Packages are downloaded by this machine, by its own settings, and installed there from a folder: a lab host reaches no
index.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from .conftest import Lab
from .rollout import LAB_NAME, ROOT, environment

pytestmark = pytest.mark.lab
#: Any host will do that is no gateway.
CONTROLLER = "directory"
PLACE = "/root/fedgate"
PYTHON = f"{PLACE}/.venv/bin/python"


@pytest.fixture(scope="module")
def controller(deployed_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The host, with a copy of this checkout and of the lab's state, and the locked requirements installed."""
    if deployed_lab.state["suite"] != "trixie":
        pytest.skip("Debian 13 brings Python 3.13, and this lab is another's")
    wheels = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", "3.13", "--requirement", "requirements/newest.txt"]
    subprocess.run([*command, "--dest", str(wheels)], cwd=ROOT, check=True)
    push(pack(wheels))
    script = f"""set -e
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update > /dev/null
    apt-get -q -y --no-install-recommends install python3-venv openssh-client > /dev/null
    rm -rf {PLACE}/.venv; python3 -m venv {PLACE}/.venv
    cd {PLACE}
    {PYTHON} -m pip install --quiet --no-index --find-links .wheels --require-hashes -r requirements/newest.txt
    """
    deployed_lab.run(CONTROLLER, "sh", "-c", script)
    return deployed_lab


def pack(wheels: Path) -> bytes:
    """Return an archive of the checkout's files, the packages, and the lab's state, whose paths are made to fit."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            if (ROOT / name).is_file():
                archive.add(ROOT / name, name)
        archive.add(wheels, ".wheels")
        state = ROOT / "lab" / ".state" / LAB_NAME
        for path in sorted(state.rglob("*")):
            if path.is_file() and path.name != "lab.json":
                archive.add(path, str(path.relative_to(ROOT)))
        text = (state / "lab.json").read_text().replace(str(ROOT), PLACE).encode()
        entry = tarfile.TarInfo(str((state / "lab.json").relative_to(ROOT)))
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def push(archive: bytes) -> None:
    """Unpack an archive in the host."""
    command = [str(ROOT / "bin" / "lab"), "exec", CONTROLLER, "sh", "-c"]
    script = f"rm -rf {PLACE}; mkdir -m 700 {PLACE}; tar -x --no-same-owner -C {PLACE} -f -"
    subprocess.run([*command, script], input=archive, cwd=ROOT, env=environment(), check=True)


def test_versions(controller: Lab) -> None:
    program = "import json, sys, ansible; print(json.dumps([ansible.__version__, sys.version_info[:2]]))"
    ansible, python = json.loads(controller.run(CONTROLLER, PYTHON, "-c", program))
    assert python == [3, 13]
    assert [int(part) for part in ansible.split(".")[:2]] > [2, 19]


def test_a_run_finds_nothing_to_do(controller: Lab) -> None:
    """What the first controller built is what the second one wants."""
    script = f"""cd {PLACE} && LC_ALL=C.UTF-8 LAB_NAME={LAB_NAME} FEDGATE_RESULTS_FILE=results.json \\
    .venv/bin/ansible-playbook -i inventories/lab playbooks/site.yml > output 2>&1; code=$?
    [ $code = 0 ] && cat results.json || {{ cat output; exit 1; }}"""
    results = json.loads(controller.run(CONTROLLER, "sh", "-c", script))
    assert set(results["hosts"]) == {"edge1.london", "edge1.tokyo"}
    assert {host: result for host, result in results["hosts"].items() if result["changed"]} == {}


def test_unit_tests(controller: Lab) -> None:
    script = f"""cd {PLACE} && export PATH=$PWD/.venv/bin:$PATH LC_ALL=C.UTF-8
    python -m pytest -q tests/unit 2>&1 | tail -n 40"""
    output = controller.run(CONTROLLER, "sh", "-c", script)
    assert " passed" in output.splitlines()[-1] and " failed" not in output.splitlines()[-1], output
