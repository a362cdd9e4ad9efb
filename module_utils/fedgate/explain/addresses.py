"""Addresses of users and domains, as people type them, and names of strangers, as they may be shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ..errors import InvalidValue
from ..model.domains import domain_name

#: RFC 7622, 3.3: bytes of a localpart, and what must not be in it.
MAX_LOCALPART = 1023
_FORBIDDEN = "\"&'/:<>@"
#: Characters of a stranger's name that are shown; longer ones are cut.
MAX_SHOWN = 80


@dataclass(frozen=True)
class Address:
    """A bare JID (RFC 7622), or a domain alone.

    :ivar user: the part before the @, as servers compare it; None for a domain alone: any of its users.
    :ivar domain: as names are compared: lower case, A-labels, no trailing dot.
    """

    user: str | None
    domain: str

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}" if self.user else self.domain


def read_address(option: str, text: str) -> Address:
    """Read the address of a user, or a domain.

    :param option: the name of the option that it was given by.
    :raises InvalidValue: for what is neither.
    """
    user, at, domain = text.rpartition("@")
    hint = "Write user@domain.example, or domain.example for any of its users."
    if "/" in text:
        raise InvalidValue(f"'{shown(text)}' has a resource", path=option, hint=f"Leave out what follows the /. {hint}")
    if at and (not user or not _is_localpart(user)):
        raise InvalidValue(f"'{shown(text)}' is not an XMPP address", path=option, hint=hint)
    try:
        return Address(_folded(user) or None, domain_name(domain))
    except InvalidValue as error:
        message = f"'{shown(text)}' is not an XMPP address: {error.message}"
        raise InvalidValue(message, path=option, hint=f"{error.hint} {hint}") from None


def _folded(user: str) -> str:
    """Return a localpart as servers compare it: nodeprep (RFC 3920, appendix A), for all that people are called."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user).casefold())


def _is_localpart(user: str) -> bool:
    if len(user.encode()) > MAX_LOCALPART:
        return False
    return not any(letter in _FORBIDDEN or letter.isspace() or not letter.isprintable() for letter in user)


def shown(name: str) -> str:
    """Return a name that a stranger chose as it may be shown: printable ASCII, at most ``MAX_SHOWN`` characters.

    Everything else is escaped: control characters move a terminal's cursor, others look like what they are not.
    """
    text = name.encode("unicode_escape").decode("ascii")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
