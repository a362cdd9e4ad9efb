"""Checks ``federation_dns_provider`` and ``federation_dns_providers``: who takes our DNS changes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from .domains import is_address, is_under
from .problems import UNKNOWN
from .reading import Fields, Reader, shown
from .suggest import listed

VIEWS = ("external", "internal")
TSIG_ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
#: Providers of octoDNS that are known by name.
SERVICES = ("azure", "cloudflare", "digitalocean", "gandi", "google", "hetzner", "ns1", "ovh", "powerdns")
COMMON = ("kind", "name", "view", "zones", "timeout")
#: What is said to each kind of provider, beside what is common to all.
KEYS: Mapping[str, tuple[str, ...]] = {
    "rfc2136": (
        "server", "fallback_servers", "port", "tsig_name", "tsig_algorithm", "tsig_secret", "transfer_tsig_name",
        "transfer_tsig_algorithm", "transfer_tsig_secret",
    ),
    "route53": (
        "zone_id", "private", "profile", "role_arn", "external_id", "access_key_id", "secret_access_key",
        "session_token", "region", "endpoint_url", "ca_file", "requests_per_second", "insync_timeout",
    ),
    "octodns": ("service", "settings", "secrets"),
}  # fmt: skip
#: What each kind cannot do without.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "rfc2136": ("server", "tsig_name", "tsig_secret"),
    "octodns": ("service", "zones"),
}
#: Never shown, not even in part.
SECRETS = ("tsig_secret", "transfer_tsig_secret", "external_id", "secret_access_key", "session_token", "secrets")
#: A key that means nothing without another one, and where both come from.
_TOGETHER = (
    ("transfer_tsig_name", "transfer_tsig_secret", "A TSIG key has a name and a secret."),
    ("transfer_tsig_secret", "transfer_tsig_name", "A TSIG key has a name and a secret."),
    ("access_key_id", "secret_access_key", "AWS gives out both together."),
    ("secret_access_key", "access_key_id", "AWS gives out both together."),
    ("session_token", "access_key_id", "A session token belongs to a temporary access key."),
    ("external_id", "role_arn", "It is what a role asks for."),
)
_LONGEST_TIMEOUT, _LONGEST_INSYNC = 300, 3600  # seconds
_SERVICE_LABEL = re.compile("_[A-Za-z0-9_-]{1,62}")
_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+")
# Without a user's name and password: they would be shown.
_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_ACCESS_KEY = re.compile(r"[A-Za-z0-9_]{1,128}")
_ZONE_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_ZONE_PATH = "/hostedzone/"


@dataclass(frozen=True)
class DnsProvider:
    """What of a provider tells which records it is given.

    :ivar zones: normalised; with none it takes what no other one of its view names.
    """

    name: str
    view: str
    zones: tuple[str, ...]

    def takes(self, name: str) -> bool:
        """Tell whether a record's name lies in its zones."""
        return not self.zones or any(name == zone or is_under(name, zone) for zone in self.zones)


def check_dns_provider(reader: Reader) -> DnsProvider | None:
    """Check one provider; secrets are looked at, never kept.

    :returns: None when it is wrong.
    """
    return _provider(reader, ())


def check_dns_providers(reader: Reader) -> list[DnsProvider] | None:
    """Check a list of providers, each of which has a name of its own. :returns: None when something is wrong."""
    before = len(reader.problems.errors)
    items = reader.items()
    if isinstance(reader.value, list) and not items:
        reader.wrong("the list is empty", "Name at least one provider, or leave the variable out.")
    found: dict[str, DnsProvider] = {}
    for item in items:
        provider = _provider(item, ("name",))
        if provider is None:
            continue
        if provider.name in found:
            Reader(item.value["name"], item.where.into("name"), item.problems).wrong(
                f"two providers are called {provider.name!r}", "Results and plans name them: give each its own name."
            )
        found.setdefault(provider.name, provider)
    return list(found.values()) if len(reader.problems.errors) == before else None


def _provider(reader: Reader, required: tuple[str, ...]) -> DnsProvider | None:
    before = len(reader.problems.errors)
    given = reader.value if isinstance(reader.value, Mapping) else {}
    kind = str(given.get("kind"))
    own = (*COMMON, *KEYS[kind]) if kind in KEYS else (*COMMON, *(key for keys in KEYS.values() for key in keys))
    foreign = tuple(key for keys in KEYS.values() for key in keys if key not in own and key in given)
    fields = reader.fields((*own, *foreign), required=("kind", *required, *NEEDS.get(kind, ())))
    if fields is None:
        return None
    fields.read("kind", lambda at: at.choice(KEYS), "")
    for key in foreign:
        of = listed(other for other, keys in KEYS.items() if key in keys)
        at = Reader(None, fields.reader.where.into(key), reader.problems)
        at.wrong(f"{key} has no meaning with kind: {kind}", f"Remove it; it belongs to kind: {of}.")
    view, zones = _check_common(fields)
    if kind in _CHECKS:
        _CHECKS[kind](fields, view)
    for key, other, why in _TOGETHER:
        if fields.has(key) and not fields.has(other) and key in own:
            reader.wrong(f"{key} is given without {other}", why)
    name = str(given.get("name") or kind).strip()
    return DnsProvider(name, view, zones) if len(reader.problems.errors) == before else None


def _check_common(fields: Fields) -> tuple[str, tuple[str, ...]]:
    fields.read("name", lambda at: at.text(64), "")
    view = fields.read("view", lambda at: at.choice(VIEWS), VIEWS[0])
    zones = (
        [zone for zone in (_zone(item) for item in fields.at("zones").items()) if zone] if fields.has("zones") else []
    )
    fields.read("timeout", lambda at: at.whole_number(1, _LONGEST_TIMEOUT, "seconds"), 0)
    return view, tuple(zones)


