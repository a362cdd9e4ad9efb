"""``edge_certificate_request``: is a certificate needed? If so, prepare key and request beside the live one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..module import Context, Reconciler
from ..plan import Change, Plan
from . import adopt, library
from .activation import Activation
from .generations import DESCRIPTION, KEY, REQUEST, GenerationStore
from .renewal import Decision, Observed, Rules, decide, standing
from .serving import Gateway
from .settings import RequestSettings

if TYPE_CHECKING:
    from .keys import PrivateKey
    from .seen import Seen

#: Kinds of planned changes; their name is the pool's FQDN.
KIND = "certificate_request"
ADOPTED = "certificate"


class RequestReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_request.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.wanted = RequestSettings.of(params)
        self.store = GenerationStore(params["directory"], params["name"])
        self.rules = Rules.of(params)
        self.gateway = Gateway.of(params.get("gateway"))
        self.adoptable: Optional[Mapping[str, Any]] = params.get("adopt")

    def observe(self) -> Observed:
        """Read all generations, and look which certificate the gateway shows."""
        numbers = self.store.numbers()
        if not library.available():
            if numbers and not self.params["report_missing_library"]:
                library.require()
            return Observed(library.now(), None, library=False)
        live = self.store.current()
        if live is None and self.adoptable:
            found = adopt.find(self.adoptable, self.wanted, max(numbers, default=0) + 1)
            return Observed(library.now(), found.seen, adopted=found)
        from .seen import look

        every = {number: look(self.store, number) for number in numbers}
        current = every.get(live or 0)
        return Observed(
            library.now(),
            current,
            newer=tuple(seen for number, seen in every.items() if number > (live or 0)),
            older=tuple(seen for number, seen in every.items() if number < (live or 0)),
            served=self._served(current),
        )

    def _served(self, current: Optional[Seen]) -> Optional[bool]:
        if self.gateway is None or current is None or current.certificate is None:
            return None
        return Activation(self.store, self.gateway, self.context).shows(current.chain, quick=True)

    def plan(self, observed: Observed) -> Plan:
        """One change when nothing suitable is prepared, and this host is to prepare it."""
        if not observed.library and not self.context.check_mode and self.params["report_missing_library"]:
            return Plan()
        return Plan.of([*self._adoption(observed), *self._request(observed)])

    def _adoption(self, observed: Observed) -> list[Change]:
        if not self.adoptable or (observed.library and observed.adopted is None):
            return []
        found = observed.adopted.seen.certificate if observed.adopted else None
        fields = found.as_fields() if found else {"names": list(self.wanted.names)}
        return [
            Change("create", ADOPTED, self.params["name"], None, {**fields, "adopted_from": self.adoptable["chain"]})
        ]

    def _request(self, observed: Observed) -> list[Change]:
        if self.adoptable and not observed.library:
            return []  # on a bare host nobody can tell whether what is there is due
        decision = decide(observed, self.wanted, self.rules)
        if not decision.needed or decision.prepared or not self.params["make"]:
            return []
        before = None
        if observed.current is not None:
            before = observed.current.settings.as_fields() if observed.current.settings else {}
        after = {**self.wanted.as_fields(), "because": list(decision.reasons), "new_key": not self._kept_key(observed)}
        return [Change("create" if before is None else "update", KIND, self.params["name"], before, after)]

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Take in what is there; make key and request, and prepare them as the next generation."""
        library.require()
        if observed.adopted is not None and observed.adopted.seen.settings is not None:
            adopt.take_in(self.store, observed.adopted, describe(observed.adopted.seen.settings))
        if any(change.kind == KIND for change in plan.changes):
            self._prepare(observed)

    def _prepare(self, observed: Observed) -> None:
        from . import keys, requests

        kept = self._kept_key(observed)
        key: PrivateKey = self._key_of(kept) if kept else keys.generate(self.wanted.key)
        number = self.store.prepare(
            {
                KEY: keys.to_pem(key),
                REQUEST: requests.build(key, self.wanted),
                DESCRIPTION: describe(self.wanted),
            }
        )
        reasons = "; ".join(decide(observed, self.wanted, self.rules).reasons)
        with_key = "the same key" if kept else "a new key"
        self.store.note(f"requested generation {number:04d} with {with_key}: {reasons}")

    def _kept_key(self, observed: Observed) -> Optional[Seen]:
        """Return the generation whose key the new request uses too; None: it gets a new one."""
        current = observed.current
        if not self.params["reuse_key"] or current is None or current.problem or current.settings is None:
            return None
        return current if current.settings.key == self.wanted.key else None

    def _key_of(self, seen: Seen) -> PrivateKey:
        from . import keys

        return keys.from_pem(self.store.read(seen.number, KEY) or b"", f"{KEY} of generation {seen.number:04d}")

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return what ``library/edge_certificate_request.py`` documents under RETURN."""
        decision = decide(observed, self.wanted, self.rules)
        subject = decision.prepared if decision.needed else observed.current
        current = observed.current
        return {
            "needed": decision.needed,
            "generation": subject.number if subject else None,
            "csr": subject.csr if subject else None,
            "key_fingerprint": subject.fingerprint if subject else None,
            "chain": current.chain if current and current.certificate else None,
            "serial": current.certificate.serial if current and current.certificate else None,
            "served": observed.served,
            "library": observed.library,
            "holdings": _holdings(observed, subject),
            "standing": standing(
                self.params["name"], current.certificate if current else None, observed.now, self.rules
            ),
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


def describe(settings: RequestSettings) -> bytes:
    """Return ``generation.json``: what was asked for, beside what the request itself says."""
    described = {
        "names": list(settings.names),
        "key": settings.key.as_dict(),
        "subject": settings.subject.as_dict(),
        "friendly_name": settings.friendly_name,
        "exportable": settings.exportable,
        "client_auth": settings.client_auth,
        "template": settings.template,
        "created": library.text_of(library.now()),
    }
    return json.dumps(described, indent=1, sort_keys=True).encode() + b"\n"


def _holdings(observed: Observed, subject: Optional[Seen]) -> dict[str, Any]:
    """Return what the members of a pool compare: all requests that are held here, those gone back from, and the one
    that this host would go on with; never a key."""
    every = [*observed.older, *([observed.current] if observed.current else []), *observed.newer]
    certificate = subject.certificate if subject else None
    return {
        "request": subject.identity if subject else None,
        "issued": certificate is not None,
        "not_before": library.text_of(certificate.not_before) if certificate else None,
        "requests": [each.identity for each in every if each.identity and not each.problem],
        "rejected": [each.identity for each in every if each.identity and each.rejected],
    }
