"""``lync_certificate`` together with what it works with: issuers, services, Ansible itself."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.lync.service import ARGUMENTS as SERVICE_ARGUMENTS
from ansible.module_utils.fedgate.lync.service import WindowsServices
from ansible.module_utils.fedgate.module import run_here
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID

from ...emulators.lync import edge
from ...emulators.lync.deployment import Deployment
from ...leaks.watch import Watch
from ..rollout import BIN, ROOT
from .conftest import options_of_edge
from .edges import FIRST, NAMES, POOL, PUBLIC, SECOND, Pool, Result, actions, csr_of, thumbprint

PKCS12_PASSWORD = "Answer 'pass\" $word 1"
CA_PASSWORD = "Authority 'pass\" $word 2"


@pytest.fixture
def pool(lync: Deployment, tmp_path: Path) -> Pool:
    """The pool in London, without any certificate."""
    return Pool(lync, tmp_path)


def issue(folder: Path, asked: Result) -> Result:
    """Have the request of a result signed by a private authority on the controller."""
    arguments = runpy.run_path(str(ROOT / "library" / "edge_certificate_issue.py"), run_name="module")["ARGUMENTS"]
    found = asked["certificates"]["external"]
    request = {"name": POOL, "pool": POOL, "names": NAMES, "csr": found["csr"], "template": found["template"]}
    issuer = {"kind": "local_ca", "directory": str(folder / "ca"), "create": True, "validity_days": 90}
    result = run_here(IssueReconciler, arguments, {"issuers": [issuer], "requests": [request]}, False)
    assert not result.get("failed"), result["msg"]
    return result


def test_any_issuer_may_sign(pool: Pool, tmp_path: Path) -> None:
    """The module that has requests of Linux gateways signed takes those of an Edge Server as they are."""
    order = {"name": "external", "names": NAMES, "trust_anchors": [str(tmp_path / "ca" / "ca.pem")]}
    issued = issue(tmp_path, pool.run(order))["certificates"][POOL]
    assert issued["status"] == "issued", issued["error"]
    done = pool.run({**order, "chain": issued["chain"]}, alone=False)
    assert len(actions(done)) == 4 and set(pool.held(SECOND).assigned) == set(PUBLIC)
    assert not pool.run(order, alone=False)["changed"], "the chain is not needed any more"


def test_a_service_that_does_not_start(pool: Pool) -> None:
    """The certificate before is assigned again, and the service starts with it."""
    first = pool.issued()
    order = pool.order(names=[*NAMES, "lync.contoso.example"])
    pool.sign(csr_of(pool.run(order)))
    done = pool.run(order)
    assert done["reassigned"] == [FIRST]
    machine = pool.lync.edge(FIRST).machine
    access = machine.services["RTCSRV"]

    def service(state: str) -> Result:
        way = {**options_of_edge(pool.lync, FIRST), "interval": 0.05, "start_timeout": 2, "stop_timeout": 5}
        return run_here(WindowsServices, SERVICE_ARGUMENTS, {**way, "services": ["access_edge"], "state": state}, False)

    access.refuses = True
    assert service("restarted")["failed"]
    back = pool.run(certificates=[], restore=done["previous"])
    assert back["reassigned"] == [FIRST] and set(pool.held().assigned.values()) == {thumbprint(first)}
    access.refuses = False
    assert not service("started").get("failed") and access.settle().status == "Running"


def packed(pool: Pool) -> bytes:
    """Return an answer that brings a key, under a password."""
    key = rsa.generate_private_key(65537, 2048)
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, POOL)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=False)
    certificate = pool.authority.sign(request.sign(key, hashes.SHA256()))
    protection = BestAvailableEncryption(PKCS12_PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"x", key, certificate, [pool.authority.issuer], protection)


def play(pool: Pool) -> list[dict[str, Any]]:
    """Return a play that needs every secret that there is."""
    way = options_of_edge(pool.lync, FIRST)
    hosts = {name: way.pop(name) for name in ("username", "password", "host")}
    order = pool.order(pkcs12_password="{{ vault_pkcs12_password }}")
    media = {
        "name": "media",
        "uses": ["AudioVideoAuthentication"],
        "names": [POOL],
        "ca": "ca1.contoso.example\\Contoso CA",
        "ca_account": "CONTOSO\\ca",
        "ca_password": "{{ vault_ca_password }}",
    }
    members = [{"host": hosts["host"], "name": SECOND, "port": pool.lync.edge(SECOND).endpoint.port}]
    task = {**way, "name": FIRST, "members": members, "certificates": [order, media]}
    return [{"hosts": "all", "gather_facts": False, "tasks": [{"lync_certificate": task}]}]


def test_no_secret_is_shown_anywhere(pool: Pool, tmp_path: Path) -> None:
    """In what is printed at -vvvv, in files of the controller, in command lines: also the one-time passwords."""
    pool.answer.write_bytes(packed(pool))
    pool.lync.world.authorities["ca1.contoso.example\\contoso ca"].accounts["CONTOSO\\ca"] = CA_PASSWORD
    variables = {
        "ansible_host": "localhost",
        "ansible_user": edge.ADMINISTRATOR,
        "ansible_password": edge.PASSWORD,
        "vault_pkcs12_password": PKCS12_PASSWORD,
        "vault_ca_password": CA_PASSWORD,
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {FIRST: variables}}}))
    (tmp_path / "play.json").write_text(json.dumps(play(pool)))
    command = [str(BIN / "ansible-playbook"), "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.json")]
    with Watch(tmp_path / "watched") as watch:
        done = watch.run([*command, "--diff", "-vvvv"], ROOT, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"))
    assert done.returncode == 0, done.stdout
    once = [given["Password"] for name in (FIRST, SECOND) for given in pool.calls("Import-CsCertificate", name)]
    assert len(once) == len(set(once)) == 2 and watch.looks
    canaries = {"pkcs12": PKCS12_PASSWORD, "ca": CA_PASSWORD, "login": edge.PASSWORD, "one": once[0], "two": once[1]}
    assert watch.find(canaries) == []
    assert pool.calls("Request-CsCertificate")[-1]["List"], "the enterprise CA was asked"
    assert any(given.get("CaPassword") == CA_PASSWORD for given in pool.calls("Request-CsCertificate"))
