"""Whole chains against trust anchors: each thing that can be wrong, and the sentence for it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, library
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from .world import DAY, NAMES, NOW, Authority, pem

pytest.importorskip("cryptography.x509.verification", reason="only controllers verify whole chains")
from ansible.module_utils.fedgate.certificates import verification

ROOT = Authority("Root")
MIDDLE = Authority("Intermediate", ROOT)
KEY = ec.generate_private_key(ec.SECP256R1())
FINGERPRINT = keys.fingerprint(KEY.public_key())
LEAF = MIDDLE.sign(KEY.public_key())
STRANGER = Authority("Stranger").certificate


def verify(*chain: Any, anchors: Any = (ROOT.certificate,), fingerprint: str = FINGERPRINT, names: Any = NAMES) -> None:
    verification.verify(
        list(chain), anchors=list(anchors), key_fingerprint=fingerprint, names=names, now=NOW, where="answer"
    )


class TestVerification:
    """Each thing that can be wrong, and the sentence for it."""

    def test_good(self) -> None:
        verify(LEAF, MIDDLE.certificate)

    def test_an_intermediate_may_be_the_anchor(self) -> None:
        verify(LEAF, anchors=[MIDDLE.certificate, ROOT.certificate])

    def test_another_key(self) -> None:
        other = keys.fingerprint(ec.generate_private_key(ec.SECP256R1()).public_key())
        with pytest.raises(
            CheckFailed, match=f"certificate for another key: it is for {FINGERPRINT}, .* made with {other}"
        ):
            verify(LEAF, MIDDLE.certificate, fingerprint=other)

    def test_expired(self) -> None:
        end = NOW - DAY
        leaf = MIDDLE.sign(KEY.public_key(), start=NOW - 9 * DAY, end=end)
        with pytest.raises(CheckFailed, match=f"answer: the certificate has expired on {library.text_of(end)}"):
            verify(leaf, MIDDLE.certificate)

    def test_not_yet_valid(self) -> None:
        start = NOW + DAY
        with pytest.raises(CheckFailed, match=f"not yet valid; it begins on {library.text_of(start)}.*timedatectl"):
            verify(MIDDLE.sign(KEY.public_key(), start=start), MIDDLE.certificate)

    def test_a_little_skew_is_fine(self) -> None:
        from ansible.module_utils.fedgate.certificates import checks

        checks.dates(chains.describe(MIDDLE.sign(KEY.public_key(), start=NOW + 0.002 * DAY)), NOW, "answer")

    def test_a_missing_name(self) -> None:
        with pytest.raises(
            CheckFailed, match=r"does not cover sip.contoso.example; it has contoso.example, conference"
        ):
            verify(LEAF, MIDDLE.certificate, names=[*NAMES, "sip.contoso.example"])

    def test_a_wildcard_does_not_cover_the_domain(self) -> None:
        leaf = MIDDLE.sign(KEY.public_key(), ["*.contoso.example"])
        with pytest.raises(CheckFailed, match=r"does not cover contoso.example; it has \*.contoso.example"):
            verify(leaf, MIDDLE.certificate)

    def test_a_common_name_alone(self) -> None:
        with pytest.raises(CheckFailed, match="a common name alone does not count"):
            verify(MIDDLE.sign(KEY.public_key(), []), MIDDLE.certificate)

    def test_1024_bits(self) -> None:
        weak = rsa.generate_private_key(65537, 1024).public_key()
        with pytest.raises(CheckFailed, match="its RSA key has 1024 bits"):
            verify(MIDDLE.sign(weak), MIDDLE.certificate, fingerprint=keys.fingerprint(weak))

    def test_sha1(self, tmp_path: Path) -> None:
        leaf, anchor = sha1_by_openssl(tmp_path)
        with pytest.raises(CheckFailed, match=r"is signed with SHA1, which peers refuse.*SHA-256"):
            verify(leaf, anchors=[anchor])

    def test_no_server(self) -> None:
        leaf = MIDDLE.sign(KEY.public_key(), purposes=[ExtendedKeyUsageOID.CLIENT_AUTH])
        with pytest.raises(CheckFailed, match="lacks the purpose serverAuth"):
            verify(leaf, MIDDLE.certificate)

    def test_without_purposes_every_purpose_is_allowed(self) -> None:
        assert chains.describe(MIDDLE.sign(KEY.public_key(), purposes=None)).server_auth

    def test_missing_intermediate(self) -> None:
        with pytest.raises(
            CheckFailed, match=r"whose issuer 'CN=Intermediate' is neither in the chain nor a trust anchor.*Append"
        ):
            verify(LEAF)

    def test_an_unknown_root(self) -> None:
        with pytest.raises(CheckFailed, match="whose issuer 'CN=Root' is neither in the chain nor a trust anchor"):
            verify(LEAF, MIDDLE.certificate, anchors=[STRANGER])

    def test_a_root_of_the_same_name(self) -> None:
        with pytest.raises(CheckFailed, match="neither in the chain nor a trust anchor"):
            verify(LEAF, MIDDLE.certificate, anchors=[Authority("Root").certificate])

    def test_an_intermediate_of_the_same_name(self) -> None:
        with pytest.raises(CheckFailed, match=r"'CN=contoso.example' is not signed by 'CN=Intermediate'"):
            verify(LEAF, Authority("Intermediate", ROOT).certificate)

    def test_self_signed(self) -> None:
        own = Authority(NAMES[0])
        leaf = own.sign(own.key.public_key())
        with pytest.raises(CheckFailed, match="signed by itself, not by a CA"):
            verify(leaf, fingerprint=keys.fingerprint(own.key.public_key()))

    def test_an_issuer_that_is_no_ca(self) -> None:
        false = Authority("Not a CA", ROOT, ca=False)
        with pytest.raises(CheckFailed, match=r"the chain of 'CN=contoso.example' does not verify"):
            verify(false.sign(KEY.public_key()), false.certificate)


def test_anchors_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_text(pem(ROOT.certificate))
    assert verification.load_anchors([str(file)]) == [ROOT.certificate]
    with pytest.raises(InvalidValue, match=r"trust_anchors: .*missing.pem cannot be read: No such file"):
        verification.load_anchors([str(tmp_path / "missing.pem")])


def test_without_anchors_the_systems_own_count() -> None:
    assert len(verification.load_anchors([])) > 20


def sha1_by_openssl(folder: Path) -> tuple[Any, Any]:
    """The library refuses to sign with SHA-1; OpenSSL still does."""
    (folder / "key.pem").write_bytes(keys.to_pem(KEY))
    (folder / "ca.pem").write_text(pem(ROOT.certificate))
    (folder / "ca-key.pem").write_bytes(keys.to_pem(ROOT.key))
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES))

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-new", "-key", "key.pem", "-subj", f"/CN={NAMES[0]}", "-out", "request.pem")
    openssl(
        "x509", "-req", "-sha1", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
        "-days", "30", "-extfile", "names", "-out", "leaf.pem",
    )  # fmt: skip
    return chains.parse((folder / "leaf.pem").read_text(), "leaf")[0], ROOT.certificate
