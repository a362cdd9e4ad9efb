"""The table of services: what each takes, and what is said of everything else."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns import options
from ansible.module_utils.fedgate.dns.octodns.services import SERVICES, arguments
from ansible.module_utils.fedgate.dns.providers import open_provider
from ansible.module_utils.fedgate.errors import InvalidValue, MissingDependency

#: What is enough for each: settings, secrets.
ENOUGH: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "azure": (
        {"sub_id": "s", "resource_group": "r", "directory_id": "d", "client_id": "c"},
        {"key": "canary"},
    ),
    "cloudflare": ({}, {"token": "canary"}),
    "digitalocean": ({}, {"token": "canary"}),
    "gandi": ({}, {"token": "canary"}),
    "google": ({}, {}),
    "hetzner": ({}, {"token": "canary"}),
    "ns1": ({}, {"api_key": "canary"}),
    "ovh": (
        {"endpoint": "ovh-eu"},
        {"application_key": "canary", "application_secret": "canary", "consumer_key": "canary"},
    ),
    "powerdns": ({"host": "ns.example"}, {"api_key": "canary"}),
}
PACKAGES = {
    **{name: f"octodns-{name}" for name in ENOUGH},
    "google": "octodns-googlecloud",
}


def given(name: str, settings: Any = None, secrets: Any = None, **more: Any) -> dict[str, Any]:
    enough = ENOUGH[name]
    return {
        "kind": "octodns",
        "service": name,
        "zones": ["contoso.example"],
        "settings": enough[0] if settings is None else settings,
        "secrets": enough[1] if secrets is None else secrets,
        "timeout": 10,
        **more,
    }


def test_the_table_and_the_options_name_the_same_services() -> None:
    assert tuple(SERVICES) == options.SERVICES == tuple(ENOUGH)


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_enough_is_passed_on_and_nothing_else(name: str) -> None:
    settings, secrets = ENOUGH[name]
    limit = {"timeout": 10} if SERVICES[name].timeout else {}
    assert arguments(name, given(name)) == {**settings, **secrets, **limit}


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_a_setting_and_a_secret(name: str) -> None:
    service = SERVICES[name]
    assert not set(service.settings) & set(service.secrets)
    assert set(service.needed) <= {*service.settings, *service.secrets}
    assert service.package == PACKAGES[name]


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name in ENOUGH for key in (*ENOUGH[name][0], *ENOUGH[name][1])]
)
def test_what_is_missing_is_named_with_its_place(name: str, key: str) -> None:
    settings, secrets = ({k: v for k, v in part.items() if k != key} for part in ENOUGH[name])
    place = "secrets" if key in ENOUGH[name][1] else "settings"
    with pytest.raises(InvalidValue, match=f"the DNS service {name} needs `{place}.{key}`.*Allowed: .*{key}"):
        arguments(name, given(name, settings, secrets))


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in ENOUGH for key in ENOUGH[name][1]])
def test_a_secret_among_the_settings_is_not_shown(name: str, key: str) -> None:
    settings, secrets = ENOUGH[name]
    with pytest.raises(InvalidValue) as caught:
        arguments(name, given(name, {**settings, key: "canary"}, secrets))
    assert f"`{key}` of the DNS service {name} stands under `settings`" in str(caught.value)
    assert "`secrets`" in str(caught.value) and "canary" not in str(caught.value)
    assert caught.value.conceal == ("canary",)  # in all that the module returns


def test_a_setting_among_the_secrets() -> None:
    with pytest.raises(InvalidValue, match="`host` of the DNS service powerdns stands under `secrets`.*`settings`"):
        arguments("powerdns", given("powerdns", {}, {"api_key": "canary", "host": "ns.example"}))


@pytest.mark.parametrize("name", SERVICES)
def test_unknown_keys_name_the_allowed_ones(name: str) -> None:
    """``id`` and ``apply_disabled`` are octoDNS's own; a class cannot be named either."""
    for key in ("id", "class", "apply_disabled", "canary_key"):
        with pytest.raises(InvalidValue, match=f"{name} takes no `{key}` under `settings`. Allowed: ") as caught:
            arguments(name, given(name, {**ENOUGH[name][0], key: "x"}))
        assert all(known in str(caught.value) for known in (*SERVICES[name].settings, *SERVICES[name].secrets))
        assert caught.value.conceal == ("x",)


BAD: list[tuple[str, str, Any, str]] = [
    ("powerdns", "port", "http", "must be a whole number above zero, not 'http'"),
    ("powerdns", "port", 0, "must be a whole number above zero, not 0"),
    ("powerdns", "port", True, "must be a whole number above zero, not True"),
    ("powerdns", "scheme", "ftp", "must be one of http, https, not 'ftp'"),
    ("powerdns", "host", "  ", "must be text"),
    ("powerdns", "host", ["a"], "must be text"),
    ("powerdns", "notify", "maybe", "must be true or false, not 'maybe'"),
    ("google", "private", 3, "must be true or false, not 3"),
    ("hetzner", "backend", "old", "must be one of dnsapi, hcloud"),
]


@pytest.mark.parametrize(("name", "key", "value", "says"), BAD)
def test_settings_that_cannot_be_read(name: str, key: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidValue, match=f"`settings.{key}` of the DNS service {name} {says}"):
        arguments(name, given(name, {**ENOUGH[name][0], key: value}))


@pytest.mark.parametrize("value", ["", "  ", None, 7, ["canary"]])
def test_secrets_that_are_no_text_are_not_shown(value: Any) -> None:
    with pytest.raises(InvalidValue, match="`secrets.token` of the DNS service gandi must be text") as caught:
        arguments("gandi", given("gandi", {}, {"token": value}))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("value", "read"), [("no", False), (True, True), ("/etc/ca.pem", "/etc/ca.pem")])
def test_how_a_server_is_checked(value: Any, read: Any) -> None:
    assert arguments("powerdns", given("powerdns", {"host": "h", "ssl_verify": value}))["ssl_verify"] == read


def test_azure_by_its_command_needs_no_key() -> None:
    settings = {"sub_id": "s", "resource_group": "r", "client_credential_method": "cli"}
    assert "key" not in arguments("azure", given("azure", settings, {}))


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "powerdns"])
def test_a_package_that_is_missing_is_named(name: str) -> None:
    """Of the packages only that of PowerDNS is installed for the tests."""
    with pytest.raises(MissingDependency) as caught:
        open_provider(given(name))
    text = str(caught.value)
    assert f"library {PACKAGES[name]} is missing" in text and "requirements/octodns.txt" in text
    assert "canary" not in text


def test_powerdns_takes_what_the_table_says() -> None:
    from octodns_powerdns import PowerDnsBaseProvider, PowerDnsProvider

    known = {
        name
        for kind in (PowerDnsProvider, PowerDnsBaseProvider)
        for name in inspect.signature(kind.__init__).parameters
    }
    assert {*SERVICES["powerdns"].settings, *SERVICES["powerdns"].secrets, "timeout"} <= known
    assert open_provider(given("powerdns"))


def test_zones_are_needed() -> None:
    with pytest.raises(InvalidValue, match="names no zones"):
        open_provider(given("powerdns", zones=[]))
