"""The module ``dns_rights``: what the servers must allow, and nothing more. It asks no server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidValue
from ...module import Context
from ..options import VIEWS
from . import bind, iam, owned

_KEY_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
ARGUMENTS: dict[str, Any] = {
    "records": {"type": "list", "elements": "dict", "default": []},
    "view": {"type": "str", "choices": list(VIEWS), "default": "external"},
    "challenge_names": {"type": "list", "elements": "str", "default": []},
    "zones": {"type": "dict", "required": True},
    # Names of keys; no_log: that is not said of what merely sounds like a secret.
    "tsig_name": {"type": "str", "no_log": False},
    "challenge_tsig_name": {"type": "str", "no_log": False},
}


def look(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return BIND's policy of each zone and IAM's documents.

    :raises InvalidValue: a name, type, zone, zone id or key that is none.
    """
    zones = owned.zones_from(params["zones"])
    ids = {zone: _zone_id(params["zones"][text], f"zones[{text}]") for zone, text in zones.items()}
    records = owned.of_records(params["records"], zones, params["view"])
    challenges = owned.of_challenges(params["challenge_names"], zones)
    records_iam, notes = iam.documents(records, ids)
    challenges_iam, more = iam.documents(challenges, ids)
    keys = [
        (_key(params[option], option), found, remark)
        for option, found, remark in (
            ("tsig_name", records, "records"),
            ("challenge_tsig_name", challenges, "challenges of ACME"),
        )
        if params[option]
    ]
    return {
        "bind": bind.policies(keys),
        "iam": {"records": records_iam, "challenges": challenges_iam},
        "notes": [*notes, *(note for note in more if note not in notes)],
    }


def _key(text: str, path: str) -> str:
    name = text.strip().removesuffix(".")
    if not _KEY_NAME.fullmatch(name):
        raise InvalidValue(
            f"{text!r} is not the name of a key",
            hint="It is letters, digits, hyphens and underscores, in labels as in a domain name.",
            path=path,
        )
    return name


def _zone_id(value: Any, path: str) -> str:
    """Return the id without the prefix that the API gives it; a wildcard would be all zones of the account."""
    identity = str(value or "").strip().rpartition("/")[2]
    if identity and not (identity.isascii() and identity.isalnum() and len(identity) <= 32):
        raise InvalidValue(
            f"{value!r} is not the id of a hosted zone",
            hint="It is at most 32 letters and digits, Z0123456789ABCDEFGHIJ; leave it empty while it is not known.",
            path=path,
        )
    return identity
