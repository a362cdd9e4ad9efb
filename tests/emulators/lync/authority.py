"""An authority that signs what requests ask for: an enterprise CA of Windows, or a public one that answers by files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(True, False, False, False, False, True, True, False, False)


@dataclass
class Authority:
    """A root and an issuing authority below it.

    :ivar name: ``<host>\\<name>`` for an enterprise CA, as -CA takes it.
    :ivar decision: what becomes of a request: Issued at once, Pending (a manager looks at it), Denied.
    :ivar accounts: passwords by account, for -CaAccount and -CaPassword.
    :ivar issued: what was signed for requests that wait, by number.
    """

    name: str
    decision: str = "Issued"
    accounts: dict[str, str] = field(default_factory=dict)
    issued: dict[int, x509.Certificate] = field(default_factory=dict)
    waiting: dict[int, x509.CertificateSigningRequest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = datetime.now(timezone.utc)
        self.root_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self._authority(_name(f"{self.name} root"), self.root_key.public_key(), now, None)
        self.issuer = self._authority(_name(f"{self.name} issuing"), self.key.public_key(), now, 0)

    def _authority(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, below: int | None
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name(f"{self.name} root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(True, below), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
            .sign(self.root_key, hashes.SHA256())
        )

    def sign(
        self,
        request: x509.CertificateSigningRequest,
        *,
        names: list[str] | None = None,
        days: int = 90,
        begins: timedelta = timedelta(hours=1),
        client: bool = False,
    ) -> x509.Certificate:
        """Sign a request; with other names than it asks for where some are given.

        :param begins: how long ago the certificate's life began.
        """
        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        wanted = names if names is not None else asked.get_values_for_type(x509.DNSName)
        now = datetime.now(timezone.utc)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH] + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
        return (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - begins)
            .not_valid_after(now - begins + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in wanted]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
