"""Checks ``federation_certificate.acme``: how a CA that speaks ACME is asked."""

from __future__ import annotations

import re
from collections.abc import Callable

from .reading import Reader

ACME_KEYS = (
    "directory_url", "state_directory", "contact", "agree_to_terms", "account_key", "eab_kid", "eab_hmac_key",
    "profile", "preferred_chain", "dns_provider", "resolvers", "ca_file", "timeout", "propagation_timeout",
    "renewal_info",
)  # fmt: skip
#: What some authorities call themselves in CAA records (RFC 8659), by the host of their directory.
AUTHORITIES = {
    "acme-v02.api.letsencrypt.org": "letsencrypt.org",
    "acme-staging-v02.api.letsencrypt.org": "letsencrypt.org",
    "dv.acme-v02.api.pki.goog": "pki.goog",
    "acme.zerossl.com": "sectigo.com",
    "acme.sectigo.com": "sectigo.com",
    "acme.digicert.com": "digicert.com",
    "acme.ssl.com": "ssl.com",
}
_MAIL = re.compile(r"[^@\s,:]+@[^@\s,:]+\.[^@\s,:]+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
#: Seconds.
_LONGEST = 86400


def check_acme(
    reader: Reader, dns_provider: Callable[[Reader], object], resolvers: Callable[[Reader], None]
) -> str | None:
    """Check the mapping; secrets are looked at, never kept.

    :param dns_provider: checks a mapping like ``federation_dns_provider``.
    :param resolvers: checks a list like ``federation_dns_resolvers``.
    :returns: what the authority calls itself in CAA records, where that is known without asking it.
    """
    fields = reader.fields(ACME_KEYS, required=["directory_url", "state_directory"])
    if fields is None:
        return None
    directory = fields.read("directory_url", _https, "")
    for key in ("state_directory", "ca_file", "eab_kid", "profile", "preferred_chain"):
        fields.read(key, Reader.text, "")
    fields.read_all("contact", _mails)
    for key in ("agree_to_terms", "renewal_info"):
        fields.read(key, Reader.flag, False)
    for key in ("timeout", "propagation_timeout"):
        fields.read(key, lambda at: at.whole_number(1, _LONGEST, "seconds"), 0)
    if fields.has("account_key"):
        _check_account_key(fields.at("account_key"))
    if fields.has("eab_hmac_key"):
        _check_hmac_key(fields.at("eab_hmac_key"))
    for key, other in (("eab_kid", "eab_hmac_key"), ("eab_hmac_key", "eab_kid")):
        if fields.has(key) and not fields.has(other):
            reader.wrong(f"{key} is given without {other}", "The CA gives out both together.")
    if fields.has("dns_provider"):
        dns_provider(fields.at("dns_provider"))
    if fields.has("resolvers"):
        resolvers(fields.at("resolvers"))
    return AUTHORITIES.get(directory.removeprefix("https://").partition("/")[0].lower())


def _https(reader: Reader) -> str | None:
    text = reader.text()
    if text is None or re.fullmatch(r"https://[^/\s]+\S*", text):
        return text
    reader.wrong(f"{text!r} is not the address of an ACME directory", "It begins with https://; the CA names it.")
    return None


def _mails(reader: Reader) -> list[str]:
    for item in reader.items():
        text = item.text()
        if text is not None and not _MAIL.fullmatch(text.removeprefix("mailto:")):
            item.wrong(f"{text!r} is not a mail address", "Write it like admin@contoso.example.")
    return []


def _check_account_key(reader: Reader) -> None:
    # Never shown, not even in part.
    if reader.secret() and "PRIVATE KEY-----" not in str(reader.value):
        reader.wrong("this is not a private key as PEM", "It has a line that reads -----BEGIN PRIVATE KEY-----.")


def _check_hmac_key(reader: Reader) -> None:
    if reader.secret() and not _BASE64URL.fullmatch(str(reader.value).strip()):
        reader.wrong("the secret is not in base64url", "Copy it as the CA shows it: letters, digits, - and _.")
