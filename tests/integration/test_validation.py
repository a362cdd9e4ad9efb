"""What somebody who made mistakes reads: real inventories, real runs, hosts that nobody could reach."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = """\
- name: Check
  hosts: edges
  gather_facts: false
  tasks:
    - name: Check the whole inventory
      federation_model:
      run_once: true
      tags: always

    - name: Publish
      ansible.builtin.set_fact:
        federation_model: "{{ ansible_facts.federation_model }}"
      run_once: true
      tags: always

    - name: Write what every host sees
      ansible.builtin.copy:
        content: "{{ federation_model | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
      delegate_to: localhost
      tags: always

- name: Work
  hosts: edges
  gather_facts: false
  tasks:
    - name: Contact the hosts
      ansible.builtin.ping:
"""
# 192.0.2.0/24 is for documentation (RFC 5737); the "ssh" below would also write down who calls it.
HOSTS = """\
edges:
  children:
    london:
      hosts:
        edge1.london:
          ansible_host: 192.0.2.11
          edge_published_addresses: [192.0.2.11]
    tokyo:
      hosts:
        edge1.tokyo:
          ansible_host: 192.0.2.21
          edge_published_addresses: [192.0.2.21]
"""
GOOD = {
    "group_vars/edges.yml": """\
federation_xmpp_domains: [contoso.example, contoso-asia.example]
federation_partners:
  - domain: fabrikam.example
    type: federated
federation_dns_provider:
  kind: rfc2136
  server: 192.0.2.53
  tsig_name: fedgate.
  tsig_secret: "{{ vault_tsig_secret }}"
vault_tsig_secret: Y2FuYXJ5LXRzaWc=
vault_nobody_asks_for_it: "{{ undefined_on_purpose }}"
""",
    "group_vars/london.yml": """\
edge_pool_fqdn: edge.london.contoso.example
edge_pool_xmpp_domains: [contoso.example]
""",
    "group_vars/tokyo.yml": """\
