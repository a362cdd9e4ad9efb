"""A public CA by hand, played by the openssl program: it reads our requests, and answers in every format it knows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, sealing
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler

from tests.unit.certificates.world import Here, request_arguments, walk

POOL = "edge.london.contoso.example"
NAMES = ["contoso.example", "xn--bcher-kva.example", "conference.contoso.example"]
PASSWORD = "canary-a40c"
SUBJECT = {
    "organization": "Contoso Ltd",
    "organizational_unit": "Messaging",
    "city": "London",
    "state": "England",
    "country": "GB",
}


class OutsideCa:
    """A root and an intermediate that are files and the program ``openssl``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("root.cnf", "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n")
        self.write("middle.cnf", "basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n")
        self("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-subj", "/O=Outside/CN=Root",
             "-out", "root.csr")  # fmt: skip
        self("x509", "-req", "-in", "root.csr", "-key", "root.key", "-days", "900", "-extfile", "root.cnf",
             "-out", "root.pem")  # fmt: skip
        self("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "middle.key", "-subj", "/O=Outside/CN=Issuing",
             "-out", "middle.csr")  # fmt: skip
        self("x509", "-req", "-in", "middle.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days",
             "800", "-extfile", "middle.cnf", "-out", "middle.pem")  # fmt: skip

    def __call__(self, *arguments: str) -> str:
        """Run ``openssl``. :returns: what it says, on both outputs."""
        command = ["openssl", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def sign(self, request: str, name: str) -> None:
        """Certify what a request asks for, 90 days long."""
        self.write("request.pem", request)
        self("x509", "-req", "-in", "request.pem", "-copy_extensions", "copyall", "-CA", "middle.pem", "-CAkey",
             "middle.key", "-CAcreateserial", "-days", "90", "-out", name)  # fmt: skip


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> OutsideCa:
    return OutsideCa(tmp_path_factory.mktemp("outside"))


class Desk:
    """An edge with a folder of its own, and the folder of requests on the controller."""

    def __init__(self, folder: Path, outside: OutsideCa) -> None:
        self.requests = folder / "requests"
        self.edge = folder / "edge"
        self.settings = {
            "name": "default",
            "kind": "manual",
            "requests_directory": str(self.requests),
            "trust_anchors": [str(outside.folder / "root.pem")],
            "pkcs12_password": PASSWORD,
        }
        self.here = Here()

    def prepare(self, **other: Any) -> dict[str, Any]:
        """Run edge_certificate_request."""
        arguments = request_arguments(self.edge, **{"names": NAMES, "subject": SUBJECT, **other})
        return walk(RequestReconciler(arguments, self.here))[1]  # type: ignore[arg-type]

    def issue(self, csr: str, **other: Any) -> dict[str, Any]:
        """Run edge_certificate_issue; return how the pool stands."""
        order = {"name": POOL, "pool": POOL, "names": NAMES, "csr": csr, **other}
        reconciler = IssueReconciler({"issuers": [self.settings], "requests": [order]}, self.here)  # type: ignore[arg-type]
        found: dict[str, Any] = walk(reconciler)[1]["certificates"][POOL]
        return found


@pytest.fixture
def desk(tmp_path: Path, outside: OutsideCa) -> Iterator[Desk]:
    found = Desk(tmp_path, outside)
    yield found
    texts = [*found.here.warnings, *(str(path.read_bytes()) for path in found.requests.glob("*.txt"))]
    assert not any(PASSWORD in text for text in texts)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"type": "rsa", "size": 2048}, "Public-Key: (2048 bit)"),
        ({"type": "rsa", "size": 3072}, "Public-Key: (3072 bit)"),
        ({"type": "rsa", "size": 4096}, "Public-Key: (4096 bit)"),
        ({"type": "ecdsa", "curve": "p256"}, "NIST CURVE: P-256"),
        ({"type": "ecdsa", "curve": "p384"}, "NIST CURVE: P-384"),
        ({"type": "ecdsa", "curve": "p521"}, "NIST CURVE: P-521"),
    ],
    ids=str,
)
def test_every_field_of_the_wizard_is_in_the_request(
    desk: Desk, outside: OutsideCa, key: dict[str, Any], said: str
) -> None:
    made = desk.prepare(key=key, template="WebServer", friendly_name="XMPP London", exportable=False, client_auth=True)
    assert desk.issue(made["csr"], template="WebServer")["status"] == "pending"
    file = str(desk.requests / f"{POOL}.csr.pem")
    assert "verify OK" in outside("req", "-verify", "-noout", "-in", file)
    text = re.sub(" ?= ?", "=", outside("req", "-noout", "-text", "-in", file))
    for part in (
        said,
        "Subject: C=GB, ST=England, L=London, O=Contoso Ltd, OU=Messaging, CN=contoso.example",
        "DNS:contoso.example, DNS:xn--bcher-kva.example, DNS:conference.contoso.example",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "1.3.6.1.4.1.311.20.2",
    ):
        assert part in text, text
    # The program knows no name for the template, but its encoding: a BMPString.
    parsed = outside("asn1parse", "-in", file)
    offset = re.search(r"311\.20\.2\n\s*(\d+):[^\n]*OCTET STRING", parsed) or re.search(
        r"Microsoft certificate template[^\n]*\n\s*(\d+):[^\n]*OCTET STRING", parsed
    )
    assert offset, parsed
    inner = outside("asn1parse", "-in", file, "-strparse", offset.group(1))
    assert re.search(r"BMPSTRING\s*:?", inner), inner
    assert "WebServer".encode("utf-16-be") in dump(outside, file)
    # What is no part of a request is in the review and beside the key.
    assert "XMPP London" in made["summary"]["text"] and "not exportable" in made["summary"]["text"]
    kept = (desk.edge / POOL / "0001" / "generation.json").read_text()
    assert '"exportable": false' in kept and '"friendly_name": "XMPP London"' in kept
    assert "XMPP London" not in text


