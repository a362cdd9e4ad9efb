"""The modules as people call them: by ansible-playbook, with a host's own variables for the way to the server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.world import XmppPartner
from ..rollout import BIN, ROOT, environment
from ..test_examples import examples_of
from .conftest import options_of, options_of_edge

#: Those whose examples write nothing to the Central Management Store: they look, wait, or work on services or keys.
NO_WRITES = ("lync_certificate", "lync_info", "lync_preflight", "lync_replication", "lync_service", "lync_test_im")
MODULES = sorted(path.stem for path in (ROOT / "library").glob("lync_*.py"))
VARIABLES = {
    "vault_dialback_passphrase": "a secret of the deployment",
    "federation_model": {
        "partners": [{"domain": "fabrikam.example"}, {"domain": "woodgrove.example"}],
        "access_policies": [{"name": "global", "xmpp_access": True}],
    },
}


def play(deployment: Deployment, folder: Path, tasks: list[dict[str, Any]], *options: str) -> str:
    """Run tasks for a host that is the Front End; return what was printed."""
    host = {"ansible_host": "localhost", "ansible_user": ADMIN, "ansible_password": PASSWORD}
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"fe1.contoso.example": host}}}))
    ways = {"front_end": options_of(deployment), "edge": options_of_edge(deployment, "edge1.london")}
    for task in tasks:
        module = next((key for key in task if key.startswith("lync_")), None)
        if module is None:
            continue
        given = task[module] or {}
        way = ways[given.get("endpoint", "front_end")]
        # A Front End is reached by the host's variables, as most are.
        hosts = ("username", "password", "host") if way["endpoint"] == "front_end" else ("host",)
        task[module] = {**{key: value for key, value in way.items() if key not in hosts}, **given}
    variables = {**VARIABLES, "federation_certificate": {"requests_directory": str(folder / "requests")}}
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    command = [str(BIN / "ansible-playbook"), "-i", str(inventory), str(playbook), "-vvvv", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(lync: Deployment, module: str, tmp_path: Path) -> None:
    if module == "lync_test_im":
        lync.world.partners["fabrikam.example"] = XmppPartner("fabrikam.example")
    checked = play(lync, tmp_path, examples_of(module), "--check", "--diff")
    assert lync.world.writes == 0 and (module in NO_WRITES or "changed=0" not in checked)
    done = play(lync, tmp_path, examples_of(module), "--diff")
    assert (module in NO_WRITES) == (lync.world.writes == 0) and "unreachable=0" in done
    secrets = (PASSWORD, json.dumps(PASSWORD)[1:-1], edge.PASSWORD, json.dumps(edge.PASSWORD)[1:-1])
    for secret in (*secrets, VARIABLES["vault_dialback_passphrase"]):
        assert secret not in checked + done
