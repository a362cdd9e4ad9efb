"""What a served certificate says, and whether it names the XMPP domain (RFC 6120 §13.7, RFC 9525)."""

from __future__ import annotations

import datetime
from typing import Any

from ..errors import MissingDependency

#: id-on-xmppAddr (RFC 6120 §13.7.1.4) and id-on-dnsSRV (RFC 4985).
XMPP_ADDRESS = "1.3.6.1.5.5.7.8.5"
SRV_NAME = "1.3.6.1.5.5.7.8.7"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
ANY_PURPOSE = "2.5.29.37.0"
#: A certificate that ends sooner should have been renewed (the shortest public ones live 45 days).
RENEWAL_DAYS = 14


def describe(der: bytes, now: datetime.datetime) -> dict[str, Any]:
    """Return what a certificate says as plain data.

    :param der: the certificate, DER.
    :param now: the present, with a time zone.
    :raises MissingDependency: when cryptography is not installed.
    :raises ValueError: when it cannot be read.
    """
    x509, hashes = _library()
    certificate = x509.load_der_x509_certificate(der)
    not_before, not_after = _dates(certificate)
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "self_signed": certificate.subject == certificate.issuer,
        "serial": format(certificate.serial_number, "x"),
        "not_before": _stamp(not_before),
        "not_after": _stamp(not_after),
        "days_left": (not_after - now).days,
        "expired": now > not_after,
        "not_yet_valid": now < not_before,
        "key": _key(certificate.public_key()),
        "signature_algorithm": _signature(certificate),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        **_purposes(x509, certificate),
        **_alternative_names(x509, certificate),
    }


def _library() -> tuple[Any, Any]:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
    except ImportError as error:
        raise MissingDependency(
            "the Python library cryptography is not installed where the probe runs",
            hint="Install requirements.txt on the controller, python3-cryptography elsewhere.",
        ) from error
    return x509, hashes


def _dates(certificate: Any) -> tuple[datetime.datetime, datetime.datetime]:
    # The names with _utc came with cryptography 42; the ones without warn there.
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    zone = datetime.timezone.utc
    return certificate.not_valid_before.replace(tzinfo=zone), certificate.not_valid_after.replace(tzinfo=zone)


def _stamp(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(key: Any) -> str:
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"ECDSA {curve.name}"
    size = getattr(key, "key_size", None)
    kind = type(key).__name__.lstrip("_").replace("PublicKey", "")
    return f"{kind} {size}" if size else kind


def _signature(certificate: Any) -> str:
    name = getattr(certificate.signature_algorithm_oid, "_name", None)
    return name if name and name != "Unknown OID" else str(certificate.signature_algorithm_oid.dotted_string)


def _purposes(x509: Any, certificate: Any) -> dict[str, bool]:
    """Return server_auth and client_auth; without extended key usage both are allowed (RFC 5280 §4.2.1.12)."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return {"server_auth": True, "client_auth": True}
    named = {usage.dotted_string for usage in usages}
    both = ANY_PURPOSE in named
    return {"server_auth": both or SERVER_AUTH in named, "client_auth": both or CLIENT_AUTH in named}


def _alternative_names(x509: Any, certificate: Any) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {"names": [], "srv_names": [], "xmpp_addresses": []}
    try:
        entries = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    names["names"] = [name.lower() for name in entries.get_values_for_type(x509.DNSName)]
    for entry in entries.get_values_for_type(x509.OtherName):
        kind = {SRV_NAME: "srv_names", XMPP_ADDRESS: "xmpp_addresses"}.get(entry.type_id.dotted_string)
        if kind:
            names[kind].append(_der_string(entry.value).lower())
    return names


def _der_string(der: bytes) -> str:
    """Return the text of a DER IA5String or UTF8String shorter than 128 bytes, empty for anything else."""
    if len(der) < 2 or der[0] not in (0x0C, 0x16) or der[1] > 127 or der[1] != len(der) - 2:
        return ""
    return der[2:].decode("utf-8", "replace")


def names_domain(seen: dict[str, Any], domain: str) -> bool:
    """Tell whether a certificate names an XMPP domain; its common name counts for nothing (RFC 9525 §2).

    :param seen: what ``describe`` returned.
    :param domain: the XMPP domain, as A-labels in lower case.
    """
    if f"_xmpp-server.{domain}" in seen["srv_names"] or domain in seen["xmpp_addresses"]:
        return True
    return any(_same_name(name, domain) for name in seen["names"])


def _same_name(presented: str, domain: str) -> bool:
    """Compare names; ``*`` stands for exactly one whole leftmost label (RFC 9525 §6.3)."""
    if presented == domain:
        return True
    head, _, rest = presented.partition(".")
    return head == "*" and "." in rest and domain.partition(".")[2] == rest


def problems(seen: dict[str, Any], domain: str) -> list[str]:
    """Return, as readable clauses, why a partner would refuse this certificate; its chain is not looked at here."""
    found: list[str] = []
    if not names_domain(seen, domain):
        named = ", ".join(seen["names"] + seen["srv_names"] + seen["xmpp_addresses"]) or "no domain at all"
        found.append(f"it does not name {domain} (it names {named})")
    if seen["expired"]:
        found.append(f"it expired on {seen['not_after']}")
    if seen["not_yet_valid"]:
        found.append(f"it is not valid before {seen['not_before']}")
    if not seen["server_auth"]:
        found.append("it may not be used by a server (no serverAuth)")
    return found


def weaknesses(seen: dict[str, Any]) -> list[str]:
    """Return what works today but should be mended."""
    found: list[str] = []
    if not seen["expired"] and seen["days_left"] < RENEWAL_DAYS:
        found.append(f"the certificate ends in {seen['days_left']} days, on {seen['not_after']}")
    if "sha1" in seen["signature_algorithm"].lower() or "md5" in seen["signature_algorithm"].lower():
        found.append(f"the certificate is signed with {seen['signature_algorithm']}")
    if seen["key"].startswith("RSA") and int(seen["key"].split()[1]) < 2048:
        found.append(f"the certificate's key is {seen['key']}; 2048 bits are the least")
    return found
