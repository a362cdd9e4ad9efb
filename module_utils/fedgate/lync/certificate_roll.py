"""A successor that stands ready for audio and video while the present certificate still signs, and is still believed.

Sources: Set-CsCertificate, parameters Roll and EffectiveDate; Staging AV and OAuth certificates using -Roll in
Set-CsCertificate (Lync Server 2013 documentation): the successor takes effect the lifetime of a media token, eight
hours, before the present one ends; other uses have nothing of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .certificate_orders import MEDIA_USE, Order
from .certificate_store import Held

#: How long a media token is good for; the successor must be known that long before it signs, too.
TOKEN_LIFE = timedelta(hours=8)


def effective(order: Order, held: Held, now: datetime) -> str | None:
    """Return from when on a successor is to sign, ISO 8601; None where it has to be assigned at once.

    That is so where there is no certificate yet, where it is too late, and for a certificate of several uses.
    """
    if order.uses != (MEDIA_USE,):
        return None
    present = held.find(held.assigned.get(MEDIA_USE))
    if present is None or not present.has_key:
        return None
    moment = present.facts.not_after - TOKEN_LIFE
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment - now >= TOKEN_LIFE else None
