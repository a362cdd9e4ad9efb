"""SCRAM-SHA-1 as Prosody's ``internal_hashed`` store keeps it, to compare a password without asking the server.

Source: RFC 5802, section 3: SaltedPassword := Hi(password, salt, i);
StoredKey := H(HMAC(SaltedPassword, "Client Key")); ServerKey := HMAC(SaltedPassword, "Server Key").
Prosody 0.12 and 13.0 both store SHA-1 keys in hexadecimal digits, and use the salt's text as bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
import unicodedata
from collections.abc import Mapping
from typing import Optional, Union

from ..errors import InvalidValue

_ENTRY = re.compile(r'\["(?P<key>\w+)"\]\s*=\s*(?:"(?P<text>[^"]*)"|(?P<number>\d+))\s*;')


def parse_account(text: str) -> dict[str, Union[str, int]]:
    """Read the flat Lua table of an account file; entries of other shapes are passed over."""
    found: dict[str, Union[str, int]] = {}
    for match in _ENTRY.finditer(text):
        found[match["key"]] = int(match["number"]) if match["number"] else match["text"]
    return found


def fits(account: Mapping[str, Union[str, int]], password: str) -> bool:
    """Whether an account file holds the keys of this password."""
    salt, count = account.get("salt"), account.get("iteration_count")
    if not isinstance(salt, str) or not isinstance(count, int) or account.get("password") or account.get("disabled"):
        return False
    stored, server = keys_of(password, salt, count)
    return hmac.compare_digest(stored, str(account.get("stored_key"))) and hmac.compare_digest(
        server, str(account.get("server_key"))
    )


def keys_of(password: str, salt: str, count: int) -> tuple[str, str]:
    """Return stored key and server key, hexadecimal."""
    salted = hashlib.pbkdf2_hmac("sha1", prepared(password).encode(), salt.encode(), count)
    client = hmac.new(salted, b"Client Key", "sha1").digest()
    return hashlib.sha1(client).hexdigest(), hmac.new(salted, b"Server Key", "sha1").hexdigest()  # noqa: S324 - RFC 5802


def prepared(password: str) -> str:
    """Return a password in its SASLprep form (RFC 4013). :raises InvalidValue: for what that forbids, or nothing."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    text = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    problem = _forbidden(text)
    if problem:
        raise InvalidValue(f"a password {problem}", hint="SASLprep (RFC 4013) says what a password may contain.")
    return text


def _forbidden(text: str) -> Optional[str]:
    if not text:
        return "is empty"
    tables = (
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if any(table(char) for char in text for table in tables):
        return "contains a control or other forbidden character"
    return None
