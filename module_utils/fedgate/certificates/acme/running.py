"""Orders and authorizations on their way through a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ...errors import FedgateError, Unreachable
from ..issuers.base import Order
from .board import Proof


@dataclass
class Running:
    """One order on its way.

    :ivar resource: the library's order, once the CA has opened it.
    :ivar error: why it ended without a certificate.
    :ivar unfinished: our time was over before the CA's work was.
    """

    order: Order
    resource: Any = None
    done: bool = False
    error: Optional[FedgateError] = None
    unfinished: bool = False

    @property
    def alive(self) -> bool:
        """Whether something is still to be done for it."""
        return not self.done and self.error is None

    @property
    def over(self) -> bool:
        """Whether the CA will do nothing more for it; otherwise a later run may pick up what it does."""
        return not self.alive and not self.unfinished and not isinstance(self.error, Unreachable)


@dataclass
class Waiting:
    """One authorization that is to be proven; orders with the same name may share it.

    :ivar resource: the library's authorization.
    :ivar challenge: its dns-01 challenge.
    """

    resource: Any
    challenge: Any
    domain: str
    text: str
    orders: list[Running] = field(default_factory=list)
    proof: Optional[Proof] = None
    proven: bool = False

    def fail(self, error: FedgateError) -> None:
        """End all orders that need it."""
        for running in self.orders:
            running.error = running.error or error

    @property
    def alive(self) -> bool:
        """Whether any order still needs it."""
        return not self.proven and any(running.alive for running in self.orders)
