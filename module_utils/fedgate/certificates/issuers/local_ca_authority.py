"""The keys and certificates of a private CA in a folder of the controller: its root, and an intermediate if wanted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Optional
from urllib.parse import urljoin

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from ...errors import InvalidValue, Refused
from ...plan import KNOWN_AFTER_APPLY, Change
from .. import chains, keys, library
from ..settings import KeySettings
from . import local_ca_revocation as revocation
from .base import read_file, write_file

CERTIFICATE, KEY = "ca.pem", "ca-key.pem"
MIDDLE_CERTIFICATE, MIDDLE_KEY = "intermediate.pem", "intermediate-key.pem"
#: The root's own list, which its intermediate names; it is made once, since the root's key may be offline afterwards.
ROOT_LIST = "ca-crl.der"
#: Ten years: a root is distributed by hand, to every peer.
_ROOT_LIFE = timedelta(days=3650)
#: Clocks of edges may be behind the controller's.
BACKDATED = timedelta(hours=1)


@dataclass(frozen=True)
class Signer:
    """Who signs: a certificate and its key."""

    certificate: x509.Certificate
    key: keys.PrivateKey


class Authority:
    """A private CA.

    :param directory: its folder.
    :param passphrase: of its keys, all of them; None when they are not encrypted.
    :param organization: part of the names of what is created.
    :param intermediate: whether an intermediate signs.
    :param crl_url: where its list is published; written into an intermediate that is created.
    """

    def __init__(
        self, directory: str, passphrase: Optional[str], organization: str, intermediate: bool, crl_url: Optional[str]
    ) -> None:
        self.directory = directory
        self.passphrase = passphrase
        self.organization = organization
        self.intermediate = intermediate
        self.crl_url = crl_url
        self.root: Optional[x509.Certificate] = None
        self.middle: Optional[x509.Certificate] = None
        self.key: Optional[keys.PrivateKey] = None
        self.middle_key: Optional[keys.PrivateKey] = None

    def read(self, now: datetime, create: bool, warn: Callable[[str], None]) -> None:
        """Read what is there.

        :raises FedgateError: missing and not to be created, damaged, expired, wrong passphrase.
        """
        self.key = self._read_key(KEY, warn)
        self.root = self._read_certificate(CERTIFICATE)
        if self.root is None and not create:
            # A key without a certificate is the wreck of a killed creation; the key is good, and used again.
            raise InvalidValue(
                f"there is no CA in {self.directory} ({CERTIFICATE})",
                path="issuer.directory",
                hint=f"Put {CERTIFICATE} and {KEY} there, or let it be created once with "
                "federation_certificate.ca_create: true.",
            )
        if self.intermediate:
            self.middle_key = self._read_key(MIDDLE_KEY, warn)
            self.middle = self._read_certificate(MIDDLE_CERTIFICATE)
        if self.root is None:
            return
        self._check(self.root, CERTIFICATE, now)
        if self.middle is not None:
            self._check_middle(self.middle, self.root, now)
            if self.key is not None:
                self._pair(self.root, self.key, CERTIFICATE, KEY)
        else:
            self._pair(self.root, self.key, CERTIFICATE, KEY)
        if self.intermediate and _path_length(self.root) == 0:
            raise InvalidValue(
                f"the CA in {self.directory} allows no intermediate (path length 0)",
                path="issuer.intermediate",
                hint="Take federation_certificate.ca_intermediate away, or make a new CA with it in another directory "
                "and hand its root to your partners first.",
            )

    def signer(self) -> Optional[Signer]:
        """Return who signs, None while that has to be created."""
        certificate, key = (self.middle, self.middle_key) if self.intermediate else (self.root, self.key)
        return Signer(certificate, key) if certificate is not None and key is not None else None

    def above(self) -> list[x509.Certificate]:
        """Return what follows a certificate in its chain, without the root."""
        return [self.middle] if self.intermediate and self.middle is not None else []

    def subject(self, kind: str = "CA") -> x509.Name:
        """Return the name of what is created."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization)] if self.organization else []
        # RFC 5280: at most 64 characters.
        name = f"{self.organization[:40]} Federation {kind}".strip()
        return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def lacking(self) -> Sequence[Change]:
        """Return what has to be created: the CA, its intermediate."""
        found = []
        if self.root is None:
            after = {"subject": self.subject().rfc4514_string(), "not_after": KNOWN_AFTER_APPLY}
            found.append(Change("create", "certificate_authority", self.directory, None, after))
        if self.intermediate and self.middle is None:
            after = {"subject": self.subject("Issuing CA").rfc4514_string(), "not_after": KNOWN_AFTER_APPLY}
            found.append(Change("create", "intermediate_authority", self.path(MIDDLE_CERTIFICATE), None, after))
        return found

    def create(self, now: datetime) -> None:
        """Create what is lacking: first a key, then its certificate, which so never stands without a key."""
        if self.root is None:
            self.key = self.key or self._new_key(KEY)
            self.root = _root(self.key, self.subject(), now, 1 if self.intermediate else 0)
            self._write(CERTIFICATE, chains.to_pem([self.root]).encode())
        if self.intermediate and self.middle is None:
            self._create_middle(self._root_pair(), now)

    def _create_middle(self, root: Signer, now: datetime) -> None:
        self.middle_key = self.middle_key or self._new_key(MIDDLE_KEY)
        address = urljoin(self.crl_url, ROOT_LIST) if self.crl_url else None
        self.middle = _middle(root, self.middle_key, self.subject("Issuing CA"), now, address)
        if address:
            # As long as the intermediate lives: the root's key may be away from now on.
            end = library.not_after(self.middle)
            self._write(ROOT_LIST, revocation.build(root.certificate, root.key, (), None, now, end))
        self._write(MIDDLE_CERTIFICATE, chains.to_pem([self.middle]).encode())

    def _root_pair(self) -> Signer:
        if self.root is None or self.key is None:
            raise InvalidValue(f"{self.path(KEY)} is missing", hint="Bring it back to make the intermediate.")
        return Signer(self.root, self.key)

    def path(self, name: str) -> str:
        """Return the path of a file of the CA."""
        return os.path.join(self.directory, name)

    def _new_key(self, name: str) -> keys.PrivateKey:
        key = keys.generate(KeySettings("ecdsa", None, "p256"))
        write_file(self.path(name), keys.to_pem(key, self.passphrase), 0o600)
        return key

    def _write(self, name: str, content: bytes) -> None:
        write_file(self.path(name), content, 0o644)

    def _read_key(self, name: str, warn: Callable[[str], None]) -> Optional[keys.PrivateKey]:
        path = self.path(name)
        pem = read_file(path)
        if pem is None:
            return None
        key = keys.from_pem(pem, path, self.passphrase)
        if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            warn(f"{path} can be read by others: chmod 600 {path}")
        return key

    def _read_certificate(self, name: str) -> Optional[x509.Certificate]:
        pem = read_file(self.path(name))
        return chains.parse(pem, self.path(name))[0] if pem is not None else None

    def _check(self, certificate: x509.Certificate, name: str, now: datetime) -> None:
        if library.not_after(certificate) <= now:
            raise Refused(
                f"the CA in {self.path(name)} has expired on {library.text_of(library.not_after(certificate))}",
                hint="Make a new CA in another directory and hand its root to your partners first.",
            )
        if not _constraints(certificate).ca:
            raise InvalidValue(f"{self.path(name)} is not the certificate of a CA", hint="Name the folder of a CA.")

    def _check_middle(self, middle: x509.Certificate, root: x509.Certificate, now: datetime) -> None:
        self._check(middle, MIDDLE_CERTIFICATE, now)
        self._pair(middle, self.middle_key, MIDDLE_CERTIFICATE, MIDDLE_KEY)
        try:
            middle.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise InvalidValue(
                f"{self.path(MIDDLE_CERTIFICATE)} is not signed by {self.path(CERTIFICATE)}",
                hint="Bring back the pair, or move both files of the intermediate away to have it made anew.",
            ) from error

    def _pair(self, certificate: x509.Certificate, key: Optional[keys.PrivateKey], name: str, key_name: str) -> None:
        where = self.path(name)
        if key is None:
            raise InvalidValue(
                f"{self.path(key_name)} is missing beside {where}", hint="Bring the CA's key back from its back-up."
            )
        if keys.fingerprint(key.public_key()) != keys.fingerprint(certificate.public_key()):
            raise InvalidValue(f"{where} and {self.path(key_name)} do not belong together", hint="Bring back the pair.")


