"""Requests: what is asked for is in them, and an edge may not ask for more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import keys, requests
from ansible.module_utils.fedgate.certificates.settings import KeySettings, RequestSettings
from ansible.module_utils.fedgate.errors import InvalidValue, Refused
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .world import ECDSA, NAMES

pytestmark = pytest.mark.edge

SUBJECT = {
    "organization": "Contoso Ltd",
    "organizational_unit": "IT",
    "city": "London",
    "state": "England",
    "country": "GB",
}
SETTINGS = RequestSettings.of(
    {
        "names": NAMES,
        "subject": SUBJECT,
        "key": ECDSA,
        "client_auth": True,
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def key() -> Any:
    return keys.generate(KeySettings.of(ECDSA))


def made(key: Any, settings: RequestSettings = SETTINGS) -> requests.Request:
    return requests.read(requests.build(key, settings).decode(), "edge1.london")


def test_what_was_asked_for_is_read_again(key: Any) -> None:
    request = made(key)
    assert request.settings == SETTINGS
    assert request.common_names == (NAMES[0],)
    assert request.fingerprint == keys.fingerprint(key.public_key())


@pytest.mark.parametrize(
    "wanted", [{"type": "rsa", "size": 2048}, {"type": "ecdsa", "curve": "p256"}, {"type": "ecdsa", "curve": "p384"}]
)
def test_each_kind_of_key_is_recognised(wanted: dict[str, Any]) -> None:
    settings = RequestSettings.of({"names": NAMES, "key": wanted})
    assert made(keys.generate(settings.key), settings).settings.key == KeySettings.of(wanted)


def test_openssl_reads_it(key: Any, tmp_path: Path) -> None:
    file = tmp_path / "request.pem"
    file.write_bytes(requests.build(key, SETTINGS))
    command = ["openssl", "req", "-verify", "-noout", "-text", "-in", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "verify OK" in done.stdout + done.stderr
    for text in (
        "C=GB, ST=England, L=London, O=Contoso Ltd, OU=IT, CN=contoso.example",
        "DNS:contoso.example, DNS:conference.contoso.example",
        "TLS Web Server Authentication, TLS Web Client Authentication",
    ):
        assert text in done.stdout.replace(" = ", "=")  # versions differ in blanks


def test_a_long_name_is_no_common_name(key: Any) -> None:
    long = "a" * 60 + ".contoso.example"
    assert made(key, RequestSettings.of({"names": [long], "key": ECDSA})).common_names == ()


def test_the_summary_has_every_field(key: Any) -> None:
    text = requests.summary(made(key), "XMPP London")
    for value in ("XMPP London", "O=Contoso Ltd", "CN=contoso.example", *NAMES, "ECDSA P-256", "clientAuth"):
        assert value in text


def test_exactly_the_names_of_the_pool_pass(key: Any) -> None:
    requests.check(made(key), reversed(NAMES), "edge1.london")


def test_a_name_too_many_is_named(key: Any) -> None:
    with pytest.raises(
        Refused, match=r"edge1.london asks for names that its pool does not have: conference.contoso.example"
    ):
        requests.check(made(key), NAMES[:1], "edge1.london")


def test_a_missing_name_is_named(key: Any) -> None:
    with pytest.raises(Refused, match=r"does not ask for all names of its pool: sip.contoso.example missing"):
        requests.check(made(key), [*NAMES, "sip.contoso.example"], "edge1.london")


def hostile(key: Any, common_name: str = NAMES[0], extra: Any = None, names: Any = None) -> requests.Request:
    """A request that Fedgate would not make."""
    names = names or [x509.DNSName(each) for each in NAMES]
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if extra:
        builder = builder.add_extension(extra, critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    return requests.read(pem, "edge1.london")


def test_a_common_name_is_a_name_too(key: Any) -> None:
    with pytest.raises(Refused, match=r"its pool does not have: bank.example"):
        requests.check(hostile(key, "bank.example"), NAMES, "edge1.london")


def test_names_of_other_kinds_are_seen(key: Any) -> None:
    names = [*(x509.DNSName(each) for each in NAMES), x509.RFC822Name("root@bank.example")]
    with pytest.raises(Refused, match=r"RFC822Name:root@bank.example"):
        requests.check(hostile(key, names=names), NAMES, "edge1.london")


def test_nobody_becomes_a_ca_by_asking(key: Any) -> None:
    with pytest.raises(Refused, match=r"asks for extensions that Fedgate never asks for: 2\.5\.29\.19"):
        requests.check(hostile(key, extra=x509.BasicConstraints(True, None)), NAMES, "edge1.london")


@pytest.mark.parametrize(
    ("weak", "message"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), "its RSA key has 1024 bits, at least 2048 are needed"),
        (
            lambda: ec.generate_private_key(ec.SECP256K1()),
            "its ECDSA curve is secp256k1, allowed are p256, p384, p521",
        ),
    ],
)
def test_weak_and_unknown_keys_are_refused(weak: Any, message: str) -> None:
    with pytest.raises(Refused, match=message):
        requests.check(hostile(weak()), NAMES, "edge1.london")


def test_a_request_must_be_signed_by_its_key(key: Any) -> None:
    lines = requests.build(key, SETTINGS).decode().splitlines()
    lines[1] = lines[1][:40] + ("A" if lines[1][40] != "A" else "B") + lines[1][41:]
    with pytest.raises((Refused, InvalidValue), match=r"edge1.london: the certificate request"):
        requests.read("\n".join(lines), "edge1.london")


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_nonsense_is_named(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"edge1.london: the certificate request cannot be read"):
        requests.read(text, "edge1.london")


class TestPrivateKeys:
    """Passphrases: wrong, missing, needless."""

    def test_wrong_passphrase(self, key: Any) -> None:
        with pytest.raises(InvalidValue, match=r"the passphrase given does not open /ca/ca-key.pem"):
            keys.from_pem(keys.to_pem(key, "right"), "/ca/ca-key.pem", "wrong")

    def test_missing_passphrase(self, key: Any) -> None:
        with pytest.raises(InvalidValue, match="is encrypted, and no passphrase is given"):
            keys.from_pem(keys.to_pem(key, "right"), "/ca/ca-key.pem")

    def test_needless_passphrase(self, key: Any) -> None:
        with pytest.raises(InvalidValue, match="is not encrypted, although a passphrase is given"):
            keys.from_pem(keys.to_pem(key), "/ca/ca-key.pem", "needless")

    def test_no_key(self) -> None:
        with pytest.raises(InvalidValue, match="holds no private key that can be read"):
            keys.from_pem(b"hello", "/ca/ca-key.pem")


class TestTemplate:
    """The extension of Microsoft's authorities."""

    def test_only_when_given(self, key: Any) -> None:
        assert made(key).settings.template == ""
        found = x509.load_pem_x509_csr(made(key).pem.encode()).extensions
        assert requests.TEMPLATE not in [each.oid for each in found]

    @pytest.mark.parametrize("name", ["WebServer", "Büro", "x" * 63, "x" * 64])
    def test_it_travels_as_a_bmp_string(self, key: Any, name: str) -> None:
        settings = RequestSettings.of({"names": NAMES, "key": ECDSA, "template": name})
        request = made(key, settings)
        found = x509.load_pem_x509_csr(request.pem.encode()).extensions.get_extension_for_oid(requests.TEMPLATE)
        assert not found.critical
        assert found.value.value[:1] == b"\x1e" and found.value.value.endswith(name.encode("utf-16-be"))
        assert request.settings.template == name
        assert not request.settings.differences(settings)
        requests.check(request, NAMES, "edge1.london", name)

    @pytest.mark.parametrize(
        ("asked", "wanted", "message"),
        [
            ("CA", "WebServer", "asks for template 'CA', the inventory for template 'WebServer'"),
            ("CA", "", "asks for template 'CA', the inventory for no template"),
            ("", "WebServer", "asks for no template, the inventory for template 'WebServer'"),
        ],
    )
    def test_it_must_be_the_wanted_one(self, key: Any, asked: str, wanted: str, message: str) -> None:
        request = made(key, RequestSettings.of({"names": NAMES, "key": ECDSA, "template": asked}))
        with pytest.raises(Refused, match=f"edge1.london {message}"):
            requests.check(request, NAMES, "edge1.london", wanted)

    @pytest.mark.parametrize("raw", [b"\x0c\x09WebServer", b"\x1e\x03\x00W\x00", b"", b"\x1e", b"\x1e\x7f\x00W"])
    def test_one_that_is_written_otherwise_equals_none(self, key: Any, raw: bytes) -> None:
        request = hostile(key, extra=x509.UnrecognizedExtension(requests.TEMPLATE, raw))
        with pytest.raises(Refused, match="asks for template 'unreadable"):
            requests.check(request, NAMES, "edge1.london", "WebServer")


