"""``edge_certificate_issue``: check requests against the model, have them signed, verify chains; all in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import FedgateError, InvalidValue
from ..module import Context, Reconciler
from ..plan import Plan
from . import library
from . import names as name_rules

if TYPE_CHECKING:
    from .issuers.base import Issuer, Order, Outcome

#: The rest of a result, where there is no certificate.
_NOTHING = {"names": None, "issuer": None, "serial": None, "not_after": None}


@dataclass(frozen=True)
class Observed:
    """The issuer, opened, and how each order stands, by its name."""

    now: datetime
    issuer: Issuer
    orders: Mapping[str, Order] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)


class IssueReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_issue.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        library.require()
        self.failures: dict[str, str] = {}
        _refuse_doubles([request["name"] for request in params["requests"]])

    def observe(self) -> Observed:
        """Open the issuer, read and check each request; one that is bad fails alone."""
        from .issuers import ISSUERS

        now = library.now()
        issuer = ISSUERS[self.params["issuer"]["kind"]](self.params["issuer"], self.context.warn)
        orders: dict[str, Order] = {}
        outcomes: dict[str, Outcome] = {}
        if self.params["requests"]:
            issuer.observe(now)
        for request in self.params["requests"]:
            name = request["name"]
            try:
                orders[name] = self._order(request)
                outcomes[name] = self._failed(name) or issuer.look(orders[name], now)
            except FedgateError as error:
                self.failures[name] = str(error)
                outcomes[name] = self._failed(name)
        return Observed(now, issuer, orders, outcomes)

    def _order(self, given: Mapping[str, Any]) -> Order:
        from . import requests
        from .issuers.base import Order

        names = name_rules.normalise_all(given["names"], f"names of {given['name']}")
        request = None
        if given.get("csr"):
            request = requests.read(given["csr"], given["name"])
            requests.check(request, names, given["name"])
        elif not self.context.check_mode:
            raise InvalidValue(
                f"{given['name']} gives no request", path="requests.csr", hint="Only check mode may do without."
            )
        asked = given.get("client_auth")
        client_auth = bool(self.params["issuer"].get("client_auth") if asked is None else asked)
        return Order(given["name"], given["pool"], names, request, client_auth)

    def _failed(self, name: str) -> Any:
        from .issuers.base import Outcome

        return Outcome("failed", error=self.failures[name]) if name in self.failures else None

    def plan(self, observed: Observed) -> Plan:
        """The issuer's own preparations, then one change an order that it would act on now."""
        outcomes = observed.outcomes.values()
        changes = [outcome.change for outcome in outcomes if outcome.change]
        waiting = [outcome.pending for outcome in outcomes if outcome.pending]
        preparations = observed.issuer.preparations() if changes else ()
        return Plan.of([*preparations, *changes], waiting)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Fulfil order by order; one that fails is remembered and never stops the others."""
        observed.issuer.prepare(observed.now)
        for name, outcome in observed.outcomes.items():
            if not outcome.change:
                continue
            try:
                observed.issuer.fulfil(observed.orders[name], observed.now)
            except FedgateError as error:
                self.failures[name] = str(error)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return ``certificates``, by name: status, chain, error, and the certificate's fields."""
        return {"certificates": {name: _as_dict(outcome) for name, outcome in observed.outcomes.items()}}


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    facts = outcome.facts.as_fields() if outcome.facts else _NOTHING
    return {"status": outcome.status, "chain": outcome.chain, "error": outcome.error, **facts}


def _refuse_doubles(names: list[str]) -> None:
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise InvalidValue(f"two requests are named {', '.join(doubles)}", path="requests.name", hint="Name each once.")
