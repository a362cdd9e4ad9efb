"""The suboptions ``acme`` of an issuer; the same for all modules that take issuers."""

from __future__ import annotations

from typing import Any

from ...dns import options

ACME: dict[str, Any] = {
    "directory_url": {"type": "str", "required": True},
    "state_directory": {"type": "path", "required": True},
    "contact": {"type": "list", "elements": "str", "default": []},
    "agree_to_terms": {"type": "bool", "default": False},
    "account_key": {"type": "str", "no_log": True},
    "eab_kid": {"type": "str"},
    "eab_hmac_key": {"type": "str", "no_log": True},
    "profile": {"type": "str"},
    "preferred_chain": {"type": "str"},
    # The provider of the records' module, with credentials of its own.
    "dns_provider": {"type": "dict", "options": options.PROVIDER, "required_if": options.NEEDS},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "ca_file": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
    "propagation_timeout": {"type": "int", "default": 120},
    "renewal_info": {"type": "bool", "default": True},
}
