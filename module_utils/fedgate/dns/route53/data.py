r"""Record data as Route 53 writes it: octal escapes (``\101``) where zone files have decimal ones.

Developer Guide: "DNS domain name format" and "Supported DNS record types".
"""

from __future__ import annotations

import re

from .. import names, txt
from ..values import TYPES, Value, parse
from .scan import unescape

_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)


def read(rtype: str, text: str) -> Value:
    """Return the value that a Value element holds.

    :raises InvalidValue: it is no data of that type, or the type is none of ours.
    """
    if rtype == "TXT":
        return parse(rtype, txt.quoted(_octets(text)))
    if rtype == "CAA":
        flags, tag, data = (*text.split(None, 2), "", "", "")[:3]
        return parse(rtype, f"{flags} {tag} {txt.quoted(_octets(data))}")
    if rtype in ("SRV", "CNAME"):
        *numbers, target = text.split() or [""]
        return parse(rtype, " ".join([*numbers, unescape(target)]))
    return parse(rtype, text)


def write(rtype: str, value: Value) -> str:
    """Return a value as a Value element holds it."""
    if rtype == "TXT":
        return " ".join(_quoted(string) for string in txt.strings(txt.parse(value.text)))
    if rtype == "CAA":
        flags, tag, data = value.text.split(" ", 2)
        return f"{flags} {tag} {_quoted(txt.parse(data))}"
    if value.leads_to not in (None, names.ROOT):
        return value.text + "."
    return value.text


def known(rtype: str) -> bool:
    """Tell whether the data of a type can be read."""
    return rtype in TYPES


def _octets(text: str) -> bytes:
    """Undo quotes and octal escapes; several strings are one. Text without quotes is taken as it is."""
    parts, position = [], 0
    while position < len(text):
        match = _QUOTED.match(text, position)
        if match is None:
            return _unescaped(text)
        parts.append(_unescaped(match.group(1)))
        position = match.end()
    return b"".join(parts)


def _unescaped(text: str) -> bytes:
    data, position = b"", 0
    for match in _ESCAPE.finditer(text):
        escaped = match.group(1)
        octet = bytes([int(escaped, 8) & 255]) if len(escaped) == 3 else escaped.encode()
        data += text[position : match.start()].encode() + octet
        position = match.end()
    return data + text[position:].encode()


def _quoted(data: bytes) -> str:
    return '"' + "".join(_escaped(octet) for octet in data) + '"'


def _escaped(octet: int) -> str:
    if octet == ord('"'):
        return '\\"'
    return chr(octet) if 32 <= octet < 127 and octet != ord("\\") else f"\\{octet:03o}"
