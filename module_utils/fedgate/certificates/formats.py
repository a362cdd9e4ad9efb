"""Whatever a CA answers with: PEM, DER, PKCS#7 or PKCS#12, recognised by its content, never by its name."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Optional

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from ..errors import CheckFailed, InvalidValue
from . import chains, keys

#: What a file is, as :func:`kind_of` says it.
PEM, PEM_PKCS7, DER, PKCS7, PKCS12 = "PEM", "PEM with PKCS#7", "DER", "PKCS#7", "PKCS#12"
ANSWERS = (PEM, PEM_PKCS7, DER, PKCS7, PKCS12)
#: What a file is that holds no certificate, in words for the error, and what to do.
_NO_ANSWER = {
    "empty": ("is empty", "Fetch it again."),
    "page": ("is a web page, not a certificate", "Open it: the CA's site says there why. Then fetch it again."),
    "request": ("holds a certificate request, not a certificate", "Put the CA's answer there, not what was sent."),
    "key": ("holds a private key and no certificate", "A private key has no place here: delete the file."),
    "unknown": (
        "holds no certificate",
        "PEM, DER, PKCS#7 and PKCS#12 are understood; ask the CA which of its downloads is one of them.",
    ),
}
_SEQUENCE, _INTEGER, _OID = 0x30, 0x02, 0x06
#: signedData, 1.2.840.113549.1.7.2, as DER.
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_PKCS7_BLOCK = re.compile(
    rb"-----BEGIN (?P<kind>PKCS7|CMS|PKCS #7 SIGNED DATA)-----\s*(?P<body>[A-Za-z0-9+/=\s]+?)-----END (?P=kind)-----"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{40,}={0,2}\s*")


def kind_of(data: bytes) -> str:
    """Tell what a file holds: one of ``PEM`` … ``PKCS12``, or a word for what is no answer of a CA."""
    text = chains.plain(data).lstrip(b"\xef\xbb\xbf\x00 \t\r\n")
    if not text:
        return "empty"
    for words, kind in (
        ((b"-----BEGIN PKCS7-----", b"-----BEGIN CMS-----", b"-----BEGIN PKCS #7 SIGNED DATA-----"), PEM_PKCS7),
        ((b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CERT", b"-----BEGIN TRUSTED CERT"), PEM),
        ((b"-----BEGIN CERTIFICATE REQUEST-----", b"-----BEGIN NEW CERTIFICATE REQUEST-----"), "request"),
    ):
        if any(word in text for word in words):
            return kind
    if re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", text):
        return "key"
    if re.match(rb"<(!doctype html|html|head|body|\?xml)", text[:100].lower()) or b"<html" in text[:2000].lower():
        return "page"
    return _kind_of_der(_unwrapped(data))


def certificates_of(data: bytes, where: str) -> list[x509.Certificate]:
    """Return the certificates of a file that is not protected by a password: PEM, DER or PKCS#7, in the order found.

    :param data: the whole file, as it is on disk; DER also as base64 without any headers.
    :param where: the file, for the error.
    :raises InvalidValue: no certificate in it (the message says what it is instead), or a damaged one.
    """
    kind = kind_of(data)
    if kind == PEM:
        return chains.parse(data, where)
    if kind == PEM_PKCS7:
        text = chains.plain(data)
        packs = [_from_base64(block.group("body"), where) for block in _PKCS7_BLOCK.finditer(text)]
        found = [each for pack in packs for each in _from_pkcs7(pack, where)]
        # Some CAs append single certificates to the bundle.
        return _once(found + (chains.parse(data, where) if b"-----BEGIN CERTIFICATE-----" in text else []))
    if kind == DER:
        return [_read(x509.load_der_x509_certificate, _unwrapped(data), where)]
    if kind == PKCS7:
        return _from_pkcs7(_unwrapped(data), where)
    if kind == PKCS12:
        raise InvalidValue(f"{where} is PKCS#12, which is opened with a password only", hint="Give its password.")
    said, hint = _NO_ANSWER[kind]
    raise InvalidValue(f"{where} {said}", hint=hint)


def pkcs12_of(
    data: bytes, password: Optional[str], where: str
) -> tuple[Optional[keys.PrivateKey], list[x509.Certificate]]:
    """Open PKCS#12 (RFC 7292) in memory: its private key, if it brings one, and its certificates, the key's own first.

    :param password: None when there is none; what was made without any opens with any.
    :raises InvalidValue: password wrong or missing (never shown), damaged, no certificate, a key of another kind.
    :raises CheckFailed: its key and its certificates do not belong together.
    """
    raw = _unwrapped(data)
    _refuse_cut(raw, where)
    key, certificates = _opened(raw, password, where)
    if not certificates:
        raise InvalidValue(f"{where} holds no certificate", hint="Export the certificate together with its chain.")
    if key is None:
        return None, certificates
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise InvalidValue(f"the private key in {where} is neither RSA nor ECDSA", hint="Only these two are used here.")
    fingerprint = keys.fingerprint(key.public_key())
    own = [each for each in certificates if keys.fingerprint(each.public_key()) == fingerprint]
    if not own:
        raise CheckFailed(
            f"the private key and the certificates in {where} are of different pairs",
            hint="Have the file made again, from the key that the certificate was issued for.",
        )
    return key, [*own, *(each for each in certificates if each not in own)]


def _opened(raw: bytes, password: Optional[str], where: str) -> tuple[Any, list[x509.Certificate]]:
    """Try the password given, then none: a file without a password may lie among others that have one."""
    for attempt in dict.fromkeys([password.encode() if password else None, None, b""]):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                key, first, others = pkcs12.load_key_and_certificates(raw, attempt)
        except Exception:  # noqa: S112 - ValueError, TypeError, UnsupportedAlgorithm: the versions of the library differ
            continue
        return key, _once([*([first] if first else []), *others])
    if password:
        raise InvalidValue(
            f"the password given does not open {where}",
            path="pkcs12_password",
            hint="Give the one that came with the file; if it is right, have the file made again with AES-256.",
        )
    raise InvalidValue(
        f"{where} is protected by a password, and none is given",
        path="pkcs12_password",
        hint="Give it as federation_certificate.pkcs12_password, from a vault.",
    )


def _refuse_cut(raw: bytes, where: str) -> None:
    """Tell a file that was cut off from a wrong password; the library would not."""
    head = raw[1] if len(raw) > 1 else 0
    if head > 0x80:
        size = head & 0x7F
        if len(raw) < 2 + size + int.from_bytes(raw[2 : 2 + size], "big"):
            raise InvalidValue(f"{where} is damaged: its end is missing", hint="Copy the file again, as binary.")


def _kind_of_der(raw: bytes) -> str:
    """Look at the first two elements, which differ: X.509, PKCS#7 (RFC 5652), PKCS#12 (RFC 7292), PKCS#8, PKCS#10."""
    inner = _inside(raw)
    if inner is None:
        return "unknown"
    if inner.startswith(_SIGNED_DATA):
        return PKCS7
    if inner[:3] == bytes([_INTEGER, 1, 3]):
        return PKCS12
    if inner[:1] == bytes([_INTEGER]):
        return "key"  # PKCS#8 and both older forms begin with a version
    first = _inside(inner)
    if first is None:
        return "unknown"
    if first[:1] == bytes([_OID]):
        return "key"  # an encrypted one begins with how it is encrypted
    # A request begins with its version 0, a certificate with [0] or its serial number, which is never 0.
    return "request" if first[:3] == bytes([_INTEGER, 1, 0]) else DER


