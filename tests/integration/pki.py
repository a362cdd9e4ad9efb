"""Certificates for servers on the far side, good and bad, made on the spot."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")
XMPP_ADDRESS = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
DAY = datetime.timedelta(days=1)


def other_name(kind: x509.ObjectIdentifier, text: str) -> x509.OtherName:
    """An otherName entry: UTF8String for id-on-xmppAddr, IA5String for SRVName."""
    tag = 0x0C if kind == XMPP_ADDRESS else 0x16
    return x509.OtherName(kind, bytes([tag, len(text)]) + text.encode())


class Authority:
    """A certificate authority of its own.

    :ivar pem: its certificate.
    """

    def __init__(self, name: str = "Test CA", issuer: Optional[Authority] = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer, issuer_name = (issuer._key, issuer.name) if issuer else (self._key, self.name)
        self.certificate = (
            _builder(self.name, issuer_name, self._key, 3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .sign(signer, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        *names: str,
        days: int = 90,
        purposes: Optional[Sequence[x509.ObjectIdentifier]] = (SERVER,),
        others: Sequence[x509.GeneralName] = (),
        common_name: str = "edge",
        chain: str = "",
        self_signed: bool = False,
    ) -> Served:
        """Return a certificate with its key.

        :param days: days left; negative for an expired one.
        :param purposes: extended key usages, None for no such extension.
        :param chain: PEM text to be sent after it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, subject if self_signed else self.name, key, days)
        entries = [x509.DNSName(name) for name in names] + list(others)
        if entries:
            builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
        if purposes is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Served(pem + chain, private.decode(), certificate.public_bytes(serialization.Encoding.DER))


class Served:
    """A certificate with its key, as a server serves it."""

    def __init__(self, chain: str, key: str, der: bytes) -> None:
        self.chain, self.key, self.der = chain, key, der

    def context(self) -> ssl.SSLContext:
        """Return a server's TLS context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "all.pem"
            file.write_text(self.key + self.chain)
            context.load_cert_chain(file)
        return context


def _usage(certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=certificates, crl_sign=certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + days * DAY) - DAY)
        .not_valid_after(now + days * DAY + datetime.timedelta(hours=1))
    )
