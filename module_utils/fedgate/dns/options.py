"""What the modules take as a DNS provider, for all kinds. Plain data: documentation and tests are held against it."""

from __future__ import annotations

from typing import Any

ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")
KINDS = ("rfc2136", "route53", "octodns")
VIEWS = ("external", "internal")
#: Providers of octoDNS that are known by name; ``octodns/services.py`` holds the class of each.
SERVICES = (
    "azure", "cloudflare", "digitalocean", "gandi", "google", "hetzner", "ns1", "ovh", "powerdns",
)  # fmt: skip

_RFC2136: dict[str, Any] = {
    "server": {"type": "str"},
    "fallback_servers": {"type": "list", "elements": "str", "default": []},
    "port": {"type": "int", "default": 53},
    "tsig_name": {"type": "str"},
    "tsig_algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": "hmac-sha256"},
    "tsig_secret": {"type": "str", "no_log": True},
    "transfer_tsig_name": {"type": "str"},
    "transfer_tsig_algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": "hmac-sha256"},
    "transfer_tsig_secret": {"type": "str", "no_log": True},
}
_ROUTE53: dict[str, Any] = {
    "zone_id": {"type": "str"},
    "private": {"type": "bool", "default": False},
    "profile": {"type": "str"},
    "role_arn": {"type": "str"},
    "external_id": {"type": "str", "no_log": True},
    "access_key_id": {"type": "str"},
    "secret_access_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "region": {"type": "str", "default": "us-east-1"},
    "endpoint_url": {"type": "str"},
    "ca_file": {"type": "path"},
    "requests_per_second": {"type": "float", "default": 5.0},
    "insync_timeout": {"type": "int", "default": 300},
}
_OCTODNS: dict[str, Any] = {
    "service": {"type": "str", "choices": list(SERVICES)},
    "settings": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "no_log": True, "default": {}},
}
#: Of one provider. ``name`` tells several apart; ``zones`` says what it is given, everything when empty.
PROVIDER: dict[str, Any] = {
    "kind": {"type": "str", "choices": list(KINDS), "default": "rfc2136"},
    "name": {"type": "str"},
    "view": {"type": "str", "choices": list(VIEWS), "default": "external"},
    "zones": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 10},
    **_RFC2136,
    **_ROUTE53,
    **_OCTODNS,
}
#: What each kind cannot do without.
NEEDS = [
    ("kind", "rfc2136", ("server", "tsig_name", "tsig_secret")),
    ("kind", "octodns", ("service", "zones")),
]
