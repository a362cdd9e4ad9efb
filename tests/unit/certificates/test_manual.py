"""A CA by hand: files of any format, the list of what waits, and answers that bring a private key of their own."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import keys, library, requests, sealing
from ansible.module_utils.fedgate.certificates.settings import KeySettings
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs7,
    pkcs12,
)

pytest.importorskip("cryptography.x509.verification", reason="only controllers issue")
from .test_issue import LONDON, MIDDLE, OUTSIDE, TOKYO, csr, issue, order
from .test_verification import sha1_by_openssl
from .world import DAY, ECDSA, NAMES, NOW, POOL, changes, pem

PASSWORD = "canary-3f2b"
ASIA = ["contoso-asia.example"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "requests"
    path.mkdir()
    return path


@pytest.fixture
def manual(tmp_path: Path, folder: Path) -> dict[str, Any]:
    root = tmp_path / "root.pem"
    root.write_text(pem(OUTSIDE.certificate))
    return {
        "kind": "manual",
        "requests_directory": str(folder),
        "trust_anchors": [str(root)],
        "pkcs12_password": PASSWORD,
    }


def public(wanted: dict[str, Any]) -> Any:
    return requests.read(wanted["csr"], "test").public


def pfx(key: Any, *certificates: Any, password: Any = PASSWORD) -> bytes:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"x", key, certificates[0], list(certificates[1:]), protection)


def later(path: Path) -> None:
    """As if it had been put there after the request."""
    moment = library.now().timestamp() + 5
    os.utime(path, (moment, moment))


def state(manual: dict[str, Any], *orders: Any) -> tuple[str, str]:
    """Return how London stands and why, from a run that changes nothing."""
    _, results, _ = issue(manual, *orders)
    return results[LONDON]["status"], results[LONDON]["error"] or ""


class TestFormats:
    """Any file, whatever its name and format."""

    @pytest.mark.parametrize("name", ["certnew.cer", "answer", "edge1.london.csr.pem", "Zertifikat (1).p7b"])
    @pytest.mark.parametrize("shape", ["pem", "der and pem", "pkcs7", "pkcs7 pem", "base64"])
    def test_any(self, manual: dict[str, Any], folder: Path, name: str, shape: str) -> None:
        wanted = order()
        issue(manual, wanted)
        leaf = MIDDLE.sign(public(wanted))
        both = [leaf, MIDDLE.certificate]
        content = {
            "pem": ("\ufeff" + pem(*both[::-1])).encode(),
            "der and pem": leaf.public_bytes(Encoding.DER),
            "pkcs7": pkcs7.serialize_certificates(both, Encoding.DER),
            "pkcs7 pem": pkcs7.serialize_certificates(both, Encoding.PEM),
            "base64": base64.encodebytes(pkcs7.serialize_certificates(both, Encoding.DER)),
        }[shape]
        (folder / name).write_bytes(content)
        if shape == "der and pem":
            (folder / "chain.txt").write_text(pem(OUTSIDE.certificate, MIDDLE.certificate))
        _, results, here = issue(manual, wanted)
        assert results[LONDON]["status"] == "issued", results
        assert results[LONDON]["chain"] == pem(*both)
        assert (results[LONDON]["csr"], results[LONDON]["sealed_keys"]) == (wanted["csr"], {})
        assert results[LONDON]["key_fingerprint"] == keys.fingerprint(public(wanted))
        assert not here.warnings

    def test_the_newest_good_one_of_several(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        old = MIDDLE.sign(public(wanted), start=NOW - 9 * DAY, end=NOW + 100 * DAY)
        new = MIDDLE.sign(public(wanted), start=NOW - 2 * DAY)
        bad = MIDDLE.sign(public(wanted), NAMES[:1], start=NOW - DAY)
        (folder / "all.pem").write_text(pem(old, bad, new, MIDDLE.certificate))
        _, results, _ = issue(manual, wanted)
        assert results[LONDON]["serial"] == f"{new.serial_number:x}"

    def test_what_serves_is_no_answer(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        old, new = MIDDLE.sign(public(wanted), end=NOW + 9 * DAY), MIDDLE.sign(public(wanted), start=NOW - 2 * DAY)
        (folder / "old.pem").write_text(pem(old, MIDDLE.certificate))
        renewed = {**wanted, "replaces": f"{old.serial_number:X}"}
        assert state(manual, renewed)[0] == "pending"
        (folder / "new.pem").write_text(pem(new))
        _, results, _ = issue(manual, renewed)
        assert results[LONDON]["serial"] == f"{new.serial_number:x}"

    def test_what_is_nobodys_is_warned_about(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / "bank.cer").write_text(pem(MIDDLE.sign(KEY.public_key(), ["bank.example"])))
        (folder / "page.cer").write_text("<html>")
        (folder / ".hidden").write_text("<html>")
        (folder / "old").mkdir()
        (folder / "large.cer").write_bytes(b"x" * 1_100_000)
        plan, results, here = issue(manual, wanted)
        assert not plan and results[LONDON]["status"] == "pending"
        assert sorted(text.replace(str(folder), "") for text in here.warnings) == [
            "/bank.cer is a certificate for bank.example: nobody here waits for it. Once it is of no use, delete it.",
            "not used as an answer: /large.cer has 1100000 bytes, too many for a certificate. Move it away.",
            "not used as an answer: /page.cer is a web page, not a certificate. Open it: the CA's site says there why. "
            "Then fetch it again.",
        ]

    def test_what_was_answered_before_is_no_stranger(self, manual: dict[str, Any], folder: Path) -> None:
        london, tokyo = order(), order(TOKYO, csr(ASIA), ASIA)
        issue(manual, london)
        (folder / "answer").write_text(pem(MIDDLE.sign(public(london)), MIDDLE.certificate))
        assert state(manual, london)[0] == "issued"
        issue(manual, tokyo)
        assert not issue(manual, tokyo)[2].warnings

    def test_a_private_key_as_pem_is_never_taken(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        text = keys.to_pem(KEY).decode() + pem(MIDDLE.sign(public(wanted)), MIDDLE.certificate)
        (folder / "bundle.pem").write_text(text)
        _, results, here = issue(manual, wanted)
        assert results[LONDON]["status"] == "issued" and "PRIVATE" not in str(results)
        assert here.warnings == [
            f"{folder / 'bundle.pem'} holds a private key, which is not taken from there: delete it from the file"
        ]

    def test_another_key_under_any_name(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / "certnew.cer").write_text(pem(MIDDLE.sign(KEY.public_key())))
        later(folder / "certnew.cer")
        _, results, here = issue(manual, wanted)
        assert results[LONDON]["status"] == "pending"
        assert "certnew.cer: certificate for another key: it is for" in here.warnings[0]

    def test_an_old_answer_stops_no_renewal(self, manual: dict[str, Any], folder: Path) -> None:
        """It is newer than the old request, which still lies there when the new one comes."""
        first = order()
        issue(manual, first)
        (folder / "edge1.london.crt.pem").write_text(pem(MIDDLE.sign(public(first)), MIDDLE.certificate))
        for name, age in (("edge1.london.csr.pem", 100), ("edge1.london.crt.pem", 50)):
            moment = library.now().timestamp() - age
            os.utime(folder / name, (moment, moment))
        assert state(manual, first)[0] == "issued"
        plan, results, here = issue(manual, order())
        assert changes(plan) == [("update", "request_file", LONDON)]
        assert results[LONDON]["status"] == "pending" and not here.warnings

    def test_unreadable_under_its_name(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / "edge1.london.cer").write_text("<html>Session expired")
        later(folder / "edge1.london.cer")
        status, error = state(manual, wanted)
        assert status == "failed" and "edge1.london.cer is a web page, not a certificate" in error


class TestBadAnswers:
    """What is refused, and the sentence for it."""

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"start": NOW - 9 * DAY, "end": NOW - DAY}, "has expired on"),
            ({"start": NOW + DAY}, "is not yet valid"),
            ({"names": ["*.contoso.example"]}, "does not cover contoso.example; it has *.contoso.example"),
            ({"names": [NAMES[0]]}, "does not cover conference.contoso.example"),
        ],
    )
    def test_certificates(self, manual: dict[str, Any], folder: Path, wrong: Any, message: str) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / "answer").write_text(pem(MIDDLE.sign(public(wanted), **wrong), MIDDLE.certificate))
        status, error = state(manual, wanted)
        assert status == "failed" and message in error

    def test_sha1(self, manual: dict[str, Any], folder: Path, tmp_path: Path) -> None:
        from .test_verification import KEY as SIGNED

        leaf, root = sha1_by_openssl(tmp_path)
        (tmp_path / "root.pem").write_text(pem(root))
        (folder / "edge.pfx").write_bytes(pfx(SIGNED, leaf))
        status, error = state(manual, order())
        assert status == "failed" and "is signed with SHA1, which peers refuse" in error

    def test_1024_bits(self, manual: dict[str, Any], folder: Path) -> None:
        weak = rsa.generate_private_key(65537, 1024)
        (folder / "edge.pfx").write_bytes(pfx(weak, MIDDLE.sign(weak.public_key()), MIDDLE.certificate))
        status, error = state(manual, order())
        assert status == "failed" and "its RSA key has 1024 bits, at least 2048 are needed" in error

    def test_a_chain_without_its_intermediate(self, manual: dict[str, Any], folder: Path) -> None:
        (folder / "edge.pfx").write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key())))
        status, error = state(manual, order())
        assert status == "failed" and "whose issuer 'CN=Outside Intermediate' is neither in the chain nor" in error

    def test_a_name_too_many_in_the_request(self, manual: dict[str, Any]) -> None:
        status, error = state(manual, order(request=csr([*NAMES, "bank.example"])))
        assert status == "failed" and "asks for names that its pool does not have: bank.example" in error

    def test_a_hundred_and_one_names(self, manual: dict[str, Any]) -> None:
        names = [f"n{number}.example" for number in range(101)]
        status, error = state(manual, order(request=csr(), names=names))
        assert status == "failed" and "101 names are too many for one certificate" in error

    def test_another_template(self, manual: dict[str, Any]) -> None:
        status, error = state(manual, order(request=csr(template="CA"), template="WebServer"))
        assert status == "failed" and "asks for template 'CA', the inventory for template 'WebServer'" in error


KEY = keys.generate(KeySettings.of(ECDSA))


class TestPkcs12:
    """Answers with a key: the request's own, or one that somebody else made."""

    def test_certificates_only(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / "edge.pfx").write_bytes(pfx(None, MIDDLE.sign(public(wanted)), MIDDLE.certificate))
        _, results, here = issue(manual, wanted)
        assert results[LONDON]["status"] == "issued" and not here.warnings
        assert results[LONDON]["sealed_keys"] == {} and results[LONDON]["csr"] == wanted["csr"]

    def test_the_key_of_the_request_does_not_travel(self, manual: dict[str, Any], folder: Path) -> None:
        from ansible.module_utils.fedgate.certificates.settings import RequestSettings

        wanted = order(request=requests.build(KEY, RequestSettings.of({"names": NAMES})).decode())
        _, recipient = sealing.new_pair()
        (folder / "edge.pfx").write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key()), MIDDLE.certificate))
        _, results, here = issue(manual, {**wanted, "recipients": {LONDON: recipient}})
        assert results[LONDON]["status"] == "issued" and results[LONDON]["sealed_keys"] == {}
        assert results[LONDON]["csr"] == wanted["csr"]
        assert "holds the private key of edge.london.contoso.example, which was never to leave" in here.warnings[0]

    def test_a_key_that_somebody_else_made(self, manual: dict[str, Any], folder: Path) -> None:
        """First its key has to be handed over; sealed to the members, only they can read it."""
        (folder / "from-ca.p12").write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key()), MIDDLE.certificate))
        planned, before, _ = issue(manual, order(request=None), check_mode=True)
        plan, results, here = issue(manual, order())
        assert not planned and not plan
        assert before[LONDON]["status"] == results[LONDON]["status"] == "key_brought"
        assert (results[LONDON]["sealed_keys"], results[LONDON]["csr"]) == ({}, None)
        assert len(here.warnings) == 1
        assert "brings the private key of edge.london.contoso.example: somebody else has made" in here.warnings[0]
        assert "delete the file" in here.warnings[0]
        first, second = sealing.new_pair(), sealing.new_pair()
        _, results, here = issue(manual, order(recipients={"edge1": first[1], "edge2": second[1]}))
        found = results[LONDON]
        assert found["status"] == "issued" and found["csr"] is None
        assert found["key_fingerprint"] == keys.fingerprint(KEY.public_key())
        for host, (private, _) in {"edge1": first, "edge2": second}.items():
            opened = sealing.unseal(private, found["sealed_keys"][host], f"fedgate certificate key {POOL}")
            assert opened == keys.to_pem(KEY)
        assert "PRIVATE" not in str(results) and not any("PRIVATE" in text for text in here.warnings)

    def test_a_recipient_that_offers_nonsense(self, manual: dict[str, Any], folder: Path) -> None:
        (folder / "from-ca.p12").write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key()), MIDDLE.certificate))
        _, results, here = issue(manual, order(recipients={"edge1": "bm8=", "edge2": sealing.new_pair()[1]}))
        assert list(results[LONDON]["sealed_keys"]) == ["edge2"]
        assert any("edge1 gets no key: " in text for text in here.warnings)
        assert (
            "no member of edge.london.contoso.example offers a key" in state(manual, order(recipients={"a": "bm8="}))[1]
        )

    def test_once_installed_it_is_no_answer_again(self, manual: dict[str, Any], folder: Path) -> None:
        leaf = MIDDLE.sign(KEY.public_key())
        (folder / "from-ca.p12").write_bytes(pfx(KEY, leaf, MIDDLE.certificate))
        assert state(manual, order(replaces=f"{leaf.serial_number:x}"))[0] == "pending"

    @pytest.mark.parametrize("names", [NAMES[:1], [*NAMES, "bank.example"]])
    def test_other_names_are_no_answer(self, manual: dict[str, Any], folder: Path, names: list[str]) -> None:
        wanted = order()
        issue(manual, wanted)
        file = folder / "edge1.london.p12"
        file.write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key(), names), MIDDLE.certificate))
        os.utime(file, (0, 0))
        assert state(manual, wanted)[0] == "pending"
        later(file)
        status, error = state(manual, wanted)
        said = "it lacks conference.contoso.example" if len(names) == 1 else "it has also bank.example"
        assert status == "failed"
        assert f"edge1.london.p12 is not for exactly the names of edge.london.contoso.example: {said}" in error

    def test_the_name_of_the_file_chooses_between_pools_of_the_same_names(
        self, manual: dict[str, Any], folder: Path
    ) -> None:
        london, tokyo = order(), order(TOKYO)
        issue(manual, london, tokyo)
        (folder / "edge1.tokyo.p12").write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key()), MIDDLE.certificate))
        _, results, _ = issue(manual, london, tokyo)
        assert (results[LONDON]["status"], results[TOKYO]["status"]) == ("pending", "key_brought")

    @pytest.mark.parametrize(
        ("given", "message"),
        [("canary-wrong", "the password given does not open"), (None, "is protected by a password, and none is given")],
    )
    def test_passwords(self, manual: dict[str, Any], folder: Path, given: Any, message: str) -> None:
        wanted = order()
        issue(manual, wanted)
        file = folder / "edge1.london.pfx"
        file.write_bytes(pfx(KEY, MIDDLE.sign(KEY.public_key()), MIDDLE.certificate))
        later(file)
        _, results, here = issue({**manual, "pkcs12_password": given}, wanted)
        assert results[LONDON]["status"] == "failed" and message in results[LONDON]["error"]
        assert message in here.warnings[0]
        assert "canary" not in str(results).replace(str(folder), "") + here.warnings[0].replace(str(folder), "")

    def test_a_key_and_a_certificate_of_different_pairs(self, manual: dict[str, Any], folder: Path) -> None:
        stranger = ec.generate_private_key(ec.SECP256R1())
        protection = BestAvailableEncryption(PASSWORD.encode())
        leaf = MIDDLE.sign(KEY.public_key())
        content = pkcs12.serialize_key_and_certificates(b"x", stranger, None, [leaf, MIDDLE.certificate], protection)
        wanted = order()
        issue(manual, wanted)
        (folder / "edge1.london.pfx").write_bytes(content)
        later(folder / "edge1.london.pfx")
        status, error = state(manual, wanted)
        assert status == "failed" and "are of different pairs" in error