def _inside(raw: bytes) -> Optional[bytes]:
    """Return what a SEQUENCE holds, from its first octet on; None where there is no SEQUENCE."""
    if len(raw) < 4 or raw[0] != _SEQUENCE:
        return None
    return raw[2:] if raw[1] <= 0x80 else raw[2 + (raw[1] & 0x7F) :]


def _unwrapped(data: bytes) -> bytes:
    """Return DER; some CAs send it as base64 without the lines that PEM has around."""
    if data[:1] == bytes([_SEQUENCE]) and _inside(data) is not None and not _BASE64.fullmatch(data):
        return data
    text = chains.plain(data).lstrip(b"\xef\xbb\xbf").strip()
    if _BASE64.fullmatch(text):
        try:
            return base64.b64decode(b"".join(text.split()), validate=True)
        except (ValueError, binascii.Error):
            return data
    return data


def _from_base64(body: bytes, where: str) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidValue(f"{where} is damaged: {error}", hint="Copy the file again, without changing it.") from error


def _from_pkcs7(raw: bytes, where: str) -> list[x509.Certificate]:
    found = _once(_read(pkcs7.load_der_pkcs7_certificates, raw, where))
    if not found:
        raise InvalidValue(f"{where} holds no certificate", hint="Ask the CA for the file with the certificates.")
    return found


def _read(reader: Callable[[bytes], Any], raw: bytes, where: str) -> Any:
    try:
        return reader(raw)
    except Exception as error:  # ValueError and UnsupportedAlgorithm, which moved between the library's versions
        raise InvalidValue(
            f"{where} is damaged: {error}", hint="Copy the file again, as binary, without changing it."
        ) from error


def _once(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return list(dict.fromkeys(certificates))
