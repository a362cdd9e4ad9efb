"""A private CA on the controller: for private networks and labs.

Of a request it takes the public key and nothing else; names and purposes are its own, from the model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...errors import CheckFailed, InvalidValue, Refused
from ...plan import KNOWN_AFTER_APPLY, Change
from .. import chains, keys, library, requests, verification
from ..settings import KeySettings
from .base import Issuer, Order, Outcome, issued, read_file, write_file

CERTIFICATE = "ca.pem"
KEY = "ca-key.pem"
#: Ten years: a root is distributed by hand, to every peer.
_ROOT_LIFE = timedelta(days=3650)
#: Clocks of edges may be behind the controller's.
_BACKDATED = timedelta(hours=1)
_DAYS = (1, 3650)


class LocalCa(Issuer):
    """``{kind: local_ca, directory, create, passphrase, organization, validity_days, client_auth}``.

    ``directory`` holds ``ca.pem``, ``ca-key.pem`` (0600) and ``issued/<SHA-256 of the public key>.pem``.
    """

    kind = "local_ca"

    def __init__(self, settings: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        super().__init__(settings, warn)
        self.directory = os.path.abspath(os.path.expanduser(settings["directory"]))
        self.passphrase: Optional[str] = settings.get("passphrase") or None
        self.life = timedelta(days=settings.get("validity_days") or 90)
        if not _DAYS[0] <= self.life.days <= _DAYS[1]:
            raise InvalidValue(
                f"{self.life.days} days of validity are not allowed",
                path="issuer.validity_days",
                hint=f"Allowed are {_DAYS[0]} to {_DAYS[1]}; 90 is the default.",
            )
        self.certificate: Optional[x509.Certificate] = None
        self.key: Optional[keys.PrivateKey] = None

    def observe(self, now: datetime) -> None:
        """Open the CA. :raises FedgateError: missing and not to be created, damaged, expired, wrong passphrase."""
        pem, key_pem = read_file(self._path(CERTIFICATE)), read_file(self._path(KEY))
        if key_pem is not None:
            self.key = keys.from_pem(key_pem, self._path(KEY), self.passphrase)
            self._warn_if_open()
        if pem is None:
            # A key without a certificate is the wreck of a killed creation; the key is good, and used again.
            if not self.settings.get("create"):
                raise InvalidValue(
                    f"there is no CA in {self.directory} ({CERTIFICATE})",
                    path="issuer.directory",
                    hint=f"Put {CERTIFICATE} and {KEY} there, or let it be created once with "
                    "federation_certificate.ca_create: true.",
                )
            return
        self.certificate = self._usable(chains.parse(pem, self._path(CERTIFICATE))[0], now)

    def _usable(self, certificate: x509.Certificate, now: datetime) -> x509.Certificate:
        where = self._path(CERTIFICATE)
        if self.key is None:
            raise InvalidValue(
                f"{self._path(KEY)} is missing beside {where}", hint="Bring the CA's key back from its back-up."
            )
        if keys.fingerprint(self.key.public_key()) != keys.fingerprint(certificate.public_key()):
            raise InvalidValue(f"{where} and {self._path(KEY)} do not belong together", hint="Bring back the pair.")
        if library.not_after(certificate) <= now:
            raise Refused(
                f"the CA in {where} has expired on {library.text_of(library.not_after(certificate))}",
                hint="Make a new CA in another directory and hand its root to your partners first.",
            )
        try:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            constraints = x509.BasicConstraints(False, None)
        if not constraints.ca:
            raise InvalidValue(f"{where} is not the certificate of a CA", hint="Name the folder of a CA.")
        return certificate

    def preparations(self) -> Sequence[Change]:
        """One change when the CA is to be created."""
        if self.certificate is not None:
            return ()
        after = {"subject": self._subject().rfc4514_string(), "not_after": KNOWN_AFTER_APPLY}
        return (Change("create", "certificate_authority", self.directory, None, after),)

    def prepare(self, now: datetime) -> None:
        """Create the CA: first its key, then its certificate, so that a certificate never stands without a key."""
        if self.certificate is None:
            self.observe(now)  # an issuer with other settings may have created it a moment ago
        if self.certificate is not None:
            return
        if self.key is None:
            self.key = keys.generate(KeySettings("ecdsa", None, "p256"))
            write_file(self._path(KEY), keys.to_pem(self.key, self.passphrase), 0o600)
        certificate = _root(self.key, self._subject(), now)
        write_file(self._path(CERTIFICATE), chains.to_pem([certificate]).encode(), 0o644)
        self.certificate = certificate

    def look(self, order: Order, now: datetime) -> Outcome:
        """Return the certificate that this key already has, while it satisfies; otherwise plan to sign."""
        kept = self._kept(order)
        if kept and self._satisfies(kept, order, now):
            return issued(kept)
        fields = {
            "names": list(order.names),
            "issuer": (self.certificate.subject if self.certificate else self._subject()).rfc4514_string(),
            "purposes": ["serverAuth", "clientAuth"] if order.client_auth else ["serverAuth"],
            "not_after": KNOWN_AFTER_APPLY,
        }
        before = chains.describe(kept[0]).as_fields() if kept else None
        action = "update" if kept else "create"
        return Outcome("planned", change=Change(action, "issued_certificate", order.name, before, fields))  # type: ignore[arg-type]

    def fulfil(self, order: Order, now: datetime) -> None:
        """Sign, verify, keep."""
        leaf = self._sign(order, now)
        self._verify([leaf], order, now)
        write_file(self._kept_path(order.asked()), chains.to_pem([leaf]).encode(), 0o644)

    def _sign(self, order: Order, now: datetime) -> x509.Certificate:
        authority, key = self._pair()
        public = order.asked().public
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH] + [ExtendedKeyUsageOID.CLIENT_AUTH] * order.client_auth
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(requests.common_name(order.names)))
            .issuer_name(authority.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - _BACKDATED, library.not_before(authority)))
            .not_valid_after(min(now + self.life, library.not_after(authority)))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(encipherment=isinstance(public, rsa.RSAPublicKey)), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            # Without a subject, the names must be critical (RFC 5280 §4.2.1.6).
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in order.names]),
                critical=not requests.common_name(order.names),
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_authority_identifier(authority), critical=False)
        )
        return builder.sign(key, hashes.SHA256())

    def _pair(self) -> tuple[x509.Certificate, keys.PrivateKey]:
        if self.certificate is None or self.key is None:
            raise InvalidValue(f"there is no CA in {self.directory}", path="issuer.directory", hint="Create it first.")
        return self.certificate, self.key

    def _satisfies(self, kept: Sequence[x509.Certificate], order: Order, now: datetime) -> bool:
        facts = chains.describe(kept[0])
        if set(facts.names) != set(order.names) or facts.client_auth != order.client_auth:
            return False
        if now >= facts.not_after - (facts.not_after - facts.not_before) / 3:
            return False
        try:
            self._verify(kept, order, now)
        except CheckFailed:  # another CA lies there now
            return False
        return True

    def _verify(self, chain: Sequence[x509.Certificate], order: Order, now: datetime) -> None:
        verification.verify(
            chain,
            anchors=[self._pair()[0]],
            key_fingerprint=order.asked().fingerprint,
            names=order.names,
            now=now,
            where=order.name,
        )

    def _kept(self, order: Order) -> Sequence[x509.Certificate]:
        if order.request is None or self.certificate is None:
            return ()
        pem = read_file(self._kept_path(order.request))
        return chains.parse(pem, self._kept_path(order.request)) if pem else ()

    def _kept_path(self, request: requests.Request) -> str:
        return self._path(os.path.join("issued", f"{request.fingerprint}.pem"))

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _subject(self) -> x509.Name:
        organization = (self.settings.get("organization") or "").strip()
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
        # RFC 5280: at most 64 characters.
        name = f"{organization[:46]} Federation CA".strip()
        return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def _warn_if_open(self) -> None:
        if stat.S_IMODE(os.stat(self._path(KEY)).st_mode) & 0o077:
            self.warn(f"{self._path(KEY)} can be read by others: chmod 600 {self._path(KEY)}")


def _root(key: keys.PrivateKey, subject: x509.Name, now: datetime) -> x509.Certificate:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _ROOT_LIFE)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _authority_identifier(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Repeat the CA's own identifier, whatever way it was made; peers build paths by comparing the two."""
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _usage(*, authority: bool = False, encipherment: bool = False) -> x509.KeyUsage:
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
