"""``edge_certificate_request``: is a certificate needed? If so, prepare key and request beside the live one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional

from ..errors import InvalidValue
from ..module import Context, Reconciler
from ..plan import Change, Plan
from . import library
from .generations import DESCRIPTION, KEY, REQUEST, GenerationStore
from .settings import RequestSettings

if TYPE_CHECKING:
    from .seen import Seen

#: Kind of the planned change; its name is the pool's FQDN.
KIND = "certificate_request"


@dataclass(frozen=True)
class Observed:
    """The generations of one certificate at one moment.

    :ivar now: when it was looked.
    :ivar current: the generation that serves, or None.
    :ivar generations: all others that are newer, ascending.
    """

    now: datetime
    current: Optional[Seen]
    newer: tuple[Seen, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Whether a certificate has to be issued, why, and for which prepared generation (None: there is none yet)."""

    needed: bool
    reasons: tuple[str, ...] = ()
    prepared: Optional[Seen] = None


def decide(observed: Observed, wanted: RequestSettings, renew_before: timedelta) -> Decision:
    """Compare what serves with what is wanted; pure.

    Whether a certificate is *due* is limited to the last third of its life: with a short-lived one, ``renew_before``
    alone would ask for a new certificate at every run.
    """
    if observed.current is None:
        reasons: tuple[str, ...] = ("there is no certificate yet",)
    else:
        reasons = shortcomings(observed.current, wanted, observed.now, renew_before)
    if not reasons:
        return Decision(False)
    usable = [each for each in observed.newer if _can_be_issued(each, wanted, observed.now, renew_before)]
    return Decision(True, reasons, usable[-1] if usable else None)


def shortcomings(seen: Seen, wanted: RequestSettings, now: datetime, renew_before: timedelta) -> tuple[str, ...]:
    """Say why a generation cannot go on serving; empty when it can."""
    if seen.problem or seen.settings is None:
        return (seen.problem or "it cannot be read",)
    if seen.certificate is None:
        return ("its certificate was not issued yet",)
    found = list(seen.settings.differences(wanted))
    life = seen.certificate.not_after - seen.certificate.not_before
    if now >= seen.certificate.not_after:
        found.append(f"it has expired on {library.text_of(seen.certificate.not_after)}")
    elif now >= seen.certificate.not_after - min(renew_before, life / 3):
        found.append(f"it expires on {library.text_of(seen.certificate.not_after)}")
    return tuple(found)


def _can_be_issued(seen: Seen, wanted: RequestSettings, now: datetime, renew_before: timedelta) -> bool:
    """Tell whether a prepared generation may be used, issued or not: a run that was killed left it so."""
    if seen.problem or seen.settings is None or seen.settings.differences(wanted):
        return False
    return seen.certificate is None or not shortcomings(seen, wanted, now, renew_before)


class RequestReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_request.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.wanted = RequestSettings.of(params)
        self.store = GenerationStore(params["directory"], params["name"])
        if params["renew_before_days"] < 0:
            raise InvalidValue("a number of days cannot be negative", path="renew_before_days", hint="14 is usual.")
        self.renew_before = timedelta(days=params["renew_before_days"])

    def observe(self) -> Observed:
        """Read the live generation and all newer ones."""
        numbers = self.store.numbers()
        if not numbers:
            return Observed(library.now(), None)
        library.require()
        from .seen import look

        live = self.store.current()
        newer = tuple(look(self.store, number) for number in numbers if number > (live or 0))
        return Observed(library.now(), None if live is None else look(self.store, live), newer)

    def plan(self, observed: Observed) -> Plan:
        """One change when nothing suitable is prepared."""
        decision = decide(observed, self.wanted, self.renew_before)
        if not decision.needed or decision.prepared:
            return Plan()
        before = None
        if observed.current is not None:
            before = observed.current.settings.as_fields() if observed.current.settings else {}
        after = {**self.wanted.as_fields(), "because": list(decision.reasons)}
        return Plan.of([Change("create" if before is None else "update", KIND, self.params["name"], before, after)])

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Make key and request, and prepare them as the next generation."""
        library.require()
        from . import keys, requests

        key = keys.generate(self.wanted.key)
        description = {
            "names": list(self.wanted.names),
            "key": self.wanted.key.as_dict(),
            "subject": self.wanted.subject.as_dict(),
            "friendly_name": self.wanted.friendly_name,
            "exportable": self.wanted.exportable,
            "client_auth": self.wanted.client_auth,
            "template": self.wanted.template,
            "created": library.text_of(library.now()),
        }
        self.store.prepare(
            {
                KEY: keys.to_pem(key),
                REQUEST: requests.build(key, self.wanted),
                DESCRIPTION: json.dumps(description, indent=1, sort_keys=True).encode() + b"\n",
            }
        )

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return needed, generation, csr, chain, key_fingerprint, summary."""
        decision = decide(observed, self.wanted, self.renew_before)
        subject = decision.prepared if decision.needed else observed.current
        return {
            "needed": decision.needed,
            "generation": subject.number if subject else None,
            "csr": subject.csr if subject else None,
            "key_fingerprint": subject.fingerprint if subject else None,
            "chain": observed.current.chain if observed.current else None,
            "summary": self._summary(observed, decision, subject),
        }

    def _summary(self, observed: Observed, decision: Decision, subject: Optional[Seen]) -> dict[str, Any]:
        serving = observed.current.certificate if observed.current else None
        return {
            **self.wanted.as_fields(),
            "because": list(decision.reasons),
            "expires": library.text_of(serving.not_after) if serving else None,
            "text": self._text(subject),
        }

    def _text(self, subject: Optional[Seen]) -> Optional[str]:
        if subject is None or subject.csr is None:
            return None
        from . import requests

        request = requests.read(subject.csr, self.params["name"])
        return requests.summary(request, self.wanted.friendly_name, self.wanted.exportable)
