"""Private keys: make, write, read, recognise. Key bytes never leave the host on which they were made."""

from __future__ import annotations

from typing import Optional, Union

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ..errors import InvalidValue
from .settings import CURVES, KeySettings

PrivateKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]
PublicKey = Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey]

_CURVE_CLASSES: dict[str, type[ec.EllipticCurve]] = {
    "p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1
}  # fmt: skip
_CURVE_NAMES = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
#: Below this an RSA key is refused everywhere (CA/Browser Forum baseline requirements §6.1.5).
SMALLEST_RSA = 2048


def generate(settings: KeySettings) -> PrivateKey:
    """Make a new key from the system's random numbers."""
    if settings.type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=settings.size or SMALLEST_RSA)
    return ec.generate_private_key(_CURVE_CLASSES[settings.curve or "p256"]())


def to_pem(key: PrivateKey, passphrase: Optional[str] = None) -> bytes:
    """Return the key as PKCS#8 PEM, encrypted when there is a passphrase."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


def from_pem(pem: bytes, where: str, passphrase: Optional[str] = None) -> PrivateKey:
    """Read a private key.

    :param where: the file, for the error.
    :raises InvalidValue: not a key, not RSA or ECDSA, wrong or missing or needless passphrase.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError as error:  # the library's way to say: encrypted without a passphrase, or the other way round
        if passphrase:
            raise InvalidValue(
                f"{where} is not encrypted, although a passphrase is given",
                hint="Take the passphrase away, or encrypt the key (openssl pkey -aes256).",
            ) from error
        raise InvalidValue(f"{where} is encrypted, and no passphrase is given", hint="Give its passphrase.") from error
    except ValueError as error:
        if passphrase and b"ENCRYPTED" in pem:
            raise InvalidValue(f"the passphrase given does not open {where}", hint="Give the right one.") from error
        raise InvalidValue(f"{where} holds no private key that can be read", hint="PEM is expected.") from error
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise InvalidValue(f"{where} is neither an RSA nor an ECDSA key", hint="Only these two are used here.")
    return key


def fingerprint(public: object) -> str:
    """Return the SHA-256 (hex) of a public key's SubjectPublicKeyInfo: what key and certificate are matched by."""
    encoded: bytes = public.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(encoded)
    return digest.finalize().hex()


def settings_of(public: object) -> KeySettings:
    """Return the settings that would make such a key; also for sizes and curves that we would not make."""
    if isinstance(public, rsa.RSAPublicKey):
        return KeySettings("rsa", public.key_size, None)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return KeySettings("ecdsa", None, _CURVE_NAMES.get(public.curve.name, public.curve.name))
    return KeySettings(type(public).__name__.lower().strip("_"), None, None)


def weakness(public: object) -> Optional[str]:
    """Say why a public key is not good enough for an edge certificate, or None."""
    if isinstance(public, rsa.RSAPublicKey):
        return f"its RSA key has {public.key_size} bits, at least {SMALLEST_RSA} are needed" \
            if public.key_size < SMALLEST_RSA else None  # fmt: skip
    if isinstance(public, ec.EllipticCurvePublicKey):
        found = settings_of(public).curve
        return None if found in CURVES else f"its ECDSA curve is {found}, allowed are {', '.join(CURVES)}"
    return "its key is neither RSA nor ECDSA"
