"""What a certificate without clientAuth means for each partner: which methods are left with which servers.

In server-to-server XMPP whoever opens the stream is the TLS client. A certificate for servers only serves there with
peers that do not look at purposes (Prosody; ejabberd since 25.08), and not with strict ones (RFC 5280 §4.2.1.12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..model import negotiation

EXTERNAL = "sasl_over_tls"
#: When public authorities stopped or will stop certifying clientAuth; most recent first known in November 2026.
PUBLIC_DATES = (
    "Let's Encrypt stopped on 2026-02-11 (profile tlsclient on 2026-07-08)",
    "Chrome's root programme, and with it all public authorities, on 2027-03-15",
)
_STRICT = "ejabberd before 25.08, Openfire, Metronome"
#: Partners that are named; of further ones only the number is said.
_MENTIONED = 10


@dataclass(frozen=True)
class Readiness:
    """What is left with one partner.

    :ivar methods: those that its settings allow. :ivar strict: those that remain when its server looks at purposes.
    """

    partner: str
    methods: tuple[str, ...]
    strict: tuple[str, ...]

    @property
    def in_danger(self) -> bool:
        """Whether a strict server of this partner would be left without any method."""
        return bool(self.methods) and not self.strict

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: partner, methods, with_strict_server."""
        return {"partner": self.partner, "methods": list(self.methods), "with_strict_server": list(self.strict)}


def readiness(partners: Iterable[Mapping[str, Any]], *, client_auth: bool) -> list[Readiness]:
    """Say for each partner what a certificate leaves.

    :param partners: each with domain, tls, sasl, dialback, as the model gives them.
    :param client_auth: whether the certificate may be used by a TLS client.
    """
    found = []
    for partner in partners:
        allowed = negotiation.methods(partner["tls"], partner["sasl"], bool(partner["dialback"]))
        strict = tuple(method for method in allowed if client_auth or method != EXTERNAL)
        found.append(Readiness(partner["domain"], tuple(allowed), strict))
    return found


def warning(partners: Iterable[Mapping[str, Any]], pools: Sequence[str]) -> Optional[str]:
    """Return the one warning about certificates without clientAuth, None when no partner depends on it.

    :param pools: the pools whose new certificate lacks it.
    """
    left = [each.partner for each in readiness(partners, client_auth=False) if each.in_danger]
    if not pools or not left:
        return None
    more = f" and {len(left) - _MENTIONED} more" if len(left) > _MENTIONED else ""
    return (
        f"The certificate of {', '.join(pools)} has no clientAuth. With {', '.join(left[:_MENTIONED])}{more} only SASL "
        f"EXTERNAL is allowed; a server there that looks at purposes ({_STRICT}) refuses our streams as soon as this "
        f"certificate serves. It matters for every public authority: {'; '.join(PUBLIC_DATES)}. Allow dialback "
        "for these partners (sasl: optional, dialback: true), or use a private CA with client_auth: true."
    )
