"""Certificate and DNS server: what may be said, and that secrets stay out of messages."""

from __future__ import annotations

from typing import Any

import pytest

from .inventories import SHARED, only_error_of, read, two_sites

CERTIFICATE: list[tuple[Any, list[str]]] = [
    ({"country": "GBR"}, [".country of edge.london.contoso.example: 'GBR' is not a country code", "ISO 3166-1"]),
    ({"country": "gb"}, ["Write it in capital letters: GB."]),
    ({"country": False}, ['Norway is "NO", with quotation marks']),
    ({"country": 44}, [".country", "a text is needed here, not the number 44"]),
    ({"issuer": "letsencrypt"}, [".issuer", "Allowed are acme, local_ca and manual."]),
    ({"issuer": None}, ["the key issuer is missing"]),
    ({"issuer": "manual"}, ["issuer: manual needs requests_directory"]),
    ({"ca_directory": None}, ["issuer: local_ca needs ca_directory"]),
    ({"organization": "x" * 65}, [".organization", "65 characters long", "At most 64"]),
    ({"city": ""}, [".city", "the text is empty"]),
    ({"city": "Lon\x00don"}, [".city", "control characters"]),
    ({"validity_days": 0}, [".validity_days", "1 to 3650 days"]),
    ({"client_auth": "yes"}, [".client_auth", "true or false is needed"]),
    ({"key": "rsa"}, [".key", "a mapping is needed here, not a text", "type, size and curve"]),
    ({"key": {"type": "rsa", "size": 1024}}, [".key.size", "Allowed are 2048, 3072 and 4096."]),
    ({"key": {"type": "rsa", "size": "2048"}}, [".key.size", "the text '2048' is not allowed"]),
    ({"key": {"type": "ecdsa", "curve": "P-256"}}, [".key.curve", "Did you mean p256?"]),
    ({"key": {"type": "ecdsa", "size": 2048}}, ["size has no meaning with type: ecdsa"]),
    ({"key": {"type": "rsa", "curve": "p256"}}, ["curve has no meaning with type: rsa"]),
    ({"key": {"type": "dsa"}}, [".key.type", "Allowed are rsa and ecdsa."]),
    ({"ca_passphrase": 12345}, [".ca_passphrase", "the secret is empty or not a text"]),
    ({"pkcs12_password": ""}, [".pkcs12_password", "the secret is empty or not a text"]),
    ({"template": "x" * 65}, [".template", "65 characters long", "At most 64"]),
    ({"exportable": "no"}, [".exportable", "true or false is needed"]),
    ({"exportable": False}, [".exportable of edge.london.contoso.example: the 2 members of this pool share one"]),
    ({"renew_before_days": 366}, [".renew_before_days", "1 to 365 days"]),
    ({"reuse_key": "never"}, [".reuse_key", "true or false is needed"]),
    ({"ca_intermediate": 1}, [".ca_intermediate", "true or false is needed"]),
    (
        {"ca_crl_url": "https://pki.example/crl.der"},
        [".ca_crl_url", "is no address of a revocation list", "http://pki"],
    ),
    ({"ca_revoked": ["0a:1b", "xyz"]}, [".ca_revoked[1]", "'xyz' is not a serial number", "hexadecimal"]),
    ({"ca_revoked": [10]}, [".ca_revoked[0]", "a text is needed here, not the number 10"]),
    ({"request_file": 1}, [".request_file", "a text is needed"]),
    ({"organisation": "Contoso"}, ["the key organisation is not known", "Did you mean organization?"]),
    ({"trust_anchors": "/x.pem"}, [".trust_anchors", "a list is needed"]),
    ({"issuer": "acme"}, ["issuer: acme needs acme", "directory_url, state_directory, agree_to_terms"]),
]
ACME_PROVIDER = {**SHARED["federation_dns_provider"], "tsig_name": "challenge"}
ACME: list[tuple[Any, list[str]]] = [
    ({"directory_url": None}, ["the key directory_url is missing"]),
    ({"directory_url": "http://ca.example/dir"}, [".acme.directory_url", "not the address of an ACME directory"]),
    ({"directory_url": "ca.example"}, ["It begins with https://"]),
    ({"state_directory": None}, ["the key state_directory is missing"]),
    ({"contact": "a@contoso.example"}, [".acme.contact", "a list is needed"]),
    ({"contact": ["a@contoso.example", "bert"]}, [".acme.contact[1]", "'bert' is not a mail address"]),
    ({"agree_to_terms": "yes"}, [".acme.agree_to_terms", "true or false is needed"]),
    ({"account_key": "canary"}, [".acme.account_key", "this is not a private key as PEM"]),
    ({"account_key": 12345}, [".acme.account_key", "the secret is empty or not a text"]),
    ({"eab_kid": "kid-1"}, ["eab_kid is given without eab_hmac_key"]),
    ({"eab_hmac_key": "Y2FuYXJ5"}, ["eab_hmac_key is given without eab_kid"]),
    ({"eab_kid": "k", "eab_hmac_key": "canary+/"}, [".acme.eab_hmac_key", "the secret is not in base64url"]),
    ({"timeout": 0}, [".acme.timeout", "1 to 86400 seconds"]),
    ({"propagation_timeout": "60"}, [".acme.propagation_timeout", "Remove the quotation marks."]),
    ({"resolvers": ["dns.example"]}, [".acme.resolvers[0]", "not an IP address"]),
    (
        {"dns_provider": {**ACME_PROVIDER, "tsig_secret": "canary!"}},
        [".acme.dns_provider.tsig_secret", "not in Base64"],
    ),
    ({"dns_provider": {**ACME_PROVIDER, "kind": "bind"}}, [".acme.dns_provider.kind"]),
    ({"renewal_info": "no"}, [".acme.renewal_info", "true or false is needed"]),
    ({"directory": "https://ca.example"}, ["the key directory is not known", "Did you mean directory_url?"]),
]


