"""What ``lync_certificate`` says of an order: how it stands, and who is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..certificates import chains, library, requests
from ..certificates.renewal import standing
from ..plan import KNOWN_AFTER_APPLY, Pending
from .certificate_decision import REQUEST, WAIT, Decision, friendly_name
from .certificate_orders import Order
from .certificate_store import Held
from .certificate_trial import Trial


def waiting(order: Order, decision: Decision) -> Iterator[Pending]:
    """Yield who has to act next, where it is not the module."""
    if decision.refused:
        yield refusal(order, None, decision.refused)
    elif order.signed_now:
        return
    elif decision.step == REQUEST:
        yield Pending("certificate", order.name, f"{_authority(order)}, which the request goes to; then run again")
    elif decision.step == WAIT and decision.online is not None:
        said = f"{_authority(order)} to issue request {decision.online.number}; then run again"
        yield Pending("certificate", order.name, said)
    elif decision.step == WAIT:
        where = order.request_file or "csr of the result"
        there = order.answer or "chain or answer of this module"
        said = f"the authority: send it {where}, put the answer into {there}, and run again"
        yield Pending("certificate", order.name, said)


def refusal(order: Order, host: str | None, thumbprint: str) -> Pending:
    """Return that people have to look why services did not start, before anything else is tried."""
    said = (
        f"somebody to find out why the services did not start with {thumbprint} (events of the product on that "
        f"server); then force another one, or remove fedgate-{order.name}.refused there to have it tried again"
    )
    return Pending("certificate", f"{order.name} on {host}" if host else order.name, said)


def after_asking(order: Order, decision: Decision) -> Iterator[Pending]:
    """Yield the same for what was asked for in this very run."""
    if decision.step == WAIT:
        yield from waiting(order, decision)
        return
    said = f"the next run: {_authority(order)} has issued it, and it has to be assigned"
    yield Pending("certificate", order.name, said)


def result(order: Order, decision: Decision, now: datetime) -> dict[str, Any]:
    """Return how one order stands, as ``library/lync_certificate.py`` documents it."""
    pem = decision.request
    facts = chains.describe(decision.chain[0]) if decision.chain else None
    live = decision.live.facts if decision.live else None
    return {
        "step": decision.step,
        "because": list(decision.reasons),
        "thumbprint": decision.target,
        "csr": pem,
        "template": requests.read(pem, order.name).settings.template if pem else None,
        "key_fingerprint": fingerprint(pem) if pem else facts.key_fingerprint if facts else None,
        "serial": live.serial if live else None,
        "names": list(facts.names) if facts else None,
        "issuer": facts.issuer if facts else None,
        "not_after": library.text_of(facts.not_after) if facts else None,
        "standing": standing(order.name, live, now, order.rules),
        "summary": _summary(order, pem),
    }


def _summary(order: Order, pem: str | None) -> str | None:
    if pem is None:
        return None
    request = requests.read(pem, order.name)
    return requests.summary(request, friendly_name(order), order.wanted.exportable)


def of_ca(order: Order) -> dict[str, str]:
    """Return the enterprise CA that is asked, as fields of a change."""
    return {"ca": order.ca.name} if order.ca else {}


def _authority(order: Order) -> str:
    return order.ca.name if order.ca else "the authority"


def fingerprint(pem: str | None) -> str:
    """Return the fingerprint of a request's key, as far as there is one."""
    return requests.read(pem, "request").fingerprint if pem else KNOWN_AFTER_APPLY


def fields(decision: Decision) -> dict[str, Any]:
    """Return what a diff shows of the certificate that a server gets."""
    if not decision.chain:
        return {"thumbprint": KNOWN_AFTER_APPLY}
    return {**chains.describe(decision.chain[0]).as_fields(), "thumbprint": decision.target}


def untried(held: Mapping[str, Held], trials: Mapping[str, Mapping[str, Trial]]) -> dict[str, list[str]]:
    """Return by member which certificates no service has been started with yet."""
    found = {
        host: [name for name, trial in trials.get(host, {}).items() if trial.is_open(one.assigned)]
        for host, one in held.items()
    }
    return {host: names for host, names in found.items() if names}


def unmanaged(held: Mapping[str, Held], orders: Iterable[Order]) -> dict[str, dict[str, str]]:
    """Return by member what is assigned to uses that no order is for."""
    ours = {use for order in orders for use in order.uses}
    return {
        host: {use: thumbprint for use, thumbprint in sorted(one.assigned.items()) if use not in ours}
        for host, one in held.items()
    }
