"""Sealing a secret to a public key, so that whoever carries it sees ciphertext only (HPKE, RFC 9180, base mode).

The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305; one message a key. The library has HPKE itself
only in versions that gateways do not have yet, so its parts are put together here, as the RFC says.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Optional

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ..errors import CheckFailed, InvalidValue

_VERSION = b"HPKE-v1"
_KEM = b"KEM\x00\x20"
_SUITE = b"HPKE\x00\x20\x00\x01\x00\x03"
_LENGTH = 32


def new_pair() -> tuple[str, str]:
    """Return a new pair of keys for one transfer, private and public, each as base64 of 32 bytes."""
    private = X25519PrivateKey.generate()
    raw = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    return _text(raw), _text(_raw(private.public_key()))


def seal(public: str, secret: bytes, info: str, ephemeral: Optional[X25519PrivateKey] = None) -> str:
    """Return a secret that only the holder of the private key can read, as base64.

    :param public: the recipient's public key as base64.
    :param info: what it is for; the same text is needed to open it, so that it serves for nothing else.
    :param ephemeral: the sender's one-time key, made anew unless a test gives it.
    :raises InvalidValue: that is no public key.
    """
    recipient = _bytes(public, "the public key")
    try:
        theirs = X25519PublicKey.from_public_bytes(recipient)
        own = ephemeral or X25519PrivateKey.generate()
        shared = own.exchange(theirs)
    except ValueError as error:
        raise InvalidValue("the public key of a member is not one", hint="Let that member offer a new one.") from error
    encapsulated = _raw(own.public_key())
    key, nonce = _schedule(shared, encapsulated + recipient, info.encode())
    return _text(encapsulated + ChaCha20Poly1305(key).encrypt(nonce, secret, None))


def unseal(private: str, sealed: str, info: str) -> bytes:
    """Open what was sealed to the public key of this private one.

    :raises CheckFailed: it was sealed to another key or for something else, or changed on the way.
    """
    own = X25519PrivateKey.from_private_bytes(_bytes(private, "the private key"))
    raw = _bytes(sealed, "the sealed key")
    encapsulated, ciphertext = raw[:_LENGTH], raw[_LENGTH:]
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(encapsulated))
        key, nonce = _schedule(shared, encapsulated + _raw(own.public_key()), info.encode())
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, None)
    except (InvalidTag, ValueError) as error:
        raise CheckFailed(
            "the sealed key cannot be opened here: it is for another host, or was changed on the way",
            hint="Run again; each run makes new keys for the transfer.",
        ) from error


def _schedule(shared: bytes, kem_context: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Return key and nonce (RFC 9180 §4.1 and §5.1, mode_base)."""
    secret = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", shared), b"shared_secret", kem_context, 32)
    context = b"\x00" + _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    secret = _extract(_SUITE, secret, b"secret", b"")
    return _expand(_SUITE, secret, b"key", context, 32), _expand(_SUITE, secret, b"base_nonce", context, 12)


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.new(salt, _VERSION + suite + label + material, hashlib.sha256).digest()


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    # One block of HKDF-Expand (RFC 5869) is all that is ever needed here.
    labelled = length.to_bytes(2, "big") + _VERSION + suite + label + info
    return hmac.new(key, labelled + b"\x01", hashlib.sha256).digest()[:length]


def _raw(public: X25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidValue(f"{what} is not base64") from error
    if len(raw) < _LENGTH:
        raise InvalidValue(f"{what} is too short")
    return raw
