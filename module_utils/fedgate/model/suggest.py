"""What somebody may have meant: suggestions for names and words that are not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: The parameters of New-CsXmppAllowedPartner, for those who come from there.
MICROSOFT_NAMES = {
    "identity": "domain",
    "domains": "additional_domains",
    "additionaldomain": "additional_domains",
    "partnertype": "type",
    "tlsnegotiation": "tls",
    "saslnegotiation": "sasl",
    "supportdialbacknegotiation": "dialback",
    "dialbacknegotiation": "dialback",
    "enablekeepalive": "keepalive",
    "proxy": "proxy_fqdn",
}


def did_you_mean(word: str, allowed: Iterable[str], nearness: float = 0.7) -> str | None:
    """Return the allowed word that is nearest to ``word``, or None when none is near (1.0: the same)."""
    words = list(allowed)
    flat = {_flat(item): item for item in words}
    if _flat(word) in flat:
        return flat[_flat(word)]
    translated = MICROSOFT_NAMES.get(_flat(word))
    if translated in words:
        return translated
    near = difflib.get_close_matches(word.lower(), words, n=1, cutoff=nearness)
    return near[0] if near else None


def listed(words: Iterable[str], last: str = "or") -> str:
    """Return words as an enumeration: ``a, b or c``."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def _flat(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())
