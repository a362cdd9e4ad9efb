"""No secret shows anywhere: outputs at ``-vvvv``, logs, results, command lines on both sides, temporary files.

A lab of its own, so that keys and accounts are made while we watch. That the hunt finds leaks is shown in tests/leaks.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaks.watch import Watch

ROOT = Path(__file__).resolve().parents[2]
LAB = os.environ.get("FEDGATE_LEAKS_LAB", "leaks")
HOST = "edge1.london"
#: Where the secrets in question must not lie on a gateway.
FOLDERS = ("/etc", "/var/lib", "/var/log", "/var/tmp", "/var/cache", "/tmp", "/home", "/root", "/run", "/usr/local")
pytestmark = pytest.mark.lab


def lab(*words: str, stdin: str = "") -> str:
    """Run ``bin/lab`` on this test's lab; return its output."""
    done = subprocess.run(
        [str(ROOT / "bin" / "lab"), *words], env={**os.environ, "LAB_NAME": LAB}, input=stdin, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), f"bin/lab {words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def state() -> Iterator[dict[str, Any]]:
    """A bare gateway, its name server, and a directory."""
    lab("up", "dns", HOST, "directory")
    yield json.loads((ROOT / "lab" / ".state" / LAB / "lab.json").read_text())
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="module")
def canaries(state: dict[str, Any]) -> dict[str, str]:
    """Every secret of the deployment, by what it is."""
    return {
        "TSIG secret": state["tsig"]["secret"],
        "password of a user": state["users"]["alice@contoso.example"],
        "passphrase of the authority": secrets.token_hex(16),
        "password of PKCS#12 answers": secrets.token_hex(16),
        "password for the directory": state["directory"]["bind_password"],
        "wrong TSIG secret": "d3JvbmcsIGJ1dCBzZWNyZXQgbmV2ZXJ0aGVsZXNz",
    }


@pytest.fixture(scope="module")
def watched(state: dict[str, Any], canaries: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """A check, a run, a second run, the users taken from a directory, and a run that fails, all of them watched."""
    folder = tmp_path_factory.mktemp("leaks")
    variables = variables_of(state, canaries, folder)
    directory = {**variables, **directory_of(state)}
    wrong = json.loads(json.dumps(variables))
    wrong["federation_dns_provider"]["tsig_secret"] = canaries["wrong TSIG secret"]
    # Something to change, so that the key is needed.
    wrong["federation_dns_ttl"] = 120
    runs = [
        ("site.yml", ["--check"], variables, 0),
        ("site.yml", [], variables, 0),
        ("site.yml", [], variables, 0),
        ("gateway.yml", [], directory, 0),
        ("dns.yml", [], wrong, 2),
    ]
    with Watch(folder / "watched") as watch:
        for number, (playbook, arguments, values, code) in enumerate(runs):
            # Secrets reach Ansible by a file, as those of a vault do; it lies outside of what is watched.
            file = folder / f"variables{number}.json"
            file.write_text(json.dumps(values))
            command = [
                str(Path(sys.executable).parent / "ansible-playbook"),
                "-i",
                "inventories/lab",
                "-vvvv",
                "--diff",
            ]
            command += ["--limit", "london", "-e", f"@{file}", f"playbooks/{playbook}", *arguments]
            done = watch.run(command, ROOT, LAB_NAME=LAB)
            assert done.returncode == code, f"{playbook} {arguments}: {done.returncode}\n{done.stdout[-4000:]}"
    return watch


def variables_of(state: dict[str, Any], canaries: dict[str, str], folder: Path) -> dict[str, Any]:
    """What the run gets beside the lab's inventory: an authority of its own whose key has a passphrase."""
    return {
        "federation_certificate": {
            "issuer": "local_ca",
            "ca_directory": str(folder / "ca"),
            "ca_create": True,
            "ca_passphrase": canaries["passphrase of the authority"],
            "pkcs12_password": canaries["password of PKCS#12 answers"],
            "organization": "Contoso",
        },
        "federation_dns_provider": {
            "kind": "rfc2136",
            "server": state["addresses"]["dns"],
            "tsig_name": state["tsig"]["name"],
            "tsig_algorithm": state["tsig"]["algorithm"],
            "tsig_secret": canaries["TSIG secret"],
        },
        "federation_trust_anchors": [],
    }


def directory_of(state: dict[str, Any]) -> dict[str, Any]:
    """The gateway's users in a directory instead of its own store."""
    return {
        "xmpp_gateway_directory": {
            "kind": "ldap",
            "uri": state["directory"]["uri"],
            "ca": state["ca_certificate"],
            "base": state["directory"]["base"],
            "bind_dn": state["directory"]["bind_dn"],
            "bind_password": state["directory"]["bind_password"],
        },
        "xmpp_gateway_users": [],
    }


def test_nothing_on_the_controller_or_in_a_command_line(watched: Watch, canaries: dict[str, str]) -> None:
    assert watched.looks > 500
    assert watched.find(canaries) == []


def test_private_keys_stay_where_they_were_made(
    watched: Watch, canaries: dict[str, str], state: dict[str, Any]
) -> None:
    pem = lab("exec", HOST, "sh", "-c", "cat /etc/fedgate/certificates/*/*/key.pem")
    assert "PRIVATE KEY" in pem
    lines = [line for line in pem.splitlines() if len(line) == 64]
    assert watched.find({f"line {number} of a gateway's key": line for number, line in enumerate(lines)}) == []
    assert not [place for text, place in watched.files.items() if b"PRIVATE KEY--" in text and b"-----BEGIN" in text]


def test_journal_of_the_gateway(watched: Watch, canaries: dict[str, str]) -> None:
    journal = lab("exec", HOST, "journalctl", "--no-pager", "--output", "export")
    assert "fedgate" in journal or "ansible" in journal
    assert not [name for name, value in canaries.items() if value in journal]


@pytest.mark.parametrize(
    "name",
    [
        "TSIG secret",
        "passphrase of the authority",
        "password of PKCS#12 answers",
        "password of a user",
        "wrong TSIG secret",
    ],
)
def test_files_of_the_gateway(watched: Watch, canaries: dict[str, str], name: str) -> None:
    found = lab(
        "exec",
        HOST,
        "sh",
        "-c",
        f'read -r canary; grep -rlF -e "$canary" {" ".join(FOLDERS)} 2>/dev/null',
        stdin=canaries[name] + "\n",
    )
    assert found.split() == []


def test_the_directorys_password_is_for_the_gateway_only(watched: Watch, canaries: dict[str, str]) -> None:
    script = (
        f"read -r canary; grep -rlF -e \"$canary\" {' '.join(FOLDERS)} 2>/dev/null | xargs -r stat -c '%a %U:%G %n'"
    )
    found = lab("exec", HOST, "sh", "-c", script, stdin=canaries["password for the directory"] + "\n").splitlines()
    assert found and all(line.startswith("640 root:prosody /etc/prosody/") for line in found), found
