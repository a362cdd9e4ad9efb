"""Partners: Microsoft's defaults, and every way to get one wrong."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.fedgate.model.partner import DEFAULTS, MAX_DOMAINS

from .inventories import errors_of, lync_site, only_error_of, partners, read, two_sites


def first_partner(hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    partner: dict[str, Any] = read(hosts).as_facts()["partners"][0]
    return partner


def test_defaults_are_microsofts() -> None:
    assert first_partner(lync_site(federation_partners=[{"domain": "Fabrikam.example."}])) == {
        "domain": "fabrikam.example",
        "additional_domains": [],
        "description": None,
        "type": "public_unverified",
        "tls": "required",
        "sasl": "required",
        "dialback": True,
        "dialback_certificate": "any",
        "keepalive": True,
        "connection_limit": None,
        "stanza_rate": None,
        "stanza_size": None,
        "proxy_fqdn": None,
        "allow_plaintext": False,
        "waive": [],
        "echo_address": None,
        "expires": None,
        "methods": ["sasl_over_tls"],
        "verdict": "warning",
    }


def test_everything_said() -> None:
    said = {
        "domain": "fabrikam.example",
        "additional_domains": ["FABRIKAM-Asia.example"],
        "description": "Finance",
        "type": "federated",
        "tls": "required",
        "sasl": "optional",
        "dialback": True,
        "dialback_certificate": "valid",
        "keepalive": False,
        "connection_limit": 5,
        "stanza_rate": 50,
        "stanza_size": 65536,
        "proxy_fqdn": "xmpp.fabrikam.example",
        "allow_plaintext": False,
        "waive": ["auto_approval"],
        "echo_address": "Echo@fabrikam-asia.example",
        "expires": "2026-11-23",
    }
    found = first_partner(two_sites(federation_partners=[said]))
    assert found == {
        **said,
        "additional_domains": ["fabrikam-asia.example"],
        "echo_address": "echo@fabrikam-asia.example",
        "methods": ["sasl_over_tls", "tls_dialback"],
        "verdict": "ok",
    }


WRONG: list[tuple[Any, list[str]]] = [
    ("fabrikam.example", ["[0]: a mapping is needed here, not a text", "Known keys: domain,"]),
    ({"type": "federated"}, ["[0]: the key domain is missing"]),
    ({"domain": 42}, ["[0].domain: a domain name is needed here, not the number 42"]),
    ({"domain": "*.fabrikam.example"}, ["[0].domain:", "is a wildcard"]),
    ({"domain": "f.example", "type": "federatd"}, ["[0].type: the text 'federatd'", "Did you mean federated?"]),
    ({"domain": "f.example", "type": "PublicVerified"}, ["[0].type:", "Did you mean public_verified?"]),
    ({"domain": "f.example", "tls": "NotSupported"}, ["[0].tls:", "Did you mean not_supported?"]),
    ({"domain": "f.example", "tls": True}, ["[0].tls: true is not allowed", "required, optional and not_supported"]),
    ({"domain": "f.example", "sasl": "maybe"}, ["[0].sasl: the text 'maybe'", "required, optional and not_supported"]),
    ({"domain": "f.example", "dialback": "yes"}, ["[0].dialback:", "not the text 'yes'", "without quotation marks"]),
    ({"domain": "f.example", "keepalive": 1}, ["[0].keepalive: true or false is needed here, not the number 1"]),
    ({"domain": "f.example", "dialback_certificate": "self"}, ["[0].dialback_certificate:", "any and valid"]),
    ({"domain": "f.example", "connection_limit": 0}, ["[0].connection_limit: 0 is out of", "1 to 4294967295"]),
    ({"domain": "f.example", "connection_limit": 2**32}, ["[0].connection_limit: 4294967296 is out of bounds"]),
    ({"domain": "f.example", "connection_limit": "20"}, ["[0].connection_limit:", "Remove the quotation marks"]),
    ({"domain": "f.example", "description": 7}, ["[0].description: a text is needed here, not the number 7"]),
    ({"domain": "f.example", "proxy_fqdn": "192.0.2.9"}, ["[0].proxy_fqdn:", "is an IP address"]),
    ({"domain": "f.example", "proxy_fqdn": "xmpp_1.f.example"}, ["[0].proxy_fqdn:", "underscore"]),
    ({"domain": "f.example", "proxy_fqdn": "contoso.example"}, ["[0].proxy_fqdn: contoso.example is one of our own"]),
    ({"domain": "f.example", "additional_domains": "g.example"}, ["[0].additional_domains: a list is needed"]),
    (
        {"domain": "f.example", "additional_domains": ["g.example", "bad_"]},
        ["[0].additional_domains[1]:", "underscore"],
    ),
    ({"domain": "f.example", "additional_domains": ["g.example", "G.example"]}, ["[1]: g.example is written twice"]),
    ({"domain": "f.example", "additional_domains": ["F.example"]}, ["f.example is the partner's primary domain"]),
    ({"domain": "f.example", "expires": "31.3.2027"}, ["[0].expires: a day is needed", "Write it like 2027-03-31."]),
    ({"domain": "f.example", "expires": "2027-02-30"}, ["[0].expires: a day is needed"]),
    ({"domain": "f.example", "echo_address": "echo"}, ["[0].echo_address: 'echo' is not an address"]),
    ({"domain": "f.example", "echo_address": "echo@g.example"}, ["is not at a domain of this partner", "f.example"]),
    ({"domain": "f.example", "waive": "all"}, ["[0].waive: a list is needed"]),
    (
        {"domain": "f.example", "waive": ["auto_aproval"]},
        ["'auto_aproval' is not a rule", "Did you mean auto_approval?"],
    ),
    ({"domain": "f.example", "waive": ["all"]}, ["[0].waive: 'all' is not a rule", "Rules: auto_approval, consent"]),
    ({"domain": "f.example", "tls_required": True}, ["[0].tls_required: the key tls_required is not known"]),
    ({"domain": "f.example", "SaslNegotiation": "x"}, ["the key SaslNegotiation is not known", "Did you mean sasl?"]),
    ({"domain": "f.example", "aditional_domains": []}, ["Did you mean additional_domains?"]),
    ({"domain": "contoso.example"}, ["[0].domain: contoso.example is one of our own (federation_xmpp_domains)"]),
    ({"domain": "Conference.contoso.example"}, ["is one of our own (federation_xmpp_components)"]),
]


@pytest.mark.parametrize(("partner", "parts"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong(partner: Any, parts: list[str]) -> None:
    value = {"type": "federated", **partner} if isinstance(partner, dict) else partner
    error = only_error_of(two_sites(federation_partners=[value]))
    assert error.startswith("federation_partners[0]"), error
    for part in parts:
        assert part in error, error


@pytest.mark.parametrize(
    ("combination", "hint"),
    [
        ({"tls": "not_supported", "dialback": False}, "SASL needs TLS"),
        ({"tls": "required", "sasl": "not_supported", "dialback": False}, "Set sasl to required or optional"),
        ({"tls": "not_supported", "sasl": "not_supported", "dialback": False}, "SASL needs TLS"),
    ],
)
@pytest.mark.parametrize("site", [two_sites, lync_site])
def test_combination_without_a_method(site: Any, combination: dict[str, Any], hint: str) -> None:
    error = only_error_of(site(**partners({"domain": "fabrikam.example", **combination})))
    assert "federation_partners[0]: fabrikam.example: tls: " in error
    assert "leaves no way to authenticate" in error
    assert hint in error


def test_plaintext_needs_a_waiver() -> None:
    partner = {"domain": "fabrikam.example", "tls": "optional", "sasl": "not_supported"}
    error = only_error_of(lync_site(**partners(partner)))
    assert "leaves unencrypted connections (tcp_dialback)" in error
    assert "allow_plaintext: true on this partner" in error
    facts = first_partner(lync_site(**partners({**partner, "allow_plaintext": True})))
    assert facts["methods"] == ["tls_dialback", "tcp_dialback"]


def test_linux_gateways_take_plaintext_with_the_waiver_too() -> None:
    partner = {"domain": "fabrikam.example", "type": "federated", "tls": "optional", "sasl": "optional"}
    assert "leaves unencrypted connections" in only_error_of(two_sites(**partners(partner)))
    facts = first_partner(two_sites(**partners({**partner, "allow_plaintext": True})))
    assert facts["methods"] == ["sasl_over_tls", "tls_dialback", "tcp_dialback"]


def test_a_valid_certificate_cannot_be_shown_without_tls() -> None:
    partner = {"domain": "fabrikam.example", "type": "federated", "tls": "not_supported", "allow_plaintext": True}
    error = only_error_of(two_sites(**partners({**partner, "dialback_certificate": "valid"})))
    assert error.startswith("federation_partners[0].dialback_certificate: fabrikam.example: ")
    assert "Allow TLS, or set dialback_certificate: any" in error


@pytest.mark.parametrize("kind", ["federated", "public_verified", "public_unverified", None])
def test_linux_gateways_take_all_types(kind: str | None) -> None:
    partner = {"domain": "fabrikam.example", **({"type": kind} if kind else {})}
    facts = first_partner(two_sites(federation_partners=[partner]))
    assert facts["type"] == (kind or "public_unverified")


def test_a_domain_belongs_to_one_partner() -> None:
    hosts = two_sites(
        **partners(
            {"domain": "fabrikam.example", "additional_domains": ["fabrikam-asia.example"]},
            {"domain": "litware.example", "additional_domains": ["Fabrikam.example"]},
        ),
        federation_partners_finance=[{"domain": "FABRIKAM-asia.example", "type": "federated"}],
    )
    first, second = errors_of(hosts)
    assert first.startswith("federation_partners[1].additional_domains[0]: fabrikam.example belongs to another partner")
    assert "at federation_partners[0].domain" in first
    assert second.startswith("federation_partners_finance[0].domain: fabrikam-asia.example belongs to another partner")
    assert "at federation_partners[0].additional_domains[0]" in second


def test_lists_of_all_scopes_are_put_together() -> None:
    hosts = two_sites(federation_partners_b=[{"domain": "b.example", "type": "federated"}])
    hosts["edge1.tokyo"]["federation_partners_a"] = [{"domain": "a.example", "type": "federated"}]
    assert [partner.domain for partner in read(hosts).partners] == ["fabrikam.example", "a.example", "b.example"]


def test_an_expired_partner_is_left_out() -> None:
    deployment = read(
        two_sites(
            **partners(
                {"domain": "fabrikam.example", "expires": "2026-11-22"},
                # The successor may have the domain at once.
                {"domain": "litware.example", "additional_domains": ["fabrikam.example"]},
            )
        )
    )
    assert [partner.domain for partner in deployment.partners] == ["litware.example"]
    assert deployment.warnings == (
        "federation_partners[0].expires: fabrikam.example is left out: it expired after 2026-11-22",
    )


def test_doubtful_combinations_warn_but_the_default_does_not() -> None:
    deployment = read(
        lync_site(
            **partners(
                {"domain": "fabrikam.example"},
                {"domain": "litware.example", "tls": "optional", "sasl": "optional", "dialback": False},
            )
        )
    )
    assert len(deployment.warnings) == 1
    assert "litware.example: SASL is wanted while TLS is only optional" in deployment.warnings[0]
    assert [partner.as_facts()["verdict"] for partner in deployment.partners] == ["warning", "warning"]


def test_more_domains_than_a_gateway_reads() -> None:
    """They are counted in time that grows with their number, also where one partner has them all."""
    many = [f"n{number}.example" for number in range(MAX_DOMAINS)]
    error = only_error_of(two_sites(**partners({"domain": "fabrikam.example", "additional_domains": many})))
    assert error.startswith("federation_partners: the partners have 100001 domains; at most 100000 are allowed")
    assert "Leave out partners that nobody needs." in error


def test_defaults_are_those_of_the_policy_module(root: Path) -> None:
    """And those are New-CsXmppAllowedPartner's."""
    facts = first_partner(two_sites(federation_partners=[{"domain": "fabrikam.example"}]))
    documented = yaml.safe_load(runpy.run_path(str(root / "library" / "xmpp_partner_policy.py"))["DOCUMENTATION"])
    options = documented["options"]["partners"]["suboptions"]
    for key in ("type", "tls", "sasl", "dialback", "dialback_certificate", "allow_plaintext"):
        assert options[key]["default"] == facts[key] == DEFAULTS[key]
    assert (facts["type"], facts["tls"], facts["sasl"], facts["dialback"]) == (
        "public_unverified", "required", "required", True,
    )  # fmt: skip
