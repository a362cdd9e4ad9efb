"""Certificate requests (PKCS#10, RFC 2986): make one from settings, read one that came from an edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from ..errors import FedgateError, InvalidValue, Refused
from . import keys
from .settings import RequestSettings, Subject

#: RFC 5280 appendix A.1, ub-common-name.
_LONGEST_COMMON_NAME = 64
_SUBJECT = (
    ("country", NameOID.COUNTRY_NAME), ("state", NameOID.STATE_OR_PROVINCE_NAME), ("city", NameOID.LOCALITY_NAME),
    ("organization", NameOID.ORGANIZATION_NAME), ("organizational_unit", NameOID.ORGANIZATIONAL_UNIT_NAME),
)  # fmt: skip
_EXPECTED = (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.EXTENDED_KEY_USAGE)


@dataclass(frozen=True)
class Request:
    """A certificate request that was read.

    :ivar settings: what it asks for; the friendly name is never part of it.
    :ivar public: its public key.
    :ivar fingerprint: SHA-256 (hex) of that key.
    :ivar pem: the request itself.
    :ivar common_names: the CN values of its subject.
    :ivar extras: dotted OIDs of extensions other than names and purposes.
    """

    settings: RequestSettings
    public: keys.PublicKey
    fingerprint: str
    pem: str
    common_names: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


def common_name(names: Iterable[str]) -> list[x509.NameAttribute[str]]:
    """Return the CN attribute for a list of names: the first, where it is short enough, otherwise nothing."""
    first = next(iter(names), "")
    return [x509.NameAttribute(NameOID.COMMON_NAME, first)] if 0 < len(first) <= _LONGEST_COMMON_NAME else []


def build(key: keys.PrivateKey, settings: RequestSettings) -> bytes:
    """Return the request as PEM, signed with the key: names as SANs, subject, purposes."""
    fields = settings.subject.as_dict()
    subject = [x509.NameAttribute(oid, fields[field]) for field, oid in _SUBJECT if field in fields]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
    if settings.client_auth:
        purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject + common_name(settings.names)))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in settings.names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM)


def read(pem: str, where: str) -> Request:
    """Read a request and check that whoever made it has the key (its own signature).

    :param where: whose request it is, for the error.
    :raises InvalidValue: it cannot be read.
    :raises Refused: its signature is wrong.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        valid = request.is_signature_valid
        settings = _settings_of(request)
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType) as error:
        raise InvalidValue(f"{where}: the certificate request cannot be read: {error}") from error
    except FedgateError:
        raise
    except Exception as error:  # UnsupportedAlgorithm and others, which moved between the library's versions
        raise InvalidValue(f"{where}: the certificate request cannot be read: {type(error).__name__}") from error
    if not valid:
        raise Refused(f"{where}: the certificate request is not signed by its own key", hint="Make a new request.")
    public = request.public_key()
    return Request(
        settings,
        public,  # type: ignore[arg-type]
        keys.fingerprint(public),
        pem,
        common_names=tuple(
            str(each.value).lower() for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ),
        extras=tuple(each.oid.dotted_string for each in request.extensions if each.oid not in _EXPECTED),
    )


def check(request: Request, wanted: Iterable[str], where: str) -> None:
    """Check that a request asks for exactly the names that the model has for its pool, with a good key.

    :raises Refused: names too many or too few (each is named), further extensions (a CA, say), or a weak key.
    """
    # The common name counts too: public CAs turn it into a further name.
    asked, wanted = {*request.settings.names, *request.common_names}, set(wanted)
    if asked - wanted:
        raise Refused(
            f"{where} asks for names that its pool does not have: {', '.join(sorted(asked - wanted))}",
            hint="An edge may not ask for more than the inventory gives its pool; find out who changed the request.",
        )
    lacking = wanted - set(request.settings.names)
    if lacking:
        raise Refused(
            f"{where} does not ask for all names of its pool: {', '.join(sorted(lacking))} missing",
            hint="Run edge_certificate_request on that host again.",
        )
    if request.extras:
        raise Refused(
            f"{where} asks for extensions that Fedgate never asks for: {', '.join(request.extras)}",
            hint="An edge may not ask for more than names and purposes; look at who changed the request.",
        )
    weakness = keys.weakness(request.public)
    if weakness:
        raise Refused(f"{where}: {weakness}", hint="Change federation_certificate.key and make a new request.")


def summary(request: Request, friendly_name: str = "") -> str:
    """Return the request as people review it before they send it: one fact a line."""
    settings = request.settings
    lines = [
        f"Friendly name:    {friendly_name}" if friendly_name else "",
        f"Subject:          {_subject_text(settings)}",
        "Names:            " + "\n                  ".join(settings.names),
        f"Key:              {settings.key}",
        f"Purposes:         {', '.join(settings.as_fields()['purposes'])}",
        f"Key fingerprint:  {request.fingerprint} (SHA-256 of the public key)",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _subject_text(settings: RequestSettings) -> str:
    name = common_name(settings.names)
    return (
        ", ".join(part for part in (str(settings.subject), f"CN={name[0].value}" if name else "") if part) or "(empty)"
    )


def _settings_of(request: x509.CertificateSigningRequest) -> RequestSettings:
    return RequestSettings(
        names=_names(request.extensions),
        subject=Subject(**{field: _attribute(request.subject, oid) for field, oid in _SUBJECT}),
        key=keys.settings_of(request.public_key()),
        client_auth=ExtendedKeyUsageOID.CLIENT_AUTH in _purposes(request.extensions),
    )


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _names(extensions: x509.Extensions) -> tuple[str, ...]:
    """Return every name asked for, whatever its kind: what is not a dNSName must not slip through the comparison."""
    try:
        found = extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_name_text(name) for name in found)  # type: ignore[attr-defined]


def _name_text(name: x509.GeneralName) -> str:
    return name.value.lower() if isinstance(name, x509.DNSName) else f"{type(name).__name__}:{name.value}"


def _purposes(extensions: x509.Extensions) -> Iterable[Optional[x509.ObjectIdentifier]]:
    try:
        return list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return ()