class TestWaiting:
    """What lies in the folder for people."""

    def test_the_list_empties_entry_by_entry(self, manual: dict[str, Any], folder: Path) -> None:
        london, tokyo = order(), order(TOKYO, csr(ASIA), ASIA, pool="edge.tokyo.contoso.example")
        issue(manual, london, tokyo)
        text = (folder / "WAITING.txt").read_text()
        for part in (
            f"edge.london.contoso.example ({LONDON})", f"edge.tokyo.contoso.example ({TOKYO})",
            str(folder / "edge1.london.csr.pem"), str(folder / "edge1.tokyo.txt"), "waits since:     2",
            keys.fingerprint(public(tokyo)), "To give a request up, delete its file.",
        ):  # fmt: skip
            assert part in text
        (folder / "answer").write_text(pem(MIDDLE.sign(public(london)), MIDDLE.certificate))
        planned, _, _ = issue(manual, london, tokyo, check_mode=True)
        plan, _, _ = issue(manual, london, tokyo)
        assert changes(plan) == changes(planned) == [("delete", "waiting_request", LONDON)]
        assert LONDON not in (folder / "WAITING.txt").read_text()
        assert TOKYO in (folder / "WAITING.txt").read_text()
        (folder / "answer2").write_text(pem(MIDDLE.sign(public(tokyo), ASIA)))
        issue(manual, tokyo)
        assert not (folder / "WAITING.txt").exists()
        assert not issue(manual, london, tokyo)[0]

    def test_since_when_stays(self, manual: dict[str, Any], folder: Path) -> None:
        wanted = order()
        issue(manual, wanted)
        list_, text = folder / "WAITING.txt", folder / "edge1.london.txt"
        before = list_.read_text().replace("waits since:     20", "waits since:     19")
        (folder / ".waiting.json").write_text(
            (folder / ".waiting.json").read_text().replace('"since": "20', '"since": "19')
        )
        list_.write_text(before)
        text.unlink()
        assert changes(issue(manual, wanted)[0]) == [("update", "request_file", LONDON)]
        assert text.exists() and list_.read_text() == before

    @pytest.mark.parametrize("lost", ["WAITING.txt", ".waiting.json", "edge1.london.csr.pem", "edge1.london.txt"])
    def test_a_run_that_was_killed_is_ended_by_the_next(self, manual: dict[str, Any], folder: Path, lost: str) -> None:
        wanted = order()
        issue(manual, wanted)
        (folder / lost).unlink()
        planned, _, _ = issue(manual, wanted, check_mode=True)
        plan, _, _ = issue(manual, wanted)
        assert changes(plan) == changes(planned) and len(plan.changes) == 1
        assert (folder / lost).exists()

    def test_a_request_given_up_leaves_the_list(self, manual: dict[str, Any], folder: Path) -> None:
        issue(manual, order(), order(TOKYO))
        (folder / "edge1.tokyo.csr.pem").unlink()
        issue(manual, order())
        assert TOKYO not in (folder / "WAITING.txt").read_text()

    def test_a_request_replaced_is_said(self, manual: dict[str, Any], folder: Path) -> None:
        first, second = order(), order()
        issue(manual, first)
        plan, _, here = issue(manual, second)
        assert changes(plan) == [("update", "request_file", LONDON)]
        assert plan.changes[0].before["key_fingerprint"] == keys.fingerprint(public(first))  # type: ignore[index]
        assert len(here.warnings) == 1
        assert "the request of edge1.london in" in here.warnings[0] and "was replaced by a new one" in here.warnings[0]
        assert (folder / "edge1.london.csr.pem").read_text() == second["csr"]

    def test_the_text_is_ready_to_send(self, manual: dict[str, Any], folder: Path) -> None:
        subject = {"organization": "Contoso Ltd", "organizational_unit": "IT", "country": "GB"}
        wanted = order(request=csr(subject=subject, template="WebServer"), template="WebServer")
        issue({**manual, "validity_days": 200}, wanted)
        text = (folder / "edge1.london.txt").read_text()
        for part in (
            "Subject: Certificate request for edge.london.contoso.example", "Organisation: Contoso Ltd, IT",
            "Template:     WebServer", "Validity:     200 days", "Key:          ECDSA P-256",
            "Purposes:     serverAuth",
            f"Names:        {NAMES[0]}\n                {NAMES[1]}", "Certificate request (PKCS#10):",
            "Kind regards\nContoso Ltd, IT", wanted["csr"],
        ):  # fmt: skip
            assert part in text, text

    @pytest.mark.parametrize("given", ["london.req", "sub/london.req", "{absolute}/london.req"])
    def test_a_file_of_ones_own(self, manual: dict[str, Any], folder: Path, tmp_path: Path, given: str) -> None:
        given = given.format(absolute=tmp_path)
        wanted = order()
        path = folder / given
        own = {**manual, "request_file": given}
        plan, _, _ = issue(own, wanted)
        assert path.read_text() == wanted["csr"]
        assert wanted["csr"] in path.with_suffix(".txt").read_text()
        assert str(path) in plan.pending[0].waiting_for
        again, _, here = issue(own, wanted)
        assert not again and not here.warnings
        assert not (folder / "edge1.london.csr.pem").exists()

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("london.txt", "request_file: london.txt is the name of a text file, which the summary beside the request"),
            ("sub/", "request_file: sub/ is a folder. Name a file."),
        ],
    )
    def test_files_that_cannot_be(self, manual: dict[str, Any], given: str, message: str) -> None:
        assert message in state({**manual, "request_file": given}, order())[1]

    @pytest.mark.parametrize("name", ["london.req", "london.txt"])
    def test_files_of_others_are_left_alone(self, manual: dict[str, Any], folder: Path, name: str) -> None:
        (folder / name).write_text("mine")
        status, error = state({**manual, "request_file": "london.req"}, order())
        assert status == "failed"
        assert f"request_file: {folder / name} is there already, and is nothing that Fedgate wrote" in error
        assert (folder / name).read_text() == "mine"

    def test_one_file_for_two(self, manual: dict[str, Any]) -> None:
        _, results, _ = issue({**manual, "request_file": "one.req"}, order(), order(TOKYO))
        assert results[LONDON]["status"] == "pending"
        assert f"one.req is the request file of {LONDON} too" in results[TOKYO]["error"]
        assert "Give each pool a federation_certificate.request_file of its own" in results[TOKYO]["error"]