def dump(outside: OutsideCa, file: str) -> bytes:
    outside("req", "-in", file, "-outform", "DER", "-out", "request.der")
    return (outside.folder / "request.der").read_bytes()


ANSWERS = {
    "PEM": [("x509", "-in", "leaf.pem", "-out", "{answer}")],
    "DER": [("x509", "-in", "leaf.pem", "-outform", "DER", "-out", "{answer}")],
    "PKCS#7": [("crl2pkcs7", "-nocrl", "-certfile", "leaf.pem", "-certfile", "middle.pem", "-outform", "DER", "-out",
                "{answer}")],
    "PKCS#7 as PEM": [("crl2pkcs7", "-nocrl", "-certfile", "middle.pem", "-certfile", "leaf.pem", "-certfile",
                       "root.pem", "-out", "{answer}")],
    "PKCS#12 without a key": [("pkcs12", "-export", "-nokeys", "-in", "leaf.pem", "-certfile", "middle.pem",
                               "-passout", f"pass:{PASSWORD}", "-out", "{answer}")],
    "PKCS#12 as Windows made it": [("pkcs12", "-export", "-legacy", "-nokeys", "-in", "leaf.pem", "-certfile",
                                    "middle.pem", "-passout", f"pass:{PASSWORD}", "-out", "{answer}")],
}  # fmt: skip


@pytest.mark.parametrize("shape", ANSWERS)
@pytest.mark.parametrize("name", ["certnew", "answer.bin"])
def test_answers_in_any_format(desk: Desk, outside: OutsideCa, shape: str, name: str) -> None:
    csr = desk.prepare()["csr"]
    assert desk.issue(csr)["status"] == "pending"
    outside.sign(csr, "leaf.pem")
    for command in ANSWERS[shape]:
        outside(*(part.format(answer=desk.requests / name) for part in command))
    if shape in ("PEM", "DER"):
        refused = desk.issue(csr)
        assert (
            refused["status"] == "failed"
            and "O=Outside' is neither in the chain nor a trust anchor" in refused["error"]
        )
        outside("x509", "-in", "middle.pem", "-outform", "DER", "-out", str(desk.requests / "chain.crt"))
    found = desk.issue(csr)
    assert found["status"] == "issued", found
    leaf, middle = chains.parse(found["chain"], "answer")
    assert leaf == chains.parse((outside.folder / "leaf.pem").read_bytes(), "leaf")[0]
    assert middle == chains.parse((outside.folder / "middle.pem").read_bytes(), "middle")[0]
    assert not found["sealed_keys"] and found["csr"] == csr
    assert not (desk.requests / "WAITING.txt").exists() and not desk.here.warnings


@pytest.mark.parametrize("legacy", [[], ["-legacy"]], ids=["as now", "as Windows made it"])
def test_a_key_that_somebody_else_made(desk: Desk, outside: OutsideCa, legacy: list[str]) -> None:
    csr = desk.prepare()["csr"]
    desk.issue(csr)
    alternatives = ",".join(f"DNS:{name}" for name in NAMES)
    outside("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "theirs.key", "-subj", "/CN=contoso.example",
            "-addext", f"subjectAltName={alternatives}", "-addext", "extendedKeyUsage=serverAuth", "-out",
            "theirs.csr")  # fmt: skip
    outside.sign((outside.folder / "theirs.csr").read_text(), "theirs.pem")
    outside("pkcs12", "-export", *legacy, "-in", "theirs.pem", "-inkey", "theirs.key", "-certfile", "middle.pem",
            "-passout", f"pass:{PASSWORD}", "-out", str(desk.requests / "export.pfx"))  # fmt: skip
    assert desk.issue(csr)["status"] == "key_brought"
    private, public = sealing.new_pair()
    found = desk.issue(csr, recipients={"edge1.london": public})
    assert found["status"] == "issued" and found["csr"] is None
    opened = sealing.unseal(private, found["sealed_keys"]["edge1.london"], f"fedgate certificate key {POOL}")
    theirs = keys.from_pem((outside.folder / "theirs.key").read_bytes(), "theirs")
    assert opened == keys.to_pem(theirs)
    assert found["key_fingerprint"] == keys.fingerprint(theirs.public_key())
    assert desk.here.warnings and all("somebody else has made that key" in text for text in desk.here.warnings)
    assert desk.issue(csr, replaces=found["serial"])["status"] == "pending"


def test_the_key_of_the_request_in_a_pkcs12(desk: Desk, outside: OutsideCa) -> None:
    csr = desk.prepare()["csr"]
    desk.issue(csr)
    outside.sign(csr, "leaf.pem")
    outside("pkcs12", "-export", "-in", "leaf.pem", "-inkey", str(desk.edge / POOL / "0001" / "key.pem"), "-certfile",
            "middle.pem", "-passout", f"pass:{PASSWORD}", "-out", str(desk.requests / "export.pfx"))  # fmt: skip
    found = desk.issue(csr, recipients={"edge1.london": sealing.new_pair()[1]})
    assert found["status"] == "issued" and found["sealed_keys"] == {} and found["csr"] == csr
    assert "which was never to leave its host" in desk.here.warnings[0]
