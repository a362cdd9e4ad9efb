"""``lync_service`` on the members of a pool, run as people run it: one at a time, and none after a failure."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lock import lock_file, one_at_a_time
from ansible.module_utils.fedgate.lync.service import ARGUMENTS, WindowsServices
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync import edge
from ...emulators.lync.deployment import Deployment
from ...emulators.lync.machines import PROXY
from ..rollout import BIN, ROOT, environment
from .conftest import options_of_edge

MEMBERS = ("edge1.london.contoso.example", "edge2.london.contoso.example")


def play(lync: Deployment, folder: Path, **given: Any) -> subprocess.CompletedProcess[str]:
    """Restart the services of both members."""
    hosts = {
        name: {
            "ansible_host": "localhost",
            "ansible_user": edge.ADMINISTRATOR,
            "ansible_password": edge.PASSWORD,
            "winrm_port": lync.edge(name).endpoint.port,
        }
        for name in MEMBERS
    }
    way = {"endpoint": "edge", "authentication": "ntlm", "ca_file": str(lync.certificate), "port": "{{ winrm_port }}"}
    task = {"lync_service": {**way, "state": "restarted", "interval": 0.05, "start_timeout": 2, **given}}
    play = {"hosts": "all", "gather_facts": False, "serial": 1, "max_fail_percentage": 0, "tasks": [task]}
    inventory, playbook = folder / "hosts.json", folder / "play.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    playbook.write_text(json.dumps([play]))
    command = [str(BIN / "ansible-playbook"), "-i", str(inventory), str(playbook), "-vvvv"]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)


def histories(lync: Deployment) -> list[list[str]]:
    return [lync.edge(name).machine.history for name in MEMBERS]


def test_one_after_the_other(lync: Deployment, tmp_path: Path) -> None:
    done = play(lync, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert histories(lync) == [[f"stop {PROXY}", f"start {PROXY}"]] * 2
    assert edge.PASSWORD not in done.stdout + done.stderr


def test_the_next_one_is_left_alone_when_one_does_not_come_back(lync: Deployment, tmp_path: Path) -> None:
    lync.edge(MEMBERS[0]).machine.xmpp.refuses = True
    done = play(lync, tmp_path)
    assert done.returncode == 2 and "is Stopped on localhost" in done.stdout
    assert histories(lync) == [[f"stop {PROXY}", f"start {PROXY}"], []]
    assert json.dumps(edge.PASSWORD)[1:-1] not in done.stdout + done.stderr


def test_two_tasks_never_work_at_once(lync: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a play says: the second one waits, as long as the first may take."""
    assert WindowsServices.patience > ARGUMENTS["stop_timeout"]["default"] + ARGUMENTS["start_timeout"]["default"]
    monkeypatch.setattr(WindowsServices, "patience", 0.3)
    with one_at_a_time(lock_file()):
        result = run_here(WindowsServices, ARGUMENTS, options_of_edge(lync, MEMBERS[0], state="restarted"), False)
    assert result["error"] == "Busy" and histories(lync) == [[], []]
