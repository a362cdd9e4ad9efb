"""What an RFC 2136 server's answer means, and what to do about it."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.rcode
import dns.tsig

from ...errors import FedgateError, Refused, WorldMoved

#: rcode of an UPDATE's answer → (what it means, what to do); RFC 2136 §2.2, RFC 8945 §3.
_MEANINGS = {
    "REFUSED": (
        "it does not allow this key to change these records",
        "Check the key's update-policy (or allow-update) for the zone: names and types.",
    ),
    "NOTAUTH": (
        "it is not the zone's primary server, or it does not accept the key",
        "Name the primary as `server` of the DNS provider, and check `tsig_name`.",
    ),
    "NOTZONE": (
        "a name does not lie in that zone",
        "Look whether the zone was split at the server just now; run again.",
    ),
    "SERVFAIL": (
        "it could not do it (a full disk, a zone file or journal it cannot write)",
        "Look at the server's log.",
    ),
    "NOTIMP": ("it does not know dynamic updates", "Name a server that does as `server` of the DNS provider."),
    "FORMERR": ("it could not read the message", "Look at the server's log."),
}
_MOVED = {"NXRRSET", "YXRRSET", "YXDOMAIN", "NXDOMAIN"}


def explain(rcode: int, what: str) -> FedgateError:
    """Return the error for an answer other than NOERROR.

    :param what: which update, to which server: the message's beginning.
    """
    text = dns.rcode.to_text(dns.rcode.Rcode.make(rcode), tsig=True)
    if text in _MOVED:
        return WorldMoved(
            f"{what}: somebody else changed a record between look and change ({text}); their change stands",
            hint="Run again: the plan is made anew from what is there now.",
        )
    meaning, hint = _MEANINGS.get(text, ("an answer that an update does not have", "Look at the server's log."))
    return Refused(f"{what}: {text}: {meaning}", hint=hint)


def explain_signature(error: Exception, what: str, key: str) -> Refused:
    """Return the error for an answer whose signature is wrong, or that complains about ours.

    :param key: name and algorithm of our key.
    """
    named = f"the key {key}"
    if isinstance(error, dns.tsig.PeerBadKey):
        return Refused(
            f"{what}: BADKEY: the server does not know {named}",
            hint="Check `tsig_name` and `tsig_algorithm` against the key statement in the server's configuration.",
        )
    if isinstance(error, (dns.tsig.PeerBadSignature, dns.tsig.BadSignature)):
        return Refused(
            f"{what}: BADSIG: {named} has another secret at the server",
            hint="Check `tsig_secret` and `tsig_algorithm` of the DNS provider.",
        )
    if isinstance(error, (dns.tsig.PeerBadTime, dns.tsig.BadTime)):
        return Refused(
            f"{what}: BADTIME: the clocks of this machine and of the server differ by more than 5 minutes",
            hint="Set both by NTP.",
        )
    return Refused(
        f"{what}: the answer cannot be trusted ({type(error).__name__})",
        hint="Look with a second run in check mode what took effect; check the path to the server.",
    )


def demand_signed(answer: Any, what: str) -> None:
    """Refuse an answer that pretends success without a signature.

    :raises Refused: it is not signed.
    """
    if answer.had_tsig:
        return
    text = dns.rcode.to_text(answer.rcode())
    if answer.rcode() == dns.rcode.NOERROR:
        raise Refused(
            f"{what}: the server's answer is not signed, so whoever sent it cannot be trusted",
            hint="Check `server` and `port` of the DNS provider; the server must know the TSIG key.",
        )
    raise Refused(f"{what}: {text}, in an answer without signature", hint=explain(answer.rcode(), what).hint)