def test_no_further_purposes(key: Any) -> None:
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING])
    with pytest.raises(Refused, match=r"never asks for: purpose 1\.3\.6\.1\.5\.5\.7\.3\.3"):
        requests.check(hostile(key, extra=purposes), NAMES, "edge1.london")


def test_international_names_are_asked_for_as_a_labels(key: Any) -> None:
    request = made(key, RequestSettings.of({"names": ["bücher.example"], "key": ECDSA}))
    assert request.settings.names == request.common_names == ("xn--bcher-kva.example",)
    requests.check(request, ["xn--bcher-kva.example"], "edge1.london")


def test_the_summary_is_the_review_page_and_the_request(key: Any) -> None:
    settings = RequestSettings.of({"names": NAMES, "subject": SUBJECT, "key": ECDSA, "template": "WebServer"})
    request = made(key, settings)
    text = requests.summary(request, "XMPP London", False)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "Friendly name: XMPP London", "Private key: not exportable", "Organisation: Contoso Ltd",
        "Organisational unit: IT", "City: London", "State: England", "Country: GB", "Common name: contoso.example",
        "Names: contoso.example", "conference.contoso.example", "Key: ECDSA P-256", "Purposes: serverAuth",
        "Template: WebServer", f"Key fingerprint: {request.fingerprint} (SHA-256 of the public key)",
        "Certificate request (PKCS#10):",
        "subject: C=GB, ST=England, L=London, O=Contoso Ltd, OU=IT, CN=contoso.example",
        f"public key: ECDSA P-256, SHA-256 {request.fingerprint}",
        "subject alternative names: DNS:contoso.example, DNS:conference.contoso.example",
        "extended key usage: serverAuth", "template (1.3.6.1.4.1.311.20.2): WebServer",
        "signature: ECDSA with SHA256, made by this key: ok", f"SHA-256 of the request: {request.digest}",
    ):  # fmt: skip
        assert line in lines, text
    assert "Private key" not in requests.summary(request)
