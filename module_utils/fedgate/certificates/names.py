"""Names in certificates: dNSName values as IDNA A-labels (RFC 5890, RFC 6120 §13.7.1.2, RFC 9525)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ..errors import InvalidValue

_LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")
#: RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text.
_LONGEST = 253


def normalise(value: str, path: str = "names") -> str:
    """Return a name in lower case, as A-labels, without a trailing dot.

    :param value: a host or domain name, possibly international.
    :param path: where it stands, for the error.
    :raises InvalidValue: it is not a host name, or it is an IP address.
    """
    name = str(value).strip().lower().rstrip(".")
    if not name:
        raise InvalidValue(f"'{value}' is not a name", path=path, hint="Give a name such as edge.contoso.example.")
    _refuse_address(name, path)
    if not name.isascii():
        name = _to_ascii(name, path)
    labels = name.split(".")
    # A wildcard covers hosts, never the XMPP domain itself, so nobody needs one here.
    if len(name) > _LONGEST or len(labels) < 2 or not all(_LABEL.match(label) for label in labels):
        raise InvalidValue(
            f"'{value}' cannot be a name in a certificate",
            path=path,
            hint="Allowed are labels of letters, digits and hyphens, at least two of them, such as contoso.example.",
        )
    return name


def normalise_all(values: Iterable[str], path: str = "names") -> tuple[str, ...]:
    """Return all names normalised, in order, each once. :raises InvalidValue: one is bad, or there is none."""
    found = tuple(dict.fromkeys(normalise(value, f"{path}[{index}]") for index, value in enumerate(values)))
    if not found:
        raise InvalidValue("there is no name to certify", path=path, hint="Give at least one name.")
    return found


def covers(certified: Iterable[str], wanted: str) -> bool:
    """Tell whether one of a certificate's names covers ``wanted``; ``*`` stands for one whole label (RFC 9525)."""
    _, _, parent = wanted.partition(".")
    return any(name == wanted or (name.startswith("*.") and name[2:] == parent) for name in certified)


def missing(certified: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those wanted names that a certificate does not cover, in order."""
    have = [name.lower() for name in certified]
    return [name for name in wanted if not covers(have, name)]


def _refuse_address(name: str, path: str) -> None:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return
    raise InvalidValue(
        f"'{name}' is an IP address", path=path, hint="Certificates for federation carry names only (RFC 6120 §13.7)."
    )


def _to_ascii(name: str, path: str) -> str:
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidValue(
            f"'{name}' is not an internationalised domain name: {error}", path=path, hint="Give its A-label (xn--…)."
        ) from error