@pytest.mark.parametrize(("changes", "parts"), ACME, ids=lambda value: str(value)[:60])
def test_acme(changes: dict[str, Any], parts: list[str]) -> None:
    right = {"directory_url": "https://ca.example/dir", "state_directory": "/srv/acme", "agree_to_terms": True}
    hosts = two_sites(federation_certificate={"issuer": "acme", "acme": {**right, "contact": ["a@contoso.example"]}})
    assert read(hosts)
    hosts = two_sites(federation_certificate={"issuer": "acme", "acme": {**right, **changes}})
    del hosts["edge1.tokyo"]  # without origins, each pool would report it
    for variables in hosts.values():
        variables["federation_xmpp_domains"] = ["contoso.example"]
    error = only_error_of(hosts)
    assert error.startswith("federation_certificate")
    for part in parts:
        assert part in error, error
    assert "canary" not in error and "12345" not in error and "Y2Fu" not in error


@pytest.mark.parametrize(("changes", "parts"), CERTIFICATE, ids=lambda value: str(value)[:60])
def test_certificate(changes: dict[str, Any], parts: list[str]) -> None:
    hosts = two_sites(federation_certificate={**SHARED["federation_certificate"], **changes})
    del hosts["edge1.tokyo"]  # without origins, each pool would report it
    for variables in hosts.values():
        variables["federation_xmpp_domains"] = ["contoso.example"]
    error = only_error_of(hosts)
    assert error.startswith("federation_certificate")
    for part in parts:
        assert part in error, error
    assert "canary" not in error and "12345" not in error


def test_pools_may_have_certificates_of_their_own() -> None:
    hosts = two_sites()
    hosts["edge1.tokyo"]["federation_certificate"] = {"issuer": "manual", "requests_directory": "/r", "country": "JP"}
    assert read(hosts)


def test_all_that_the_wizard_asks_for_may_be_said() -> None:
    hosts = two_sites()
    certificate = {
        "issuer": "manual", "requests_directory": "/r", "request_file": "tokyo.req", "pkcs12_password": "canary",
        "template": "WebServer", "exportable": False, "key": {"type": "ecdsa", "curve": "p521"},
        "ca_intermediate": True, "ca_crl_url": "http://pki.contoso.example/crl.der", "ca_revoked": ["0a:1B", "ff"],
    }  # fmt: skip
    hosts["edge1.tokyo"]["federation_certificate"] = certificate
    assert "canary" not in str(read(hosts))
