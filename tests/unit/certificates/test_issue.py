"""The issuing module: requests held against the model, a private CA, a CA by hand; one bad request stops nobody."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import chains, keys, library, requests
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.certificates.settings import KeySettings, RequestSettings
from ansible.module_utils.fedgate.errors import InvalidValue
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from .world import DAY, ECDSA, NAMES, NOW, POOL, Authority, Here, changes, pem, walk

pytest.importorskip("cryptography.x509.verification", reason="only controllers issue")

LONDON, TOKYO = "edge1.london", "edge1.tokyo"


def csr(names: Any = NAMES, **other: Any) -> str:
    settings = RequestSettings.of({"names": names, "key": ECDSA, **other})
    return requests.build(keys.generate(KeySettings.of(ECDSA)), settings).decode()


def order(name: str = LONDON, request: Any = "", names: Any = NAMES, **other: Any) -> dict[str, Any]:
    return {"name": name, "pool": POOL, "names": names, "csr": csr(names) if request == "" else request, **other}


def issue(issuer: Any, *orders: Any, check_mode: bool = False) -> tuple[Any, dict[str, Any], Here]:
    here = Here(check_mode)
    issuers = issuer if isinstance(issuer, list) else [{"name": "default", **issuer}]
    plan, result = walk(IssueReconciler({"issuers": issuers, "requests": list(orders)}, here))  # type: ignore[arg-type]
    return plan, result["certificates"], here


@pytest.fixture
def local(tmp_path: Path) -> dict[str, Any]:
    return {
        "kind": "local_ca",
        "directory": str(tmp_path / "ca"),
        "create": True,
        "organization": "Contoso",
        "validity_days": 90,
    }


@pytest.fixture
def manual(tmp_path: Path) -> dict[str, Any]:
    root = tmp_path / "root.pem"
    root.write_text(pem(OUTSIDE.certificate))
    return {"kind": "manual", "requests_directory": str(tmp_path / "requests"), "trust_anchors": [str(root)]}


OUTSIDE = Authority("Outside CA")
MIDDLE = Authority("Outside Intermediate", OUTSIDE)


class TestLocalCa:
    """A private CA."""

    def test_check_mode_names_what_the_run_does(self, local: dict[str, Any], tmp_path: Path) -> None:
        planned, results, _ = issue(local, order(request=None), check_mode=True)
        assert results[LONDON]["status"] == "planned"
        assert not (tmp_path / "ca").exists()
        plan, results, _ = issue(local, order())
        assert changes(plan) == changes(planned) == [
            ("create", "certificate_authority", local["directory"]),
            ("create", "issued_certificate", LONDON),
        ]  # fmt: skip
        assert results[LONDON]["status"] == "issued"
        assert results[LONDON]["names"] == NAMES

    def test_the_same_request_gets_the_same_certificate(self, local: dict[str, Any]) -> None:
        wanted = order()
        _, first, _ = issue(local, wanted)
        plan, again, _ = issue(local, wanted)
        assert not plan
        assert again[LONDON]["chain"] == first[LONDON]["chain"]

    def test_what_is_signed(self, local: dict[str, Any], tmp_path: Path) -> None:
        _, results, _ = issue(local, order(client_auth=True))
        leaf = chains.parse(results[LONDON]["chain"], "leaf")[0]
        root = chains.parse((tmp_path / "ca" / "ca.pem").read_bytes(), "root")[0]
        facts = chains.describe(leaf)
        assert (facts.server_auth, facts.client_auth) == (True, True)
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
        own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own
        assert leaf.serial_number.bit_length() > 64
        assert 89 * DAY <= facts.not_after - NOW <= 91 * DAY

    def test_of_the_request_only_the_key_is_taken(self, local: dict[str, Any]) -> None:
        request = csr(NAMES, subject={"organization": "Somebody else"}, client_auth=True)
        _, results, _ = issue(local, order(request=request))
        leaf = chains.parse(results[LONDON]["chain"], "leaf")[0]
        assert leaf.subject.rfc4514_string() == "CN=contoso.example"
        assert not chains.describe(leaf).client_auth

    @pytest.mark.parametrize(
        ("general", "own", "expected"), [(True, None, True), (True, False, False), (False, True, True)]
    )
    def test_client_auth(self, local: dict[str, Any], general: bool, own: Any, expected: bool) -> None:
        _, results, _ = issue({**local, "client_auth": general}, order(client_auth=own))
        assert chains.describe(chains.parse(results[LONDON]["chain"], "leaf")[0]).client_auth is expected

    def test_its_files(self, local: dict[str, Any], tmp_path: Path) -> None:
        issue(local, order())
        assert stat.S_IMODE(os.stat(tmp_path / "ca").st_mode) == 0o700
        assert stat.S_IMODE(os.stat(tmp_path / "ca" / "ca-key.pem").st_mode) == 0o600

    def test_an_open_key_is_warned_about(self, local: dict[str, Any], tmp_path: Path) -> None:
        issue(local, order())
        (tmp_path / "ca" / "ca-key.pem").chmod(0o644)
        assert "can be read by others: chmod 600" in issue(local, order())[2].warnings[0]

    def test_no_ca_and_none_wanted(self, local: dict[str, Any]) -> None:
        _, results, _ = issue({**local, "create": False}, order())
        assert results[LONDON]["status"] == "failed"
        assert "there is no CA in" in results[LONDON]["error"]
        assert "ca_create: true" in results[LONDON]["error"]

    def test_nobody_asks_nothing_is_made(self, local: dict[str, Any], tmp_path: Path) -> None:
        assert not issue(local)[0]
        assert not (tmp_path / "ca").exists()

    @pytest.mark.parametrize(
        ("made_with", "opened_with", "message"),
        [
            ("sesame42", "wrong", "the passphrase given does not open"),
            ("sesame42", None, "is encrypted, and no passphrase is given"),
            (None, "needless", "is not encrypted, although a passphrase is given"),
        ],
    )
    def test_passphrases(self, local: dict[str, Any], made_with: Any, opened_with: Any, message: str) -> None:
        issue({**local, "passphrase": made_with}, order())
        for check_mode in (True, False):
            _, results, _ = issue({**local, "passphrase": opened_with}, order(), check_mode=check_mode)
            assert results[LONDON]["status"] == "failed"
            assert message in results[LONDON]["error"]
            assert "sesame42" not in results[LONDON]["error"].replace(local["directory"], "")

    def test_a_key_without_its_certificate_is_used_again(self, local: dict[str, Any], tmp_path: Path) -> None:
        """As a kill between the two files leaves it."""
        issue(local, order())
        key = (tmp_path / "ca" / "ca-key.pem").read_bytes()
        (tmp_path / "ca" / "ca.pem").unlink()
        plan, results, _ = issue(local, order())
        assert changes(plan)[0][1] == "certificate_authority"
        assert (tmp_path / "ca" / "ca-key.pem").read_bytes() == key
        assert results[LONDON]["status"] == "issued"

    def test_a_certificate_without_its_key(self, local: dict[str, Any], tmp_path: Path) -> None:
        issue(local, order())
        (tmp_path / "ca" / "ca-key.pem").unlink()
        assert "ca-key.pem is missing beside" in issue(local, order())[1][LONDON]["error"]

    def test_a_ca_of_two_halves(self, local: dict[str, Any], tmp_path: Path) -> None:
        issue(local, order())
        (tmp_path / "ca" / "ca.pem").write_text(pem(OUTSIDE.certificate))
        assert "do not belong together" in issue(local, order())[1][LONDON]["error"]

    def test_no_ca_at_all(self, local: dict[str, Any], tmp_path: Path) -> None:
        no_ca = Authority("Not a CA", ca=False)
        (tmp_path / "ca").mkdir()
        (tmp_path / "ca" / "ca.pem").write_text(pem(no_ca.certificate))
        (tmp_path / "ca" / "ca-key.pem").write_bytes(keys.to_pem(no_ca.key))
        assert "is not the certificate of a CA" in issue(local, order())[1][LONDON]["error"]

    def test_another_ca_signs_again(self, local: dict[str, Any], tmp_path: Path) -> None:
        wanted = order()
        issue(local, wanted)
        (tmp_path / "ca" / "ca.pem").write_text(pem(OUTSIDE.certificate))
        (tmp_path / "ca" / "ca-key.pem").write_bytes(keys.to_pem(OUTSIDE.key))
        plan, results, _ = issue(local, wanted)
        assert changes(plan) == [("update", "issued_certificate", LONDON)]
        assert results[LONDON]["issuer"] == "CN=Outside CA"

    def test_no_longer_than_the_ca_itself(self, local: dict[str, Any]) -> None:
        issue(local, order())
        _, results, _ = issue({**local, "validity_days": 3650}, order(TOKYO))
        assert results[TOKYO]["status"] == "issued"

    @pytest.mark.parametrize("days", [-1, 3651])
    def test_days_out_of_bounds(self, local: dict[str, Any], days: int) -> None:
        _, results, _ = issue({**local, "validity_days": days}, order())
        assert f"{days} days of validity are not allowed" in results[LONDON]["error"]


class TestOrders:
    """What every issuer has in common."""

    def test_one_bad_request_stops_nobody(self, local: dict[str, Any]) -> None:
        bad = order(TOKYO, csr([*NAMES, "bank.example"]))
        plan, results, _ = issue(local, bad, order())
        assert results[LONDON]["status"] == "issued"
        assert results[TOKYO]["status"] == "failed"
        assert "asks for names that its pool does not have: bank.example" in results[TOKYO]["error"]
        assert ("create", "issued_certificate", TOKYO) not in changes(plan)

    def test_one_closed_issuer_stops_nobody_else(self, local: dict[str, Any], tmp_path: Path) -> None:
        closed = {"kind": "local_ca", "directory": str(tmp_path / "nowhere"), "create": False}
        issuers = [{"name": "open", **local}, {"name": "closed", **closed}]
        _, results, _ = issue(issuers, order(issuer="open"), order(TOKYO, issuer="closed"))
        assert (results[LONDON]["status"], results[TOKYO]["status"]) == ("issued", "failed")

    def test_two_settings_share_one_new_ca(self, local: dict[str, Any]) -> None:
        issuers = [{"name": "90", **local}, {"name": "30", **local, "validity_days": 30}]
        plan, results, _ = issue(issuers, order(issuer="90"), order(TOKYO, issuer="30"))
        assert [kind for _, kind, _ in changes(plan)].count("certificate_authority") == 1
        assert results[LONDON]["issuer"] == results[TOKYO]["issuer"]
        assert results[LONDON]["not_after"] > results[TOKYO]["not_after"]

    def test_an_issuer_must_be_chosen_among_several(self, local: dict[str, Any]) -> None:
        several = [{"name": "one", **local}, {"name": "two", **local}]
        _, results, _ = issue(several, order(), order(TOKYO, issuer="three"))
        assert "several issuers are given, and none is chosen. Choose one of: one, two." in results[LONDON]["error"]
        assert "'three' is no issuer here. Choose one of: one, two." in results[TOKYO]["error"]

    def test_a_name_twice(self, local: dict[str, Any]) -> None:
        with pytest.raises(InvalidValue, match=r"two requests are named edge1\.london"):
            issue(local, order(), order())

    def test_a_serial_number_that_is_none(self, local: dict[str, Any]) -> None:
        wanted = order()
        issue(local, wanted)
        _, results, _ = issue(local, {**wanted, "replaces": "the old one"})
        assert "requests.replaces: 'the old one' is not a serial number" in results[LONDON]["error"]

    def test_without_a_request_only_in_check_mode(self, local: dict[str, Any]) -> None:
        assert "edge1.london gives no request" in issue(local, order(request=None))[1][LONDON]["error"]

    def test_an_unwritable_folder_fails_the_request(self, local: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        _, results, _ = issue({**local, "directory": str(tmp_path / "file" / "ca")}, order())
        assert results[LONDON]["status"] == "failed"
        assert "cannot be" in results[LONDON]["error"]


def test_one_warning_where_partners_depend_on_client_auth(local: dict[str, Any]) -> None:
    strict = {"domain": "strict.example", "tls": "required", "sasl": "required", "dialback": False}
    here = Here()
    params = {"issuers": [{"name": "default", **local}], "requests": [order(), order(TOKYO)], "partners": [strict]}
    walk(IssueReconciler(params, here))  # type: ignore[arg-type]
    told = [text for text in here.warnings if "clientAuth" in text]
    assert len(told) == 1 and "edge1.london, edge1.tokyo" in told[0] and "strict.example" in told[0]
    here = Here()
    params["requests"] = [order(client_auth=True)]
    walk(IssueReconciler(params, here))  # type: ignore[arg-type]
    assert not here.warnings


class TestManual:
    """A CA by hand."""

    def test_asked_once_then_waited_for(self, manual: dict[str, Any], tmp_path: Path) -> None:
        wanted = order()
        planned, _, _ = issue(manual, order(request=None), check_mode=True)
        plan, results, _ = issue(manual, wanted)
        assert changes(plan) == changes(planned) == [("create", "request_file", LONDON)]
        assert results[LONDON]["status"] == "pending"
        assert plan.pending[0].name == LONDON
        folder = tmp_path / "requests"
        assert f"send it {folder / 'edge1.london.csr.pem'}" in plan.pending[0].waiting_for
        assert f"put the answer, any file, into {folder}" in plan.pending[0].waiting_for
        again, results, _ = issue(manual, wanted)
        assert not again
        assert (results[LONDON]["status"], len(again.pending)) == ("pending", 1)
        assert (tmp_path / "requests" / "edge1.london.csr.pem").read_text() == wanted["csr"]
        text = (tmp_path / "requests" / "edge1.london.txt").read_text()
        assert wanted["csr"] in text and NAMES[1] in text and POOL in text

    def test_a_new_request_replaces_the_old_one(self, manual: dict[str, Any]) -> None:
        issue(manual, order())
        planned, _, _ = issue(manual, order(request=None), check_mode=True)
        plan, _, _ = issue(manual, order())
        assert changes(plan) == changes(planned) == [("update", "request_file", LONDON)]

    @pytest.mark.parametrize("name", ["edge1.london.crt.pem", "edge1.london.csr.pem", "certnew.cer", "answer"])
    def test_the_answer_is_found_by_its_key(self, manual: dict[str, Any], tmp_path: Path, name: str) -> None:
        wanted, leaf = self.asked(manual)
        (tmp_path / "requests" / name).write_text(
            pem(OUTSIDE.certificate, MIDDLE.certificate, leaf).replace("\n", "\r\n")
        )
        planned, _, _ = issue(manual, wanted, check_mode=True)
        plan, results, _ = issue(manual, wanted)
        assert changes(plan) == changes(planned) == [("delete", "waiting_request", LONDON)]
        assert not plan.pending
        assert results[LONDON]["status"] == "issued"
        assert results[LONDON]["chain"] == pem(leaf, MIDDLE.certificate)
        assert not issue(manual, wanted)[0]

    def test_the_intermediate_may_lie_beside_it(self, manual: dict[str, Any], tmp_path: Path) -> None:
        wanted, leaf = self.asked(manual)
        (tmp_path / "requests" / "edge1.london.crt.pem").write_text(pem(leaf))
        assert "whose issuer 'CN=Outside Intermediate' is neither" in issue(manual, wanted)[1][LONDON]["error"]
        (tmp_path / "requests" / "intermediate.crt").write_text(pem(MIDDLE.certificate))
        assert issue(manual, wanted)[1][LONDON]["status"] == "issued"

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"start": NOW - 9 * DAY, "end": NOW - DAY}, "has expired on"),
            ({"start": NOW + DAY}, "is not yet valid"),
            ({"names": NAMES[:1]}, "does not cover conference.contoso.example"),
            ({"purposes": [ExtendedKeyUsageOID.CLIENT_AUTH]}, "lacks the purpose serverAuth"),
        ],
    )
    def test_a_bad_answer(self, manual: dict[str, Any], tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
        wanted, leaf = self.asked(manual, **wrong)
        (tmp_path / "requests" / "edge1.london.crt.pem").write_text(pem(leaf, MIDDLE.certificate))
        _, results, _ = issue(manual, wanted)
        assert results[LONDON]["status"] == "failed"
        assert f"answer for {LONDON} in" in results[LONDON]["error"]
        assert message in results[LONDON]["error"]

    def test_an_answer_for_another_key(self, manual: dict[str, Any], tmp_path: Path) -> None:
        wanted, _ = self.asked(manual)
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        answer = tmp_path / "requests" / "edge1.london.crt.pem"
        answer.write_text(pem(MIDDLE.sign(other), MIDDLE.certificate))
        newer = library.now().timestamp() + 5
        os.utime(answer, (newer, newer))
        error = issue(manual, wanted)[1][LONDON]["error"]
        assert f"certificate for another key: it is for {keys.fingerprint(other)}, the request was made with" in error

    def test_the_answer_to_the_last_request_is_left_alone(self, manual: dict[str, Any], tmp_path: Path) -> None:
        """At a renewal the old answer still lies there when the new request is handed over."""
        _, leaf = self.asked(manual)
        answer = tmp_path / "requests" / "edge1.london.crt.pem"
        answer.write_text(pem(leaf, MIDDLE.certificate))
        older = library.now().timestamp() - 100
        os.utime(answer, (older, older))
        renewed = order()
        assert issue(manual, renewed)[1][LONDON]["status"] == "pending"
        assert issue(manual, renewed)[1][LONDON]["status"] == "pending"

    def test_what_is_no_answer_is_warned_about_once(self, manual: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "requests").mkdir()
        (tmp_path / "requests" / "certnew.cer").write_bytes(b"\x30\x82")
        # The folder is read twice here: the request is handed over.
        _, results, here = issue(manual, order())
        assert results[LONDON]["status"] == "pending"
        assert len(here.warnings) == 1
        assert "not used as an answer" in here.warnings[0] and "certnew.cer holds no certificate" in here.warnings[0]

    def test_a_name_that_is_no_file(self, manual: dict[str, Any]) -> None:
        assert "cannot name a file" in issue(manual, order("../london"))[1]["../london"]["error"]

    @staticmethod
    def asked(manual: dict[str, Any], **wrong: Any) -> tuple[dict[str, Any], Any]:
        """Hand over a request, and have it signed outside."""
        wanted = order()
        issue(manual, wanted)
        return wanted, MIDDLE.sign(requests.read(wanted["csr"], "test").public, **wrong)
