"""A deployment to talk to: a Front End's OcsPowershell with its accounts, certificates and cmdlets."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import access_edge, access_policies, gateway, partners, users
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
PARTS = (partners, gateway, access_policies, access_edge, users)
CMDLETS = {cmdlet.name: cmdlet for part in PARTS for cmdlet in part.CMDLETS}
#: Users of a new deployment: names; their addresses are those in lower case at contoso.example.
USERS = ("Alice", "Bob", "Carol")
FRONT_END_POOL = "pool1.contoso.example"


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
    """

    folder: Path
    name: str = "localhost"
    protocol: str = "2.2"
    methods: tuple[str, ...] = ("Negotiate", "NTLM", "Basic")
    tls: Callable[[ssl.SSLContext], None] = lambda context: None
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.world.roles.update(
            {
                "admin": frozenset({"CsAdministrator"}),
                "viewer": frozenset({"CsViewOnlyAdministrator"}),
            }
        )
        for name in USERS:
            address = f"{name.lower()}@contoso.example"
            self.world.users.setdefault(address, User(address, name, FRONT_END_POOL))
        self.certificate, key = make_certificate(self.folder, self.name)
        self.engine = Engine(self.world, CMDLETS, "front_end", "fe1.contoso.example")
        self.shells = Shells(self.engine.execute, self.may_open, protocol=self.protocol)
        self.front_end = Endpoint(
            self.shells,
            {ADMIN: PASSWORD, VIEWER: PASSWORD, NOBODY: PASSWORD},
            (self.certificate, key),
            path="/OcsPowershell",
            methods=self.methods,
            folder=self.folder,
            tls=self.tls,
        )

    def may_open(self, account: str) -> bool:
        """Tell whether an account has any role."""
        return account.rsplit("\\", 1)[-1].lower() in self.world.roles

    def stop(self) -> None:
        """Stop listening."""
        self.front_end.stop()
