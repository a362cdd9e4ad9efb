"""The module as people run it, with Route 53 behind: ansible-playbook, its results, and no secret anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .route53 import KEY_ID, LONDON, SECRET, SRV, ZONE, World, record

RECORDS = [record(SRV, "SRV", f"10 0 5269 {LONDON}"), record(LONDON, "A", "192.0.2.10")]


def run(root: Path, folder: Path, provider: dict[str, Any], *options: str) -> tuple[dict[str, Any], str]:
    """Return the module's result, and all that was said."""
    keep = {"content": "{{ result | to_json }}", "dest": str(folder / "result.json"), "mode": "0600"}
    tasks = [
        {
            "name": "publish",
            "dns_records": {"providers": [provider], "records": RECORDS, "force": True},
            "register": "result",
            "ignore_errors": True,
        },
        {"name": "keep", "ansible.builtin.copy": keep, "check_mode": False, "diff": False},
    ]
    book = folder / "play.json"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    book.write_text(json.dumps([{**play, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}]))
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
    program = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [program, "-i", "localhost,", str(book), *options],
        cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads((folder / "result.json").read_text())), done.stdout + done.stderr


@pytest.fixture
def given(route53: World) -> dict[str, Any]:
    """Options as in an inventory."""
    return {
        "kind": "route53",
        "endpoint_url": route53.proxy.url,
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "session_token": "canary-token-0123456789",
    }


def test_check_mode_is_exact_and_nothing_secret_is_said(
    route53: World, given: dict[str, Any], root: Path, tmp_path: Path
) -> None:
    zone = route53.moto.zone(ZONE)
    planned, said = run(root, tmp_path, given, "--check", "--diff", "-vvvv")
    assert planned["changed"] and not route53.sets(zone) and "10 0 5269" in said
    done, more = run(root, tmp_path, given, "--diff", "-vvvv")
    assert done["plan_digest"] == planned["plan_digest"] and len(route53.sets(zone)) == 2
    assert done["providers"]["route53"] == {
        "zones": {ZONE: {"id": zone, "messages": 1}},
        "requests": {
            "ListHostedZonesByName": 1, "ListResourceRecordSets": 2, "ChangeResourceRecordSets": 1, "GetChange": 1,
        },
    }  # fmt: skip
    again, _ = run(root, tmp_path, given)
    assert not again["changed"] and again["plan"] == []
    route53.proxy.fail("ListHostedZonesByName", "SignatureDoesNotMatch")
    failed, last = run(root, tmp_path, given, "-vvvv")
    assert failed["failed"] and failed["error"] == "Refused" and KEY_ID in failed["msg"]
    for secret in (SECRET, given["session_token"]):
        assert secret not in said + more + last + json.dumps([planned, done, failed])


def test_without_the_library(given: dict[str, Any], root: Path) -> None:
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"boto3", "botocore"}:
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Missing())
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils.fedgate.dns.providers import open_provider
from ansible.module_utils.fedgate.errors import MissingDependency
try:
    open_provider({"kind": "route53"})
except MissingDependency as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(root / "module_utils")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "the Python library boto3 is missing for" in done.stdout and "requirements.txt" in done.stdout
