"""Which certificate names which domain, and what is said of it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible.module_utils.fedgate.probe.certificate import describe, names_domain, problems, weaknesses

from tests.integration.pki import CLIENT, SRV_NAME, XMPP_ADDRESS, Authority, other_name

NOW = datetime.datetime.now(datetime.timezone.utc)


def seen(names: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    base = {
        "names": list(names), "srv_names": [], "xmpp_addresses": [], "expired": False, "not_yet_valid": False,
        "server_auth": True, "days_left": 90, "signature_algorithm": "ecdsa-with-SHA256", "key": "RSA 2048",
        "not_after": "2027-01-01T00:00:00Z", "not_before": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return {**base, **more}


@pytest.mark.parametrize(
    "name,domain,same",
    [
        ("contoso.example", "contoso.example", True),
        ("other.example", "contoso.example", False),
        ("*.contoso.example", "chat.contoso.example", True),
        ("*.contoso.example", "contoso.example", False),
        ("*.contoso.example", "a.b.contoso.example", False),
        ("*.example", "contoso.example", False),  # a whole top-level domain
        ("*", "contoso.example", False),
        ("c*.contoso.example", "chat.contoso.example", False),
        ("contoso.example.evil.example", "contoso.example", False),
        ("", "contoso.example", False),
    ],
)
def test_dns_names(name: str, domain: str, same: bool) -> None:
    assert names_domain(seen((name,)), domain) is same


def test_other_names_count_only_for_this_service_and_domain() -> None:
    assert names_domain(seen(srv_names=["_xmpp-server.contoso.example"]), "contoso.example")
    assert not names_domain(seen(srv_names=["_xmpp-client.contoso.example"]), "contoso.example")
    assert names_domain(seen(xmpp_addresses=["contoso.example"]), "contoso.example")
    assert not names_domain(seen(xmpp_addresses=["alice@contoso.example"]), "contoso.example")


def test_description() -> None:
    others = [other_name(SRV_NAME, "_xmpp-server.contoso.example"), other_name(XMPP_ADDRESS, "contoso.example")]
    served = Authority().issue("CONTOSO.example", others=others, purposes=(CLIENT,), days=30)
    found = describe(served.der, NOW)
    assert found["names"] == ["contoso.example"] and found["days_left"] == 30
    assert found["srv_names"] == ["_xmpp-server.contoso.example"] and found["xmpp_addresses"] == ["contoso.example"]
    assert found["client_auth"] and not found["server_auth"]
    assert found["key"] == "ECDSA secp256r1" and "SHA256" in found["signature_algorithm"]
    assert found["issuer"] == "CN=Test CA" and not found["self_signed"]
    assert problems(found, "contoso.example") == ["it may not be used by a server (no serverAuth)"]


def test_not_yet_valid() -> None:
    found = describe(Authority().issue("contoso.example").der, NOW - datetime.timedelta(days=30))
    assert found["not_yet_valid"] and "not valid before" in problems(found, "contoso.example")[0]


def test_weaknesses() -> None:
    assert weaknesses(seen()) == []
    texts = " ".join(weaknesses(seen(days_left=3, key="RSA 1024", signature_algorithm="sha1WithRSAEncryption")))
    assert "ends in 3 days" in texts and "RSA 1024" in texts and "sha1" in texts


@pytest.mark.parametrize("value", [b"", b"\x16", b"\x16\x05ab", b"\x04\x02ab", b"\x16\x82\x01\x00" + b"a" * 256])
def test_a_mangled_other_name_is_no_name(value: bytes) -> None:
    from ansible.module_utils.fedgate.probe.certificate import _der_string

    assert _der_string(value) == ""
