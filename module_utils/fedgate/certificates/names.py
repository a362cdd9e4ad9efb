"""Names in certificates: dNSName values as IDNA A-labels (RFC 5890, RFC 6120 §13.7.1.2, RFC 9525)."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidValue
from ..model.domains import domain_name
from ..model.names import MAX_NAMES


def normalise(value: str, path: str = "names") -> str:
    """Return a name in lower case, as A-labels, without a trailing dot.

    :param value: a host or domain name, possibly international.
    :param path: where it stands, for the error.
    :raises InvalidValue: it is not a domain name; a wildcard neither, since it never covers the XMPP domain itself.
    """
    try:
        return domain_name(value)
    except InvalidValue as error:
        raise InvalidValue(error.message, hint=error.hint, path=path) from error


def normalise_all(values: Iterable[str], path: str = "names") -> tuple[str, ...]:
    """Return all names normalised, in order, each once. :raises InvalidValue: one is bad, there is none, or
    there are more than public issuers certify.
    """
    found = tuple(dict.fromkeys(normalise(value, f"{path}[{index}]") for index, value in enumerate(values)))
    if not found:
        raise InvalidValue("there is no name to certify", path=path, hint="Give at least one name.")
    if len(found) > MAX_NAMES:
        raise InvalidValue(
            f"{len(found)} names are too many for one certificate",
            path=path,
            hint=f"Issuers take {MAX_NAMES} at most; serve some of the domains by another pool.",
        )
    return found


def covers(certified: Iterable[str], wanted: str) -> bool:
    """Tell whether one of a certificate's names covers ``wanted``; ``*`` stands for one whole label (RFC 9525)."""
    _, _, parent = wanted.partition(".")
    return any(name == wanted or (name.startswith("*.") and name[2:] == parent) for name in certified)


def missing(certified: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those wanted names that a certificate does not cover, in order."""
    have = [name.lower() for name in certified]
    return [name for name in wanted if not covers(have, name)]
