"""By what the two servers of a pair may prove themselves to each other, in both directions, the strongest first."""

from __future__ import annotations

from typing import Any

from ..model import negotiation
from ..model.partner import Partner
from ..model.pools import Pool
from .rights import INCOMING, OUTGOING

WORDS: dict[str, str] = {
    "sasl_over_tls": "SASL EXTERNAL (certificates)",
    "tls_dialback": "dialback over TLS",
    "tcp_dialback": "dialback without TLS",
}


def left(partner: Partner) -> tuple[negotiation.Method, ...]:
    """Return the methods that a partner's row leaves, the strongest first.

    What goes unencrypted is left only with the waiver, and never where a certificate is demanded.
    """
    found = negotiation.certain(negotiation.methods(*partner.row), partner.dialback_certificate)
    return tuple(method for method in found if partner.allow_plaintext or method != negotiation.PLAINTEXT)


def demands_certificate(partner: Partner, method: str) -> bool:
    """Tell whether a stream with this method must show a certificate that is valid for the partner's domain.

    Where no dialback over TLS is left, the certificate is all that proves the partner.
    """
    return method == "sasl_over_tls" or (method == "tls_dialback" and partner.dialback_certificate == "valid")


def describe(partner: Partner, pool: Pool | None) -> dict[str, list[dict[str, Any]]]:
    """Return for each direction the methods: method, transports, certificate (valid, any, none), meaning."""
    return {
        direction: [_described(partner, method, direction, pool) for method in left(partner)]
        for direction in (INCOMING, OUTGOING)
    }


def _described(partner: Partner, method: str, direction: str, pool: Pool | None) -> dict[str, Any]:
    secure = method != negotiation.PLAINTEXT
    certificate = "none" if not secure else "valid" if demands_certificate(partner, method) else "any"
    transports = _transports(direction, pool) if secure else ["plaintext"]
    words = {
        "valid": "the partner's certificate must be valid for its domain",
        "any": "whatever certificate the partner shows",
        "none": "unencrypted",
    }
    meaning = f"{WORDS[method]}, {words[certificate]}"
    if method == "sasl_over_tls" and direction == OUTGOING:
        meaning += ", and the partner must take ours for a client's (clientAuth)"
    return {"method": method, "transports": transports, "certificate": certificate, "meaning": meaning}


def _transports(direction: str, pool: Pool | None) -> list[str]:
    """Direct TLS: into us where the pool has a port for it, out of us where the partner publishes one (XEP-0368)."""
    if pool is not None and not pool.linux:
        return ["starttls"]
    if direction == INCOMING and (pool is None or pool.direct_server_port is None):
        return ["starttls"]
    return ["starttls", "direct_tls"]
