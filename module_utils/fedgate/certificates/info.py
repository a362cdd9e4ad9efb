"""``edge_certificate_info``: what is there on this host, and what others are shown; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ..errors import InvalidValue
from ..host.starttls import SERVER, served_certificate
from ..module import Context
from . import library
from .activation import Activation
from .generations import GenerationStore
from .readiness import readiness
from .renewal import due_from
from .serving import Gateway

if TYPE_CHECKING:
    from .chains import CertificateFacts
    from .seen import Seen


def inspect(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return ``certificates`` (by pool) and ``remote`` (by target).

    :param params: arguments as ``library/edge_certificate_info.py`` documents them.
    :raises FedgateError: a folder cannot be read, a remote host does not answer.
    """
    library.require()
    now = library.now()
    partners = params["partners"]
    names = [params["name"]] if params["name"] else [] if params["remote"] else _pools(params["directory"])
    found = {name: _pool(GenerationStore(params["directory"], name), params, context, now) for name in names}
    return {
        "certificates": found,
        "remote": [_remote(target, partners, now) for target in params["remote"]],
    }


def _pools(directory: str) -> list[str]:
    try:
        entries = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidValue(
            f"{directory} cannot be read: {error.strerror}", path="directory", hint="Use become."
        ) from error
    return [entry for entry in entries if os.path.isdir(os.path.join(directory, entry)) and not entry.startswith(".")]


def _pool(store: GenerationStore, params: Mapping[str, Any], context: Context, now: datetime) -> dict[str, Any]:
    from .seen import look

    serving = store.current()
    generations = [look(store, number) for number in store.numbers()]
    current = next((each for each in generations if each.number == serving), None)
    activation = Activation(store, Gateway.of(params.get("gateway")), context)
    return {
        "current": serving,
        "served": activation.shows(current.chain if current else None),
        "generations": [_generation(each, now) for each in generations],
        "history": store.history(),
        "partners": _ready(current.certificate if current else None, params["partners"]),
    }


def _generation(seen: Seen, now: datetime) -> dict[str, Any]:
    settings = seen.settings
    return {
        "generation": seen.number,
        "key": str(settings.key) if settings else None,
        "key_fingerprint": seen.fingerprint,
        "friendly_name": settings.friendly_name if settings else None,
        "exportable": seen.exportable,
        "rejected": seen.rejected,
        "problem": seen.problem,
        "certificate": _certificate(seen.certificate, now) if seen.certificate else None,
    }


def _certificate(facts: CertificateFacts, now: datetime) -> dict[str, Any]:
    return {
        **facts.as_fields(),
        "subject": facts.subject,
        "not_before": library.text_of(facts.not_before),
        "days_left": (facts.not_after - now).days,
        "renewed_from": library.text_of(due_from(facts, None)),
        "server_auth": facts.server_auth,
        "client_auth": facts.client_auth,
        "fingerprint": facts.fingerprint,
        "key_fingerprint": facts.key_fingerprint,
    }


def _ready(facts: Optional[CertificateFacts], partners: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if facts is None:
        return []
    return [each.as_dict() for each in readiness(partners, client_auth=facts.client_auth)]


def _remote(target: Mapping[str, Any], partners: list[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Ask a host from outside, as any server would. :raises Unreachable, Refused: it does not answer with TLS."""
    from cryptography import x509

    from . import chains

    address = target["address"] or target["domain"]
    der = served_certificate(address, target["port"], target["domain"], SERVER, float(target["timeout"]))
    facts = chains.describe(x509.load_der_x509_certificate(der))
    return {
        "domain": target["domain"],
        "address": address,
        "port": target["port"],
        "certificate": _certificate(facts, now),
        "partners": _ready(facts, partners),
    }
