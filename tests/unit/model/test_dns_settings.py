"""DNS providers in the inventory: what may be said to each kind, and that secrets stay out of messages."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns import options
from ansible.module_utils.fedgate.model import dns_settings
from ansible.module_utils.fedgate.model.dns_settings import DnsProvider

from .inventories import SHARED, Hosts, errors_of, only_error_of, read, two_sites

RFC2136: dict[str, Any] = SHARED["federation_dns_provider"]
#: Also what would be shown of them in Base64.
CANARIES = ("canary", "Y2Fu")
KEY_ID = "AKIACANARY"
ROUTE53: dict[str, Any] = {
    "kind": "route53", "access_key_id": KEY_ID, "secret_access_key": "canary",
    "role_arn": "arn:aws:iam::123456789012:role/dns", "external_id": "canary",
}  # fmt: skip
OCTODNS: dict[str, Any] = {
    "kind": "octodns", "service": "powerdns", "zones": ["contoso.example", "contoso-asia.example"],
    "settings": {"host": "192.0.2.5"}, "secrets": {"api_key": "canary"},
}  # fmt: skip
WRONG: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (RFC2136, {"kind": None}, ["the key kind is missing"]),
    (RFC2136, {"kind": "bind"}, [".kind", "Allowed are rfc2136, route53 and octodns."]),
    (RFC2136, {"view": "inside"}, [".view", "Allowed are external and internal."]),
    (RFC2136, {"zones": "contoso.example"}, [".zones: a list is needed"]),
    (RFC2136, {"zones": ["contoso.example", "192.0.2.1"]}, [".zones[1]", "is an IP address, not a domain name"]),
    (RFC2136, {"zones": ["_tcp.contoso example"]}, [".zones[0]", "contains white space"]),
    (RFC2136, {"zones": [5]}, [".zones[0]: a domain name is needed here, not the number 5"]),
    (RFC2136, {"name": 5}, [".name: a text is needed"]),
    (RFC2136, {"server": None}, ["the key server is missing"]),
    (RFC2136, {"server": "dns_1.example"}, [".server", "underscore"]),
    (RFC2136, {"fallback_servers": ["ns2.example", "x"]}, [".fallback_servers[1]: 'x' has only one label"]),
    (RFC2136, {"port": 0}, [".port: 0 is out of bounds"]),
    (RFC2136, {"tsig_name": "Y2FuYXJ5LXRzaWc="}, [".tsig_name: this is not a name of a TSIG key"]),
    (RFC2136, {"tsig_name": None}, ["the key tsig_name is missing"]),
    (RFC2136, {"tsig_algorithm": "hmac-md5"}, [".tsig_algorithm", "hmac-sha256, hmac-sha384 and hmac-sha512"]),
    (RFC2136, {"tsig_secret": None}, ["the key tsig_secret is missing"]),
    (RFC2136, {"tsig_secret": ""}, [".tsig_secret: the secret is empty"]),
    (RFC2136, {"tsig_secret": "canary!"}, [".tsig_secret: the secret is not in Base64", "tsig-keygen"]),
    (RFC2136, {"tsig_secert": "Y2Fu"}, ["the key tsig_secert is not known", "Did you mean tsig_secret?"]),
    (RFC2136, {"transfer_tsig_secret": "Y2Fu"}, ["transfer_tsig_secret is given without transfer_tsig_name"]),
    (RFC2136, {"transfer_tsig_name": "axfr."}, ["transfer_tsig_name is given without transfer_tsig_secret"]),
    (
        RFC2136,
        {"transfer_tsig_name": "axfr.", "transfer_tsig_secret": "canary!"},
        [".transfer_tsig_secret: the secret is not in Base64"],
    ),
    (RFC2136, {"timeout": 0}, [".timeout: 0 is out of bounds", "1 to 300 seconds"]),
    (RFC2136, {"timeout": "10"}, [".timeout", "Remove the quotation marks."]),
    (RFC2136, {"timeout": 0.5}, [".timeout: a whole number is needed here, not the number 0.5"]),
    (RFC2136, {"profile": "dns"}, [".profile: profile has no meaning with kind: rfc2136", "kind: route53"]),
    (RFC2136, {"secrets": {"token": "canary"}}, ["secrets has no meaning with kind: rfc2136", "kind: octodns"]),
    (ROUTE53, {"server": "ns1.example"}, ["server has no meaning with kind: route53", "belongs to kind: rfc2136"]),
    (ROUTE53, {"sevrer": "ns1.example"}, ["the key sevrer is not known"]),
    (ROUTE53, {"zone_id": "/hostedzone/Z0123"}, [".zone_id", "Leave out /hostedzone/: Z0123."]),
    (ROUTE53, {"zone_id": "contoso.example"}, [".zone_id: 'contoso.example' is not the id", "letters and digits"]),
    (ROUTE53, {"private": "yes"}, [".private: true or false is needed"]),
    (ROUTE53, {"profile": "dns"}, ["profile and access_key_id are both given"]),
    (ROUTE53, {"role_arn": "dns"}, [".role_arn: this is not the ARN of a role", "arn:aws:iam::123456789012:role/"]),
    (ROUTE53, {"role_arn": "arn:aws:iam::123456789012:user/dns"}, [".role_arn: this is not the ARN of a role"]),
    (ROUTE53, {"role_arn": None}, ["external_id is given without role_arn"]),
    (ROUTE53, {"access_key_id": None}, ["secret_access_key is given without access_key_id"]),
    (ROUTE53, {"secret_access_key": None}, ["access_key_id is given without secret_access_key"]),
    (ROUTE53, {"secret_access_key": 999111}, [".secret_access_key: the secret is empty or not a text"]),
    (ROUTE53, {"session_token": ""}, [".session_token: the secret is empty"]),
    (ROUTE53, {"access_key_id": "canary+/"}, [".access_key_id: this is not an access key"]),
    (ROUTE53, {"region": "Ireland"}, [".region: this is not a region", "us-east-1"]),
    (ROUTE53, {"endpoint_url": "moto:5000"}, [".endpoint_url: this is not the address of an endpoint", "https://"]),
    (ROUTE53, {"endpoint_url": "https://me:canary@moto"}, [".endpoint_url: this is not the address"]),
    (ROUTE53, {"ca_file": 1}, [".ca_file: a text is needed"]),
    (ROUTE53, {"requests_per_second": 0}, [".requests_per_second: the number 0 is not a rate", "more than 0"]),
    (ROUTE53, {"requests_per_second": "5"}, [".requests_per_second: the text '5' is not a rate"]),
    (ROUTE53, {"requests_per_second": float("inf")}, [".requests_per_second: the number inf is not a rate"]),
    (ROUTE53, {"insync_timeout": 0}, [".insync_timeout", "1 to 3600 seconds"]),
    (OCTODNS, {"service": None}, ["the key service is missing"]),
    (OCTODNS, {"service": "cloudfare"}, [".service", "Did you mean cloudflare?"]),
    (OCTODNS, {"zones": None}, ["the key zones is missing"]),
    (OCTODNS, {"zones": []}, [".zones: the list is empty", "octoDNS reads zones in full"]),
    (OCTODNS, {"settings": "192.0.2.5"}, [".settings: a mapping is needed"]),
    (OCTODNS, {"secrets": "canary"}, [".secrets: a mapping is needed"]),
    (OCTODNS, {"secrets": {"api_key": ""}}, [".secrets.api_key: the secret is empty"]),
    (OCTODNS, {"settings": {"api_key": "x"}}, [".secrets.api_key: api_key stands in settings too"]),
    (OCTODNS, {"port": 53}, ["port has no meaning with kind: octodns"]),
]


def ids(value: Any) -> str:
    return str(value.get("kind", value) if isinstance(value, dict) else "")[:60]


@pytest.mark.parametrize(("right", "changes", "parts"), WRONG, ids=ids)
def test_one_provider(right: dict[str, Any], changes: dict[str, Any], parts: list[str]) -> None:
    assert read(two_sites(federation_dns_provider=right))
    error = only_error_of(two_sites(federation_dns_provider={**right, **changes}))
    assert error.startswith("federation_dns_provider")
    for part in parts:
        assert part in error, error
    assert not any(canary in error for canary in (*CANARIES, "999111"))


def test_a_secret_in_the_wrong_place_is_not_shown() -> None:
    error = only_error_of(two_sites(federation_dns_provider="Y2FuYXJ5LXRzaWc="))
    assert "a mapping is needed here, not a text" in error
    assert "Y2Fu" not in error


@pytest.mark.parametrize("server", ["127.0.0.1", "::1", "localhost", "ns1.contoso.example"])
def test_the_server_may_be_local(server: str) -> None:
    assert read(two_sites(federation_dns_provider={**RFC2136, "server": server}))


def test_what_the_model_knows_is_what_modules_take() -> None:
    keys = {*dns_settings.COMMON, *(key for keys in dns_settings.KEYS.values() for key in keys)}
    assert keys == set(options.PROVIDER)
    assert tuple(dns_settings.KEYS) == options.KINDS == tuple(options.PROVIDER["kind"]["choices"])
    assert dns_settings.KEYS["rfc2136"] == tuple(options._RFC2136)
    assert dns_settings.KEYS["route53"] == tuple(options._ROUTE53)
    assert dns_settings.KEYS["octodns"] == tuple(options._OCTODNS)
    assert (dns_settings.VIEWS, dns_settings.SERVICES) == (options.VIEWS, options.SERVICES)
    assert dns_settings.TSIG_ALGORITHMS == options.ALGORITHMS
    assert {kind: needs for _key, kind, needs in options.NEEDS} == dns_settings.NEEDS
    assert set(dns_settings.SECRETS) == {key for key, option in options.PROVIDER.items() if option.get("no_log")}


def several(*providers: dict[str, Any], **shared: Any) -> Hosts:
    """Two sites with these providers, and none beside them."""
    return two_sites(federation_dns_provider=None, federation_dns_providers=list(providers), **shared)


def test_several() -> None:
    hosts = several(
        {**ROUTE53, "name": "aws", "zones": ["Contoso.example."]},
        {**OCTODNS, "name": "pdns", "zones": ["contoso-asia.example", "_tcp.contoso-asia.example"]},
        {**RFC2136, "name": "ad", "view": "internal"},
    )
    assert read(hosts).providers == (
        DnsProvider("aws", "external", ("contoso.example",)),
        DnsProvider("pdns", "external", ("contoso-asia.example", "_tcp.contoso-asia.example")),
        DnsProvider("ad", "internal", ()),
    )


LISTS: list[tuple[Any, list[str]]] = [
    ([], ["federation_dns_providers: the list is empty"]),
    (RFC2136, ["federation_dns_providers: a list is needed here, not a mapping"]),
    ([RFC2136], ["federation_dns_providers[0]: the key name is missing"]),
    (["canary"], ["federation_dns_providers[0]: a mapping is needed here, not a text"]),
    (
        [{**RFC2136, "name": "a"}, {**ROUTE53, "name": "a"}],
        ["federation_dns_providers[1].name: two providers are called 'a'"],
    ),
    ([{**RFC2136, "name": "a", "port": 0}], ["federation_dns_providers[0].port: 0 is out of bounds"]),
]


@pytest.mark.parametrize(("value", "parts"), LISTS, ids=lambda value: str(value)[:60])
def test_lists(value: Any, parts: list[str]) -> None:
    error = only_error_of(two_sites(federation_dns_provider=None, federation_dns_providers=value))
    for part in parts:
        assert part in error, error
    assert not any(canary in error for canary in CANARIES)


def test_one_or_several_not_both() -> None:
    error = only_error_of(two_sites(federation_dns_providers=[{**RFC2136, "name": "a"}]))
    assert "federation_dns_providers: federation_dns_provider is given too" in error
    assert "Put it into the list" in error


def test_a_record_that_nobody_takes() -> None:
    error = only_error_of(several({**RFC2136, "name": "a", "zones": ["contoso.example"]}))
    assert error.startswith("federation_dns_provider")
    assert "no DNS provider takes the records of contoso-asia.example. Add the zone" in error
    # The other view is no help.
    inside = {**RFC2136, "name": "b", "view": "internal", "zones": ["contoso-asia.example"]}
    errors = errors_of(several({**RFC2136, "name": "a", "zones": ["contoso.example"]}, inside))
    assert len(errors) == 1 and "takes the records of contoso-asia.example" in errors[0]


def test_many_records_that_nobody_takes_are_not_all_listed() -> None:
    hosts = two_sites(federation_xmpp_domains=[f"d{number}.example" for number in range(9)])
    for variables in hosts.values():
        variables.pop("edge_pool_xmpp_domains")
        variables["federation_xmpp_components"] = []
        variables["federation_dns_provider"] = {**RFC2136, "zones": ["contoso.example"]}
    assert "d0.example, d1.example, d2.example, d3.example, d4.example and 4 more" in only_error_of(hosts)


def test_what_is_retired_needs_no_provider() -> None:
    provider = {**RFC2136, "name": "a", "zones": ["contoso.example", "contoso-asia.example"]}
    assert read(several(provider, federation_retired_xmpp_domains=["old.example"]))


def test_several_providers_and_challenge_records() -> None:
    acme: dict[str, Any] = {"directory_url": "https://ca.example/dir", "state_directory": "/srv/acme"}
    providers = [{**RFC2136, "name": "a"}, {**ROUTE53, "name": "b"}]
    hosts = several(*providers, federation_certificate={"issuer": "acme", "acme": acme})
    errors = errors_of(hosts)
    assert errors[0].startswith("federation_certificate.acme of edge.london.contoso.example: which DNS provider takes")
    assert "Add dns_provider" in errors[0] and len(errors) == 2
    acme["dns_provider"] = RFC2136
    assert read(several(*providers, federation_certificate={"issuer": "acme", "acme": acme}))
    del acme["dns_provider"]
    providers[1]["view"] = "internal"
    assert read(several(*providers, federation_certificate={"issuer": "acme", "acme": acme}))


def test_doubtful_providers() -> None:
    hosts = several(
        {**RFC2136, "name": "a"},
        {**ROUTE53, "name": "b", "private": True, "zones": ["fabrikam.example"]},
        {**RFC2136, "name": "c", "view": "internal"},
    )
    private, nothing, alike = read(hosts).warnings
    assert "[1].private: a private hosted zone is not seen outside, yet the view is external" in private
    assert "none of our records lies in the zones of b (fabrikam.example)" in nothing
    assert "a provider has view: internal, but no host has edge_internal_addresses" in alike
