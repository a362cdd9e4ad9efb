"""TXT data: one run of bytes, whatever the quotes and however it is cut into strings (RFC 1035 §3.3.14, §5.1)."""

from __future__ import annotations

import re

from ..errors import InvalidValue

_STRING_LIMIT = 255  # octets of one character-string
_DATA_LIMIT = 65000  # octets; the data of one record must fit one message
_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)


def parse(text: str) -> bytes:
    """Read TXT data: plain text, or quoted strings as in a zone file (``"a" "b"`` is the same as ``"ab"``).

    :raises InvalidValue: quotes that do not close, an escape above 255, or too long.
    """
    data = _unquoted(text) if text.lstrip().startswith('"') else text.encode()
    if len(data) > _DATA_LIMIT:
        raise InvalidValue(f"TXT data of {len(data)} octets is too long", hint=f"At most {_DATA_LIMIT}.")
    return data


def quoted(data: bytes) -> str:
    """Return the data as one quoted string; what is not printable ASCII as ``\\DDD``."""
    return '"' + "".join(_escaped(octet) for octet in data) + '"'


def strings(data: bytes) -> list[bytes]:
    """Cut the data into the strings that travel, at most 255 octets each; at least one."""
    return [data[start : start + _STRING_LIMIT] for start in range(0, len(data), _STRING_LIMIT)] or [b""]


def _escaped(octet: int) -> str:
    if octet in b'"\\':
        return "\\" + chr(octet)
    return chr(octet) if 32 <= octet < 127 else f"\\{octet:03d}"


def _unquoted(text: str) -> bytes:
    data, position = b"", 0
    while position < len(text):
        match = _QUOTED.match(text, position)
        if match is None:
            raise InvalidValue(
                f"the quotes of TXT data {text!r} do not close", hint='Write "one" "two", or plain text.'
            )
        data += _unescaped(match.group(1))
        position = match.end()
    return data


def _unescaped(text: str) -> bytes:
    data, position = b"", 0
    for match in _ESCAPE.finditer(text):
        data += text[position : match.start()].encode() + _octet(match.group(1))
        position = match.end()
    return data + text[position:].encode()


def _octet(escape: str) -> bytes:
    if len(escape) < 3:
        return escape.encode()
    if int(escape) > 255:
        raise InvalidValue(f"\\{escape} in TXT data is above 255")
    return bytes([int(escape)])
