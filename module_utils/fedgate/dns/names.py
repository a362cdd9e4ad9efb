"""Domain names as DNS compares them: lower case, A-labels, no trailing dot."""

from __future__ import annotations

import ipaddress
import re

from ..errors import InvalidValue

#: The root: as the target of an SRV record it means that there is no such service (RFC 2782).
ROOT = "."
_OWNER_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAX_LENGTH = 253  # octets of the text form without the trailing dot (RFC 1035 §2.3.4)


def fold(text: str) -> str:
    """Return a name in the one form that is compared: lower case, A-labels, no trailing dot; the root stays ``.``.

    :raises InvalidValue: a label with letters beyond ASCII that IDNA does not allow.
    """
    name = text.strip()
    if name == ROOT:
        return ROOT
    name = name[:-1] if name.endswith(".") else name
    if name.isascii():
        return name.lower()
    try:
        return ".".join(label.encode("idna").decode("ascii") for label in name.split(".")).lower()
    except UnicodeError as error:
        raise InvalidValue(f"{text!r} is not a domain name that IDNA allows") from error


def owner_name(text: str) -> str:
    """Return the folded name of a record's owner; underscores are allowed, and ``*`` as the first label.

    :raises InvalidValue: not a domain name.
    """
    name = fold(text)
    labels = name.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    _demand(name, labels, _OWNER_LABEL, "a domain name")
    return name


def host_name(text: str) -> str:
    """Return the folded name of a host: letters, digits and hyphens (RFC 1123 §2.1).

    :raises InvalidValue: not a host name, or an address.
    """
    name = fold(text)
    if is_address(name):
        raise InvalidValue(
            f"{text!r} is an address where a host name must stand",
            hint="Name the host and give it A or AAAA records.",
        )
    _demand(name, name.split("."), _HOST_LABEL, "a host name")
    return name


def is_address(text: str) -> bool:
    """Tell whether the text is an IPv4 or IPv6 address, in brackets or not."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def ancestors(name: str) -> list[str]:
    """Return the name and every name above it, without the root."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def is_within(name: str, zone: str) -> bool:
    """Tell whether a name is a zone's apex or stands below it."""
    return zone == ROOT or name == zone or name.endswith(f".{zone}")


def _demand(name: str, labels: list[str], pattern: re.Pattern[str], what: str) -> None:
    if len(name) > _MAX_LENGTH or not all(pattern.fullmatch(label) for label in labels):
        raise InvalidValue(
            f"{name!r} is not {what}",
            hint=f"Labels of 1 to 63 letters, digits and hyphens, {_MAX_LENGTH} characters together.",
        )
