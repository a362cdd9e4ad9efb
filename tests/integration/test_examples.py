"""The examples in the modules' documentation are executed on the lab: in check mode, or for real if they only look."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Lab
from .rollout import BIN, ROOT, environment

pytestmark = pytest.mark.lab
#: Those of Lync Server have theirs run in lync/, most of them in lync/test_examples.py.
OF_LYNC = ("lync_", "federation_import", "federation_compare")
MODULES = sorted(path.stem for path in (ROOT / "library").glob("*.py") if not path.stem.startswith(OF_LYNC))
READS_ONLY = (
    "dns_records_info", "dns_rights",
    "edge_certificate_info", "edge_certificate_pools", "edge_certificate_renewal_info", "federation_explain",
    "federation_model", "federation_probe",
    "xmpp_gateway_info",
)  # fmt: skip
#: Variables of examples that an inventory of the lab does not have.
VARIABLES: dict[str, Any] = {
    "vault_alice_password": "an example's password",
    "gateway_policy_files": [
        {
            "path": "/etc/prosody/conf.d/fedgate.cfg.lua",
            "content": "-- an example\n",
            "mode": "0640",
            "group": "prosody",
        },
    ],
}


def examples_of(module: str) -> list[dict[str, Any]]:
    """Return the tasks in a module's documentation."""
    text = (ROOT / "library" / f"{module}.py").read_text().split('EXAMPLES = r"""', 1)[1].split('"""', 1)[0]
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    for task in tasks:
        # Where a task goes to the controller, it runs with what the controller runs with.
        if task.get("delegate_to") == "localhost":
            task.setdefault("become", False)
            task.setdefault("vars", {})["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
    return tasks


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(deployed_lab: Lab, module: str, tmp_path: Path) -> None:
    play = {
        "hosts": "edge1.london",
        "gather_facts": False,
        "become": True,
        "vars": VARIABLES,
        "tasks": examples_of(module),
    }
    playbook = tmp_path / "examples.json"
    playbook.write_text(json.dumps([play]))
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/lab", str(playbook)]
    command += [] if module in READS_ONLY else ["--check", "--diff"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Internal error" not in done.stdout
