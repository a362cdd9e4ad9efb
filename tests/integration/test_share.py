"""The key of a pool from member to member by Ansible, without pipelining: what the controller touches is ciphertext.

The members are folders of this machine. What Ansible wrote for the modules is kept, and searched for the key.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .rollout import BIN, ROOT

POOL = "edge.london.contoso.example"
HOLDER, MEMBERS = "edge1", ("edge2", "edge3")


def task(step: str, host: str, **arguments: Any) -> dict[str, Any]:
    places = {"directory": "{{ place }}/certificates", "offers_directory": "{{ place }}/offers"}
    when = f"inventory_hostname {'==' if host == HOLDER else '!='} '{HOLDER}'"
    return {
        "name": step,
        "edge_certificate_share": {"name": POOL, "step": step, **places, **arguments},
        "when": when,
        "register": step,
    }


TASKS = [
    {
        "name": "request",
        "edge_certificate_request": {
            "name": POOL,
            "directory": "{{ place }}/certificates",
            "names": [POOL],
            "key": {"type": "ecdsa"},
        },
        "when": f"inventory_hostname == '{HOLDER}'",
        "register": "request",
    },
    task("offer", "members"),
    task(
        "seal",
        HOLDER,
        request="{{ request.csr }}",
        recipients={host: f"{{{{ hostvars.{host}.offer.public_key }}}}" for host in MEMBERS},
    ),
    task(
        "receive",
        "members",
        request=f"{{{{ hostvars.{HOLDER}.request.csr }}}}",
        sealed=f"{{{{ hostvars.{HOLDER}.seal.sealed[inventory_hostname] | default('') }}}}",
        description=f"{{{{ hostvars.{HOLDER}.seal.description | default({{}}, true) }}}}",
        chain=f"{{{{ hostvars.{HOLDER}.seal.chain }}}}",
    ),
]


def forms(secret: bytes) -> list[bytes]:
    """Return a secret as it is, and in base64 as a part of something longer, wherever in that it begins."""
    encoded = [base64.b64encode(secret[skipped:])[:-4] for skipped in range(3)]
    return [secret, *encoded]


class Pool:
    """Three members on this machine, and how they are run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "temporary"
        hosts = {host: {"place": str(self.place(host))} for host in (HOLDER, *MEMBERS)}
        for host in hosts:
            self.place(host).mkdir(parents=True)
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (root / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": local}}))
        (root / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": TASKS}]))

    def place(self, host: str) -> Path:
        return self.root / "members" / host

    def key(self, host: str) -> bytes:
        return (self.place(host) / "certificates" / POOL / "0001" / "key.pem").read_bytes()

    def run(self, *arguments: str) -> tuple[dict[str, bool], str]:
        """Return which hosts were changed, and all that was printed."""
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_PIPELINING": "false",
            "ANSIBLE_KEEP_REMOTE_FILES": "true",
            "ANSIBLE_REMOTE_TEMP": str(self.temporary / "remote"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary / "local"),
            "FEDGATE_RESULTS_FILE": str(self.root / "results.json"),
            "LC_ALL": "C.UTF-8",
        }
        command = [str(BIN / "ansible-playbook"), "-i", str(self.root / "hosts.json"), str(self.root / "play.json")]
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        results = json.loads((self.root / "results.json").read_text())["hosts"]
        return {host: bool(result["changed"]) for host, result in results.items()}, done.stdout + done.stderr


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path)


def test_the_controller_sees_ciphertext_only(pool: Pool) -> None:
    every = dict.fromkeys((HOLDER, *MEMBERS), True)
    assert pool.run("--check", "--diff")[0] == every
    assert [path for path in (pool.root / "members").rglob("*") if path.is_file()] == []

    changed, output = pool.run("-vvvv", "--diff")
    assert changed == every
    assert {pool.key(host) for host in MEMBERS} == {pool.key(HOLDER)}

    written = [path.read_bytes() for path in pool.temporary.rglob("*") if path.is_file()]
    written.append(output.encode())
    assert any(b'"step": "receive"' in text and b'"sealed": "' in text for text in written), "arguments were not kept"
    # Two lines hold the secret number; the third is the public key alone, which may be seen.
    for line in pool.key(HOLDER).splitlines()[1:3]:
        for form in forms(line):
            assert not any(form in text for text in written), "the private key was written down on the way"
    assert not any(b"PRIVATE KEY" in text for text in written)
    assert list((pool.root / "members").rglob("offers")) == []

    assert pool.run()[0] == dict.fromkeys(every, False)
