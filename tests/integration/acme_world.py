"""A name server, an ACME CA that validates at it, and the issuing module between them: nothing of ours is replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, requests
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.certificates.settings import KeySettings, RequestSettings

from tests.unit.certificates.world import ECDSA, Here, walk

from .acme_ca import PEBBLE, Pebble, Wire
from .bind import DYNAMIC, NAMED, Bind

LONDON, TOKYO = "edge1.london", "edge1.tokyo"
LONDON_NAMES = ["contoso.example", "conference.contoso.example"]
TOKYO_NAMES = ["contoso-asia.example"]
needs_servers = pytest.mark.skipif(
    os.geteuid() != 0 or not Path(PEBBLE).exists() or not Path(NAMED).exists() or not shutil.which("ip"),
    reason="needs root (port 53 on a loopback address), and the packages pebble, bind9, iproute2",
)


def loopback() -> Iterator[tuple[str, str]]:
    """Two addresses of this machine's own; name servers are asked at port 53, so that they need some."""
    number = os.getpid()
    addresses = tuple(f"127.83.{number // 120 % 250}.{number % 120 * 2 + last}" for last in (1, 2))
    for address in addresses:
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
    yield addresses[0], addresses[1]
    for address in addresses:
        subprocess.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], check=True)


def servers(folder: Path, address: str, **pebble: Any) -> Iterator[tuple[Bind, Wire]]:
    """A name server, and a CA behind a wire."""
    (folder / "bind").mkdir(parents=True)
    bind = Bind(folder / "bind", root=True, address=address, port=53, recursion=True)
    ca = Pebble(folder / "ca", f"{address}:53", **pebble)
    bind.start()
    try:
        ca.start()
        wire = Wire(ca)
        yield bind, wire
        wire.close()
    finally:
        ca.stop()
        bind.stop()


def request(names: Sequence[str], key: Any = None) -> str:
    """Return a new request for names."""
    settings = RequestSettings.of({"names": list(names), "key": ECDSA})
    return requests.build(key or keys.generate(KeySettings.of(ECDSA)), settings).decode()


def order(name: str = LONDON, names: Sequence[str] = LONDON_NAMES, **other: Any) -> dict[str, Any]:
    """Return one element of the module's ``requests``, with a new key."""
    return {"name": name, "pool": f"pool.{name}", "names": list(names), "csr": request(names), **other}


@dataclass
class Run:
    """What one call of the module did."""

    plan: Any
    results: dict[str, Any]
    warnings: list[str]

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Action and kind of each change."""
        return [(change.action, change.kind) for change in self.plan.changes]

    @property
    def caa(self) -> list[dict[str, str]]:
        """The CAA records offered."""
        found: list[dict[str, str]] = self.results["caa"]
        return found

    def status(self, name: str = LONDON) -> str:
        """How an order stands; with the error, where there is one."""
        found = self.results["certificates"][name]
        return str(found["status"] if found["error"] is None else f"{found['status']}: {found['error']}")

    def error(self, name: str = LONDON) -> str:
        """Why an order failed."""
        found = self.results["certificates"][name]
        assert found["status"] == "failed", found
        return str(found["error"])

    def chain(self, name: str = LONDON) -> list[Any]:
        """The certificates of an order."""
        assert self.status(name) == "issued", self.status(name)
        return chains.parse(self.results["certificates"][name]["chain"], name)


class World:
    """One deployment: a state directory of its own at the servers that all tests of a file share."""

    def __init__(self, folder: Path, bind: Bind, wire: Wire) -> None:
        self.folder, self.bind, self.wire = folder, bind, wire
        self.state = folder / "state"
        wire.forget()

    def issuer(self, anchor: int = 0, provider: Optional[dict[str, Any]] = None, **acme: Any) -> dict[str, Any]:
        """Return the module's ``issuers`` element; what is given replaces or adds settings."""
        settings = {
            "directory_url": self.wire.directory_url,
            "state_directory": str(self.state),
            "contact": ["hostmaster@contoso.example"],
            "agree_to_terms": True,
            "dns_provider": provider or self.bind.provider("challenge"),
            "resolvers": [self.bind.address],
            "ca_file": str(self.wire.pebble.ca_file),
            "timeout": 30,
            "propagation_timeout": 10,
            **acme,
        }
        anchors = [str(self.wire.pebble.folder / f"root-{anchor}.pem")]
        return {"name": "default", "kind": "acme", "trust_anchors": anchors, "acme": settings}

    def issue(self, *orders: dict[str, Any], check_mode: bool = False, issuer: Any = None, **acme: Any) -> Run:
        """Call the module."""
        here = Here(check_mode)
        issuers = issuer if isinstance(issuer, list) else [issuer or self.issuer(**acme)]
        plan, results = walk(IssueReconciler({"issuers": issuers, "requests": list(orders)}, here))  # type: ignore[arg-type]
        return Run(plan, results, here.warnings)

    def challenges(self) -> set[str]:
        """Return all challenge records that are in DNS."""
        everything = {record for zone in DYNAMIC for record in self.bind.everything(zone)}
        return {record for record in everything if " TXT " in record and ("_acme" in record or "delegated" in record)}

    def serial(self, zone: str) -> int:
        """Return a zone's serial number: it grows by one with each change."""
        found = self.bind.look(zone, "SOA")
        assert found
        return int(next(iter(found[1])).split()[2])
