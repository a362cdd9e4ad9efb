"""TSIG keys (RFC 8945) as the options give them. A secret is never shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.name
import dns.tsig

from ...errors import InvalidValue
from ..options import ALGORITHMS

_PARTS = ("tsig_name", "tsig_secret")


def update_key(options: Mapping[str, Any]) -> Any:
    """Return the ``dns.tsig.Key`` that signs updates. :raises InvalidValue: it cannot be a key."""
    return _key(options, "")


def transfer_key(options: Mapping[str, Any]) -> Any:
    """Return the key that transfers are allowed to; None when none is given.

    :raises InvalidValue: it is given in part, or cannot be a key.
    """
    names = [f"transfer_{part}" for part in _PARTS]
    missing = [name for name in names if not str(options.get(name) or "").strip()]
    if len(missing) == len(names):
        return None
    if missing:
        given = next(name for name in names if name not in missing)
        raise InvalidValue(
            f"the DNS provider has a {given} but no {missing[0]}",
            hint="A key for zone transfers needs both; without either, zones are read by questions.",
        )
    return _key(options, "transfer_")


def named(key: Any) -> str:
    """Return name and algorithm of a key, for messages."""
    return f"{key.name.to_text(omit_final_dot=True)} ({key.algorithm.to_text(omit_final_dot=True)})"


def _key(options: Mapping[str, Any], prefix: str) -> Any:
    algorithm = str(options.get(f"{prefix}tsig_algorithm") or ALGORITHMS[0]).lower().rstrip(".")
    if algorithm not in ALGORITHMS:
        raise InvalidValue(
            f"{prefix}tsig_algorithm {algorithm!r} is not allowed", hint=f"Allowed: {', '.join(ALGORITHMS)}."
        )
    try:
        name = dns.name.from_text(str(options[f"{prefix}tsig_name"]).strip())
    except dns.exception.DNSException as error:
        raise InvalidValue(f"{prefix}tsig_name {options[f'{prefix}tsig_name']!r} is not a key name") from error
    text = "".join(str(options[f"{prefix}tsig_secret"]).split())
    try:
        secret = base64.b64decode(text, validate=True) if len(text) % 4 == 0 else b""
    except ValueError:
        secret = b""
    if not secret:
        raise InvalidValue(
            f"the {prefix}tsig_secret of {name.to_text(omit_final_dot=True)} is not base64",
            hint="Give the `secret` of the server's key statement, without quotes; tsig-keygen makes one.",
        ) from None
    return dns.tsig.Key(name, secret, algorithm)
