"""The argument ``issuers`` of the modules that ask an issuer; documented in the fragment ``fedgate.issuers``."""

from __future__ import annotations

from typing import Any

from .acme.arguments import ACME

_ISSUER: dict[str, Any] = {
    "name": {"type": "str", "default": "default"},
    "kind": {"type": "str", "choices": ["acme", "local_ca", "manual"], "required": True},
    "directory": {"type": "path"},
    "create": {"type": "bool", "default": False},
    "passphrase": {"type": "str", "no_log": True},
    "intermediate": {"type": "bool", "default": False},
    "crl_url": {"type": "str"},
    "revoked": {"type": "list", "elements": "str", "default": []},
    "organization": {"type": "str"},
    "validity_days": {"type": "int"},
    "client_auth": {"type": "bool", "default": False},
    "requests_directory": {"type": "path"},
    "request_file": {"type": "path"},
    "pkcs12_password": {"type": "str", "no_log": True},
    "trust_anchors": {"type": "list", "elements": "path", "default": []},
    "acme": {"type": "dict", "options": ACME},
}

ISSUERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": _ISSUER,
    "required_if": [
        ["kind", "acme", ["acme"]],
        ["kind", "local_ca", ["directory"]],
        ["kind", "manual", ["requests_directory"]],
    ],
}