def usage(*, authority: bool = False, encipherment: bool = False) -> x509.KeyUsage:
    """Return the key usage of a CA or of a server."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def distribution(url: str) -> x509.CRLDistributionPoints:
    """Return the extension that says where the revocation list is (RFC 5280 §4.2.1.13)."""
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)])


def _root(key: keys.PrivateKey, subject: x509.Name, now: datetime, length: int) -> x509.Certificate:
    builder = _authority(subject, subject, key.public_key(), now, now + _ROOT_LIFE, length)
    return builder.sign(key, hashes.SHA256())


def _middle(
    root: Signer, key: keys.PrivateKey, subject: x509.Name, now: datetime, crl_url: Optional[str]
) -> x509.Certificate:
    end = library.not_after(root.certificate)
    builder = _authority(subject, root.certificate.subject, key.public_key(), now, end, 0)
    builder = builder.add_extension(revocation.identifier_of(root.certificate), critical=False)
    if crl_url:
        builder = builder.add_extension(distribution(crl_url), critical=False)
    return builder.sign(root.key, hashes.SHA256())


def _authority(
    subject: x509.Name, issuer: x509.Name, public: keys.PublicKey, now: datetime, end: datetime, length: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(True, length), critical=True)
        .add_extension(usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return x509.BasicConstraints(False, None)


def _path_length(certificate: x509.Certificate) -> Optional[int]:
    return _constraints(certificate).path_length
