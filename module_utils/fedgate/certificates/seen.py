"""What a generation on disk really is: read from its key, request and chain, not from what was written about it."""

from __future__ import annotations

import hashlib
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
    :ivar rejected: why it must not serve again by itself: somebody went back from it; None when it may.
    :ivar exportable: whether its key may be handed to other members of its pool.
    :ivar problem: why it cannot be used, None when it can.
    """

    number: int
    settings: Optional[RequestSettings] = None
    fingerprint: Optional[str] = None
    csr: Optional[str] = None
    chain: Optional[str] = None
    certificate: Optional[CertificateFacts] = None
    rejected: Optional[str] = None
    exportable: bool = True
    problem: Optional[str] = None

    @property
    def identity(self) -> Optional[str]:
        """What is the same on every member of a pool: SHA-256 (hex) of the request; None without one."""
        return None if self.csr is None else identity(self.csr)


def identity(csr: str) -> str:
    """Return the SHA-256 (hex) of a request, without regard to how its lines end."""
    return hashlib.sha256("".join(csr.split()).encode()).hexdigest()


def look(store: GenerationStore, number: int) -> Seen:
    """Read one generation; what is wrong with it becomes its ``problem``, never an error."""
    described = _described(store.read(number, DESCRIPTION))
    seen = Seen(
        number,
        chain=_text(store.read(number, CHAIN)),
        rejected=described.get("rejected"),
        exportable=described.get("exportable") is not False,
    )
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
    described = _described(store.read(seen.number, DESCRIPTION))
    settings = replace(request.settings, friendly_name=str(described.get("friendly_name") or ""))
    return replace(seen, csr=csr, settings=settings)


def _with_chain(seen: Seen) -> Seen:
    if seen.chain is None:
        return seen
    facts = chains.describe(chains.parse(seen.chain, f"{CHAIN} of generation {seen.number:04d}")[0])
    if facts.key_fingerprint != seen.fingerprint:
        raise FedgateError(f"key and certificate of generation {seen.number:04d} do not belong together")
    return replace(seen, certificate=facts)


def _described(description: Optional[bytes]) -> dict[str, Any]:
    try:
        found: Any = json.loads(description or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(content: Optional[bytes]) -> Optional[str]:
    return None if content is None else content.decode("ascii", "replace")
