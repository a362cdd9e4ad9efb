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
#: Name of the certificate template, szOID_ENROLL_CERTTYPE_EXTENSION ([MS-WCCE] §2.2.2.7.7.1): a BMPString.
TEMPLATE = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")
_BMP_STRING = 0x1E
_EXPECTED = (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.EXTENDED_KEY_USAGE, TEMPLATE)
#: Width of the labels in a summary.
_COLUMN = 21
_PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True)
class Request:
    """A certificate request that was read.

    :ivar settings: what it asks for; the friendly name is never part of it.
    :ivar public: its public key.
    :ivar fingerprint: SHA-256 (hex) of that key.
    :ivar pem: the request itself.
    :ivar common_names: the CN values of its subject.
    :ivar extras: dotted OIDs of extensions other than names, purposes and template, and of further purposes.
    :ivar signature: how it is signed, such as ``ECDSA with SHA256``; by its own key, or it could not be read.
    :ivar digest: SHA-256 (hex) of the request itself.
    """

    settings: RequestSettings
    public: keys.PublicKey
    fingerprint: str
    pem: str
    common_names: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    signature: str = ""
    digest: str = ""


def common_name(names: Iterable[str]) -> list[x509.NameAttribute[str]]:
    """Return the CN attribute for a list of names: the first, where it is short enough, otherwise nothing."""
    first = next(iter(names), "")
    return [x509.NameAttribute(NameOID.COMMON_NAME, first)] if 0 < len(first) <= _LONGEST_COMMON_NAME else []


def build(key: keys.PrivateKey, settings: RequestSettings) -> bytes:
    """Return the request as PEM, signed with the key: names as SANs, subject, purposes, template."""
    fields = settings.subject.as_dict()
    subject = [x509.NameAttribute(oid, fields[field]) for field, oid in _SUBJECT if field in fields]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
    if settings.client_auth:
        purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject + common_name(settings.names)))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in settings.names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    )
    if settings.template:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(TEMPLATE, _bmp_string(settings.template)), critical=False
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


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
        extras=_extras(request.extensions),
        signature=_signature_text(request),
        digest=_digest(request.public_bytes(serialization.Encoding.DER)),
    )


def plain(pem: str) -> str:
    """Return a request as every authority takes it: Windows writes NEW into its first line, and its own line ends."""
    text = pem.replace("\r\n", "\n").replace(" NEW CERTIFICATE REQUEST", " CERTIFICATE REQUEST")
    return text.strip() + "\n"


