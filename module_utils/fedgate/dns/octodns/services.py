"""The services that are reached through octoDNS: which package each needs, and what it takes.

A static table: a class named by an inventory would run with the controller's secrets. Only keys that stand here are
passed on. They are named as the packages' constructors name them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import InvalidValue, MissingDependency
from .settings import one_of, switch, text, verify, whole


@dataclass(frozen=True)
class Service:
    """One service.

    :ivar package: the Python package that holds octoDNS's provider for it.
    :ivar make: imports that provider and makes it of the arguments.
    :ivar settings: setting → how its value is read.
    :ivar needed: settings and secrets that it cannot do without.
    :ivar also_needed: returns more of them, which depend on the others.
    :ivar secrets: what must not be shown.
    :ivar atomic: whether all changes of a zone are one request that is carried out wholly or not at all.
    :ivar escaped: whether its TXT and CAA data stand in octoDNS as in a zone file, quotes and backslashes escaped.
    :ivar timeout: whether its constructor takes one, in seconds.
    :ivar sessions: returns its ``requests`` sessions; none where its requests cannot be counted one by one.
    """

    package: str
    make: Callable[..., Any]
    settings: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    atomic: bool = False
    escaped: bool = False
    timeout: bool = False
    sessions: Callable[[Any], Sequence[Any]] = lambda provider: ()
    also_needed: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda found: ()


def arguments(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments out of ``settings``, ``secrets`` and ``timeout``.

    :raises InvalidValue: an unknown, missing, misplaced or unreadable one; never with a secret's value.
    """
    service = SERVICES[name]
    settings, secrets = dict(options.get("settings") or {}), dict(options.get("secrets") or {})
    for given, allowed, others, where in (
        (settings, tuple(service.settings), service.secrets, ("settings", "secrets")),
        (secrets, service.secrets, tuple(service.settings), ("secrets", "settings")),
    ):
        for key in given:
            if key not in allowed:
                raise _unexpected(name, key, str(given[key]), others, where)
    found: dict[str, Any] = {}
    for key, value in settings.items():
        try:
            found[key] = service.settings[key](value)
        except ValueError as error:
            raise InvalidValue(f"`settings.{key}` of the DNS service {name} must be {error}, not {value!r}") from error
    for key, value in secrets.items():
        if not isinstance(value, str) or not value.strip():
            raise InvalidValue(f"`secrets.{key}` of the DNS service {name} must be text, and not empty")
        found[key] = value.strip()
    absent = [key for key in (*service.needed, *service.also_needed(found)) if key not in found]
    if absent:
        places = [f"secrets.{key}" if key in service.secrets else f"settings.{key}" for key in absent]
        raise InvalidValue(
            f"the DNS service {name} needs {', '.join(f'`{place}`' for place in places)}", hint=_allowed(name)
        )
    if service.timeout:
        found["timeout"] = int(options.get("timeout") or 10)
    return found


def _unexpected(name: str, key: Any, value: str, others: tuple[str, ...], where: tuple[str, str]) -> InvalidValue:
    """Return the error for a key that does not belong there. It may be a secret, also when it is misspelt."""
    here, there = where
    if key in others:
        return InvalidValue(
            f"`{key}` of the DNS service {name} stands under `{here}`",
            hint=f"It belongs under `{there}`.",
            conceal=[value],
        )
    return InvalidValue(f"the DNS service {name} takes no `{key}` under `{here}`", hint=_allowed(name), conceal=[value])


def _allowed(name: str) -> str:
    service = SERVICES[name]
    shown = [
        f"{place}: {', '.join(keys)}"
        for place, keys in (("settings", tuple(service.settings)), ("secrets", service.secrets))
        if keys
    ]
    return f"Allowed: {'; '.join(shown)}."


def missing(package: str) -> MissingDependency:
    """Return the error for a package that is not installed."""
    return MissingDependency(
        f"the Python library {package} is missing for {sys.executable}",
        hint=f"Install it there: `pip install -r requirements/octodns.txt`, and `pip install {package}` where that "
        'does not hold it; and give the task `ansible_python_interpreter: "{{ ansible_playbook_python }}"`.',
    )


def _azure(**given: Any) -> Any:
    try:
        from octodns_azure import AzureProvider
    except ImportError as error:
        raise missing("octodns-azure") from error
    return AzureProvider("azure", **given)


def _azure_login(found: Mapping[str, Any]) -> tuple[str, ...]:
    return () if found.get("client_credential_method") == "cli" else ("directory_id", "client_id", "key")


