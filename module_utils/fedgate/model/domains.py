"""Domain names as federation compares them: lower case, IDNA A-labels, no trailing dot (RFC 7622 §3.2, RFC 5890)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from encodings import idna

from ..errors import InvalidValue

#: RFC 1035 §2.3.4, without the root's empty label.
MAX_NAME = 253
MAX_LABEL = 63

# RFC 3490 §3.1: what people may type as a dot.
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
# RFC 1123 §2.1: letters, digits, hyphens inside.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# What is in that form already, as nearly all names are: thousands of them are read at once. No A-labels, and a letter
# first in the last label, so that it is neither a number nor an address.
_NORMAL = re.compile(
    r"(?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!xn--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
# Python brings IDNA2003 only. For these four IDNA2008 gives another name: a guess could lead to somebody else.
_DEVIATIONS = {"\u00df": "ß", "\u03c2": "ς", "\u200c": "zero width non-joiner", "\u200d": "zero width joiner"}


def domain_name(text: str) -> str:
    """Return a domain name in the one form in which names are compared.

    :param text: what somebody typed; Unicode or A-labels, any case, with or without a trailing dot.
    :raises InvalidValue: for what is no domain name, with a sentence that says why; without a path.
    """
    if isinstance(text, str) and len(text) <= MAX_NAME and _NORMAL.fullmatch(text):
        return text
    name = text.removesuffix(".") if isinstance(text, str) else text
    if not isinstance(name, str) or not name.strip():
        raise InvalidValue("a domain name is missing here", hint="Write it like contoso.example.")
    _reject_other_things(name)
    labels = [_label(label, text) for label in _DOTS.split(name)]
    if len(labels) < 2:
        raise InvalidValue(
            f"{text!r} has only one label", hint="Write the fully qualified name, such as contoso.example."
        )
    if labels[-1].isdigit():
        raise InvalidValue(f"{text!r} ends in a number, as no domain name does", hint="Write a name, not an address.")
    whole = ".".join(labels)
    if len(whole) > MAX_NAME:
        raise InvalidValue(f"{text[:40]!r}… is {len(whole)} characters long", hint=f"At most {MAX_NAME} are allowed.")
    return whole


def is_address(text: str) -> bool:
    """Tell whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def is_under(name: str, parent: str) -> bool:
    """Tell whether a name is below another one; both normalised. A name is not below itself."""
    return name.endswith(f".{parent}")


def _reject_other_things(name: str) -> None:
    """Name the usual mistakes as what they are, instead of "invalid character"."""
    if is_address(name):
        raise InvalidValue(f"{name!r} is an IP address, not a domain name", hint="Write the name that leads to it.")
    if "*" in name:
        raise InvalidValue(
            f"{name!r} is a wildcard", hint="XMPP federation has no wildcards; write every domain by its name."
        )
    if "@" in name:
        raise InvalidValue(
            f"{name!r} is an address of a user, not a domain name", hint=f"Write {name.rpartition('@')[2]!r} instead."
        )
    if "://" in name or "/" in name or ":" in name:
        raise InvalidValue(f"{name!r} is not a bare domain name", hint="Leave out scheme, port and path.")
    if any(character.isspace() for character in name):
        raise InvalidValue(f"{name!r} contains white space", hint="Write one domain name an item, without spaces.")


def _label(label: str, whole: str) -> str:
    if not label:
        raise InvalidValue(f"{whole!r} has an empty label", hint="Two dots follow each other, or one comes first.")
    encoded = label.lower() if label.isascii() else _to_ascii(label, whole)
    if len(encoded) > MAX_LABEL:
        raise InvalidValue(
            f"a label of {whole[:40]!r}… is {len(encoded)} characters long", hint=f"At most {MAX_LABEL} are allowed."
        )
    if "_" in encoded:
        raise InvalidValue(
            f"{whole!r} contains an underscore",
            hint="Host and XMPP domain names have none; service labels such as _xmpp-server._tcp are added for you.",
        )
    if not _LABEL.fullmatch(encoded):
        raise InvalidValue(
            f"{whole!r} is not a domain name: {label!r}", hint="Allowed are letters, digits, and hyphens between them."
        )
    if encoded.startswith("xn--"):
        _check_a_label(encoded, whole)
    return encoded


def _to_ascii(label: str, whole: str) -> str:
    for character, name in _DEVIATIONS.items():
        if character in label:
            raise InvalidValue(
                f"{whole!r} contains {name}, which old and new IDNA rules encode differently",
                hint="Write the name in its encoded form (xn--…), as your registrar shows it.",
            )
    try:
        prepared = idna.nameprep(label)
        # IDNA2008 allows letters, marks and digits only; IDNA2003 would also take symbols.
        if any(unicodedata.category(character)[0] not in "LMN" and character != "-" for character in prepared):
            raise UnicodeError("symbols")
        return idna.ToASCII(prepared).decode("ascii").lower()
    except UnicodeError:
        raise InvalidValue(
            f"{whole!r} cannot be encoded as an international domain name: {label!r}",
            hint="Write letters and digits only, or the encoded form (xn--…).",
        ) from None


def _check_a_label(label: str, whole: str) -> None:
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        fine = not decoded.isascii() and decoded.encode("punycode").decode("ascii") == label[4:]
    except (UnicodeError, ValueError, OverflowError):
        fine = False
    if not fine:
        raise InvalidValue(
            f"{whole!r} has a label that is no valid encoded name: {label!r}",
            hint="Copy it again, or write the name in its own letters.",
        )
