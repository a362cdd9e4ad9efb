"""Orders under way, noted so that what a killed run has paid for is not ordered twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, Optional

import acme.messages

from ...errors import FedgateError
from ..issuers.base import Order
from .session import Session
from .state import ISSUED, ORDERS, State

#: Seconds after which an order is not gone on with: who comes so late wants a new certificate.
_OLDEST = 24 * 3600
#: Statuses in which the names are proven: only the certificate is lacking.
_WORTH_IT = (acme.messages.STATUS_READY, acme.messages.STATUS_PROCESSING, acme.messages.STATUS_VALID)


def note(state: State, directory_url: str, order: Order, url: str) -> None:
    """Note an order that the CA has opened."""
    noted = state.load(ORDERS)
    noted[order.asked().fingerprint] = {"directory": directory_url, "url": url, "since": time.time()}
    state.save(ORDERS, noted)


def forget(state: State, orders: Iterable[Order]) -> None:
    """Forget orders that have come to their end; also those of killed runs, when they have, or are too old."""
    noted = state.load(ORDERS)
    over = {order.asked().fingerprint for order in orders}
    left = {key: value for key, value in noted.items() if key not in over and not _over(state, key, value)}
    if left != noted:
        state.save(ORDERS, left)


def resume(session: Session, state: State, order: Order) -> Optional[Any]:
    """Return the order of an earlier run if it is worth going on with, else None."""
    key = order.asked().fingerprint
    noted = state.load(ORDERS).get(key)
    if not noted or noted["directory"] != session.settings.directory_url or _over(state, key, noted):
        return None
    try:
        with session.asking(f"the earlier order for {order.name}"):
            body = acme.messages.Order.from_json(session.fetch(noted["url"]).json())
    except FedgateError:
        return None  # gone at the CA
    if body.status not in _WORTH_IT or {each.value for each in body.identifiers} != set(order.names):
        return None
    return acme.messages.OrderResource(
        body=body, uri=noted["url"], authorizations=(), csr_pem=order.asked().pem.encode()
    )


def _over(state: State, key: str, noted: Mapping[str, Any]) -> bool:
    """Tell whether an order is too old, or its certificate was kept after it was noted."""
    if time.time() - noted["since"] > _OLDEST:
        return True
    try:
        return os.path.getmtime(state.path(ISSUED, f"{key}.pem")) > float(noted["since"])
    except FileNotFoundError:
        return False
