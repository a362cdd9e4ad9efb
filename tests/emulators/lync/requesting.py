"""What Request-CsCertificate does: a key, a request as certreq writes it, what an enterprise CA makes of it."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from psrpcore.types import ErrorCategory

from .binder import number
from .console import CmdletError, decorated
from .engine import Call
from .holdings import Entry, Holdings, Key, OnlineRequest, spki, stand_in
from .windows import held_by
from .world import World

_CURVES = {"ECDH_P256": ec.SECP256R1, "ECDH_P384": ec.SECP384R1, "ECDH_P521": ec.SECP521R1}
_SUBJECT = (
    ("Country", NameOID.COUNTRY_NAME),
    ("State", NameOID.STATE_OR_PROVINCE_NAME),
    ("City", NameOID.LOCALITY_NAME),
    ("Organization", NameOID.ORGANIZATION_NAME),
    ("OU", NameOID.ORGANIZATIONAL_UNIT_NAME),
)
#: szOID_ENROLL_CERTTYPE_EXTENSION.
_TEMPLATE = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2")
_DEFAULT_TEMPLATE = "WebServer"


def key_size(value: Any) -> int:
    """1024, 2048 or 4096."""
    found = number(0, 2**31 - 1)(value)
    if found not in (1024, 2048, 4096):
        raise ValueError(f'The argument "{value}" does not belong to the set "1024,2048,4096".')
    return found


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names of a certificate."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return list(found.get_values_for_type(x509.DNSName))


def run(world: World, call: Call) -> Iterator[Any]:
    """Carry out the cmdlet, whichever of its parameter sets was used."""
    for name, do in (("New", _new), ("List", _list), ("Retrieve", _retrieve)):
        if name in call:
            return do(world, call)
    return _clear(world, call)


def _failed(message: str, error_id: str, target: str = "") -> CmdletError:
    return CmdletError(  # guessed wording
        message, error_id, ErrorCategory.InvalidOperation, "Microsoft.Rtc.Management.Deployment.DeploymentException",
        target=target,
    )  # fmt: skip


def _new(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    if not call["Output"] and not call["CA"]:
        raise _failed("No certification authority is configured for this computer.", "NoAuthority")
    authority = _authority(world, call) if call["CA"] else None
    key = _key(call)
    request = _request(world, held, call, key)
    held.stores["REQUEST"].append(
        Entry(stand_in(key, request.subject), key, call["PrivateKeyExportable"] is True, call["FriendlyName"] or "")
    )
    if authority is None:
        held.files[call["Output"].lower()] = _as_file(request)
    else:
        _submit(held, call, authority, request)
    return iter(())


def _authority(world: World, call: Call) -> Any:
    authority = world.authorities.get(call["CA"].lower())
    if authority is None:
        raise _failed("The RPC server is unavailable. 0x800706ba (WIN32: 1722)", "AuthorityUnavailable", call["CA"])
    account = call["CaAccount"]
    if account is not None and authority.accounts.get(account) != call["CaPassword"]:
        raise _failed("Logon failure: unknown user name or bad password. 0x8007052e", "LogonFailure", account)
    return authority


def _key(call: Call) -> Key:
    curve = _CURVES.get(call["KeyAlg"] or "RSA")
    if curve is not None:
        return ec.generate_private_key(curve())
    return rsa.generate_private_key(65537, call["KeySize"] or 2048)


def _names(world: World, held: Holdings, call: Call) -> list[str]:
    """The topology's names, the SIP domains', and those of -DomainName.

    Without -AllSipDomain only the primary SIP domain's is added (the cmdlet's reference). What it finds for the use
    AudioVideoAuthentication alone is guessed: the subject.
    """
    found = [held.subject]
    if set(call["Type"]) - {"AudioVideoAuthentication"}:
        domains = world.sip_domains if "AllSipDomain" in call else world.sip_domains[:1]
        found += [*held.names, *(f"sip.{domain}" for domain in domains)]
    found += [name.strip() for name in (call["DomainName"] or "").split(",") if name.strip()]
    return list(dict.fromkeys(name.lower() for name in found))


def _request(world: World, held: Holdings, call: Call, key: Key) -> x509.CertificateSigningRequest:
    """Return the request with the extensions that certreq writes: key usage, purposes, key identifier, template."""
    subject = [x509.NameAttribute(oid, call[name]) for name, oid in _SUBJECT if call[name]]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, held.subject))
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
    if call["ClientEKU"]:
        purposes.append(ExtendedKeyUsageOID.CLIENT_AUTH)
    usage = x509.KeyUsage(True, False, isinstance(key, rsa.RSAPrivateKey), False, False, False, False, False, False)
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in _names(world, held, call)]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    # guessed: whether WebServer, the default (lync.md), stands in an offline request that names no template
    name = (call["Template"] or _DEFAULT_TEMPLATE).encode("utf-16-be")
    template = x509.UnrecognizedExtension(_TEMPLATE, bytes([0x1E, len(name)]) + name)
    return builder.add_extension(template, critical=False).sign(key, hashes.SHA256())


def _as_file(request: x509.CertificateSigningRequest) -> bytes:
    """As certreq writes it: with NEW in its first line, and Windows line ends."""
    body = "\r\n".join(textwrap.wrap(base64.b64encode(request.public_bytes(Encoding.DER)).decode(), 64))
    label = "NEW CERTIFICATE REQUEST"
    return f"-----BEGIN {label}-----\r\n{body}\r\n-----END {label}-----\r\n".encode()


def _submit(held: Holdings, call: Call, authority: Any, request: x509.CertificateSigningRequest) -> None:
    """An online request that is granted at once is in the store at once (Import-CsCertificate, description)."""
    number_ = 1 + max(authority.waiting, default=0)
    authority.waiting[number_] = request
    held.online[number_] = OnlineRequest(
        number_, authority.name, spki(request.public_key()), call["FriendlyName"] or "", authority.decision
    )
    if authority.decision == "Issued":
        _fetch(held, authority, number_)
    elif authority.decision == "Denied":
        raise _failed("The certificate request was denied. 0x80094014", "RequestDenied", authority.name)


def _fetch(held: Holdings, authority: Any, request_id: int) -> None:
    held.accept(authority.sign(authority.waiting[request_id]))
    held.put("CA", Entry(authority.issuer))
    held.put("Root", Entry(authority.root))
    del held.online[request_id]


def _chosen(held: Holdings, call: Call) -> list[OnlineRequest]:
    if "RequestId" not in call:
        return list(held.online.values())
    found = held.online.get(call["RequestId"])
    if found is None:
        raise _failed(f"There is no request with the number {call['RequestId']}.", "RequestNotFound")
    return [found]


def _status(world: World, request: OnlineRequest) -> str:
    authority = world.authorities.get(request.authority.lower())
    return authority.decision if authority is not None else request.status


def _list(world: World, call: Call) -> Iterator[Any]:
    """The kinds of status are the reference's: Issued, Denied, Pending; names of properties are guessed."""
    for request in _chosen(held_by(world, call), call):
        properties = {
            "RequestId": request.number,
            "CA": request.authority,
            "FriendlyName": request.friendly_name,
            "Status": _status(world, request),
        }
        types = ["Microsoft.Rtc.Management.Deployment.CertificateRequest", "System.Object"]
        yield decorated(types, properties, str(request.number))


def _retrieve(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    for request in _chosen(held, call):
        if _status(world, request) == "Issued":
            _fetch(held, world.authorities[request.authority.lower()], request.number)
    return iter(())


def _clear(world: World, call: Call) -> Iterator[Any]:
    held = held_by(world, call)
    for request in _chosen(held, call):
        del held.online[request.number]
        held.stores["REQUEST"] = [
            entry for entry in held.stores["REQUEST"] if spki(entry.certificate.public_key()) != request.fingerprint
        ]
    return iter(())
