"""Names as Route 53 keeps and sorts them; imports nothing, so that the process that runs moto can use it."""

from __future__ import annotations

import re

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_ESCAPE = re.compile(r"\\([0-7]{3})")


def stored(name: str) -> str:
    r"""Return a name as Route 53 gives it back: lower case, a trailing dot, other characters as ``\ooo`` (octal).

    Amazon Route 53 Developer Guide, "DNS domain name format": all but a-z, 0-9, - and _ is escaped; ``*`` is ``\052``.
    """
    plain = _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)) if match.group(1) != "056" else match.group(0), name)
    escaped = "".join(
        char if char in _PLAIN or _is_dot_escape(plain, index) else f"\\{ord(char):03o}"
        for index, char in enumerate(plain.lower())
    )
    return escaped if escaped.endswith(".") else escaped + "."


def shown(name: str) -> str:
    r"""Return a name as DNS software writes it: ``\052`` as ``*``; no trailing dot."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), name).removesuffix(".")


def order(name: str) -> str:
    """Return what Route 53 sorts by: the labels in reverse, and the dot (API reference, ListResourceRecordSets)."""
    return ".".join(reversed(name.removesuffix(".").split("."))) + "."


def _is_dot_escape(text: str, index: int) -> bool:
    return text[index] == "\\" and text[index + 1 : index + 4] == "056"
