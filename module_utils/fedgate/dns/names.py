"""Names as DNS compares them, service labels and wildcards among them; what a domain name is, the model says."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import InvalidValue
from ..model.domains import MAX_NAME, domain_name, is_address

#: The root: as the target of an SRV record it means that there is no such service (RFC 2782).
ROOT = "."
# RFC 2782, RFC 8552: service labels begin with an underscore; others that hold one are met in TXT and CNAME names.
_SERVICE_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def fold(text: str) -> str:
    """Return a name in the one form that is compared: lower case, A-labels, no trailing dot; the root stays ``.``.

    Whether it is a name that we would publish is not asked: what a server holds is compared too.

    :raises InvalidValue: letters beyond ASCII that are not allowed in names.
    """
    name = text.strip()
    if name == ROOT:
        return ROOT
    return name.removesuffix(".").lower() if name.isascii() else owner_name(name)


def owner_name(text: str) -> str:
    """Return the folded name of a record's owner; underscores are allowed, and ``*`` as the first label.

    :raises InvalidValue: not a domain name.
    """
    labels = text.strip().removesuffix(".").split(".")
    special = max((index + 1 for index, label in enumerate(labels) if "_" in label), default=0)
    special = max(special, 1 if labels[0] == "*" else 0)
    services = [label.lower() for label in labels[:special]]
    for index, label in enumerate(services):
        if not _SERVICE_LABEL.fullmatch(label) and not (label == "*" and index == 0):
            raise InvalidValue(
                f"{text!r} is not a domain name: {label!r}",
                hint="Service labels are letters, digits, hyphens and underscores, at most 63.",
            )
    name = ".".join([*services, domain_name(".".join(labels[special:]))])
    if len(name) > MAX_NAME:
        raise InvalidValue(f"{text[:40]!r}… is {len(name)} characters long", hint=f"At most {MAX_NAME} are allowed.")
    return name


def host_name(text: str) -> str:
    """Return the folded name of a host: letters, digits and hyphens (RFC 1123 §2.1).

    :raises InvalidValue: not a host name, or an address.
    """
    if is_address(text):
        raise InvalidValue(
            f"{text!r} is an address where a host name must stand",
            hint="Name the host and give it A or AAAA records.",
        )
    return domain_name(text)


def at(path: str, text: str, how: Callable[[str], str] = owner_name) -> str:
    """Read a name that stands at a place of the arguments.

    :param how: ``owner_name`` or ``host_name``.
    :raises InvalidValue: naming the place.
    """
    try:
        return how(text)
    except InvalidValue as error:
        raise InvalidValue(error.message, hint=error.hint, path=path) from error


def ancestors(name: str) -> list[str]:
    """Return the name and every name above it, without the root."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]
