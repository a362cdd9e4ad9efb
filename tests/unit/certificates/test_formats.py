"""Whatever a CA sends: recognised by its content; what is no certificate is called what it is."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import formats, keys
from ansible.module_utils.fedgate.certificates.settings import KeySettings
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from .world import ECDSA, NAMES, Authority, pem

if not hasattr(pkcs7, "serialize_certificates"):
    pytest.skip("only controllers read answers", allow_module_level=True)

ROOT = Authority("Root")
MIDDLE = Authority("Intermediate", ROOT)
KEY = keys.generate(KeySettings.of(ECDSA))
LEAF = MIDDLE.sign(KEY.public_key())
BOTH = [LEAF, MIDDLE.certificate]
PASSWORD = "canary-7c1e"


def packed(key: Any = KEY, first: Any = LEAF, others: Any = (MIDDLE.certificate,), password: Any = PASSWORD) -> bytes:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"edge", key, first, list(others), protection)


def bundle(encoding: Encoding) -> bytes:
    return pkcs7.serialize_certificates(BOTH, encoding)


def bare(content: bytes) -> bytes:
    """Base64 without headers, with the line ends of Windows."""
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


DER = LEAF.public_bytes(Encoding.DER)
SHAPES: dict[str, tuple[bytes, list[Any]]] = {
    "pem": (pem(*BOTH).encode(), BOTH),
    "windows": (pem(*BOTH).replace("\n", "\r\n").encode(), BOTH),
    "bom": (b"\xef\xbb\xbf" + pem(*BOTH).encode(), BOTH),
    "utf-16": (pem(*BOTH).encode("utf-16"), BOTH),
    "other order": (pem(*reversed(BOTH)).encode(), BOTH[::-1]),
    "letter": (b"Dear customer,\r\n" + pem(*BOTH).encode() + b"\r\nKind regards", BOTH),
    "html around": (b"<html><pre>" + pem(LEAF).encode() + b"</pre></html>", [LEAF]),
    "der": (DER, [LEAF]),
    "der as base64": (bare(DER), [LEAF]),
    "pkcs7": (bundle(Encoding.DER), BOTH),
    "pkcs7 as base64": (bare(bundle(Encoding.DER)), BOTH),
    "pkcs7 pem": (bundle(Encoding.PEM), BOTH),
    "pkcs7 pem, windows, bom": (b"\xef\xbb\xbf" + bundle(Encoding.PEM).replace(b"\n", b"\r\n"), BOTH),
    "pkcs7 pem and pem": (bundle(Encoding.PEM) + pem(ROOT.certificate).encode(), [*BOTH, ROOT.certificate]),
    "pkcs7 as cms": (bundle(Encoding.PEM).replace(b"PKCS7", b"CMS"), BOTH),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape: str) -> None:
    content, expected = SHAPES[shape]
    assert formats.certificates_of(content, "answer.cer") == expected or (
        # A PKCS#7 bundle is a set: its order says nothing.
        "pkcs7" in shape and set(formats.certificates_of(content, "answer.cer")) == set(expected)
    )


REQUEST = x509.CertificateSigningRequestBuilder().subject_name(LEAF.subject).sign(KEY, LEAF.signature_hash_algorithm)
WRONG = {
    "empty": (b"", "answer.cer is empty. Fetch it again."),
    "blanks": (b" \r\n", "answer.cer is empty"),
    "page": (b"<!DOCTYPE html>\n<html><body>Session expired</body></html>", "is a web page, not a certificate. Open"),
    "page with a bom": (b"\xef\xbb\xbf\r\n<HTML><HEAD>", "is a web page, not a certificate"),
    "page in utf-16": ("<html><title>403".encode("utf-16"), "is a web page, not a certificate"),
    "request": (REQUEST.public_bytes(Encoding.PEM), "holds a certificate request, not a certificate. Put the CA's"),
    "request, der": (REQUEST.public_bytes(Encoding.DER), "holds a certificate request, not a certificate"),
    "key": (keys.to_pem(KEY), "holds a private key and no certificate. A private key has no place here"),
    "encrypted key": (keys.to_pem(KEY, "x"), "holds a private key and no certificate"),
    "key, der": (KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "holds a private key"),
    "key, der, encrypted": (
        KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), "holds a private key",
    ),
    "text": (b"Your order was received.", "holds no certificate. PEM, DER, PKCS#7 and PKCS#12 are understood"),
    "binary": (b"\x00\x01\x02\x03" * 20, "holds no certificate"),
    "cut der": (DER[:-9], "is damaged: .*Copy the file again, as binary"),
    "cut pkcs7": (bundle(Encoding.DER)[:-9], "is damaged: .*Copy the file again, as binary"),
    "damaged pem": (pem(LEAF).replace("\nM", "\nN", 1).encode(), "certificate 1 is damaged"),
    "damaged pkcs7": (b"-----BEGIN PKCS7-----\nAAAAA\n-----END PKCS7-----\n", "is damaged"),
    "pkcs12": (packed(), "is PKCS#12, which is opened with a password only. Give its password."),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_certificate_is_called_what_it_is(what: str) -> None:
    content, message = WRONG[what]
    with pytest.raises(InvalidValue, match=f"answer.cer.*{message}" if "answer" not in message else message):
        formats.certificates_of(content, "answer.cer")


class TestPkcs12:
    """Opened in memory; its password is never shown."""

    @pytest.mark.parametrize("wrap", [bytes, bare])
    def test_with_its_key(self, wrap: Any) -> None:
        key, certificates = formats.pkcs12_of(wrap(packed()), PASSWORD, "answer.pfx")
        assert key and keys.fingerprint(key.public_key()) == keys.fingerprint(KEY.public_key())
        assert certificates == BOTH

    def test_without_a_key(self) -> None:
        assert formats.pkcs12_of(packed(None), PASSWORD, "answer.pfx") == (None, BOTH)

    @pytest.mark.parametrize("given", [None, PASSWORD])
    def test_without_a_password(self, given: Any) -> None:
        assert formats.pkcs12_of(packed(password=None), given, "answer.pfx")[1] == BOTH

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                "canary-wrong",
                "pkcs12_password: the password given does not open answer.pfx. Give the one that came with",
            ),
            (
                None,
                "pkcs12_password: answer.pfx is protected by a password, and none is given. Give it as federation_c",
            ),
            ("", "answer.pfx is protected by a password, and none is given"),
        ],
    )
    def test_wrong_and_missing_passwords(self, given: Any, message: str) -> None:
        with pytest.raises(InvalidValue, match=message) as error:
            formats.pkcs12_of(packed(), given, "answer.pfx")
        assert "canary" not in str(error.value)

    def test_a_key_of_another_pair(self) -> None:
        stranger = ec.generate_private_key(ec.SECP256R1())
        with pytest.raises(
            CheckFailed, match="the private key and the certificates in answer.pfx are of different pairs"
        ):
            formats.pkcs12_of(packed(stranger, None, BOTH), PASSWORD, "answer.pfx")

    def test_a_key_of_another_kind(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        leaf = MIDDLE.sign(key.public_key())
        with pytest.raises(InvalidValue, match="the private key in answer.pfx is neither RSA nor ECDSA"):
            formats.pkcs12_of(packed(key, leaf), PASSWORD, "answer.pfx")

    def test_a_key_alone(self) -> None:
        with pytest.raises(InvalidValue, match="answer.pfx holds no certificate"):
            formats.pkcs12_of(packed(KEY, None, ()), PASSWORD, "answer.pfx")

    def test_cut_off(self) -> None:
        with pytest.raises(InvalidValue, match="answer.pfx is damaged: its end is missing"):
            formats.pkcs12_of(packed()[:-1], PASSWORD, "answer.pfx")


def test_names_stay_out_of_it() -> None:
    """What a file is called says nothing: the same content is recognised under any name."""
    assert formats.kind_of(packed()) == formats.PKCS12
    assert formats.kind_of(DER) == formats.DER
    assert NAMES[0] in str(formats.certificates_of(DER, "picture.png")[0].subject)