edge_pool_fqdn: edge.tokyo.contoso.example
edge_pool_xmpp_domains: [contoso-asia.example]
""",
}


class Inventory:
    """A folder with an inventory and the playbook above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "ssh-calls"
        self.write("hosts.yml", HOSTS)
        self.write("check.yml", PLAYBOOK)
        for name, text in GOOD.items():
            self.write(name, text)
        ssh = folder / "bin" / "ssh"
        self.write("bin/ssh", f"#!/bin/sh\necho called >> {self.calls}\nexit 255\n")
        ssh.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        self.write(name, (self.folder / name).read_text(encoding="utf-8") + text)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "check.yml", *options]
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_SSH_RETRIES": "0",
            "ANSIBLE_NOCOLOR": "1",
        }
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def model(self, host: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.folder / f"{host}.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory(tmp_path)


def failed(inventory: Inventory, *options: str) -> str:
    """Run an inventory that is wrong; no host may be contacted. Return what is shown."""
    result = inventory.run(*options)
    assert result.returncode == 2, result.stdout + result.stderr
    assert not inventory.calls.exists()
    assert not list(inventory.folder.glob("*.json"))
    assert "Traceback" not in result.stdout + result.stderr
    return result.stdout + result.stderr


def test_a_right_inventory(inventory: Inventory) -> None:
    result = inventory.run("-vvvv")
    assert "Unreachable" in result.stdout or "unreachable=1" in result.stdout  # it went on, to the hosts
    assert inventory.calls.exists()
    for host in ("edge1.london", "edge1.tokyo"):
        assert list(inventory.model(host)["pools"]) == ["edge.london.contoso.example", "edge.tokyo.contoso.example"]  # type: ignore[call-overload]
    assert "Y2FuYXJ5" not in result.stdout + result.stderr
    assert "Y2FuYXJ5" not in json.dumps(inventory.model("edge1.london"))


def test_limit_leaves_the_model_whole(inventory: Inventory) -> None:
    inventory.run("--limit", "london")
    assert not (inventory.folder / "edge1.tokyo.json").exists()
    assert list(inventory.model("edge1.london")["hosts"]) == ["edge1.london", "edge1.tokyo"]  # type: ignore[call-overload]


def test_check_mode_and_tags_validate_too(inventory: Inventory) -> None:
    inventory.add("group_vars/edges.yml", "federation_dns_ttl: 5\n")
    assert "federation_dns_ttl (group_vars/edges.yml:12:" in failed(inventory, "--check", "--tags", "dns")


def test_all_errors_together_with_file_and_line(inventory: Inventory) -> None:
    inventory.add(
        "group_vars/edges.yml",
        """\
federation_partners_more:
  - domain: Litware.example
    type: federatd
  - domain: litware.example
    type: federated
    additional_domains: [contoso.example]
  - {domain: w.example, type: federated, tls: not_supported, dialback: false}
  - domain: v.example
    type: federated
    dialback: "yes"
federation_certificate:
  issuer: local_ca
  ca_directory: /srv/ca
  country: GBR
federation_partner: []
""",
    )
    inventory.add("group_vars/tokyo.yml", "edge_pool_active_member: edge1.tokio\n")
    text = failed(inventory)
    for line in (
        "8 errors in the inventory; nothing was changed",
        "federation_partners_more[0].type (group_vars/edges.yml:14:5): the text 'federatd' is not allowed here.",
        "federation_partners_more[1].domain (group_vars/edges.yml:15:5): litware.example belongs to another partner "
        "already, at federation_partners_more[0].domain (group_vars/edges.yml:13:5).",
        "federation_partners_more[1].additional_domains[0] (group_vars/edges.yml:17:26): contoso.example is one of our",
        "federation_partners_more[2] (group_vars/edges.yml:18:5): w.example: tls: not_supported",
        "federation_partners_more[3].dialback (group_vars/edges.yml:21:5): true or false is needed here",
        "federation_certificate.country of edge.london.contoso.example (group_vars/edges.yml:25:3): 'GBR'",
        "federation_partner (group_vars/edges.yml:26:1): no variable of this name is known. Did you mean "
        "federation_partners?",
        "edge_pool_active_member of edge.tokyo.contoso.example (group_vars/tokyo.yml:3:1): 'edge1.tokio' is no host",
    ):
        assert line in text, text


def test_templates_that_cannot_be_evaluated(inventory: Inventory) -> None:
    inventory.add(
        "group_vars/edges.yml",
        """\
federation_partners_more:
  - domain: "{{ no_such_variable }}"
    type: federated
  - domain: "{{ lookup('ansible.builtin.file', 'no-such-file') }}"
  - domain: x.example
    tls: "{{ broken"
federation_dns_ttl: 7
""",
    )
    text = failed(inventory)
    assert "4 errors in the inventory" in text
    assert "federation_partners_more[0].domain (group_vars/edges.yml:13:5): this cannot be evaluated: " in text
    assert "'no_such_variable' is undefined" in text
    assert "federation_partners_more[1].domain (group_vars/edges.yml:15:5): this cannot be evaluated: " in text
    assert "Syntax error in template" in text
    assert "federation_dns_ttl (group_vars/edges.yml:18:1): 7 is out of bounds" in text


def test_a_secret_that_is_not_there(inventory: Inventory) -> None:
    path = "group_vars/edges.yml"
    text = (inventory.folder / path).read_text(encoding="utf-8")
    inventory.write(path, text.replace("vault_tsig_secret: Y2FuYXJ5LXRzaWc=\n", ""))
    text = failed(inventory)
    assert "1 error in the inventory" in text
    assert "federation_dns_provider.tsig_secret (group_vars/edges.yml:9:3): this cannot be evaluated: " in text
    assert "'vault_tsig_secret' is undefined" in text


@pytest.mark.parametrize("verbosity", ["-v", "-vvvv"])
def test_secrets_stay_out_of_errors(inventory: Inventory, verbosity: str) -> None:
    path = "group_vars/edges.yml"
    text = (inventory.folder / path).read_text(encoding="utf-8")
    inventory.write(path, text.replace("Y2FuYXJ5LXRzaWc=", "canary-not-base64!"))
    text = failed(inventory, verbosity)
    assert "federation_dns_provider.tsig_secret (group_vars/edges.yml:9:3): the secret is not in Base64" in text
    assert "canary" not in text


def test_a_wrong_vault_password_is_named_where_it_is_needed(inventory: Inventory) -> None:
    for name, password in (("right", "one"), ("wrong", "two")):
        inventory.write(f"{name}.txt", password)
    encrypted = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-vault"), "encrypt_string", "--vault-password-file", "right.txt",
            "--name", "vault_tsig_secret", "Y2FuYXJ5LXRzaWc=",
        ],
        cwd=inventory.folder, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    path = "group_vars/edges.yml"
    text = (inventory.folder / path).read_text(encoding="utf-8")
    inventory.write(path, text.replace("vault_tsig_secret: Y2FuYXJ5LXRzaWc=\n", encrypted.rstrip() + "\n"))
    inventory.run("--vault-password-file", "right.txt")
    assert inventory.model("edge1.london")
    for written in inventory.folder.glob("*.json"):
        written.unlink()
    inventory.calls.unlink()
    text = failed(inventory, "--vault-password-file", "wrong.txt")
    assert "federation_dns_provider.tsig_secret (group_vars/edges.yml:9:3): this cannot be evaluated" in text


