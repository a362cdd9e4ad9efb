"""What tests of the Edge Servers' certificates share: members of a pool, and authorities that answer by files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.fedgate.lync.certificates import ARGUMENTS, lync_certificate
from ansible.module_utils.fedgate.module import run_here
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ...emulators.lync.authority import Authority
from ...emulators.lync.deployment import Deployment
from ...emulators.lync.holdings import Entry, Holdings
from .conftest import options_of_edge

#: The members of the pool in London; the first makes the keys.
FIRST, SECOND = "edge1.london.contoso.example", "edge2.london.contoso.example"
POOL = "edge.london.contoso.example"
NAMES = [POOL, "contoso.example", "sip.contoso.example"]
PUBLIC = ["AccessEdgeExternal", "DataEdgeExternal"]
MEDIA = "AudioVideoAuthentication"
Result = dict[str, Any]


class Pool:
    """The pool in London, an authority, and the module that brings them together."""

    def __init__(self, lync: Deployment, folder: Path) -> None:
        self.lync = lync
        self.folder = folder
        self.authority = Authority("Example CA")
        self.root = folder / "root.pem"
        self.root.write_bytes(self.authority.root.public_bytes(Encoding.PEM))
        self.answer = folder / "answer.pem"

    def order(self, **more: Any) -> dict[str, Any]:
        """Return the order of the public certificate, as a task gives it."""
        return {
            "name": "external",
            "names": NAMES,
            "answer": str(self.answer),
            "trust_anchors": [str(self.root)],
            **more,
        }

    def run(self, *orders: dict[str, Any], check: bool = False, alone: bool = True, **more: Any) -> Result:
        """Run the module for the pool's first member alone, or for both."""
        given = {**options_of_edge(self.lync, FIRST), "name": FIRST, "certificates": list(orders or [self.order()])}
        if not alone:
            port = self.lync.edge(SECOND).endpoint.port
            given["members"] = [{"host": "localhost", "name": SECOND, "port": port}]
        return run_here(lync_certificate, ARGUMENTS, {**given, **more}, check)

    def held(self, name: str = FIRST) -> Holdings:
        """Return what a member holds."""
        return self.lync.world.holdings.setdefault(name, Holdings(name, POOL, ("contoso.example",)))

    def sign(self, csr: str, **more: Any) -> x509.Certificate:
        """Sign a request and lay the answer, with the issuer, where the order looks for it."""
        certificate = self.authority.sign(x509.load_pem_x509_csr(csr.encode()), **more)
        self.answer.write_bytes(pem(certificate, self.authority.issuer))
        return certificate

    def issued(self, **more: Any) -> x509.Certificate:
        """Go all the way to an assigned certificate on the first member, and return it."""
        asked = self.run(self.order(**more))
        certificate = self.sign(csr_of(asked))
        done = self.run(self.order(**more))
        assert not done.get("failed"), done["msg"]
        return certificate

    def calls(self, cmdlet: str, name: str = FIRST) -> list[dict[str, Any]]:
        """Return the parameters of all calls of a cmdlet on a member."""
        return [given for called, given in self.lync.edge(name).engine.calls if called == cmdlet]


def csr_of(result: Result, name: str = "external") -> str:
    """Return the request in a result."""
    assert not result.get("failed"), result["msg"]
    csr = result["certificates"][name]["csr"]
    assert csr, result
    return str(csr)


def pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def thumbprint(certificate: x509.Certificate) -> str:
    """Return the name that Windows has for a certificate."""
    return Entry(certificate).thumbprint


def actions(result: Result) -> list[tuple[str, str, str]]:
    """Return what was planned: action, kind, name."""
    assert not result.get("failed"), result["msg"]
    return [(change["action"], change["kind"], change["name"]) for change in result["plan"]]
