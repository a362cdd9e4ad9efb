"""What a CA's refusals mean, and what to do about them (RFC 8555 §6.7)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Optional

from ...errors import FedgateError, Refused
from .. import library

#: Problem type → (what it means, what to do).
_MEANINGS = {
    "accountDoesNotExist": ("it does not know the account", "Run again: the account is looked for, or made anew."),
    "badCSR": (
        "it does not accept the certificate request",
        "Look at federation_certificate.key (type, size) and at the names; the CA's documentation says what it takes.",
    ),
    "badNonce": ("it took none of several nonces", "Run again; if it lasts, ask the CA."),
    "badPublicKey": ("it does not accept the key", "Use another kind of key: RSA 2048 or ECDSA p256 suit every CA."),
    "badSignatureAlgorithm": (
        "it does not accept the account key's algorithm",
        "Give an account_key of another kind: RSA 2048 or ECDSA p256.",
    ),
    "caa": (
        "CAA records forbid this CA to certify the name",
        "Look: dig CAA, for the name and each name above it; the module returns the record to add as `caa`.",
    ),
    "connection": ("it could not connect for validation", "Look at the name servers of the zone from outside."),
    "dns": (
        "it could not look up the challenge record",
        "Look at the zone from outside: delegation, name servers, DNSSEC.",
    ),
    "dnssec": (
        "the zone's DNSSEC does not verify",
        "Mend the signatures or the DS record (delv shows it).",
    ),
    "externalAccountRequired": (
        "it takes accounts only with an external account binding",
        "Get a key id and an HMAC key from the CA, and give them as eab_kid and eab_hmac_key (a vault).",
    ),
    "incorrectResponse": (
        "the challenge record does not hold what it should",
        "Look who else writes this name, and whether all name servers show the same.",
    ),
    "invalidContact": ("it does not accept the contact", "Give a mail address that exists in acme.contact."),
    "invalidProfile": ("it does not offer this profile", "Take acme.profile out, or choose one that the CA offers."),
    "malformed": ("it could not read the message", "Check acme.directory_url; is it really this CA's directory?"),
    "orderNotReady": ("the order is not ready to be finalized", "Run again."),
    "rateLimited": ("it has a rate limit, which was reached", "Run again later; present certificates go on serving."),
    "rejectedIdentifier": (
        "it will not certify this name",
        "The CA's policy forbids it. Use another CA for this pool, or take the name out of the inventory.",
    ),
    "serverInternal": ("it has an error of its own", "Run again later; the CA's status page may know of it."),
    "tls": ("it met a TLS error during validation", "Run again; ask the CA."),
    "unauthorized": (
        "it does not accept our authority for it",
        "Look at the challenge record, and whether the account is still in good order at the CA.",
    ),
    "unsupportedContact": ("it does not accept the contact", "Give mail addresses in acme.contact, or none."),
    "unsupportedIdentifier": ("it does not certify such names", "Use another CA for this pool."),
    "userActionRequired": (
        "its terms of service have changed, or it wants something else of a person",
        "Visit the address in its message, then run again.",
    ),
}
_DATE_IN_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(?:Z|UTC|\+00:?00)?")


def code_of(problem: Any) -> str:
    """Return the short name of a problem document's type: ``rateLimited``; for other types the type itself."""
    return str(problem.typ or "about:blank").rsplit(":", 1)[-1]


def problem_text(problem: Any) -> str:
    """Return a problem in the CA's own words: its type, detail, and those of its parts."""
    said = " ".join(str(problem.detail or problem.title or "").split())[:600]
    parts = [f"{code_of(problem)}: {said}" if said else code_of(problem)]
    for part in problem.subproblems or ():
        name = f"{part.identifier.value}: " if part.identifier else ""
        parts.append(f"{name}{problem_text(part)}")
    return "; ".join(parts)


def explain(problem: Any, what: str, retry_after: Optional[str] = None) -> FedgateError:
    """Return the error for a problem document.

    :param problem: an ``acme.messages.Error``.
    :param what: what was asked of which CA: the message's beginning.
    :param retry_after: the header of that answer, if there was one.
    """
    meaning, hint = _MEANINGS.get(code_of(problem), ("it refused", "Look at the CA's message, and its documentation."))
    if code_of(problem) == "rateLimited":
        hint = _when(retry_after, problem.detail or "", datetime.now(timezone.utc)) or hint
    elif retry_after and code_of(problem) == "serverInternal":
        hint = _when(retry_after, "", datetime.now(timezone.utc)) or hint
    return Refused(f"{what}: {meaning} ({problem_text(problem)})", hint=hint)


def _when(header: Optional[str], detail: str, now: datetime) -> Optional[str]:
    moment = retry_time(header, now) or _date_in(detail)
    if moment is None:
        return None
    return f"Run again after {library.text_of(moment)}, in {span(moment - now)}; present certificates go on serving."


def retry_time(header: Optional[str], now: datetime) -> Optional[datetime]:
    """Read a Retry-After header (RFC 9110 §10.2.3): seconds, or a date."""
    if not header:
        return None
    if header.strip().isdigit():
        return now + timedelta(seconds=min(int(header), 10**9))
    try:
        found = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _date_in(detail: str) -> Optional[datetime]:
    """Some CAs say the time in their text only: ``retry after 2026-11-25 03:00:00 UTC``."""
    found = _DATE_IN_TEXT.search(detail)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(f"{found.group(1)}T{found.group(2)}+00:00")
    except ValueError:
        return None


def span(length: timedelta) -> str:
    """Return a length of time as people say it: ``3 h 20 min``."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days {hours % 24} h" if hours % 24 else f"{hours // 24} days"
