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
from cryptography.x509.oid import NameOID

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
        (lambda: ec.generate_private_key(ec.SECP521R1()), "its ECDSA curve is secp521r1, allowed are p256, p384"),
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
