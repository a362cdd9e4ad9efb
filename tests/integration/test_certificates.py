"""The role edge_certificate in real Ansible runs: several hosts, an unreachable one, a bad one, both issuers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .pki import Authority

ROOT = Path(__file__).resolve().parents[2]
#: The interpreter of a gateway: the system's, with the distribution's python3-cryptography.
SYSTEM_PYTHON = "/usr/bin/python3"
PASSPHRASE = "canary-5e1f0c-passphrase"

pytestmark = pytest.mark.skipif(
    subprocess.run(["dpkg-query", "--show", "python3-cryptography"], capture_output=True, check=False).returncode != 0,
    reason="needs the package python3-cryptography, which the role would otherwise install on this machine",
)


class Deployment:
    """Three gateways that are all this machine, with folders of their own; the first one never answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = {
            host: {"backend": backend, "pool": f"edge.{city}.contoso.example", "certificate_names": [name]}
            for host, city, backend, name in (
                ("edge0.paris", "paris", "prosody", "fr.example"),
                ("edge1.berlin", "berlin", "lync", "de.example"),
                ("edge1.london", "london", "prosody", "uk.example"),
                ("edge1.tokyo", "tokyo", "prosody", "jp.example"),
            )
        }
        self.variables: dict[str, Any] = {
            "edge_certificate_directory": f"{folder}/{{{{ inventory_hostname }}}}",
            "federation_certificate": {
                "issuer": "local_ca",
                "ca_directory": str(folder / "ca"),
                "ca_create": True,
                "ca_passphrase": PASSPHRASE,
                "organization": "Contoso",
                "country": "GB",
                "key": {"type": "ecdsa", "curve": "p256"},
            },
        }
        self.of_host: dict[str, dict[str, Any]] = {}
        self.environment: dict[str, str] = {}
        self.output = ""

    def variables_of(self, host: str) -> dict[str, Any]:
        """What a host has beside what all have; the first one never answers."""
        if host == "edge0.paris":
            return {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
        return self.of_host.get(host, {})

    def model(self) -> dict[str, Any]:
        """What the model would say of the inventory."""
        return {"hosts": self.hosts}

    def run(self, *options: str) -> dict[str, Any]:
        """Run the role; return what each host did, from the results file."""
        here = {"ansible_connection": "local", "ansible_python_interpreter": SYSTEM_PYTHON}
        hosts = {name: {**here, **self.variables_of(name)} for name in self.hosts}
        inventory = {"edges": {"hosts": hosts, "vars": {**self.variables, "federation_model": self.model()}}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
        play = [{"hosts": "edges", "gather_facts": False, "roles": ["edge_certificate"]}]
        (self.folder / "play.yml").write_text(yaml.safe_dump(play))
        results = self.folder / "results.json"
        ansible = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [str(ansible), "-i", str(self.folder / "hosts.yml"), str(self.folder / "play.yml"), *options],
            cwd=ROOT,
            env={**os.environ, **self.environment, "FEDGATE_RESULTS_FILE": str(results)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = done.stdout + done.stderr
        found: dict[str, Any] = json.loads(results.read_text())["hosts"]
        return found

    def serving(self, host: str) -> Path:
        """The folder that serves on a host."""
        return self.folder / host / self.hosts[host]["pool"] / "current"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def changes(hosts: dict[str, Any]) -> set[tuple[str, ...]]:
    return {
        (host, change["action"], change["kind"], change["name"])
        for host, found in hosts.items()
        for plan in found["plans"]
        for change in plan["plan"]
    }


def test_the_others_are_finished_and_the_second_run_does_nothing(deployment: Deployment) -> None:
    planned = deployment.run("--check", "--diff")
    assert not (deployment.folder / "ca").exists()
    first = deployment.run("--diff", "-vvvv")
    assert changes(planned) == changes(first)
    assert {name for _, _, kind, name in changes(first) if kind == "certificate"} == {
        "edge.london.contoso.example",
        "edge.tokyo.contoso.example",
    }
    assert first["edge0.paris"]["unreachable"]
    assert "edge1.berlin runs lync" in deployment.output
    assert PASSPHRASE not in deployment.output
    assert "PRIVATE KEY" not in deployment.output
    for host in ("edge1.london", "edge1.tokyo"):
        assert not first[host]["failed"]
        assert (deployment.serving(host) / "chain.pem").is_file()
        assert (deployment.serving(host) / "key.pem").stat().st_mode & 0o777 == 0o600
    assert changes(deployment.run()) == set()


#: The Python of a taken-over host: it runs the module, then forges what it says.
HOSTILE = """#!{python}
import json, subprocess, sys
done = subprocess.run([{system!r}, *sys.argv[1:]], stdin=sys.stdin, capture_output=True, text=True)
try:
    answer = json.loads(done.stdout)
    if "csr" in answer:
        answer["csr"] = open({csr!r}).read()
        answer["ansible_facts"] = {{"edge_certificate_names": ["jp.example", "bank.example"],
                                    "edge_certificate_order": {{"names": ["bank.example"]}}}}
    print(json.dumps(answer))
except ValueError:
    print(done.stdout)
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""


def take_over(deployment: Deployment, host: str, *names: str) -> None:
    """Let a host ask for names of its choice, whatever it is told to ask for."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    csr = deployment.folder / "forged.pem"
    csr.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    python = deployment.folder / "python3"
    python.write_text(HOSTILE.format(python=sys.executable, system=SYSTEM_PYTHON, csr=str(csr)))
    python.chmod(0o755)
    deployment.of_host[host] = {"ansible_python_interpreter": str(python)}


def test_a_taken_over_host_gets_nothing_and_stops_nobody(deployment: Deployment) -> None:
    take_over(deployment, "edge1.tokyo", "jp.example", "bank.example")
    hosts = deployment.run()
    message = hosts["edge1.tokyo"]["failed"][0]["msg"]
    assert "edge.tokyo.contoso.example asks for names that its pool does not have: bank.example" in message
    assert not hosts["edge1.london"]["failed"]
    assert (deployment.serving("edge1.london") / "chain.pem").is_file()
    assert len(list((deployment.folder / "ca" / "issued").iterdir())) == 1


def test_a_wrong_passphrase_is_said_once_for_each_host(deployment: Deployment) -> None:
    deployment.run("--limit", "edge1.london")
    deployment.variables["federation_certificate"]["ca_passphrase"] = "another"
    hosts = deployment.run()
    assert not hosts["edge1.london"]["failed"], "it needs nothing, so nothing is asked"
    assert "the passphrase given does not open" in hosts["edge1.tokyo"]["failed"][0]["msg"]
    assert len(hosts["edge1.tokyo"]["failed"]) == 1
    assert not deployment.serving("edge1.tokyo").exists()


def test_by_hand_with_openssl_as_the_ca(deployment: Deployment) -> None:
    folder, authority = deployment.folder / "requests", Authority("Outside CA")
    (deployment.folder / "root.pem").write_text(authority.pem)
    deployment.variables["federation_certificate"] = {
        "issuer": "manual",
        "requests_directory": str(folder),
        "trust_anchors": [str(deployment.folder / "root.pem")],
    }
    planned = changes(deployment.run("--check"))
    first = deployment.run()
    assert planned == changes(first)
    assert "edge.london.contoso.example waits for the CA: send it" in deployment.output
    assert not any(found["failed"] for found in first.values())
    assert changes(deployment.run()) == set()

    for name in ("edge.london.contoso.example", "edge.tokyo.contoso.example"):
        sign_with_openssl(deployment.folder, authority, folder / f"{name}.csr.pem", folder / f"{name}.crt.pem")
    planned = changes(deployment.run("--check"))
    done = changes(deployment.run())
    assert planned == done
    # What is done for all hosts in one call is the first host's.
    assert {(host, kind) for host, _, kind, _ in done} == {
        ("edge1.london", "waiting_request"),
        ("edge1.london", "certificate"),
        ("edge1.tokyo", "certificate"),
    }
    assert changes(deployment.run()) == set()


def sign_with_openssl(folder: Path, authority: Authority, request: Path, answer: Path) -> None:
    (folder / "ca-key.pem").write_bytes(
        authority._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    authority_files = ["-CA", str(folder / "root.pem"), "-CAkey", str(folder / "ca-key.pem"), "-CAcreateserial"]
    command = ["openssl", "x509", "-req", "-in", str(request), *authority_files, "-days", "90", "-out", str(answer)]
    subprocess.run([*command, "-copy_extensions", "copyall"], check=True, capture_output=True)


def test_a_pair_that_is_there_is_gone_on_with(deployment: Deployment) -> None:
    issued = Authority("Somebody's CA").issue("uk.example")
    (deployment.folder / "key").write_text(issued.key)
    (deployment.folder / "chain").write_text(issued.chain)
    adopt = {"key": str(deployment.folder / "key"), "chain": str(deployment.folder / "chain")}
    deployment.of_host["edge1.london"] = {"edge_certificate_adopt": adopt}
    planned = changes(deployment.run("--check"))
    done = changes(deployment.run())
    assert planned == done
    assert (deployment.serving("edge1.london") / "chain.pem").read_text() == issued.chain
    assert changes(deployment.run()) == set()
