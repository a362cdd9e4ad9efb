"""The modules as people call them: by ansible-playbook, with a host's own variables for the way to the server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.world import XmppPartner
from ..rollout import BIN, ROOT, environment
from ..test_examples import examples_of

MODULES = sorted(path.stem for path in (ROOT / "library").glob("lync_*.py"))
#: Those that change nothing; the others change something by their examples.
LOOKING = {"lync_test_im"}
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
    way = {"port": deployment.front_end.port, "ca_file": str(deployment.certificate), "authentication": "ntlm"}
    for task in tasks:
        module = next(key for key in task if key.startswith("lync_"))
        task[module] = {**way, **task[module]}
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}]))
    command = [str(BIN / "ansible-playbook"), "-i", str(inventory), str(playbook), "-vvvv", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(lync: Deployment, module: str, tmp_path: Path) -> None:
    if module in LOOKING:
        lync.world.partners["fabrikam.example"] = XmppPartner("fabrikam.example")
    checked = play(lync, tmp_path, examples_of(module), "--check", "--diff")
    assert ("changed=0" in checked) == (module in LOOKING) and lync.world.writes == 0
    done = play(lync, tmp_path, examples_of(module), "--diff")
    assert bool(lync.world.writes) != (module in LOOKING) and "unreachable=0" in done
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], VARIABLES["vault_dialback_passphrase"]):
        assert secret not in checked + done
