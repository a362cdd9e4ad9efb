"""The private CA: its intermediate, its revocation list, and what is never the answer again."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, library
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

pytest.importorskip("cryptography.x509.verification", reason="only controllers issue")
from .test_issue import LONDON, OUTSIDE, TOKYO, issue, order
from .world import DAY, Authority, Here, changes, pem, walk

URL = "http://pki.contoso.example/fed/crl.der"
PASSPHRASE = "canary-91ac"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ca"


@pytest.fixture
def plain(folder: Path) -> dict[str, Any]:
    return {"kind": "local_ca", "directory": str(folder), "create": True, "organization": "Contoso"}


@pytest.fixture
def tiered(plain: dict[str, Any]) -> dict[str, Any]:
    return {**plain, "intermediate": True}


def list_of(folder: Path, name: str = "crl.der") -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl((folder / name).read_bytes())


def addresses(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for point in found for name in point.full_name or ()]


class TestIntermediate:
    """Root, intermediate, certificate."""

    def test_what_is_made(self, tiered: dict[str, Any], folder: Path) -> None:
        planned, _, _ = issue(tiered, order(request=None), check_mode=True)
        wanted = order()
        plan, results, _ = issue(tiered, wanted)
        assert changes(plan) == changes(planned) == [
            ("create", "certificate_authority", str(folder)),
            ("create", "intermediate_authority", str(folder / "intermediate.pem")),
            ("create", "issued_certificate", LONDON),
        ]  # fmt: skip
        leaf, middle = chains.parse(results[LONDON]["chain"], "answer")
        root = chains.parse((folder / "ca.pem").read_bytes(), "root")[0]
        leaf.verify_directly_issued_by(middle)
        middle.verify_directly_issued_by(root)
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 1)
        assert middle.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
        assert middle.subject.rfc4514_string() == "CN=Contoso Federation Issuing CA,O=Contoso"
        assert stat.S_IMODE(os.stat(folder / "intermediate-key.pem").st_mode) == 0o600
        assert not issue(tiered, wanted)[0]

    def test_the_roots_key_may_be_offline(self, tiered: dict[str, Any], folder: Path) -> None:
        issue(tiered, order())
        (folder / "ca-key.pem").rename(folder.parent / "safe.pem")
        _, results, _ = issue(tiered, order(TOKYO))
        assert results[TOKYO]["status"] == "issued"
        assert "ca-key.pem is missing beside" in issue({**tiered, "intermediate": False}, order())[1][LONDON]["error"]

    @pytest.mark.parametrize(
        ("lost", "kind"),
        [(["intermediate.pem"], "intermediate_authority"), (["intermediate.pem", "ca.pem"], "certificate_authority")],
    )
    def test_a_run_that_was_killed_is_ended_by_the_next(
        self, tiered: dict[str, Any], folder: Path, lost: list[str], kind: str
    ) -> None:
        issue(tiered, order())
        before = (folder / "intermediate-key.pem").read_bytes()
        for name in lost:
            (folder / name).unlink()
        plan, results, _ = issue(tiered, order())
        assert changes(plan)[0][1] == kind
        assert results[LONDON]["status"] == "issued"
        assert (folder / "intermediate-key.pem").read_bytes() == before

    def test_one_passphrase_for_both_keys(self, tiered: dict[str, Any], folder: Path) -> None:
        issue({**tiered, "passphrase": PASSPHRASE}, order())
        for name in ("ca-key.pem", "intermediate-key.pem"):
            assert keys.from_pem((folder / name).read_bytes(), name, PASSPHRASE)
        (folder / "ca-key.pem").unlink()
        error = issue({**tiered, "passphrase": "wrong"}, order())[1][LONDON]["error"]
        assert f"the passphrase given does not open {folder / 'intermediate-key.pem'}" in error

    def test_a_ca_that_was_made_without_one(self, plain: dict[str, Any], tiered: dict[str, Any], folder: Path) -> None:
        issue(plain, order())
        error = issue(tiered, order())[1][LONDON]["error"]
        assert "issuer.intermediate: the CA in" in error and "allows no intermediate (path length 0)" in error
        assert "Take federation_certificate.ca_intermediate away, or make a new CA" in error
        assert not (folder / "intermediate.pem").exists()
        assert issue(plain, order())[1][LONDON]["status"] == "issued"

    def test_a_ca_from_elsewhere_may_get_one(self, tiered: dict[str, Any], folder: Path) -> None:
        folder.mkdir()
        (folder / "ca.pem").write_text(pem(OUTSIDE.certificate))
        (folder / "ca-key.pem").write_bytes(keys.to_pem(OUTSIDE.key))
        plan, results, _ = issue(tiered, order())
        assert changes(plan)[0] == ("create", "intermediate_authority", str(folder / "intermediate.pem"))
        assert len(chains.parse(results[LONDON]["chain"], "answer")) == 2

    def test_halves(self, tiered: dict[str, Any], folder: Path) -> None:
        issue(tiered, order())
        kept = (folder / "intermediate-key.pem").read_bytes()
        (folder / "intermediate-key.pem").unlink()
        assert "intermediate-key.pem is missing beside" in issue(tiered, order())[1][LONDON]["error"]
        (folder / "intermediate-key.pem").write_bytes(keys.to_pem(OUTSIDE.key))
        assert "do not belong together" in issue(tiered, order())[1][LONDON]["error"]
        (folder / "intermediate-key.pem").write_bytes(kept)
        other = Authority("Other")
        (folder / "ca.pem").write_text(pem(other.certificate))
        (folder / "ca-key.pem").write_bytes(keys.to_pem(other.key))
        assert "intermediate.pem is not signed by" in issue(tiered, order())[1][LONDON]["error"]


class TestRevocation:
    """The list, and the address of it in certificates."""

    @pytest.mark.parametrize("intermediate", [False, True])
    def test_the_list_is_made_with_the_ca(self, plain: dict[str, Any], folder: Path, intermediate: bool) -> None:
        settings = {**plain, "intermediate": intermediate, "crl_url": URL}
        planned, _, _ = issue(settings, order(request=None), check_mode=True)
        wanted = order()
        plan, results, _ = issue(settings, wanted)
        assert changes(plan) == changes(planned)
        assert ("create", "certificate_revocation_list", str(folder / "crl.der")) in changes(plan)
        chain = chains.parse(results[LONDON]["chain"], "answer")
        assert addresses(chain[0]) == [URL]
        signer = chains.parse((folder / ("intermediate.pem" if intermediate else "ca.pem")).read_bytes(), "signer")[0]
        found = list_of(folder)
        assert found.is_signature_valid(signer.public_key()) and len(list(found)) == 0  # type: ignore[arg-type]
        assert found.next_update_utc and 29 * DAY < found.next_update_utc - library.now() <= 30 * DAY
        if intermediate:
            assert addresses(chain[1]) == ["http://pki.contoso.example/fed/ca-crl.der"]
            root = chains.parse((folder / "ca.pem").read_bytes(), "root")[0]
            assert list_of(folder, "ca-crl.der").is_signature_valid(root.public_key())  # type: ignore[arg-type]
        assert not issue(settings, wanted)[0]

    def test_openssl_finds_what_is_revoked(self, tiered: dict[str, Any], folder: Path, tmp_path: Path) -> None:
        settings = {**tiered, "crl_url": URL}
        _, results, _ = issue(settings, order(), order(TOKYO))
        issue({**settings, "revoked": [results[TOKYO]["serial"]]})
        lists = [list_of(folder, name).public_bytes(serialization.Encoding.PEM) for name in ("crl.der", "ca-crl.der")]
        (tmp_path / "lists.pem").write_bytes(b"".join(lists))
        for name, expected in ((LONDON, "OK"), (TOKYO, "certificate revoked")):
            (tmp_path / "chain.pem").write_text(results[name]["chain"])
            command = [
                "openssl", "verify", "-crl_check_all", "-CAfile", str(folder / "ca.pem"), "-CRLfile",
                str(tmp_path / "lists.pem"), "-untrusted", str(tmp_path / "chain.pem"), str(tmp_path / "chain.pem"),
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert expected in done.stdout + done.stderr, done.stdout + done.stderr

    def test_it_is_kept_up_though_nobody_orders(self, plain: dict[str, Any], folder: Path) -> None:
        settings = {**plain, "crl_url": URL}
        issue(settings, order())
        assert not issue(settings)[0]
        key = keys.from_pem((folder / "ca-key.pem").read_bytes(), "key")
        signer = chains.parse((folder / "ca.pem").read_bytes(), "signer")[0]
        for age, due in ((14, False), (16, True)):
            start = library.now() - timedelta(days=age)
            self.write(folder, signer.subject, key, start, start + timedelta(days=30))
            planned, _, _ = issue(settings, check_mode=True)
            plan, _, _ = issue(settings)
            assert changes(plan) == changes(planned) == (
                [("update", "certificate_revocation_list", str(folder / "crl.der"))] if due else []
            )  # fmt: skip

    def test_another_cas_list_is_replaced(self, plain: dict[str, Any], folder: Path) -> None:
        settings = {**plain, "crl_url": URL}
        issue(settings, order())
        self.write(folder, OUTSIDE.name, OUTSIDE.key, library.now(), library.now() + 30 * DAY)
        assert len(issue(settings)[0].changes) == 1
        (folder / "crl.der").write_bytes(b"damaged")
        assert [action for action, _, _ in changes(issue(settings)[0])] == ["create"]

    def test_the_list_follows_the_inventory(self, plain: dict[str, Any], folder: Path) -> None:
        settings = {**plain, "crl_url": URL}
        issue(settings, order())
        plan, _, _ = issue({**settings, "revoked": ["0A:1b", "ff"]})
        assert plan.changes[0].after["revoked"] == ["ff", "a1b"]  # type: ignore[index]
        first = {each.serial_number: each.revocation_date_utc for each in list_of(folder)}
        assert set(first) == {0xA1B, 0xFF}
        issue({**settings, "revoked": ["0A:1b", "cc"]})
        found = list_of(folder)
        assert found.get_revoked_certificate_by_serial_number(0xA1B).revocation_date_utc == first[0xA1B]  # type: ignore[union-attr]
        assert found.get_revoked_certificate_by_serial_number(0xFF) is None
        assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3

    def test_a_revoked_certificate_is_no_answer_again(self, plain: dict[str, Any]) -> None:
        wanted = order()
        _, first, _ = issue(plain, wanted)
        plan, again, _ = issue({**plain, "revoked": [first[LONDON]["serial"]]}, wanted)
        assert ("update", "issued_certificate", LONDON) in changes(plan)
        assert again[LONDON]["serial"] != first[LONDON]["serial"]

    def test_what_serves_is_no_answer(self, plain: dict[str, Any]) -> None:
        """A renewal with the same key."""
        wanted = order()
        _, first, _ = issue(plain, wanted)
        renewed = {**wanted, "replaces": first[LONDON]["serial"]}
        plan, again, _ = issue(plain, renewed)
        assert changes(plan) == [("update", "issued_certificate", LONDON)]
        assert again[LONDON]["serial"] != first[LONDON]["serial"]
        assert not issue(plain, renewed)[0]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"crl_url": "https://pki.example/crl.der"}, "issuer.crl_url: 'https://pki.example/crl.der' is no address"),
            ({"revoked": ["0a", "xyz"]}, "issuer.revoked[1]: 'xyz' is not a serial number. Write it in hexadecimal"),
        ],
    )
    def test_bad_settings(self, plain: dict[str, Any], wrong: dict[str, Any], message: str) -> None:
        assert message in issue({**plain, **wrong}, order())[1][LONDON]["error"]

    def test_a_list_that_cannot_be_written_stops_no_order(self, plain: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(plain, wanted)
        (folder / "crl.der").mkdir()
        here = Here()
        settings = {"name": "default", **plain, "crl_url": URL}
        _, results = walk(IssueReconciler({"issuers": [settings], "requests": [wanted]}, here))  # type: ignore[arg-type]
        assert results["certificates"][LONDON]["status"] == "issued"
        assert f"issuer default: {folder / 'crl.der'} cannot be written: Is a directory" in here.warnings[0]

    @staticmethod
    def write(folder: Path, issuer: x509.Name, key: Any, start: Any, end: Any) -> None:
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer).last_update(start).next_update(end)
        content = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        (folder / "crl.der").write_bytes(content)
