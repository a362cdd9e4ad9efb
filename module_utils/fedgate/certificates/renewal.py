"""When a certificate needs a successor, and which prepared one may become it: pure decisions over what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional

from ..errors import InvalidValue
from . import library
from .settings import RequestSettings

if TYPE_CHECKING:
    from .adopt import Found
    from .chains import CertificateFacts
    from .seen import Seen


@dataclass(frozen=True)
class Rules:
    """What makes a certificate due beside changed settings.

    :ivar before: so long before its end, but never before two thirds of its life are gone; None: exactly then.
    :ivar advised: serial number (hex) → why its issuer wants it renewed now (RFC 9773).
    :ivar force: renew it whatever its age.
    """

    before: Optional[timedelta] = None
    advised: Mapping[str, str] = field(default_factory=dict)
    force: bool = False

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Rules:
        """Read the module's arguments. :raises InvalidValue: a negative number of days."""
        days = params.get("renew_before_days")
        if days is not None and days < 0:
            raise InvalidValue("a number of days cannot be negative", path="renew_before_days", hint="14 is usual.")
        before = None if days is None else timedelta(days=days)
        return cls(before, dict(params.get("due") or {}), bool(params.get("force")))


@dataclass(frozen=True)
class Observed:
    """The generations of one certificate at one moment.

    :ivar now: when it was looked.
    :ivar current: the generation that serves, or None.
    :ivar newer: all others that are newer, ascending; :ivar older: all others that are older, ascending.
    :ivar served: whether the gateway shows the certificate of ``current``; None when it shows none, or not ours.
    :ivar adopted: a pair of somebody else that becomes ``current``; it is not among the generations yet.
    :ivar library: false when python3-cryptography is missing, so that nothing could be read.
    """

    now: datetime
    current: Optional[Seen]
    newer: tuple[Seen, ...] = ()
    older: tuple[Seen, ...] = ()
    served: Optional[bool] = None
    adopted: Optional[Found] = None
    library: bool = True


@dataclass(frozen=True)
class Decision:
    """Whether a certificate has to be issued, why, and for which prepared generation (None: there is none yet)."""

    needed: bool
    reasons: tuple[str, ...] = ()
    prepared: Optional[Seen] = None


def decide(observed: Observed, wanted: RequestSettings, rules: Rules) -> Decision:
    """Compare what serves with what is wanted; pure."""
    if observed.current is None:
        reasons: tuple[str, ...] = ("there is no certificate yet",)
    else:
        reasons = shortcomings(observed.current, wanted, observed.now, rules)
        if rules.force and not reasons:
            reasons = ("renewal was asked for",)
    if not reasons:
        return Decision(False)
    usable = [each for each in observed.newer if _can_be_issued(each, wanted, observed.now, rules)]
    return Decision(True, reasons, usable[-1] if usable else None)


def shortcomings(seen: Seen, wanted: RequestSettings, now: datetime, rules: Rules) -> tuple[str, ...]:
    """Say why a generation cannot go on serving; empty when it can."""
    if seen.problem or seen.settings is None:
        return (seen.problem or "it cannot be read",)
    if seen.certificate is None:
        return ("its certificate was not issued yet",)
    found = list(seen.settings.differences(wanted))
    if now >= seen.certificate.not_after:
        found.append(f"it has expired on {library.text_of(seen.certificate.not_after)}")
    elif now >= due_from(seen.certificate, rules.before):
        found.append(f"it expires on {library.text_of(seen.certificate.not_after)}")
    elif seen.certificate.serial in rules.advised:
        found.append(rules.advised[seen.certificate.serial])
    return tuple(found)


def due_from(certificate: CertificateFacts, before: Optional[timedelta]) -> datetime:
    """Return from when on a certificate is due: when two thirds of its life are gone, or later if so wanted."""
    third = (certificate.not_after - certificate.not_before) / 3
    return certificate.not_after - (third if before is None else min(before, third))


def standing(pool: str, certificate: Optional[CertificateFacts], now: datetime, rules: Rules) -> dict[str, Any]:
    """Return how a pool's certificate stands, as the summary at the end of a run shows it."""
    return {
        "pool": pool,
        "expires": library.text_of(certificate.not_after) if certificate else None,
        "days_left": (certificate.not_after - now).days if certificate else None,
        "renewed_from": library.text_of(due_from(certificate, rules.before)) if certificate else None,
    }


def _can_be_issued(seen: Seen, wanted: RequestSettings, now: datetime, rules: Rules) -> bool:
    """Tell whether a prepared generation may be used, issued or not: a run that was killed left it so."""
    if seen.problem or seen.rejected or seen.settings is None or seen.settings.differences(wanted):
        return False
    return seen.certificate is None or not shortcomings(seen, wanted, now, rules)
