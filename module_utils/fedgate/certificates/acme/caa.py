"""CAA records that bind a domain to one account at one CA, and to one way of validation (RFC 8659, RFC 8657)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def records(names: Iterable[str], account: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the records to publish: name and value, ready for DNS.

    One record serves a name and all below it (RFC 8659 §3), so only the highest of the given names get one.

    :param names: names that are certified.
    :param account: what is noted of it: url, caa_identities; a CA that names no identity gets no record.
    """
    identities = account.get("caa_identities") or ()
    if not identities:
        return []
    value = f'0 issue "{identities[0]}; accounturi={account["url"]}; validationmethods=dns-01"'
    return [{"name": name, "value": value} for name in highest(names)]


def highest(names: Iterable[str]) -> list[str]:
    """Return those names that lie below none of the others, sorted."""
    given = {name.lower() for name in names}
    return sorted(name for name in given if not any(parent in given for parent in _above(name)))


def _above(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]