def test_variables_given_on_the_command_line(inventory: Inventory) -> None:
    text = failed(inventory, "-e", "federation_publish_xmpp_client=no")
    assert "federation_publish_xmpp_client (<CLI option '-e'>): true or false is needed here, not the text 'no'" in text
    assert "-e '{\"federation_publish_xmpp_client\": …}'" in text
    assert (
        inventory.run("-e", '{"federation_publish_xmpp_client": false}').returncode == 4
    )  # hosts unreachable: it passed


def test_hosts_of_a_pool_that_disagree(inventory: Inventory) -> None:
    inventory.write(
        "hosts.yml",
        HOSTS
        + "        edge2.tokyo:\n          edge_published_addresses: [192.0.2.22]\n          edge_pool_priority: 30\n",
    )
    text = failed(inventory)
    assert "edge_pool_priority of edge.tokyo.contoso.example (hosts.yml:15:11): hosts disagree: " in text
    assert "edge1.tokyo: nothing; edge2.tokyo: the number 30 (hosts.yml:15:11)" in text


def test_an_inventory_in_ini_format(inventory: Inventory) -> None:
    (inventory.folder / "hosts.yml").unlink()
    inventory.write("hosts.yml", "[edges:children]\nlondon\ntokyo\n[london]\nedge1.london\n[tokyo]\nedge1.tokyo\n")
    text = failed(inventory)
    assert "edge1.london serves edge.london.contoso.example, but has no published address" in text
    assert "edge1.tokyo serves edge.tokyo.contoso.example, but has no published address" in text


def test_another_group(inventory: Inventory) -> None:
    inventory.write("check.yml", PLAYBOOK.replace("federation_model:\n", "federation_model: {group: gateways}\n", 1))
    assert "gateways: the group has no hosts" in failed(inventory)


def test_warnings_are_shown(inventory: Inventory) -> None:
    inventory.add(
        "group_vars/edges.yml",
        "federation_partners_old:\n  - {domain: old.example, type: federated, expires: 2020-01-31}\n",
    )
    result = inventory.run()
    assert "old.example is left out: it expired after 2020-01-31" in result.stderr
    assert [partner["domain"] for partner in inventory.model("edge1.tokyo")["partners"]] == ["fabrikam.example"]  # type: ignore[attr-defined]


def test_no_python_is_needed_on_hosts(inventory: Inventory) -> None:
    """The first host to be contacted is contacted after the check, whatever its interpreter is."""
    inventory.add("group_vars/edges.yml", "ansible_python_interpreter: /nonexistent\nfederation_dns_ttl: 5\n")
    assert "federation_dns_ttl" in failed(inventory)


def test_documentation_is_found() -> None:
    program = shutil.which("ansible-doc", path=str(Path(sys.executable).parent))
    assert program
    result = subprocess.run(
        [program, "-M", "library", "federation_model"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "This module has a corresponding action plugin" in result.stdout