def check(request: Request, wanted: Iterable[str], where: str, template: str = "") -> None:
    """Check that a request asks for exactly the names that the model has for its pool, with a good key.

    :param template: the template that it must name; none where it is empty.
    :raises Refused: names too many or too few (each is named), further extensions (a CA, say) or purposes, another
        template, or a weak key.
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
            hint="An edge may not ask for more than names, purposes and template; look at who changed the request.",
        )
    if request.settings.template != template:
        asked_for, needed = (
            f"template '{name}'" if name else "no template" for name in (request.settings.template, template)
        )
        raise Refused(
            f"{where} asks for {asked_for}, the inventory for {needed}",
            hint="Run edge_certificate_request on that host again, with federation_certificate.template.",
        )
    weakness = keys.weakness(request.public)
    if weakness:
        raise Refused(f"{where}: {weakness}", hint="Change federation_certificate.key and make a new request.")


def summary(request: Request, friendly_name: str = "", exportable: Optional[bool] = None) -> str:
    """Return the request as people review it before they send it, and below it what the PKCS#10 itself says.

    :param friendly_name: where there is one; no part of the request.
    :param exportable: whether the key may leave its host; left out where that is not known.
    """
    settings = request.settings
    name = common_name(settings.names)
    subject = settings.subject
    review = [
        ("Friendly name", friendly_name),
        ("Private key", {True: "exportable", False: "not exportable", None: ""}[exportable]),
        ("Organisation", subject.organization),
        ("Organisational unit", subject.organizational_unit),
        ("City", subject.city),
        ("State", subject.state),
        ("Country", subject.country),
        ("Common name", str(name[0].value) if name else "(none: the first name is too long)"),
        ("Names", f"\n{' ' * _COLUMN}".join(settings.names)),
        ("Key", str(settings.key)),
        ("Purposes", ", ".join(settings.as_fields()["purposes"])),
        ("Template", settings.template),
        ("Key fingerprint", f"{request.fingerprint} (SHA-256 of the public key)"),
    ]
    return "".join(f"{label + ':':<{_COLUMN}}{value}\n" for label, value in review if value) + "\n" + decoded(request)


def decoded(request: Request) -> str:
    """Return what ``openssl req -text`` would show of a request, in words."""
    settings = request.settings
    lines = [
        "Certificate request (PKCS#10):",
        f"  subject: {_subject_text(settings)}",
        f"  public key: {settings.key}, SHA-256 {request.fingerprint}",
        f"  subject alternative names: {', '.join(f'DNS:{each}' for each in settings.names)}",
        f"  extended key usage: {', '.join(settings.as_fields()['purposes'])}",
        f"  template ({TEMPLATE.dotted_string}): {settings.template or 'none'}",
        *(f"  asks also for: {each}" for each in request.extras),
        f"  signature: {request.signature}, made by this key: ok",
        f"  SHA-256 of the request: {request.digest}",
    ]
    return "\n".join(lines) + "\n"


def _settings_of(request: x509.CertificateSigningRequest) -> RequestSettings:
    return RequestSettings(
        names=_names(request.extensions),
        subject=Subject(**{field: _attribute(request.subject, oid) for field, oid in _SUBJECT}),
        key=keys.settings_of(request.public_key()),
        client_auth=ExtendedKeyUsageOID.CLIENT_AUTH in _purposes(request.extensions),
        template=_template(request.extensions),
    )


def _subject_text(settings: RequestSettings) -> str:
    name = common_name(settings.names)
    return (
        ", ".join(part for part in (str(settings.subject), f"CN={name[0].value}" if name else "") if part) or "(empty)"
    )


def _bmp_string(text: str) -> bytes:
    """Return DER of a BMPString (X.690 §8.23); the library encodes none."""
    content = text.encode("utf-16-be")
    # One octet of length up to 127, otherwise one that says how many follow (X.690 §8.1.3).
    length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x81, len(content)])
    return bytes([_BMP_STRING]) + length + content


def _template(extensions: x509.Extensions) -> str:
    """Return the template's name; one that is written in another way than ours is shown, and equals none of ours."""
    try:
        found = extensions.get_extension_for_oid(TEMPLATE).value
    except x509.ExtensionNotFound:
        return ""
    raw: bytes = getattr(found, "value", b"")
    content = raw[2:] if raw[1:2] < b"\x80" else raw[3:]
    text = content.decode("utf-16-be", "replace")
    return text if raw == _bmp_string(text[:127]) else f"unreadable: {raw.hex()}"


def _extras(extensions: x509.Extensions) -> tuple[str, ...]:
    others = [
        each.oid.dotted_string for each in extensions if each.oid not in _EXPECTED and not _is_harmless(each.value)
    ]
    purposes = [f"purpose {each.dotted_string}" for each in _purposes(extensions) if each not in _PURPOSES]
    return (*others, *purposes)


def _is_harmless(value: x509.ExtensionType) -> bool:
    """Tell whether an extension only says what holds anyway, as requests of Windows do: whose key it is, a server's."""
    if isinstance(value, x509.KeyUsage):
        return not (value.key_cert_sign or value.crl_sign)
    return isinstance(value, x509.SubjectKeyIdentifier)


def _signature_text(request: x509.CertificateSigningRequest) -> str:
    algorithm = request.signature_hash_algorithm
    kind = "ECDSA" if keys.settings_of(request.public_key()).type == "ecdsa" else "RSA"
    return f"{kind} with {algorithm.name.upper()}" if algorithm else kind


def _digest(content: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize().hex()


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


def _purposes(extensions: x509.Extensions) -> Iterable[x509.ObjectIdentifier]:
    try:
        return list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return ()
