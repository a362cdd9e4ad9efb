"""Letting another generation serve: swap the link, reload the gateway, look at what it shows; or everything back."""

from __future__ import annotations

from typing import Optional

from ..errors import CheckFailed, FedgateError
from ..host.starttls import leaf_of
from ..module import Context
from ..plan import Change
from .generations import CHAIN, GenerationStore
from .serving import Gateway

SERVICE = "service"


class Activation:
    """The way from one generation to another on one host.

    :param gateway: what shows the certificate; None when nothing does.
    """

    def __init__(self, store: GenerationStore, gateway: Optional[Gateway], context: Context) -> None:
        self.store = store
        self.context = context
        self.gateway = gateway if gateway is not None and gateway.uses(store.base) else None

    def shows(self, chain: Optional[str], *, quick: bool = False) -> Optional[bool]:
        """Tell whether the gateway shows the first certificate of a chain; None when it shows none, or not ours.

        :param quick: look at one domain only.
        """
        if self.gateway is None or not chain:
            return None
        return self.gateway.shows(leaf_of(chain), quick=quick)

    def reload_change(self, shows: Optional[bool], *, swaps: bool) -> list[Change]:
        """Return the reload as a planned change, where there is something to reload.

        :param shows: whether what serves now is shown; None: nothing is.
        :param swaps: whether another generation is to serve.
        """
        if self.gateway is None or shows is None or (shows and not swaps):
            return []
        before = {"shows": "the present certificate" if shows else "another certificate than the present one"}
        return [Change("run", SERVICE, self.gateway.unit, before, {"operation": "reload"})]

    def carry_out(self, number: int, *, reload: bool) -> None:
        """Let a generation serve, and see that it does. :raises CheckFailed: it does not; the former one serves again.

        :param reload: whether the gateway is to be told.
        """
        before = self.store.current()
        if before != number:
            self.store.activate(number)
        if not reload or self.gateway is None:
            return
        try:
            self._take(number)
        except FedgateError as error:
            raise self._back(before, number, error) from error

    def _take(self, number: int) -> None:
        if self.gateway is not None:
            chain = (self.store.read(number, CHAIN) or b"").decode("ascii", "replace")
            self.gateway.take(leaf_of(chain), self.context)

    def _back(self, before: Optional[int], number: int, error: FedgateError) -> CheckFailed:
        """Return to the former generation, and say how it stands now."""
        if before is None or before == number:
            return CheckFailed(f"{self.store.base}: {error.message}", hint=error.hint)
        self.store.activate(before)
        self.store.note(f"went back to generation {before:04d} by itself: {error.message}")
        try:
            self._take(before)
            state = f"generation {before:04d} serves again"
        except FedgateError as again:
            state = f"generation {before:04d} is in place again, but {again.message}"
        return CheckFailed(f"{self.store.base}: {error.message}; {state}", hint=error.hint)
