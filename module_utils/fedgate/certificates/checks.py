"""Checks of one certificate that need nothing but the certificate: key, dates, names, strength, purpose."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from ..errors import CheckFailed
from . import keys, library
from . import names as name_rules
from .chains import CertificateFacts

#: Clocks of hosts and CAs differ; more than this is a wrong clock.
CLOCK_SKEW = timedelta(minutes=5)


def key_matches(facts: CertificateFacts, fingerprint: str, where: str) -> None:
    """:raises CheckFailed: the certificate is for another key; both fingerprints are named."""
    if facts.key_fingerprint != fingerprint:
        raise CheckFailed(
            f"{where}: certificate for another key: it is for {facts.key_fingerprint}, "
            f"the request was made with {fingerprint}",
            hint="Put the answer to the present request there (compare 'Key fingerprint' in its summary).",
        )


def dates(facts: CertificateFacts, now: datetime, where: str) -> None:
    """:raises CheckFailed: the certificate has expired, or is not valid yet (beyond clock skew)."""
    if facts.not_after <= now:
        raise CheckFailed(
            f"{where}: the certificate has expired on {library.text_of(facts.not_after)}",
            hint="Ask the CA for a new one, or correct this machine's clock.",
        )
    if facts.not_before > now + CLOCK_SKEW:
        raise CheckFailed(
            f"{where}: the certificate is not yet valid; it begins on {library.text_of(facts.not_before)} "
            f"and it is {library.text_of(now)} here",
            hint="Wait until then, or correct this machine's clock (timedatectl).",
        )


def names(facts: CertificateFacts, wanted: Iterable[str], where: str) -> None:
    """:raises CheckFailed: a wanted name is not covered; each is named."""
    lacking = name_rules.missing(facts.names, wanted)
    if lacking:
        have = ", ".join(facts.names) or "no dNSName at all (a common name alone does not count)"
        raise CheckFailed(
            f"{where}: the certificate does not cover {', '.join(lacking)}; it has {have}",
            hint="Ask the CA to certify every name of the request; a wildcard never covers the domain itself.",
        )


def strength(certificate: x509.Certificate, where: str) -> None:
    """:raises CheckFailed: weak key, or a signature made with MD5 or SHA-1."""
    weakness = keys.weakness(certificate.public_key())
    if weakness:
        raise CheckFailed(f"{where}: {weakness}", hint="Make a new request with another key.")
    signature(certificate, where)


def signature(certificate: x509.Certificate, where: str) -> None:
    """:raises CheckFailed: the certificate was signed with MD5 or SHA-1."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return
    if isinstance(algorithm, (hashes.MD5, hashes.SHA1)):
        raise CheckFailed(
            f"{where}: '{certificate.subject.rfc4514_string()}' is signed with {algorithm.name.upper()}, "
            "which peers refuse",
            hint="Ask the CA for a signature with SHA-256 or better.",
        )


def server_auth(facts: CertificateFacts, where: str) -> None:
    """:raises CheckFailed: the certificate may not be used by a server."""
    if not facts.server_auth:
        raise CheckFailed(
            f"{where}: the certificate lacks the purpose serverAuth",
            hint="Ask the CA for a certificate for a TLS server (template WebServer, profile tlsserver).",
        )
