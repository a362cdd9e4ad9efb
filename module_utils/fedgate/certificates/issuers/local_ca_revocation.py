"""The list of revoked certificates of a private CA (CRL, RFC 5280 §5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ...plan import KNOWN_AFTER_APPLY, Change
from .. import keys, library

FILE = "crl.der"
#: How long a list counts; it is written anew when half of that is over.
LIFE = timedelta(days=30)
#: The list is not refused by peers whose clock is behind.
_BACKDATED = timedelta(hours=1)


def read(content: Optional[bytes]) -> Optional[x509.CertificateRevocationList]:
    """Return a list as read from its file, None where there is none that can be read."""
    try:
        return x509.load_der_x509_crl(content) if content else None
    except ValueError:
        return None


def due(
    found: Optional[x509.CertificateRevocationList], issuer: x509.Certificate, revoked: Iterable[int], now: datetime
) -> bool:
    """Tell whether a list has to be written anew: missing, another CA's, other numbers, or half of its life is over."""
    if found is None or not _is_of(found, issuer):
        return True
    end = found.next_update_utc
    if set(_dates(found)) != set(revoked) or end is None:
        return True
    return now >= end - (end - found.last_update_utc) / 2


def change(path: str, found: Optional[x509.CertificateRevocationList], revoked: Iterable[int]) -> Change:
    """Return the change that writes the list."""
    before = None
    if found is not None:
        end = found.next_update_utc
        before = {"revoked": _texts(_dates(found)), "next_update": library.text_of(end) if end else None}
    after = {"revoked": _texts(revoked), "next_update": KNOWN_AFTER_APPLY}
    return Change("create" if found is None else "update", "certificate_revocation_list", path, before, after)


def build(
    issuer: x509.Certificate,
    key: keys.PrivateKey,
    revoked: Sequence[int],
    old: Optional[x509.CertificateRevocationList],
    now: datetime,
    end: datetime,
) -> bytes:
    """Return a list as DER, signed by the CA.

    :param revoked: serial numbers.
    :param old: the list before, for its number and the days of revocation; None when there is none.
    :param end: until when it counts.
    """
    known = _dates(old) if old is not None and _is_of(old, issuer) else {}
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - _BACKDATED)
        .next_update(end)
        .add_extension(x509.CRLNumber(_number(old) + 1), critical=False)
        .add_extension(identifier_of(issuer), critical=False)
    )
    for serial in sorted(set(revoked)):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(known.get(serial, now))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def identifier_of(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Repeat the CA's own identifier, whatever way it was made; peers build paths by comparing the two."""
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _is_of(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    return found.issuer == issuer.subject and found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]


def _dates(found: x509.CertificateRevocationList) -> dict[int, datetime]:
    return {each.serial_number: each.revocation_date_utc for each in found}


def _number(found: Optional[x509.CertificateRevocationList]) -> int:
    if found is None:
        return 0
    try:
        return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (x509.ExtensionNotFound, ValueError):
        return 0


def _texts(serials: Iterable[int]) -> list[str]:
    return [f"{serial:x}" for serial in sorted(serials)]
