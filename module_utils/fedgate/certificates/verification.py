"""Verification of a whole chain against trust anchors, on the controller (RFC 5280 §6)."""

from __future__ import annotations

import contextlib
import os
import ssl
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Optional

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import verification
from cryptography.x509.oid import AuthorityInformationAccessOID

from ..errors import CheckFailed, FedgateError, InvalidValue
from . import chains, checks

#: Where Debian, Red Hat and Alpine keep the system's trust anchors in one file.
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def load_anchors(paths: Iterable[str]) -> list[x509.Certificate]:
    """Read trust anchors from PEM files of the controller; without any path, the system's own.

    :raises InvalidValue: a file cannot be read or holds no certificate.
    """
    found: list[x509.Certificate] = []
    given = [os.path.expanduser(path) for path in paths]
    for path in given:
        found.extend(chains.parse(_read(path), path))
    return found if given else _system_anchors()


def verify(
    chain: Sequence[x509.Certificate],
    *,
    anchors: Sequence[x509.Certificate],
    key_fingerprint: str,
    names: Sequence[str],
    now: datetime,
    where: str,
) -> None:
    """Check everything before a certificate may reach an edge.

    :param chain: the edge's certificate first, then its issuers, without the root; see ``chains.arrange``.
    :param anchors: what it must lead to.
    :param key_fingerprint: of the key that the request was made with.
    :param names: all names that must be covered.
    :raises CheckFailed: the first thing that is wrong, in words.
    """
    facts = chains.describe(chain[0])
    checks.key_matches(facts, key_fingerprint, where)
    checks.dates(facts, now, where)
    checks.names(facts, names, where)
    checks.strength(chain[0], where)
    checks.server_auth(facts, where)
    for certificate in chain[1:]:
        checks.signature(certificate, where)
        checks.dates(chains.describe(certificate), now, f"{where}: issuer '{certificate.subject.rfc4514_string()}'")
    _signatures(chain, where)
    _reaches_anchor(chain[-1], anchors, where)
    _path(chain, anchors, facts.names[0], now, where)


def _signatures(chain: Sequence[x509.Certificate], where: str) -> None:
    for child, parent in zip(chain, chain[1:]):
        if not _issued(child, parent):
            raise CheckFailed(
                f"{where}: '{child.subject.rfc4514_string()}' is not signed by '{parent.subject.rfc4514_string()}'",
                hint="Take the chain from the CA that issued this certificate.",
            )


def _reaches_anchor(last: x509.Certificate, anchors: Sequence[x509.Certificate], where: str) -> None:
    """Say precisely what is missing; the path builder would only say that there is no path."""
    if last in anchors or any(_issued(last, anchor) for anchor in anchors):
        return
    issuer = last.issuer.rfc4514_string()
    if chains.self_issued(last):
        raise CheckFailed(
            f"{where}: the certificate was signed by itself, not by a CA",
            hint="Send the request to a CA, or name this certificate in trust_anchors.",
        )
    address = _issuer_address(last)
    raise CheckFailed(
        f"{where}: the chain ends at '{last.subject.rfc4514_string()}', whose issuer '{issuer}' "
        "is neither in the chain nor a trust anchor",
        hint=f"Append the intermediate certificate{f' ({address})' if address else ''}, "
        "or name the private CA's root in federation_certificate.trust_anchors.",
    )


def _path(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], name: str, now: datetime, where: str
) -> None:
    """Let the library judge the rest: CA flags, path lengths, key usage, name constraints."""
    policy = _lenient(
        verification.PolicyBuilder().store(verification.Store(list(anchors))).time(now.replace(tzinfo=None))
    )
    # The wildcard itself is no name that a peer could ask for.
    subject = x509.DNSName(name.replace("*.", "any.", 1) if name.startswith("*.") else name)
    try:
        policy.build_server_verifier(subject).verify(chain[0], list(chain[1:]))
    except verification.VerificationError as error:
        raise CheckFailed(
            f"{where}: the chain of '{chain[0].subject.rfc4514_string()}' does not verify: {error}",
            hint="Ask the CA for the chain that belongs to this certificate.",
        ) from error


def _lenient(policy: verification.PolicyBuilder) -> verification.PolicyBuilder:
    """Private CAs leave out key identifiers, which public ones must have; that alone is no reason to refuse."""
    kind = getattr(verification, "ExtensionPolicy", None)
    if kind is None:  # before cryptography 45
        return policy
    agnostic = verification.Criticality.AGNOSTIC
    authority = kind.webpki_defaults_ca().may_be_present(x509.SubjectKeyIdentifier, agnostic, None)
    authority = authority.may_be_present(x509.AuthorityKeyIdentifier, agnostic, None)
    leaf = kind.webpki_defaults_ee().may_be_present(x509.AuthorityKeyIdentifier, agnostic, None)
    return policy.extension_policies(ca_policy=authority, ee_policy=leaf)


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _issuer_address(certificate: x509.Certificate) -> Optional[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    for each in access:
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS:
            return str(each.access_location.value)
    return None


def _system_anchors() -> list[x509.Certificate]:
    for path in (ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES):
        if path and os.path.exists(path):
            return _tolerant(_read(path))
    raise InvalidValue(
        "this controller has no trust anchors of its own",
        hint="Install ca-certificates, or name the CA's root in federation_certificate.trust_anchors.",
    )


def _tolerant(bundle: bytes) -> list[x509.Certificate]:
    """Read a system bundle; a single root that the library refuses is nobody's fault here."""
    found = []
    end = b"-----END CERTIFICATE-----"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in bundle.split(end)[:-1]:
            with contextlib.suppress(FedgateError):
                found.extend(chains.parse(block + end, "system"))
    return found


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidValue(
            f"{path} cannot be read: {error.strerror}", path="trust_anchors", hint="Name a PEM file."
        ) from error
