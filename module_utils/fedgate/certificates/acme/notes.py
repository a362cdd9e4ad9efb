"""Orders under way, noted so that what a killed run has paid for is not ordered twice."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Optional

import acme.messages

from ...errors import FedgateError
from ..issuers.base import Order
from .session import Session
from .state import ORDERS, State

#: Seconds after which an order is not gone on with: who comes so late wants a new certificate.
_OLDEST = 24 * 3600
#: Statuses in which the names are proven: only the certificate is lacking.
_WORTH_IT = (acme.messages.STATUS_READY, acme.messages.STATUS_PROCESSING, acme.messages.STATUS_VALID)


def note(state: State, directory_url: str, order: Order, url: str) -> None:
    """Note an order that the CA has opened."""
    noted = state.load(ORDERS)
    noted[order.asked().fingerprint] = {"directory": directory_url, "url": url, "since": int(time.time())}
    state.save(ORDERS, noted)


def forget(state: State, orders: Iterable[Order]) -> None:
    """Forget orders that have come to their end."""
    noted = state.load(ORDERS)
    left = {key: value for key, value in noted.items() if key not in {order.asked().fingerprint for order in orders}}
    if left != noted:
        state.save(ORDERS, left)


def resume(session: Session, state: State, order: Order) -> Optional[Any]:
    """Return the order of an earlier run if it is worth going on with, else None."""
    noted = state.load(ORDERS).get(order.asked().fingerprint)
    if not noted or noted["directory"] != session.settings.directory_url or time.time() - noted["since"] > _OLDEST:
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
