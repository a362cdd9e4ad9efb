"""A deployment to talk to: a Front End's OcsPowershell with its accounts, certificates and cmdlets."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import (
    access_edge,
    access_policies,
    certificates,
    gateway,
    partners,
    replication,
    services,
    synthetic,
    topology,
    users,
)
from .edge import PASSWORD as EDGE_PASSWORD
from .edge import Edge
from .endpoint import Endpoint
from .engine import Engine
from .shells import Shells
from .world import User, World

ADMIN = "CONTOSO\\admin"
#: May look, and change nothing.
VIEWER = "CONTOSO\\viewer"
#: Has no role at all.
NOBODY = "CONTOSO\\nobody"
PASSWORD = "Pa55 'word\" of $admin"
PARTS = (
    partners,
    gateway,
    access_policies,
    access_edge,
    users,
    topology,
    replication,
    services,
    synthetic,
    certificates,
)
CMDLETS = {cmdlet.name: cmdlet for part in PARTS for cmdlet in part.CMDLETS}
#: Users of a new deployment: names; their addresses are those in lower case at contoso.example.
USERS = ("Alice", "Bob", "Carol")
FRONT_END_POOL, FRONT_END = "pool1.contoso.example", "fe1.contoso.example"


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for a name, good for a day: (certificate, key) as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt.pem", folder / f"{name}.key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@dataclass
class Deployment:
    """An emulated deployment on this machine.

    :ivar folder: for certificates and accounts.
    :ivar name: the name that the Front End's certificate carries; ``localhost`` leads there.
    :ivar protocol: of PowerShell remoting: 2.1, 2.2 or 2.3.
    :ivar password: of the accounts of the domain; :ivar edge_password: of the local accounts of all Edge Servers.
    :ivar served: PEM files (chain, key) that all servers show; without it, one for ``name`` is made.
    :ivar address: where all of them listen; :ivar ports: at which port, by FQDN; a free one by default.
    """

    folder: Path
    name: str = "localhost"
    protocol: str = "2.2"
    methods: tuple[str, ...] = ("Negotiate", "NTLM", "Basic")
    tls: Callable[[ssl.SSLContext], None] = lambda context: None
    world: World = field(default_factory=World)
    password: str = PASSWORD
    edge_password: str = EDGE_PASSWORD
    served: tuple[Path, Path] | None = None
    address: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.roles.update(
            {
                "admin": frozenset({"CsAdministrator"}),
                "viewer": frozenset({"CsViewOnlyAdministrator"}),
            }
        )
        self.certificate, self.key = self.served or make_certificate(self.folder, self.name)
        self._edges: dict[str, Edge] = {}
        self._client: tuple[Path, Path] | None = None
        for name in USERS:
            address = f"{name.lower()}@contoso.example"
            self.world.users.setdefault(address, User(address, name, FRONT_END_POOL))
        self.engine = Engine(self.world, CMDLETS, "front_end", FRONT_END)
        self.shells = Shells(self.engine.execute, self.may_open, protocol=self.protocol)
        self.front_end = Endpoint(
            self.shells,
            dict.fromkeys((ADMIN, VIEWER, NOBODY), self.password),
            (self.certificate, self.key),
            path="/OcsPowershell",
            methods=self.methods,
            folder=self.folder,
            tls=self.tls,
            address=self.address,
            port=self.ports.get(FRONT_END, 0),
        )

    def may_open(self, account: str) -> bool:
        """Tell whether an account has any role."""
        return account.rsplit("\\", 1)[-1].lower() in self.world.roles

    def edge(self, name: str) -> Edge:
        """Return one Edge Server by its FQDN or the beginning of it; its WinRM listens from now on."""
        fqdn = next(fqdn for fqdn in self.world.topology.edges() if f"{fqdn}.".startswith(f"{name}."))
        if fqdn not in self._edges:
            self._edges[fqdn] = Edge(
                self.world,
                CMDLETS,
                fqdn,
                (self.certificate, self.key),
                self.folder,
                clients=(self.client_certificate[0],),
                protocol=self.protocol,
                password=self.edge_password,
                address=self.address,
                port=self.ports.get(fqdn, 0),
            )
        return self._edges[fqdn]

    @property
    def client_certificate(self) -> tuple[Path, Path]:
        """A client's certificate and key (PEM files) that each Edge takes for its administrator."""
        if self._client is None:
            self._client = make_certificate(self.folder, "fedgate-client")
        return self._client

    @property
    def open_sessions(self) -> int:
        """How many sessions are open on all servers."""
        return sum(len(shells.open) for shells in (self.shells, *(edge.shells for edge in self._edges.values())))

    def stop(self) -> None:
        """Stop listening."""
        for server in (self.front_end, *(edge.endpoint for edge in self._edges.values())):
            server.stop()
