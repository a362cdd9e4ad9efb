"""Sealing, held against the test vectors of RFC 9180 (appendix A.2.1), and against misuse."""

from __future__ import annotations

import base64

import pytest
from ansible.module_utils.fedgate.certificates import sealing
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

pytestmark = pytest.mark.edge

INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e").decode()
SENDER = "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"
RECIPIENT = "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"
PUBLIC = "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
ENCAPSULATED = "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
KEY = "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"
NONCE = "5c4d98150661b848853b547f"


def text(raw: str) -> str:
    return base64.b64encode(bytes.fromhex(raw)).decode()


def test_the_schedule_of_the_rfc() -> None:
    own = X25519PrivateKey.from_private_bytes(bytes.fromhex(RECIPIENT))
    shared = own.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(ENCAPSULATED)))
    key, nonce = sealing._schedule(shared, bytes.fromhex(ENCAPSULATED + PUBLIC), INFO.encode())
    assert (key.hex(), nonce.hex()) == (KEY, NONCE)


def test_the_senders_part_of_the_rfc() -> None:
    sender = X25519PrivateKey.from_private_bytes(bytes.fromhex(SENDER))
    sealed = sealing.seal(text(PUBLIC), b"Beauty is truth", INFO, sender)
    assert base64.b64decode(sealed)[:32].hex() == ENCAPSULATED
    assert sealing.unseal(text(RECIPIENT), sealed, INFO) == b"Beauty is truth"


def test_only_the_recipient_opens_it_and_only_for_its_purpose() -> None:
    private, public = sealing.new_pair()
    other, _ = sealing.new_pair()
    sealed = sealing.seal(public, b"a private key", "key of edge.example")
    assert b"a private key" not in base64.b64decode(sealed)
    assert sealing.unseal(private, sealed, "key of edge.example") == b"a private key"
    raw = base64.b64decode(sealed)
    changed = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    for attempt in ((other, sealed, "key of edge.example"), (private, sealed, "key of edge.test"),
                    (private, changed, "key of edge.example")):  # fmt: skip
        with pytest.raises(CheckFailed, match="cannot be opened here"):
            sealing.unseal(*attempt)


def test_what_is_no_key_is_refused() -> None:
    for bad in ("", "AAAA", "not base64!", base64.b64encode(bytes(32)).decode()):
        with pytest.raises(InvalidValue):
            sealing.seal(bad, b"x", "purpose")
