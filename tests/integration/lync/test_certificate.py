"""``lync_certificate``: request, answer, assignment, step by step as in the wizard."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.holdings import Entry
from .edges import FIRST, MEDIA, NAMES, POOL, PUBLIC, Pool, actions, csr_of, pem, thumbprint

ASKED = [("create", "certificate_request", "external")]
TAKEN = [
    ("create", "certificate", f"external on {FIRST}"),
    ("create", "certificate_assignment", f"external on {FIRST}"),
]


@pytest.fixture
def pool(lync: Deployment, tmp_path: Path) -> Pool:
    """The pool in London, without any certificate."""
    return Pool(lync, tmp_path)


class TestRequest:
    def test_it_is_made_once(self, pool: Pool) -> None:
        planned, done = pool.run(check=True), pool.run()
        assert actions(planned) == actions(done) == ASKED and planned["plan"] == done["plan"]
        assert done["pending"][0]["kind"] == "certificate" and not planned["certificates"]["external"]["csr"]
        again = pool.run()
        assert not again["changed"] and again["certificates"]["external"]["step"] == "wait"
        assert csr_of(again) == csr_of(done) and "answer.pem" in again["pending"][0]["waiting_for"]
        assert len(pool.held().stores["REQUEST"]) == 1 and len(pool.calls("Request-CsCertificate")) == 1

    def test_check_mode_changes_nothing(self, pool: Pool) -> None:
        pool.run(check=True)
        assert not pool.held().stores["REQUEST"] and not pool.held().files

    def test_every_field_of_the_wizard(self, pool: Pool) -> None:
        pool.lync.world.sip_domains.append("fabrikam.example")
        names = [*NAMES, "sip.fabrikam.example", "lync.contoso.example"]
        subject = {
            "organization": "Contoso '; Remove-Item *",
            "organizational_unit": "Messaging",
            "city": "Zürich",
            "state": "ZH",
            "country": "CH",
        }
        done = pool.run(
            pool.order(
                names=names,
                subject=subject,
                key={"size": 4096},
                friendly_name='External "edge" $(certificate)',
                exportable=False,
                template="LyncEdge",
                client_auth=True,
                all_sip_domains=True,
                computer_fqdn=FIRST,
            )
        )
        request = x509.load_pem_x509_csr(csr_of(done).encode())
        asked = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert set(asked.get_values_for_type(x509.DNSName)) == set(names)
        found = {attribute.oid: attribute.value for attribute in request.subject}
        assert found[NameOID.ORGANIZATION_NAME] == subject["organization"]
        assert found[NameOID.LOCALITY_NAME] == "Zürich" and found[NameOID.COMMON_NAME] == POOL
        assert (
            ExtendedKeyUsageOID.CLIENT_AUTH in request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        )
        key = request.public_key()
        assert isinstance(key, rsa.RSAPublicKey) and key.key_size == 4096
        (waiting,) = pool.held().stores["REQUEST"]
        assert waiting.friendly_name == 'External "edge" $(certificate)' and not waiting.exportable
        (given,) = pool.calls("Request-CsCertificate")
        assert (given["Template"], given["ComputerFqdn"], given["Type"]) == ("LyncEdge", FIRST, PUBLIC)
        assert "'; Remove-Item *" in done["certificates"]["external"]["summary"]

    @pytest.mark.parametrize("curve", ["p256", "p384", "p521"])
    def test_keys_on_curves(self, pool: Pool, curve: str) -> None:
        done = pool.run(pool.order(key={"type": "ecdsa", "curve": curve}))
        key = x509.load_pem_x509_csr(csr_of(done).encode()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name.endswith(f"{curve[1:]}r1")
        assert not pool.run(pool.order(key={"type": "ecdsa", "curve": curve}))["changed"]

    def test_it_is_laid_on_the_controller(self, pool: Pool, tmp_path: Path) -> None:
        order = pool.order(request_file=str(tmp_path / "requests" / "external.csr.pem"))
        planned, done = pool.run(order, check=True), pool.run(order)
        assert actions(planned) == actions(done) == [*ASKED, ("create", "request_file", "external")]
        laid = (tmp_path / "requests" / "external.csr.pem").read_text()
        assert laid == csr_of(done) and laid.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
        assert not pool.run(order)["changed"]

    def test_another_one_is_made_where_it_does_not_fit_any_more(self, pool: Pool) -> None:
        first = csr_of(pool.run())
        order = pool.order(subject={"organization": "Contoso Ltd"})
        done = pool.run(order)
        assert actions(done) == [("update", "certificate_request", "external")]
        assert csr_of(done) != first and len(pool.held().stores["REQUEST"]) == 1

    def test_one_that_was_damaged_on_the_server(self, pool: Pool) -> None:
        pool.run()
        (path,) = pool.held().files
        pool.held().files[path] = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END CERTIFICATE REQUEST-----\n"
        done = pool.run()
        assert actions(done) == ASKED and "cannot be read" in done["warnings"][0] and csr_of(done)

    def test_a_server_that_asks_for_more(self, pool: Pool) -> None:
        pool.held().names += ("secret.contoso.example",)
        result = pool.run()
        assert result["failed"] and "it has also secret.contoso.example" in result["msg"]
        assert "edge_pool_additional_names" in result["msg"]
        assert not pool.held().stores["REQUEST"] and not pool.held().files, "it is taken back"


class TestAnswer:
    def test_from_request_to_assignment(self, pool: Pool) -> None:
        certificate = pool.sign(csr_of(pool.run()))
        planned, done = pool.run(check=True), pool.run()
        assert actions(planned) == TAKEN and planned["plan"] == done["plan"]
        assert pool.held().assigned == dict.fromkeys(PUBLIC, thumbprint(certificate))
        result = done["certificates"]["external"]
        assert result["thumbprint"] == thumbprint(certificate) and result["names"] == sorted(NAMES, key=NAMES.index)
        assert done["reassigned"] == [FIRST] and done["previous"] == {FIRST: {}}
        again = pool.run()
        assert not again["changed"] and not again["pending"] and again["reassigned"] == []
        assert [path for path in pool.held().files if not path.endswith((".csr", ".former"))] == [], "files are removed"
        issuers = [entry.certificate for entry in pool.held().stores["CA"]]
        assert issuers == [pool.authority.issuer], "the server can send the whole chain"

    @pytest.mark.parametrize("form", ["der", "pkcs7 pem", "pkcs7 der", "windows pem"])
    def test_in_any_format(self, pool: Pool, form: str) -> None:
        certificate = pool.sign(csr_of(pool.run()))
        chain = [pool.authority.issuer, certificate]
        if form == "der":
            pool.held().stores["CA"].append(Entry(pool.authority.issuer))
            pool.answer.write_bytes(certificate.public_bytes(Encoding.DER))
        elif form == "windows pem":
            pool.answer.write_bytes(pem(*chain).replace(b"\n", b"\r\n"))
        else:
            encoding = Encoding.PEM if form.endswith("pem") else Encoding.DER
            pool.answer.write_bytes(pkcs7.serialize_certificates(chain, encoding))
        done = pool.run()
        assert actions(done) == TAKEN and set(pool.held().assigned.values()) == {thumbprint(certificate)}

    def test_as_a_chain_of_another_module(self, pool: Pool) -> None:
        csr = csr_of(pool.run())
        certificate = pool.sign(csr)
        chain = pool.answer.read_text()
        pool.answer.unlink()
        order = pool.order(chain=chain)
        del order["answer"]
        assert actions(pool.run(order)) == TAKEN
        assert set(pool.held().assigned.values()) == {thumbprint(certificate)}

    def test_with_a_key_of_its_own(self, pool: Pool) -> None:
        password = "Geheim 'n $1"
        key = rsa.generate_private_key(65537, 2048)
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
        request = x509.CertificateSigningRequestBuilder().subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, POOL)])
        )
        certificate = pool.authority.sign(request.add_extension(names, critical=False).sign(key, hashes.SHA256()))
        packed = pkcs12.serialize_key_and_certificates(
            b"x", key, certificate, [pool.authority.issuer], BestAvailableEncryption(password.encode())
        )
        pool.answer.write_bytes(packed)
        done = pool.run(pool.order(pkcs12_password=password))
        assert actions(done) == TAKEN and not pool.run(pool.order(pkcs12_password=password))["changed"]
        entry = pool.held().find(thumbprint(certificate))
        assert entry and entry.key and entry.exportable
        (given,) = pool.calls("Import-CsCertificate")
        assert given["Password"] != password, "what somebody chose never gets to the server"
        assert password not in repr(done) and given["Password"] not in repr(done)

    def test_a_wrong_password(self, pool: Pool) -> None:
        key = rsa.generate_private_key(65537, 2048)
        packed = pkcs12.serialize_key_and_certificates(
            b"x", key, None, [pool.authority.issuer], BestAvailableEncryption(b"one")
        )
        pool.answer.write_bytes(packed)
        result = pool.run(pool.order(pkcs12_password="another"))
        assert (
            result["failed"] and "the password given does not open" in result["msg"] and "another" not in result["msg"]
        )

    def test_to_another_request(self, pool: Pool) -> None:
        first = csr_of(pool.run())
        changed = pool.order(subject={"organization": "Contoso Ltd"})
        pool.run(changed)
        pool.sign(first)
        result = pool.run(changed)
        assert result["failed"] and "answers another request" in result["msg"] and FIRST in result["msg"]
        assert not pool.held().assigned and not pool.held().stores["My"]

    def test_where_nothing_was_asked(self, pool: Pool) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, False)
        certificate = pool.authority.sign(request.sign(key, hashes.SHA256()))
        pool.answer.write_bytes(pem(certificate))
        result = pool.run()
        assert result["failed"] and f"no request waits for an answer on {FIRST}" in result["msg"]

    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ({"names": NAMES[:2]}, "does not cover sip.contoso.example"),
            ({"days": 1, "begins": datetime.timedelta(days=2)}, "has expired"),
            ({"begins": -datetime.timedelta(days=1)}, "not yet valid"),
        ],
    )
    def test_that_is_not_good_enough(self, pool: Pool, how: dict[str, Any], told: str) -> None:
        pool.sign(csr_of(pool.run()), **how)
        result = pool.run()
        assert result["failed"] and told in result["msg"] and not pool.held().stores["My"]

    def test_from_an_authority_that_nobody_knows(self, pool: Pool) -> None:
        pool.sign(csr_of(pool.run()))
        result = pool.run(pool.order(trust_anchors=[]))
        assert result["failed"] and "neither in the chain nor a trust anchor" in result["msg"]

    @pytest.mark.parametrize("content", ["", "<html>No</html>", "nonsense"])
    def test_that_is_none(self, pool: Pool, content: str) -> None:
        pool.run()
        pool.answer.write_text(content)
        result = pool.run()
        assert result["failed"] and str(pool.answer) in result["msg"]


class TestRenewal:
    def test_by_age(self, pool: Pool) -> None:
        pool.issued()
        due = pool.run(pool.order(renew_before_days=89))
        assert not due["changed"], "never before two thirds of its life are gone"
        csr = csr_of(pool.run(pool.order(names=[*NAMES, "lync.contoso.example"])))
        old = pool.sign(csr, begins=datetime.timedelta(days=70))
        done = pool.run(pool.order(names=[*NAMES, "lync.contoso.example"]))
        assert done["failed"] or done["certificates"]["external"]["thumbprint"] != thumbprint(old)

    def test_the_one_before_serves_until_then(self, pool: Pool) -> None:
        first = pool.issued()
        order = pool.order(names=[*NAMES, "lync.contoso.example"])
        asked = pool.run(order)
        assert asked["certificates"]["external"]["because"] == ["new names: lync.contoso.example"]
        assert set(pool.held().assigned.values()) == {thumbprint(first)}
        second = pool.sign(csr_of(asked), begins=datetime.timedelta(0))
        done = pool.run(order)
        assert done["plan"][1]["before"] == dict.fromkeys(PUBLIC, thumbprint(first))
        assert done["previous"] == {FIRST: dict.fromkeys(PUBLIC, thumbprint(first))}
        assert set(pool.held().assigned.values()) == {thumbprint(second)} and not pool.run(order)["changed"]

    def test_going_back(self, pool: Pool) -> None:
        """What a role does where the services do not start with the new certificate."""
        first = pool.issued()
        order = pool.order(force=True)
        pool.sign(csr_of(pool.run(order)), begins=datetime.timedelta(0))
        done = pool.run(order)
        before = done["previous"][FIRST]
        assert set(before.values()) == {thumbprint(first)}
        assert pool.run(check=True, certificates=[], restore=done["previous"])["changed"]
        back = pool.run(certificates=[], restore=done["previous"])
        assert back["reassigned"] == [FIRST] and set(pool.held().assigned.values()) == {thumbprint(first)}
        assert not pool.run(certificates=[], restore=done["previous"])["changed"]

    def test_going_back_by_thumbprint(self, pool: Pool) -> None:
        first = pool.issued()
        order = pool.order(force=True)
        pool.sign(csr_of(pool.run(order)), begins=datetime.timedelta(0))
        before = pool.run(order)["previous"][FIRST]
        back = pool.run({"name": "external", "uses": list(before), "thumbprint": thumbprint(first)})
        assert actions(back) == [("update", "certificate_assignment", f"external on {FIRST}")]
        assert set(pool.held().assigned.values()) == {thumbprint(first)}

    def test_a_run_that_was_killed_after_the_import(self, pool: Pool) -> None:
        certificate = pool.sign(csr_of(pool.run()))
        pool.held().accept(certificate)
        pool.held().stores["CA"].append(Entry(pool.authority.issuer))
        done = pool.run()
        assert actions(done) == TAKEN[1:] and set(pool.held().assigned.values()) == {thumbprint(certificate)}


class TestMedia:
    """A use whose certificate should live long has one of its own."""

    def test_each_use_has_its_own(self, pool: Pool, tmp_path: Path) -> None:
        media = {
            "name": "media",
            "uses": [MEDIA],
            "names": [POOL],
            "answer": str(tmp_path / "media.pem"),
            "trust_anchors": [str(pool.root)],
        }
        asked = pool.run(pool.order(), media)
        assert [change["name"] for change in asked["plan"]] == ["external", "media"]
        external = pool.sign(csr_of(asked))
        first = pool.run(pool.order(), media)
        assert "media" not in str([change["name"] for change in first["plan"]]), "the public one is not taken for it"
        lasting = pool.authority.sign(x509.load_pem_x509_csr(csr_of(first, "media").encode()), days=730)
        (tmp_path / "media.pem").write_bytes(pem(lasting, pool.authority.issuer))
        done = pool.run(pool.order(), media)
        assert not done.get("warnings")
        assert pool.held().assigned == {
            **dict.fromkeys(PUBLIC, thumbprint(external)),
            MEDIA: thumbprint(lasting),
        }
        assert not pool.run(pool.order(), media)["changed"]

    def test_a_short_life_is_warned_about(self, pool: Pool) -> None:
        order = pool.order(uses=[*PUBLIC, MEDIA])
        pool.sign(csr_of(pool.run(order)), days=45)
        done = pool.run(order)
        assert "breaks the media tokens" in done["warnings"][0] and len(set(pool.held().assigned.values())) == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"names": []}, "there is no name to certify"),
    ({"names": ["*.contoso.example"]}, "certificates[0].names[0]"),
    ({"name": "../external"}, "cannot name a file on the server"),
    ({"uses": []}, "a certificate without any use"),
    ({"key": {"type": "rsa", "size": 3072}}, "value of size must be one of"),
    ({"subject": {"country": "Germany"}}, "not a country code of two letters"),
    ({"thumbprint": "12345"}, "is no thumbprint"),
    ({"thumbprint": "0" * 40}, "is not in the store of the computer"),
    ({"ca": "ca1.contoso.example"}, "names no enterprise CA"),
    ({"ca": "ca1\\CA"}, "answer has no meaning with ca"),
    ({"ca_password": "x"}, "ca_account and ca_password need ca"),
    ({"chain": "x"}, "answer and chain are the same thing"),
    ({"renew_before_days": -1}, "a number of days cannot be negative"),
]


@pytest.mark.parametrize(("changed", "told"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input(pool: Pool, changed: dict[str, Any], told: str) -> None:
    result = pool.run(pool.order(**changed))
    assert result["failed"] and told in result["msg"] and result.get("error") != "Internal"
    assert not pool.held().stores["REQUEST"]


def test_two_for_one_use(pool: Pool) -> None:
    result = pool.run(pool.order(), pool.order(name="another"))
    assert result["failed"] and "both external and another are to serve AccessEdgeExternal" in result["msg"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"restore": {FIRST: {"AccessEdgeExternal": "0" * 40}}}, "is not in the store of"),
        ({"restore": {"other.contoso.example": {}}}, "is no member of this pool"),
        ({}, "one of certificates, restore and take_back is needed"),
        ({"endpoint": "front_end"}, "set endpoint: edge"),
    ],
)
def test_bad_ways_back(pool: Pool, changed: dict[str, Any], told: str) -> None:
    result = pool.run(**{"certificates": [], **changed})
    assert result["failed"] and told in result["msg"]


def test_no_folder_of_windows(pool: Pool) -> None:
    result = pool.run(directory="/tmp")
    assert result["failed"] and "no folder on a Windows server" in result["msg"]