def _cloudflare(**given: Any) -> Any:
    try:
        from octodns_cloudflare import CloudflareProvider
    except ImportError as error:
        raise missing("octodns-cloudflare") from error
    # Page rules are no records of ours, and cost requests; it would wait 300 seconds for another try.
    return CloudflareProvider("cloudflare", pagerules=False, retry_period=10, **given)


def _digitalocean(**given: Any) -> Any:
    try:
        from octodns_digitalocean import DigitalOceanProvider
    except ImportError as error:
        raise missing("octodns-digitalocean") from error
    return DigitalOceanProvider("digitalocean", **given)


def _gandi(**given: Any) -> Any:
    try:
        from octodns_gandi import GandiProvider
    except ImportError as error:
        raise missing("octodns-gandi") from error
    return GandiProvider("gandi", **given)


def _google(**given: Any) -> Any:
    try:
        from octodns_googlecloud import GoogleCloudProvider
    except ImportError as error:
        raise missing("octodns-googlecloud") from error
    return GoogleCloudProvider("google", **given)


def _hetzner(**given: Any) -> Any:
    try:
        from octodns_hetzner import HetznerProvider
    except ImportError as error:
        raise missing("octodns-hetzner") from error
    return HetznerProvider("hetzner", **given)


def _hetzner_sessions(provider: Any) -> Sequence[Any]:
    client = provider._client
    return (client._hcloud._client._session if hasattr(client, "_hcloud") else client._session,)


def _ns1(**given: Any) -> Any:
    try:
        from octodns_ns1 import Ns1Provider
    except ImportError as error:
        raise missing("octodns-ns1") from error
    return Ns1Provider("ns1", **given)


def _ns1_sessions(provider: Any) -> Sequence[Any]:
    return [part._transport.session for part in (provider._client._zones, provider._client._records)]


def _ovh(**given: Any) -> Any:
    try:
        from octodns_ovh import OvhProvider
    except ImportError as error:
        raise missing("octodns-ovh") from error
    return OvhProvider("ovh", **given)


def _powerdns(**given: Any) -> Any:
    try:
        from octodns_powerdns import PowerDnsProvider
    except ImportError as error:
        raise missing("octodns-powerdns") from error
    return PowerDnsProvider("powerdns", **given)


#: ``options.SERVICES`` holds the same names.
SERVICES: Mapping[str, Service] = {
    "azure": Service(
        "octodns-azure",
        _azure,
        {
            "sub_id": text, "resource_group": text, "directory_id": text, "client_id": text, "authority": text,
            "base_url": text, "client_credential_method": one_of("client_secret", "cli"), "top": whole,
        },
        ("sub_id", "resource_group"),
        ("key",),
        also_needed=_azure_login,
    ),
    "cloudflare": Service(
        "octodns-cloudflare",
        _cloudflare,
        {"email": text, "account_id": text, "api_url": text, "min_ttl": whole, "retry_count": whole},
        ("token",),
        ("token",),
        timeout=True,
        sessions=lambda provider: (provider._sess,),
    ),
    "digitalocean": Service(
        "octodns-digitalocean",
        _digitalocean,
        {},
        ("token",),
        ("token",),
        sessions=lambda provider: (provider._client._sess,),
    ),
    "gandi": Service(
        "octodns-gandi",
        _gandi,
        {"per_page": whole},
        ("token",),
        ("token",),
        sessions=lambda provider: (provider._client._session,),
    ),
    "google": Service(
        "octodns-googlecloud",
        _google,
        {"project": text, "credentials_file": text, "private": switch},
        atomic=True,
        sessions=lambda provider: (provider.gcloud_client._http,),
    ),
    "hetzner": Service(
        "octodns-hetzner",
        _hetzner,
        {"backend": one_of("dnsapi", "hcloud")},
        ("token",),
        ("token",),
        sessions=_hetzner_sessions,
    ),
    "ns1": Service(
        "octodns-ns1",
        _ns1,
        {"retry_count": whole},
        ("api_key",),
        ("api_key",),
        sessions=_ns1_sessions,
    ),
    "ovh": Service(
        "octodns-ovh",
        _ovh,
        {"endpoint": text},
        ("endpoint", "application_key", "application_secret", "consumer_key"),
        ("application_key", "application_secret", "consumer_key"),
        sessions=lambda provider: (provider._client._session,),
    ),
    "powerdns": Service(
        "octodns-powerdns",
        _powerdns,
        {
            "host": text, "port": whole, "scheme": one_of("http", "https"), "ssl_verify": verify, "server_id": text,
            "notify": switch,
        },
        ("host", "api_key"),
        ("api_key",),
        atomic=True,
        escaped=True,
        timeout=True,
        sessions=lambda provider: (provider._sess,),
    ),
}  # fmt: skip
