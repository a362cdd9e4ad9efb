"""Chains as CAs and people send them: read in any shape, and put in order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys
from ansible.module_utils.fedgate.errors import InvalidValue
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from .world import DAY, NOW, Authority, pem

pytestmark = pytest.mark.edge

ROOT = Authority("Root")
MIDDLE = Authority("Intermediate", ROOT)
KEY = ec.generate_private_key(ec.SECP256R1())
FINGERPRINT = keys.fingerprint(KEY.public_key())
LEAF = MIDDLE.sign(KEY.public_key())
STRANGER = Authority("Stranger").certificate


class TestReading:
    """Shapes of PEM."""

    @pytest.mark.parametrize(
        "shape",
        [
            lambda text: text.replace("\n", "\r\n"),
            lambda text: "\ufeff" + text,
            lambda text: "Dear customer,\n\n" + text + "\nKind regards\n-- \nYour CA",
            lambda text: "subject=CN = x\nissuer=CN = y\n" + text,
            lambda text: text.replace("\n", "\n\n"),
            lambda text: "".join(f"  {line}  \n" for line in text.splitlines()),
            lambda text: text + text,
        ],
        ids=["crlf", "bom", "letter", "openssl", "blank lines", "indented", "twice"],
    )
    def test_any_shape(self, shape: Any) -> None:
        text = shape(pem(LEAF, MIDDLE.certificate))
        assert chains.parse(text, "answer") == [LEAF, MIDDLE.certificate]
        assert chains.parse(text.encode(), "answer") == [LEAF, MIDDLE.certificate]

    def test_utf16(self) -> None:
        assert chains.parse(pem(LEAF).encode("utf-16"), "answer") == [LEAF]

    def test_a_private_key_beside_it_is_never_handed_on(self) -> None:
        found = chains.parse(keys.to_pem(KEY).decode() + pem(LEAF), "answer")
        assert "PRIVATE" not in chains.to_pem(found)

    @settings(max_examples=30, deadline=None)
    @given(st.text(max_size=200), st.text(max_size=200))
    def test_any_text_around(self, before: str, after: str) -> None:
        assert chains.parse(f"{before}\n{pem(LEAF)}\n{after}", "answer") == [LEAF]

    def test_nothing_there(self) -> None:
        with pytest.raises(InvalidValue, match=r"answer holds no certificate. A PEM file has lines"):
            chains.parse("hello", "answer")

    def test_der(self) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        with pytest.raises(InvalidValue, match=r"looks like DER .*openssl x509 -inform der"):
            chains.parse(LEAF.public_bytes(Encoding.DER), "answer")

    def test_damaged(self) -> None:
        lines = pem(LEAF).splitlines()
        with pytest.raises(InvalidValue, match="answer: certificate 1 is damaged"):
            chains.parse("\n".join([*lines[:3], *lines[4:]]), "answer")


class TestOrder:
    """The edge's certificate first, roots and strangers out."""

    @pytest.mark.parametrize("order", list(permutations([LEAF, MIDDLE.certificate, ROOT.certificate, STRANGER])))
    def test_any_order(self, order: Any) -> None:
        assert chains.arrange(order, FINGERPRINT) == [LEAF, MIDDLE.certificate]

    @pytest.mark.parametrize("order", list(permutations([LEAF, MIDDLE.certificate, ROOT.certificate])))
    def test_without_a_key(self, order: Any) -> None:
        assert chains.arrange(order) == [LEAF, MIDDLE.certificate]

    def test_no_certificate_for_the_key(self) -> None:
        assert chains.arrange([MIDDLE.certificate, ROOT.certificate], FINGERPRINT) == []

    def test_of_two_the_later_one(self) -> None:
        longer = MIDDLE.sign(KEY.public_key(), end=NOW + 100 * DAY)
        assert chains.arrange([LEAF, longer, MIDDLE.certificate], FINGERPRINT)[0] == longer
