"""What a generation on disk really is: read from its key, request and chain, not from what was written about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..errors import FedgateError
from . import chains, keys, requests
from .chains import CertificateFacts
from .generations import CHAIN, DESCRIPTION, KEY, REQUEST, GenerationStore
from .settings import RequestSettings


@dataclass(frozen=True)
class Seen:
    """One generation as found.

    :ivar number: its number.
    :ivar settings: what its request asks for; None when key or request are unusable.
    :ivar fingerprint: of its key; None when the key is unusable.
    :ivar csr: its request as PEM.
    :ivar chain: its chain as PEM, None while it is not issued.
    :ivar certificate: facts of the first certificate of the chain.
    :ivar problem: why it cannot be used, None when it can.
    """

    number: int
    settings: Optional[RequestSettings] = None
    fingerprint: Optional[str] = None
    csr: Optional[str] = None
    chain: Optional[str] = None
    certificate: Optional[CertificateFacts] = None
    problem: Optional[str] = None


def look(store: GenerationStore, number: int) -> Seen:
    """Read one generation; what is wrong with it becomes its ``problem``, never an error."""
    seen = Seen(number, chain=_text(store.read(number, CHAIN)))
    try:
        seen = _with_key(seen, store)
        seen = _with_request(seen, store)
        return _with_chain(seen)
    except FedgateError as error:
        return replace(seen, problem=str(error))


def _with_key(seen: Seen, store: GenerationStore) -> Seen:
    pem = store.read(seen.number, KEY)
    if pem is None:
        raise FedgateError(f"generation {seen.number:04d} has no {KEY}")
    key = keys.from_pem(pem, f"{KEY} of generation {seen.number:04d}")
    return replace(seen, fingerprint=keys.fingerprint(key.public_key()))


def _with_request(seen: Seen, store: GenerationStore) -> Seen:
    csr = _text(store.read(seen.number, REQUEST))
    if csr is None:
        raise FedgateError(f"generation {seen.number:04d} has no {REQUEST}")
    request = requests.read(csr, f"generation {seen.number:04d}")
    if request.fingerprint != seen.fingerprint:
        raise FedgateError(f"key and request of generation {seen.number:04d} do not belong together")
    notes = _notes(store.read(seen.number, DESCRIPTION))
    settings = replace(
        request.settings,
        friendly_name=str(notes.get("friendly_name") or ""),
        exportable=notes.get("exportable") is not False,
    )
    return replace(seen, csr=csr, settings=settings)


def _with_chain(seen: Seen) -> Seen:
    if seen.chain is None:
        return seen
    facts = chains.describe(chains.parse(seen.chain, f"{CHAIN} of generation {seen.number:04d}")[0])
    if facts.key_fingerprint != seen.fingerprint:
        raise FedgateError(f"key and certificate of generation {seen.number:04d} do not belong together")
    return replace(seen, certificate=facts)


def _notes(description: Optional[bytes]) -> dict[str, Any]:
    """Return what is kept for people beside the key; nothing where it cannot be read."""
    try:
        found: Any = json.loads(description or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(content: Optional[bytes]) -> Optional[str]:
    return None if content is None else content.decode("ascii", "replace")