def _check_rfc2136(fields: Fields, _view: str) -> None:
    fields.read("server", _server, "")
    fields.read_all("fallback_servers", lambda at: [found for found in map(_server, at.items()) if found])
    fields.read("port", lambda at: at.whole_number(1, 65535), 0)
    for prefix in ("", "transfer_"):
        fields.read(f"{prefix}tsig_name", _key_name, "")
        fields.read(f"{prefix}tsig_algorithm", lambda at: at.choice(TSIG_ALGORITHMS), "")
        if fields.has(f"{prefix}tsig_secret"):
            fields.at(f"{prefix}tsig_secret").secret(encoded=True)


def _check_route53(fields: Fields, view: str) -> None:
    fields.read("zone_id", _zone_id, "")
    for key in ("profile", "ca_file"):
        fields.read(key, Reader.text, "")
    fields.read("role_arn", _shaped(_ARN, "not the ARN of a role", "Write arn:aws:iam::123456789012:role/<name>."), "")
    fields.read("endpoint_url", _shaped(_URL, "not the address of an endpoint", "Write https://<host>:<port>."), "")
    fields.read("region", _shaped(_REGION, "not a region", "Write it like us-east-1."), "")
    # Not shown: it may be the secret, written in the wrong line.
    fields.read("access_key_id", _shaped(_ACCESS_KEY, "not an access key", "Copy it as AWS shows it."), "")
    for key in ("external_id", "secret_access_key", "session_token"):
        if fields.has(key):
            fields.at(key).secret()
    fields.read("requests_per_second", _rate, 0.0)
    fields.read("insync_timeout", lambda at: at.whole_number(1, _LONGEST_INSYNC, "seconds"), 0)
    if fields.has("profile") and fields.has("access_key_id"):
        fields.reader.wrong("profile and access_key_id are both given", "Each names credentials: remove one of them.")
    if fields.read("private", Reader.flag, False) and view == "external":
        where = fields.at("private").where
        fields.reader.problems.warn(where, "a private hosted zone is not seen outside, yet the view is external")


def _check_octodns(fields: Fields, _view: str) -> None:
    fields.read("service", lambda at: at.choice(SERVICES), "")
    if fields.at("zones").value == []:
        fields.at("zones").wrong("the list is empty", "octoDNS reads zones in full: name them.")
    named: dict[str, Any] = {}
    for key in ("settings", "secrets"):
        at = fields.at(key)
        if not fields.has(key) or at.value is UNKNOWN:
            continue
        if not isinstance(at.value, Mapping):
            at.wrong("a mapping is needed here", "Write it like token: …, as the provider's documentation names it.")
            continue
        for name, value in at.value.items():
            item = Reader(value, at.where.into(str(name)), at.problems)
            if key == "secrets":
                item.secret()
            if name in named:
                item.wrong(f"{name} stands in settings too", "Keep it in secrets only.")
            named[name] = key


def _zones(reader: Reader) -> list[str]:
    return [zone for zone in map(_zone, reader.items()) if zone]


def _zone(reader: Reader) -> str | None:
    """Zones may have service labels too, such as ``_tcp.contoso.example``, delegated by itself."""
    if not isinstance(reader.value, str):
        return reader.domain()
    labels = reader.value.strip().removesuffix(".").split(".")
    services = list(takewhile(_SERVICE_LABEL.fullmatch, labels))
    rest = Reader(".".join(labels[len(services) :]), reader.where, reader.problems).domain()
    return ".".join([*(label.lower() for label in services), rest]) if rest else None


def _server(reader: Reader) -> str | None:
    """A server may be given by name or by address, also a loopback one: it need not be reached by others."""
    if isinstance(reader.value, str) and (is_address(reader.value) or reader.value == "localhost"):
        return reader.value
    return reader.domain()


def _key_name(reader: Reader) -> str | None:
    text = reader.text(255)
    if text is not None and not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", text):
        # Not shown: it may be the secret, written in the wrong line.
        reader.wrong("this is not a name of a TSIG key", "Write it as the server's configuration does.")
        return None
    return text


def _shaped(pattern: re.Pattern[str], wrong: str, hint: str) -> Callable[[Reader], str | None]:
    """Return a way to read a text of one shape; what does not fit is not shown."""

    def read(reader: Reader) -> str | None:
        text = reader.text()
        if text is None or pattern.fullmatch(text):
            return text
        reader.wrong(f"this is {wrong}", hint)
        return None

    return read


def _zone_id(reader: Reader) -> str | None:
    text = reader.text()
    if text is None or _ZONE_ID.fullmatch(text):
        return text
    bare = text.removeprefix(_ZONE_PATH)
    hint = (
        f"Leave out {_ZONE_PATH}: {bare}." if _ZONE_ID.fullmatch(bare) else "It is letters and digits, like Z0123456."
    )
    reader.wrong(f"{text!r} is not the id of a hosted zone", hint)
    return None


def _rate(reader: Reader) -> float | None:
    value = reader.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and math.isfinite(value):
        return float(value)
    reader.wrong(f"{shown(value)} is not a rate", "Write requests a second, more than 0; AWS allows five.")
    return None


#: How the keys of each kind are checked.
_CHECKS: Mapping[str, Callable[[Fields, str], None]] = {
    "rfc2136": _check_rfc2136, "route53": _check_route53, "octodns": _check_octodns,
}  # fmt: skip
