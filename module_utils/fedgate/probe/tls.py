"""TLS as a strict partner would do it, and once more without judgement to see what is there."""

from __future__ import annotations

import datetime
import ssl
from typing import Any

from ..errors import InvalidValue
from .certificate import describe, problems, weaknesses
from .values import Record, StepFailed


def verifying(anchors: str) -> ssl.SSLContext:
    """Return a context that accepts only chains to the system's authorities or to ``anchors``.

    Names are compared by ``certificate.names_domain``: the ssl library knows dNSName only.

    :param anchors: PEM text.
    :raises InvalidValue: when it holds no certificate.
    """
    context = _context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if anchors:
        try:
            context.load_verify_locations(cadata=anchors)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidValue(
                f"trust_anchors cannot be read as PEM certificates ({error})", hint="Give PEM files or PEM text."
            ) from error
    return context


def looking() -> ssl.SSLContext:
    """Return a context that accepts any chain, to see what is served; nothing is sent that matters."""
    context = _context()
    context.verify_mode = ssl.CERT_NONE
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def judge(secured: ssl.SSLSocket, domain: str, chain_problem: str | None, record: Record) -> None:
    """Take the step ``certificate``; the look goes on after a bad one.

    :param chain_problem: what the verification of the chain said, None when it was good.
    """
    cipher = secured.cipher()
    record.facts.update(tls_version=secured.version(), tls_cipher=cipher[0] if cipher else None)
    der = secured.getpeercert(binary_form=True)
    if not der:
        raise StepFailed("certificate", "the server sent no certificate")
    try:
        seen = describe(der, datetime.datetime.now(datetime.timezone.utc))
    except ValueError as error:
        raise StepFailed("certificate", f"the certificate cannot be read ({error})") from error
    record.facts["certificate"] = seen
    found = problems(seen, domain)
    if chain_problem and not (seen["expired"] and "expired" in chain_problem):
        clause = chain_sentence(chain_problem)
        found += [] if clause in found else [clause]
    for weakness in weaknesses(seen):
        record.find(weakness)
    data: dict[str, Any] = {"certificate": seen, "chain_ok": not chain_problem, "problems": found}
    if found:
        record.failed("certificate", f"the certificate of {domain} is not acceptable: {'; '.join(found)}", data)
        return
    record.passed(
        "certificate",
        f"{secured.version()}; issued by {seen['issuer']}, names {domain}, valid until {seen['not_after']}"
        f" ({seen['days_left']} days)",
        **data,
    )


def chain_sentence(problem: str) -> str:
    """Turn OpenSSL's words for a broken chain into a clause that says what to do."""
    known = {
        "self-signed certificate in certificate chain": "its chain ends at an authority that is not trusted here",
        "self signed certificate in certificate chain": "its chain ends at an authority that is not trusted here",
        "unable to get local issuer certificate": (
            "its chain does not lead to a trusted authority (an intermediate is not sent, or the authority is not "
            "trusted here)"
        ),
        "self-signed certificate": "it is self-signed",
        "self signed certificate": "it is self-signed",
        "unsuitable certificate purpose": "it may not be used by a server (no serverAuth)",
        "unsupported certificate purpose": "it may not be used by a server (no serverAuth)",
    }
    return known.get(problem, f"its chain was refused ({problem})")
