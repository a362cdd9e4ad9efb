"""The names that a pool's certificate must carry; derived, never typed twice."""

from __future__ import annotations

from collections.abc import Iterable

#: The most that public issuers take; Let's Encrypt's ``classic`` profile has the same limit.
MAX_NAMES = 100


def linux_names(xmpp_domains: Iterable[str], components: Iterable[str], additional: Iterable[str]) -> list[str]:
    """Return the names for a Linux gateway: its XMPP domains and federated components (RFC 6120 §13.7.1.2).

    The order of the input does not matter. :param components: the federated ones only.
    """
    return _once(sorted(xmpp_domains), sorted(components), sorted(additional))


def lync_names(
    pool: str, webconf: str | None, sip_domains: Iterable[str], xmpp_domains: Iterable[str], additional: Iterable[str]
) -> list[str]:
    """Return the names that the Lync certificate wizard fills in; the first is the subject."""
    sip = sorted(f"sip.{domain}" for domain in sip_domains)
    return _once([pool], [webconf] if webconf else [], sip, sorted(xmpp_domains), sorted(additional))


def _once(*groups: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group))
