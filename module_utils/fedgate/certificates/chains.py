"""Certificate chains: read whatever a CA sends as PEM, put it in order, describe it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from ..errors import InvalidValue
from . import keys, library

_BLOCK = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s*(?P<body>[A-Za-z0-9+/=\s]+?)"
    rb"-----END (?:TRUSTED |X509 )?CERTIFICATE-----"
)


@dataclass(frozen=True)
class CertificateFacts:
    """What people and comparisons need of a certificate; see :func:`describe`."""

    names: tuple[str, ...]
    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    key: str
    key_fingerprint: str
    fingerprint: str
    server_auth: bool
    client_auth: bool

    def as_fields(self) -> dict[str, Any]:
        """Return what the diff of an installed certificate shows: names, issuer, serial, not_after."""
        return {
            "names": list(self.names),
            "issuer": self.issuer,
            "serial": self.serial,
            "not_after": library.text_of(self.not_after),
        }


def parse(text: Union[str, bytes], where: str) -> list[x509.Certificate]:
    """Read all certificates of a PEM text, in the order found; each once.

    Windows line ends, byte-order marks, UTF-16, and text before, between and after the blocks do no harm.

    :raises InvalidValue: no certificate in it, or a damaged one.
    """
    raw = plain(text)
    found: list[x509.Certificate] = []
    for number, block in enumerate(_BLOCK.finditer(raw), start=1):
        certificate = _load(block.group("body"), f"{where}: certificate {number}")
        if certificate not in found:
            found.append(certificate)
    if not found:
        hint = "A PEM file has lines that read -----BEGIN CERTIFICATE-----."
        if raw[:1] == b"\x30":
            hint = "It looks like DER or PKCS#12; convert it: openssl x509 -inform der -in FILE -out FILE.pem"
        raise InvalidValue(f"{where} holds no certificate", hint=hint)
    return found


def arrange(certificates: Sequence[x509.Certificate], key_fingerprint: Optional[str] = None) -> list[x509.Certificate]:
    """Put a chain in order: the edge's certificate first, then each issuer. Roots and strangers are left out.

    :param certificates: in any order; at least one.
    :param key_fingerprint: of the edge's key; without it, the certificate that issued none of the others comes first.
    :returns: the chain; empty when a fingerprint is given and no certificate is for that key.
    """
    leaf = _leaf(certificates, key_fingerprint)
    if leaf is None:
        return []
    chain = [leaf]
    while True:
        above = _issuer_of(chain[-1], certificates)
        # A self-signed certificate is a root: peers have it or do not trust it, sending it helps nobody.
        if above is None or above in chain or self_issued(above):
            return chain
        chain.append(above)


def to_pem(certificates: Iterable[x509.Certificate]) -> str:
    """Return certificates as PEM, in the order given, with Unix line ends."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def describe(certificate: x509.Certificate) -> CertificateFacts:
    """Return the facts of one certificate; names are its dNSName values in lower case."""
    purposes = _purposes(certificate)
    return CertificateFacts(
        names=_names(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=library.not_before(certificate),
        not_after=library.not_after(certificate),
        key=str(keys.settings_of(certificate.public_key())),
        key_fingerprint=keys.fingerprint(certificate.public_key()),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        # No extended key usage at all allows every purpose (RFC 5280 §4.2.1.12).
        server_auth=purposes is None or ExtendedKeyUsageOID.SERVER_AUTH in purposes,
        client_auth=purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH in purposes,
    )


def self_issued(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate names itself as its issuer."""
    return certificate.issuer == certificate.subject


def plain(text: Union[str, bytes]) -> bytes:
    """Return ASCII-compatible bytes; editors on Windows save PEM as UTF-16 now and then."""
    if isinstance(text, str):
        return text.encode("utf-8", "replace")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text.decode("utf-16", "replace").encode("utf-8")
    return text


def _load(body: bytes, where: str) -> x509.Certificate:
    # The body is set anew: lines of any length, indented or with Windows ends, are all the same to the reader then.
    packed = b"".join(body.split())
    lines = b"\n".join(packed[start : start + 64] for start in range(0, len(packed), 64))
    try:
        return x509.load_pem_x509_certificate(
            b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"
        )
    except ValueError as error:
        raise InvalidValue(f"{where} is damaged: {error}", hint="Copy the file again, without changing it.") from error


def _leaf(certificates: Sequence[x509.Certificate], key_fingerprint: Optional[str]) -> Optional[x509.Certificate]:
    if key_fingerprint is not None:
        fitting = [each for each in certificates if keys.fingerprint(each.public_key()) == key_fingerprint]
        return max(fitting, key=library.not_after, default=None)
    issuers = {each.issuer for each in certificates if not self_issued(each)}
    return next((each for each in certificates if each.subject not in issuers), certificates[0])


def _issuer_of(child: x509.Certificate, pool: Sequence[x509.Certificate]) -> Optional[x509.Certificate]:
    """Find who issued ``child``, by name and key identifier; whether the signature holds is checked elsewhere."""
    named = [each for each in pool if each.subject == child.issuer and each is not child]
    wanted = _identifier(child, x509.AuthorityKeyIdentifier, "key_identifier")
    for each in named:
        offered = _identifier(each, x509.SubjectKeyIdentifier, "digest")
        if wanted is None or offered is None or wanted == offered:
            return each
    return None


def _identifier(certificate: x509.Certificate, kind: Any, attribute: str) -> Optional[bytes]:
    try:
        value: Optional[bytes] = getattr(certificate.extensions.get_extension_for_class(kind).value, attribute)
    except (x509.ExtensionNotFound, ValueError):
        return None
    return value


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))


def _purposes(certificate: x509.Certificate) -> Optional[list[x509.ObjectIdentifier]]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None
