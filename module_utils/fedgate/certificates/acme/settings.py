"""The settings of one ACME issuer, checked."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ...errors import InvalidValue

#: A mail address as far as a CA looks at it.
_MAIL = re.compile(r"[^@\s,:]+@[^@\s,:]+\.[^@\s,:]+")


@dataclass(frozen=True)
class AcmeSettings:
    """See the option ``issuers.acme`` of ``edge_certificate_issue``.

    :ivar folder: ``state_directory``, absolute.
    :ivar contact: as the protocol writes it, ``mailto:…``.
    :ivar timeout: seconds for all orders of one run, from the first question to the last certificate.
    :ivar propagation_timeout: seconds until all name servers must have the challenge records.
    """

    directory_url: str
    folder: str
    contact: tuple[str, ...]
    agree_to_terms: bool
    account_key: Optional[str] = field(repr=False)
    eab_kid: Optional[str]
    eab_hmac_key: Optional[str] = field(repr=False)
    profile: Optional[str]
    preferred_chain: Optional[str]
    dns_provider: Optional[Mapping[str, Any]] = field(repr=False)
    resolvers: tuple[str, ...]
    ca_file: Optional[str]
    timeout: int
    propagation_timeout: int
    renewal_info: bool
    trust_anchors: tuple[str, ...]

    @classmethod
    def of(cls, issuer: Mapping[str, Any]) -> AcmeSettings:
        """Read the module's ``issuers`` element. :raises InvalidValue: naming the key that is wrong."""
        given = issuer.get("acme")
        if not given:
            raise InvalidValue(
                "an issuer of kind acme needs its settings",
                path="issuer.acme",
                hint="Give at least directory_url, state_directory and agree_to_terms.",
            )
        ca_file = given.get("ca_file")
        return cls(
            directory_url=_https(given["directory_url"]),
            folder=os.path.abspath(os.path.expanduser(given["state_directory"])),
            contact=tuple(_mailto(each) for each in given.get("contact") or ()),
            agree_to_terms=bool(given.get("agree_to_terms")),
            account_key=given.get("account_key") or None,
            **_binding(given.get("eab_kid") or None, given.get("eab_hmac_key") or None),
            profile=given.get("profile") or None,
            preferred_chain=given.get("preferred_chain") or None,
            dns_provider=given.get("dns_provider") or None,
            resolvers=tuple(given.get("resolvers") or ()),
            ca_file=os.path.abspath(os.path.expanduser(ca_file)) if ca_file else None,
            timeout=_seconds(given, "timeout", 300),
            propagation_timeout=_seconds(given, "propagation_timeout", 120),
            renewal_info=given.get("renewal_info") is not False,
            trust_anchors=tuple(issuer.get("trust_anchors") or ()),
        )


def _https(url: str) -> str:
    if not re.fullmatch(r"https://[^/\s]+\S*", url):
        raise InvalidValue(
            f"{url!r} is not the address of an ACME directory",
            path="issuer.acme.directory_url",
            hint="It begins with https:// (RFC 8555 §6.1); the CA's documentation names it.",
        )
    return url


def _mailto(text: str) -> str:
    mail = text.strip().removeprefix("mailto:")
    if not _MAIL.fullmatch(mail):
        raise InvalidValue(
            f"{text!r} is not a mail address", path="issuer.acme.contact", hint="Write it like admin@contoso.example."
        )
    return f"mailto:{mail}"


def _binding(kid: Optional[str], key: Optional[str]) -> dict[str, Any]:
    """Both parts of an external account binding (RFC 8555 §7.3.4), or none; the key is never shown."""
    if bool(kid) != bool(key):
        raise InvalidValue(
            f"{'eab_kid' if kid else 'eab_hmac_key'} is given without {'eab_hmac_key' if kid else 'eab_kid'}",
            path="issuer.acme",
            hint="The CA gives out both together.",
        )
    if key is not None:
        packed = key.strip().rstrip("=")
        try:
            raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not raw:
            raise InvalidValue(
                "the key of the external account binding is not in base64url",
                path="issuer.acme.eab_hmac_key",
                hint="Copy it as the CA shows it: letters, digits, - and _.",
            )
        key = packed
    return {"eab_kid": kid, "eab_hmac_key": key}


def _seconds(given: Mapping[str, Any], key: str, default: int) -> int:
    value = given.get(key)
    value = default if value is None else int(value)
    if not 1 <= value <= 86400:
        raise InvalidValue(
            f"{value} seconds are not allowed", path=f"issuer.acme.{key}", hint="Allowed are 1 to 86400."
        )
    return value
