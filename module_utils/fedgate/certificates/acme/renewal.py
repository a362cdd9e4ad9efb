"""When a CA wants certificates renewed (ARI, RFC 9773); asks, changes nothing, fails for nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Optional

from ...errors import FedgateError
from ...module import Context
from .. import library
from .library import require

if TYPE_CHECKING:
    from .kept import Kept
    from .session import Session
    from .settings import AcmeSettings
    from .state import State

#: How long until the next look: what falls due before it is due now (RFC 9773 §4.2). Renewals are looked at daily.
NEXT_LOOK = timedelta(days=1)


def look(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return ``due``: serial number (hex) → why; arguments as ``library/edge_certificate_renewal_info.py`` says."""
    from .settings import AcmeSettings

    due: dict[str, str] = {}
    for issuer in params["issuers"]:
        if issuer["kind"] == "acme":
            require()
            library.require(library.OLDEST_ON_CONTROLLER)
            try:
                settings = AcmeSettings.of(issuer)
                if settings.renewal_info:
                    due.update(_ask(settings, library.now(), context.warn))
            except FedgateError as error:
                context.warn(f"no renewal information: {error}")
    return {"due": due}


def _ask(settings: AcmeSettings, now: datetime, warn: Callable[[str], None]) -> dict[str, str]:
    from .session import Session
    from .state import State

    state = State(settings.folder)
    certificates = newest(_kept(settings, state, warn), now)
    if not certificates:
        return {}
    session = Session(settings)
    session.open()
    if not hasattr(session.client.directory, "renewalInfo"):
        warn(f"the CA {settings.directory_url} gives no renewal information; lifetimes decide alone")
        return {}
    due: dict[str, str] = {}
    for each in certificates:
        try:
            reason = _reason(session, each, now)
        except FedgateError as error:
            warn(f"no renewal information for {each.name}: {error}")
            continue
        if reason:
            due[each.facts.serial] = reason
    return due


def _kept(settings: AcmeSettings, state: State, warn: Callable[[str], None]) -> list[Kept]:
    from . import kept

    found: list[Kept] = []
    for file in state.issued():
        try:
            each = kept.load(state, file)
        except FedgateError as error:
            warn(f"not looked at: {error}")
            continue
        if each and each.directory == settings.directory_url:
            found.append(each)
    return found


def newest(found: Iterable[Kept], now: datetime) -> list[Kept]:
    """Return the newest valid certificate of each request: older ones were replaced already."""
    best: dict[tuple[str, str], Kept] = {}
    for each in found:
        key, facts = (each.pool, each.name), each.facts
        if facts.not_after > now and (key not in best or facts.not_before > best[key].facts.not_before):
            best[key] = each
    return [best[key] for key in sorted(best)]


def _reason(session: Session, each: Kept, now: datetime) -> Optional[str]:
    """Ask for one certificate. The library forms the question; of its answer it gives a time by lot only."""
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf = each.chain[0]
    with session.asking(f"the renewal information for {each.name}"):
        try:
            session.client.renewal_time(leaf.public_bytes(Encoding.PEM))
        except Exception as error:
            raise error.__cause__ or error from None
        answer = session.net.last.json()
        window = answer["suggestedWindow"]
        start, end = (_moment(window[edge]) for edge in ("start", "end"))
        if end <= start:
            raise ValueError("the window ends before it begins")
    if chosen(leaf.public_bytes(Encoding.DER), start, end) > now + NEXT_LOOK:
        return None
    explained = answer.get("explanationURL")
    return f"the CA wants it renewed between {library.text_of(start)} and {library.text_of(end)}" + (
        f"; why: {' '.join(str(explained).split())[:300]}" if explained else ""
    )


def chosen(der: bytes, start: datetime, end: datetime) -> datetime:
    """Return the moment in the window at which a certificate is to be renewed: anywhere, but always the same.

    The RFC wants a random one, so that not all come at once; the certificate itself is random enough, and a look on
    the next day finds the same moment again.
    """
    share = int.from_bytes(hashlib.sha256(der).digest()[:8], "big") / 2**64
    return start + (end - start) * share


def _moment(text: Any) -> datetime:
    found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError("a moment without time zone")
    return found
