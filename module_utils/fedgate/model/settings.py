"""Checks the deployment's settings that other parts read by themselves: certificate, resolvers, proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .acme_settings import check_acme
from .dns_settings import check_dns_provider
from .domains import is_address
from .reading import Fields, Reader, shown

#: A certification authority of Windows, which Edge Servers of Lync ask by themselves.
ENTERPRISE_CA = "enterprise_ca"
ISSUERS = ("acme", "local_ca", "manual")
#: The certificate for audio and video of Lync pools.
MEDIA = "federation_media_certificate"
KEY_TYPES = ("rsa", "ecdsa")
KEY_SIZES = (2048, 3072, 4096)
#: Request-CsCertificate, parameter KeySize; 1024 is too weak for anybody.
LYNC_KEY_SIZES = (2048, 4096)
CURVES = ("p256", "p384", "p521")
#: X.520 upper bounds (RFC 5280 appendix A.1), in characters.
_SUBJECT_LIMITS = {"organization": 64, "organizational_unit": 64, "city": 128, "state": 128}
_CERTIFICATE_KEYS = (
    "issuer", "organization", "organizational_unit", "city", "state", "country", "friendly_name", "key", "client_auth",
    "template", "exportable", "request_file", "pkcs12_password", "ca_intermediate", "ca_crl_url", "ca_revoked",
    "validity_days", "ca_directory", "ca_create", "ca_passphrase", "requests_directory", "trust_anchors",
    "acme", "reuse_key", "renew_before_days", "enterprise_ca", "enterprise_ca_account", "enterprise_ca_password",
)  # fmt: skip
_NEEDED = (("local_ca", "ca_directory"), ("manual", "requests_directory"), (ENTERPRISE_CA, ENTERPRISE_CA))


@dataclass(frozen=True)
class Issuing:
    """What DNS has to know of how a pool's certificate is issued.

    :ivar reuse_key: whether the next certificate is for the same key.
    :ivar challenges: whether its challenge records go where all our records go.
    :ivar authority: what the authority calls itself in CAA records, where that is known without asking it.
    """

    issuer: str = ""
    reuse_key: bool = False
    challenges: bool = False
    authority: str | None = None


def check_certificate(reader: Reader, members: int = 1, lync: bool = False) -> Issuing:
    """Check ``federation_certificate`` of one pool; a passphrase is looked at, never kept.

    :param members: how many Linux gateways share the pool's certificate, and so its key.
    :param lync: whether it is a pool of Lync, whose servers make their requests themselves.
    """
    fields = reader.fields(_CERTIFICATE_KEYS, required=["issuer"])
    if fields is None:
        return Issuing()
    authority = None
    issuer = fields.read("issuer", lambda at: _issuer(at, lync), "")
    for key, limit in _SUBJECT_LIMITS.items():
        fields.read(key, lambda at, most=limit: at.text(most), "")  # type: ignore[misc]
    for key in ("friendly_name", "ca_directory", "requests_directory", "request_file"):
        fields.read(key, Reader.text, "")
    fields.read("template", lambda at: at.text(64), "")
    for key in ("client_auth", "ca_create", "ca_intermediate"):
        fields.read(key, Reader.flag, False)
    if not fields.read("exportable", Reader.flag, True) and members > 1:
        fields.at("exportable").wrong(
            f"the {members} members of this pool share one certificate, so its key must reach all of them",
            "Remove exportable here, or make each member a pool of its own.",
        )
    fields.read("country", _country, "")
    fields.read("validity_days", lambda at: at.whole_number(1, 3650, "days"), 0)
    fields.read("renew_before_days", lambda at: at.whole_number(1, 365, "days"), 0)
    fields.read_all("trust_anchors", Reader.texts)
    fields.read("ca_crl_url", _crl_url, "")
    fields.read_all("ca_revoked", _serials)
    for key in ("ca_passphrase", "pkcs12_password"):
        if fields.has(key):
            fields.at(key).secret()
    if fields.has("key"):
        _check_key(fields.at("key"), LYNC_KEY_SIZES if lync else KEY_SIZES)
    _check_enterprise_ca(fields, issuer, lync)
    if fields.has("acme"):
        authority = check_acme(fields.at("acme"), check_dns_provider, check_resolvers)
    elif issuer == "acme":
        reader.wrong(
            "issuer: acme needs acme", "Add acme: with at least directory_url, state_directory, agree_to_terms."
        )
    for needed_by, key in _NEEDED:
        if issuer == needed_by and not fields.has(key):
            what = r"host\name of the authority" if key == ENTERPRISE_CA else "a directory on the controller"
            reader.wrong(f"issuer: {needed_by} needs {key}", f"Add {key}: with {what}.")
    reuse_key = fields.read("reuse_key", Reader.flag, False)
    acme = issuer == "acme" and fields.has("acme")
    own_provider = acme and isinstance(fields.at("acme").value, Mapping) and fields.at("acme").value.get("dns_provider")
    return Issuing(issuer, reuse_key, acme and not own_provider, authority if acme else None)


def _issuer(reader: Reader, lync: bool) -> str | None:
    # One that is only at the wrong place gets an error of its own.
    known = (*ISSUERS, ENTERPRISE_CA) if lync or reader.value == ENTERPRISE_CA else ISSUERS
    return reader.choice(known)


def _check_enterprise_ca(fields: Fields, issuer: str, lync: bool) -> None:
    name = fields.read(ENTERPRISE_CA, Reader.text, "")
    if name and not re.fullmatch(r"[^\\]+\\[^\\]+", name):
        fields.at(ENTERPRISE_CA).wrong(
            f"{name!r} names no enterprise CA",
            r"Write it as host\name, as certutil shows it (Config): ca1.contoso.example\Contoso CA.",
        )
    fields.read("enterprise_ca_account", Reader.text, "")
    if fields.has("enterprise_ca_password"):
        fields.at("enterprise_ca_password").secret()
    if fields.has("enterprise_ca_account") != fields.has("enterprise_ca_password"):
        fields.reader.wrong(
            "enterprise_ca_account and enterprise_ca_password go together, and only one of them is set",
            "Set both, the password by a vault_ variable, or neither.",
        )
    if issuer == ENTERPRISE_CA and not lync:
        fields.at("issuer").wrong(
            "an enterprise CA is asked by Edge Servers of Lync only",
            "Allowed here are acme, local_ca and manual, whose requests may be sent to it by hand.",
        )


def _check_key(reader: Reader, sizes: Sequence[int]) -> None:
    fields = reader.fields(("type", "size", "curve"))
    if fields is None:
        return
    kind = fields.read("type", lambda at: at.choice(KEY_TYPES), "")
    fields.read("size", lambda at: at.choice(sizes), 0)
    fields.read("curve", lambda at: at.choice(CURVES), "")
    for key, only in (("size", "rsa"), ("curve", "ecdsa")):
        if fields.has(key) and kind and kind != only:
            fields.at(key).wrong(f"{key} has no meaning with type: {kind}", f"Remove it, or set type: {only}.")


def _crl_url(reader: Reader) -> str | None:
    text = reader.text()
    if text is not None and not re.fullmatch(r"http://[^\s/?#]+/[^\s?#]+", text):
        # Who fetches it by https would need it first, to judge that server's certificate.
        reader.wrong(f"{text!r} is no address of a revocation list", "Write it as http://pki.contoso.example/crl.der.")
        return None
    return text


def _serials(reader: Reader) -> list[str]:
    found = []
    for item in reader.items():
        text = item.text()
        if text is not None and not re.fullmatch("[0-9A-Fa-f:]+", text):
            item.wrong(f"{text!r} is not a serial number", "Write it in hexadecimal, in quotation marks.")
        elif text is not None:
            found.append(text)
    return found


def _country(reader: Reader) -> str | None:
    if isinstance(reader.value, bool):
        # YAML 1.1 reads NO, the code of Norway, as false.
        reader.wrong("a country code is needed here, not true or false", 'Norway is "NO", with quotation marks.')
        return None
    text = reader.text()
    if text is None:
        return None
    if re.fullmatch("[A-Z]{2}", text):
        return text
    hint = "Write the two letters of ISO 3166-1, such as GB or JP."
    if re.fullmatch("[A-Za-z]{2}", text):
        hint = f"Write it in capital letters: {text.upper()}."
    reader.wrong(f"{text!r} is not a country code of two capital letters", hint)
    return None


def check_proxy(reader: Reader) -> None:
    """Check ``federation_proxy_env``: texts by name of environment variable. They may hold passwords: never shown."""
    if not isinstance(reader.value, Mapping):
        reader.wrong("a mapping is needed here", "Write it like http_proxy: http://proxy.example:3128.")
        return
    for name, value in reader.value.items():
        if not isinstance(value, str):
            where = reader.where.into(str(name))
            reader.problems.error(where, "a text is needed here", "Put it into quotation marks.")


def check_resolvers(reader: Reader) -> None:
    """Check ``federation_dns_resolvers``: addresses, a local resolver's included."""
    for item in reader.items():
        if not isinstance(item.value, str) or not is_address(item.value):
            item.wrong(f"{shown(item.value)} is not an IP address", "Write the addresses of resolvers.")
