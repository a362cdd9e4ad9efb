"""The role ``federation_verify`` against servers on loopback: each host is judged by itself, in one call for all."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .far_side import honest, server
from .pki import Authority

DOMAIN = "contoso.example"
#: Addresses of loopback that stand for hosts; 5269 must be free there.
GOOD, EXPIRED, STANDBY = "127.84.0.1", "127.84.0.2", "127.84.0.3"


def host(address: str, pool: str, active: bool = True) -> dict[str, Any]:
    return {
        "pool": pool, "active": active, "federated_hosts": [DOMAIN],
        "published_addresses": [address], "backend": "prosody",
    }  # fmt: skip


MODEL = {
    "hosts": {
        "expired": host(EXPIRED, "edge.tokyo.contoso.example"),
        "good": host(GOOD, "edge.london.contoso.example"),
        "standby": host(STANDBY, "edge.london.contoso.example", active=False),
    },
    "records": [],
}
PLAYBOOK = [
    {
        "hosts": "edges",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.include_role": {"name": "federation_verify"}, "vars": {"federation_verify_by": "address"}}
        ],
    },
    {
        "hosts": "edges",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": "went on: {{ inventory_hostname }} {{ federation_verified }}"}}],
    },
]


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    """Two gateways, of which one serves an expired certificate; the standby's port is closed."""
    authority = Authority()
    with contextlib.ExitStack() as stack:
        stack.enter_context(server(honest(authority.issue(DOMAIN)), GOOD, 5269))
        stack.enter_context(server(honest(authority.issue(DOMAIN, days=-3)), EXPIRED, 5269))
        yield authority


def play(root: Path, folder: Path, authority: Authority, *arguments: str, **variables: Any) -> tuple[int, str]:
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "playbook.json").write_text(json.dumps(PLAYBOOK))
    hosts = {name: {"ansible_connection": "local"} for name in MODEL["hosts"]}
    (folder / "hosts.json").write_text(json.dumps({"edges": {"hosts": hosts}}))
    values = {
        "federation_model": MODEL,
        "federation_certificate": {"issuer": "local_ca", "ca_directory": str(folder)},
        "federation_verify_timeout": 0,
        "federation_verify_look_timeout": 5,
        **variables,
    }
    (folder / "values.json").write_text(json.dumps(values))
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts.json"),
            "-e", f"@{folder / 'values.json'}", str(folder / "playbook.json"), *arguments,
        ],
        cwd=root, env={**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg")}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_the_bad_host_stops_with_one_clear_message_and_the_others_go_on(
    root: Path, tmp_path: Path, authority: Authority
) -> None:
    code, output = play(root, tmp_path, authority)
    assert code == 2, output
    assert "expired is not ready to federate, seen from outside by address" in output
    assert f"contoso.example at {EXPIRED}: certificate: " in output and "it expired on" in output
    assert "went on: good True" in output
    assert "went on: standby False" in output
    assert "went on: expired" not in output


def test_nothing_answers(root: Path, tmp_path: Path, authority: Authority) -> None:
    model = {**MODEL, "hosts": {"good": host("127.84.0.9", "edge.london.contoso.example")}}
    code, output = play(root, tmp_path, authority, "--limit", "good", federation_model=model)
    assert code == 2 and "127.84.0.9 port 5269: connection refused" in output


def test_one_host_only(root: Path, tmp_path: Path, authority: Authority) -> None:
    code, output = play(root, tmp_path, authority, "--limit", "good")
    assert code == 0 and "went on: good True" in output, output


def test_check_mode_looks_at_nothing_and_counts_active_hosts_as_verified(
    root: Path, tmp_path: Path, authority: Authority
) -> None:
    code, output = play(root, tmp_path, authority, "--check")
    assert code == 0, output
    assert "went on: expired True" in output and "went on: standby False" in output


def test_an_address_family_that_the_controller_lacks_can_be_left_out(
    root: Path, tmp_path: Path, authority: Authority
) -> None:
    both = host(GOOD, "edge.london.contoso.example")
    both["published_addresses"] = [GOOD, "2001:db8::1"]
    options = {"federation_model": {**MODEL, "hosts": {"good": both}}, "federation_verify_address_families": ["ipv4"]}
    code, output = play(root, tmp_path, authority, "--limit", "good", **options)
    assert code == 0, output
