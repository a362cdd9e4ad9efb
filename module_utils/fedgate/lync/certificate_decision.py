"""Which certificate an order leads to, and what is to be done next: pure decisions over what was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ..certificates import chains, keys, library, requests
from ..certificates import names as name_rules
from ..certificates.renewal import due_from
from ..errors import CheckFailed, FedgateError, InvalidValue, Refused
from .certificate_answer import Answer, verify_stored
from .certificate_orders import MEDIA_USE, Order
from .certificate_store import Held, OnlineRequest, Stored

#: What is to be done, in the order of the wizard.
REQUEST, WAIT, RETRIEVE, IMPORT, ASSIGN = "request", "wait", "retrieve", "import", "assign"
#: Media tokens are signed with it: their holders lose them when it changes.
_LONG_LIVED_DAYS = 180


@dataclass(frozen=True)
class Decision:
    """How one order stands.

    :ivar step: of ``REQUEST`` … ``ASSIGN``; the last also where nothing is to be done.
    :ivar reasons: why another certificate is needed than the one in use; empty where none is.
    :ivar live: the certificate in use.
    :ivar target: the one that shall be in use; None where it does not exist yet.
    :ivar chain: the target and its issuers, as far as known.
    :ivar answer: what is to be imported.
    :ivar request: the request that waits, as PEM.
    :ivar online: the request at the enterprise CA.
    :ivar refused: the certificate that would fit, had the services started with it.
    """

    step: str
    reasons: tuple[str, ...] = ()
    live: Stored | None = None
    target: str | None = None
    chain: tuple[x509.Certificate, ...] = ()
    answer: Answer | None = None
    request: str | None = None
    online: OnlineRequest | None = None
    refused: str | None = None


def decide(
    order: Order,
    held: Held,
    host: str,
    now: datetime,
    answer: Callable[[], Answer | None],
    warn: Callable[[str], None],
) -> Decision:
    """Compare what a server holds with an order.

    :param answer: reads the authority's answer; called only where one is wanted.
    :raises FedgateError: the order cannot be followed: wrong answer, denied by the CA, no such thumbprint.
    """
    if order.thumbprint:
        return _by_thumbprint(order, held, host)
    live = _live(order, held)
    reasons = _reasons(order, live, now)
    if not reasons and live is not None:
        return Decision(ASSIGN, (), live, live.thumbprint, _chain(live, held))
    base = Decision(REQUEST, reasons, live)
    ready, refused = _ready(order, held, live, now, warn)
    if ready is not None:
        return dataclasses.replace(base, step=ASSIGN, target=ready.thumbprint, chain=_chain(ready, held))
    found = answer()
    if found is not None:
        return dataclasses.replace(base, step=IMPORT, target=found.thumbprint, chain=found.chain, answer=found)
    asked = _asked(order, held, base)
    if asked.step == REQUEST and refused is not None and not order.rules.force:
        # Another one would end like it, and interrupt everybody again: people look first.
        return dataclasses.replace(base, step=WAIT, refused=refused.thumbprint)
    return asked


def _by_thumbprint(order: Order, held: Held, host: str) -> Decision:
    stored = held.find(order.thumbprint)
    if stored is None or not stored.has_key:
        said = "has no private key" if stored else "is not in the store of the computer (My)"
        raise InvalidValue(
            f"the certificate {order.thumbprint} {said} on {host}",
            path=f"certificates[{order.name}].thumbprint",
            hint="Import it with its key first, or name one that Get-ChildItem Cert:\\LocalMachine\\My shows.",
        )
    return Decision(ASSIGN, (), _live(order, held), stored.thumbprint, _chain(stored, held))


def _live(order: Order, held: Held) -> Stored | None:
    assigned = (held.find(held.assigned.get(use)) for use in order.uses)
    return next((stored for stored in assigned if stored is not None), None)


def _reasons(order: Order, live: Stored | None, now: datetime) -> tuple[str, ...]:
    if live is None:
        return ("there is no certificate yet",)
    found = shortcomings(order, live, now)
    return found or (("renewal was asked for",) if order.rules.force else ())


def shortcomings(order: Order, stored: Stored, now: datetime) -> tuple[str, ...]:
    """Say why a certificate cannot serve an order; empty when it can."""
    found = []
    lacking = name_rules.missing(stored.facts.names, order.wanted.names)
    if lacking:
        found.append(f"new names: {', '.join(lacking)}")
    key = keys.settings_of(stored.certificate.public_key())
    if key != order.wanted.key:
        found.append(f"key: {order.wanted.key} instead of {key}")
    if not stored.has_key:
        found.append("its private key is missing")
    if not stored.facts.server_auth:
        found.append("it lacks the purpose serverAuth")
    if now >= stored.facts.not_after:
        found.append(f"it has expired on {library.text_of(stored.facts.not_after)}")
    elif now >= due_from(stored.facts, order.rules.before):
        found.append(f"it expires on {library.text_of(stored.facts.not_after)}")
    return tuple(found)


def _ready(
    order: Order, held: Held, live: Stored | None, now: datetime, warn: Callable[[str], None]
) -> tuple[Stored | None, Stored | None]:
    """Return the newest certificate of the store that could serve, from a run that was killed or imported by hand.

    The second is the newest that would be the first, had the services started with it.
    """
    refused = None
    found = [
        each
        for each in held.certificates
        if each != live
        and not _is_anothers(order, each, held)
        and not shortcomings(order, each, now)
        and (live is None or each.facts.not_before > live.facts.not_before)
    ]
    for each in sorted(found, key=lambda stored: stored.facts.not_before, reverse=True):
        try:
            verify_stored(order, _chain(each, held), held, now, f"certificate {each.thumbprint} in the store")
        except CheckFailed as error:
            warn(f"not used for {order.name}: {error}")
            continue
        if each.thumbprint not in held.refused:
            return each, refused
        refused = refused or each
    return None, refused


def _is_anothers(order: Order, stored: Stored, held: Held) -> bool:
    """Tell whether a certificate serves another use, or was requested by another order."""
    if stored.thumbprint in {thumbprint for use, thumbprint in held.assigned.items() if use not in order.uses}:
        return True
    return any(
        name != order.name and _fingerprint(pem, name) == stored.facts.key_fingerprint
        for name, pem in held.requests.items()
    )


def _fingerprint(pem: str, name: str) -> str | None:
    try:
        return requests.read(pem, name).fingerprint
    except FedgateError:
        return None


def _chain(stored: Stored, held: Held) -> tuple[x509.Certificate, ...]:
    return tuple(chains.arrange([stored.certificate, *held.authorities], stored.facts.key_fingerprint))


def _asked(order: Order, held: Held, base: Decision) -> Decision:
    if order.ca is not None:
        return _asked_online(order, held, base)
    pem = held.requests.get(order.name)
    if pem is None or _fingerprint(pem, order.name) not in held.waiting:
        return base
    if misfit(order, pem):
        return base
    return dataclasses.replace(base, step=WAIT, request=pem)


def _asked_online(order: Order, held: Held, base: Decision) -> Decision:
    mine = [each for each in held.online if each.friendly_name == friendly_name(order)]
    if not mine:
        return base
    request = max(mine, key=lambda each: each.number)
    if request.status.lower() == "denied":
        raise Refused(
            f"the enterprise CA has denied request {request.number} for {order.name}",
            hint=f"Ask its manager why; then Request-CsCertificate -Clear -RequestId {request.number}, and run again.",
        )
    step = RETRIEVE if request.status.lower() == "issued" else WAIT
    return dataclasses.replace(base, step=step, online=request)


def friendly_name(order: Order) -> str:
    """Return the friendly name: that of the inventory, or one by which a request at an enterprise CA is found."""
    return order.wanted.friendly_name or f"Fedgate {order.name}"


def misfit(order: Order, pem: str) -> tuple[str, ...]:
    """Say in what a request differs from its order; empty where it still fits."""
    found = requests.read(pem, order.name).settings
    wanted = order.wanted
    if not wanted.template:
        found = dataclasses.replace(found, template="")
    return found.differences(wanted)


def check_request(order: Order, pem: str, host: str) -> None:
    """Check that the server asks for what the inventory says. :raises Refused: it asks for more, or for less."""
    request = requests.read(pem, host)
    asked, wanted = {*request.settings.names, *request.common_names}, set(order.wanted.names)
    more, less = sorted(asked - wanted), sorted(wanted - set(request.settings.names))
    if more or less:
        said = [f"it has also {', '.join(more)}"] if more else []
        said += [f"it lacks {', '.join(less)}"] if less else []
        raise Refused(
            f"{host} asks for other names than the inventory has for {order.name}: {'; '.join(said)}",
            hint="Request-CsCertificate adds the names that it finds in the topology. Bring topology and inventory "
            "into line (edge_pool_fqdn, edge_pool_webconf_fqdn, federation_sip_domains, edge_pool_additional_names).",
        )


def doubts(order: Order, decision: Decision) -> Sequence[str]:
    """Return what is allowed and may still be a mistake."""
    leaf = decision.chain[0] if decision.chain else None
    if leaf is None or order.thumbprint:
        return ()
    facts = chains.describe(leaf)
    found = []
    life = (facts.not_after - facts.not_before).days
    if MEDIA_USE in order.uses and life < _LONG_LIVED_DAYS:
        found.append(
            f"{order.name} serves {MEDIA_USE} and lives {life} days only: each renewal breaks the media tokens of all "
            "external users. Give that use a long-lived certificate of its own."
        )
    if order.wanted.client_auth and not facts.client_auth:
        found.append(f"the authority did not grant {order.name} the purpose clientAuth")
    return found
