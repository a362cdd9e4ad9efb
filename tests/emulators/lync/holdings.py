"""What one Windows computer of the deployment holds: its certificate stores, its files, what is assigned to which use.

Windows keeps the key of a request that is not answered yet with a stand-in certificate in the store REQUEST
([MS-WCCE] 3.1.1.4.3.1, certreq -new); the answer takes that key into the store My. Keys and certificates are real.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
#: The stores of the local computer that the cmdlets here know.
STORES = ("My", "REQUEST", "CA", "Root")


@dataclass
class Entry:
    """One certificate in a store.

    :ivar key: its private key; None where there is none.
    :ivar exportable: whether that may leave the computer.
    """

    certificate: x509.Certificate
    key: Key | None = None
    exportable: bool = False
    friendly_name: str = ""

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the certificate, in capitals, as Windows writes it."""
        return self.certificate.fingerprint(hashes.SHA1()).hex().upper()


@dataclass
class OnlineRequest:
    """A request at an enterprise CA, made by Request-CsCertificate."""

    number: int
    authority: str
    fingerprint: bytes
    friendly_name: str
    status: str


@dataclass
class Holdings:
    """One computer.

    :ivar host: FQDN.
    :ivar subject: the name that Request-CsCertificate puts into the subject: that of the pool (its reference, at
        -ComputerFqdn).
    :ivar names: those that it finds in the topology for the external interface beside the subject: the web
        conferencing name, and the XMPP domains where the XMPP proxy is installed (lync.md).
    :ivar stores: certificates by store.
    :ivar assigned: thumbprint by use; what Set-CsCertificate wrote.
    :ivar previous: the thumbprint that was assigned before, by use.
    :ivar effective: from when on, by use, where it was staged by -Roll.
    :ivar files: contents by path in lower case.
    """

    host: str
    subject: str = ""
    names: tuple[str, ...] = ()
    stores: dict[str, list[Entry]] = field(default_factory=lambda: {name: [] for name in STORES})
    assigned: dict[str, str] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    effective: dict[str, datetime] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    online: dict[int, OnlineRequest] = field(default_factory=dict)

    def find(self, thumbprint: str) -> Entry | None:
        """Return the entry of the store My with a thumbprint, in whatever way that is written."""
        wanted = thumbprint.replace(" ", "").upper()
        return next((entry for entry in self.stores["My"] if entry.thumbprint == wanted), None)

    def put(self, store: str, entry: Entry) -> None:
        """Put an entry into a store; one that is there is replaced, and keeps its key."""
        present = next((each for each in self.stores[store] if each.thumbprint == entry.thumbprint), None)
        if present is not None:
            if entry.key is not None:
                present.key, present.exportable = entry.key, entry.exportable
            return
        self.stores[store].append(entry)

    def accept(self, certificate: x509.Certificate) -> Entry | None:
        """Take the answer to a request: its key goes to the store My with it. None: there is no such request."""
        for waiting in self.stores["REQUEST"]:
            if waiting.key is not None and spki(waiting.key.public_key()) == spki(certificate.public_key()):
                self.stores["REQUEST"].remove(waiting)
                entry = Entry(certificate, waiting.key, waiting.exportable, waiting.friendly_name)
                self.put("My", entry)
                return entry
        return None


def spki(public: Any) -> bytes:
    """Return a public key as it stands in certificates."""
    encoded: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def stand_in(key: Key, subject: x509.Name) -> x509.Certificate:
    """Return the certificate that stands for a request in the store REQUEST: signed by the request's own key."""
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )


def chain_of(held: Holdings, certificate: x509.Certificate) -> Iterator[x509.Certificate]:
    """Yield the issuers that the computer's own stores have for a certificate, up to the root."""
    known = [entry.certificate for store in ("CA", "Root") for entry in held.stores[store]]
    child = certificate
    while child.issuer != child.subject:
        above = next((each for each in known if each.subject == child.issuer), None)
        if above is None:
            return
        yield above
        child = above


def is_trusted(held: Holdings, certificate: x509.Certificate) -> bool:
    """Tell whether a certificate leads to one of the computer's own roots."""
    roots = {entry.certificate.fingerprint(hashes.SHA256()) for entry in held.stores["Root"]}
    last = [certificate, *chain_of(held, certificate)][-1]
    return last.fingerprint(hashes.SHA256()) in roots


def pfx_of(entry: Entry, chain: Iterable[x509.Certificate], password: str) -> bytes:
    """Return PKCS#12 as Windows Server 2012 makes it: 3DES and SHA-1, the only way that all versions read."""
    from cryptography.hazmat.primitives.serialization import PrivateFormat

    protection = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())
        .build(password.encode())
    )
    name = entry.friendly_name.encode() or None
    return pkcs12.serialize_key_and_certificates(name, entry.key, entry.certificate, list(chain), protection)
