"""TLS, SASL EXTERNAL and dialback: what each combination leaves, and whether that is wise.

The rules give the same 18 rows as the product's reference table; the tests hold them against it, row by row.
"""

from __future__ import annotations

from typing import Literal

Level = Literal["required", "optional", "not_supported"]
Method = Literal["sasl_over_tls", "tls_dialback", "tcp_dialback"]
Verdict = Literal["ok", "warning", "invalid"]

LEVELS: tuple[Level, ...] = ("required", "optional", "not_supported")
#: Authenticates without encryption: everything is readable on the way.
PLAINTEXT: Method = "tcp_dialback"
#: The defaults of New-CsXmppAllowedPartner; the combination that nobody chose does not warn partner by partner.
DEFAULT_ROW: tuple[Level, Level, bool] = ("required", "required", True)


def methods(tls: Level, sasl: Level, dialback: bool) -> tuple[Method, ...]:
    """Return the authentication methods that a combination leaves, the strongest first; empty when none is left.

    SASL EXTERNAL needs a certificate, hence TLS. Where TLS and SASL are both required, dialback never operates.
    """
    left: list[Method] = []
    external = tls != "not_supported" and sasl != "not_supported"
    if external:
        left.append("sasl_over_tls")
    if dialback and not (tls == "required" and sasl == "required"):
        if tls != "not_supported":
            left.append("tls_dialback")
        if tls != "required":
            left.append("tcp_dialback")
    return tuple(left)


def certain(left: tuple[Method, ...], dialback_certificate: str) -> tuple[Method, ...]:
    """Return which of these methods are left where dialback needs a valid certificate (``valid``): those over TLS."""
    return tuple(method for method in left if dialback_certificate != "valid" or method != PLAINTEXT)


def verdict(tls: Level, sasl: Level, dialback: bool) -> Verdict:
    """Return ``invalid`` when no method is left, ``warning`` for a doubtful combination, else ``ok``."""
    return "invalid" if not methods(tls, sasl, dialback) else "warning" if doubt(tls, sasl, dialback) else "ok"


def doubt(tls: Level, sasl: Level, dialback: bool) -> str | None:
    """Return one sentence that says what is doubtful about a combination that leaves a method, or None."""
    if tls == "required":
        if sasl == "required" and dialback:
            return "dialback never operates where TLS and SASL are both required; dialback: false says what happens"
        return None
    if sasl == "not_supported":
        return None
    if tls == "not_supported":
        return f"SASL is {sasl}, but it needs TLS, which is not supported: only unencrypted dialback is left"
    if sasl == "required":
        return "SASL is required while TLS is only optional: sessions fail when the partner does not offer TLS"
    return "SASL is wanted while TLS is only optional: sessions can fail when the partner does not offer TLS"


def dead_end(tls: Level, sasl: Level, dialback: bool) -> str:
    """Return one sentence that says how to mend a combination that leaves no method."""
    if dialback:
        return "Allow TLS."
    if tls == "not_supported":
        return "SASL needs TLS: set tls to required or optional (best), or dialback: true (unencrypted)."
    return "Set sasl to required or optional (best), or dialback: true."
