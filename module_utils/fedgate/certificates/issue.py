"""``edge_certificate_issue``: check requests against the model, have them signed, verify chains; all in one call."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ..errors import FedgateError, InvalidValue
from ..module import Context, Reconciler
from ..plan import Plan
from . import library, readiness
from . import names as name_rules
from .settings import template_name

if TYPE_CHECKING:
    from .issuers.base import Issuer, Order, Outcome

#: The rest of a result, where there is no certificate.
_NOTHING = {"names": None, "issuer": None, "serial": None, "not_after": None}


@dataclass(frozen=True)
class Observed:
    """How everything stands at one moment.

    :ivar issuers: each issuer that was opened, by order; orders with the same settings share one.
    :ivar orders: requests as read and checked, by name; bad ones are missing.
    :ivar outcomes: how each order stands, by name; bad ones are ``failed``.
    :ivar kept_up: issuers that have something to keep up without any order, by their names.
    """

    now: datetime
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    kept_up: Mapping[str, Issuer] = field(default_factory=dict)


class IssueReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_issue.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        library.require(library.OLDEST_ON_CONTROLLER)
        self.failures: dict[str, str] = {}
        self.unkept: set[str] = set()
        self.warned: set[str] = set()
        self._tidied = False
        _refuse_doubles("requests", params["requests"])
        _refuse_doubles("issuers", params["issuers"])

    def observe(self) -> Observed:
        """Open the issuers, read and check each request; one that is bad fails alone."""
        seen = Observed(library.now(), {}, {}, {}, {})
        desk = Desk(self._warn, seen.now)
        for request in self.params["requests"]:
            name = request["name"]
            if name not in self.failures:
                try:
                    self._look(request, desk, seen)
                except FedgateError as error:
                    self.failures[name] = str(error)
            if name in self.failures:
                seen.outcomes[name] = self._failed(name)  # type: ignore[index]
        self._look_at_upkeep(desk, seen)
        return seen

    def _warn(self, text: str) -> None:
        """Warn, once: issuers are opened twice in a run."""
        if text not in self.warned:
            self.warned.add(text)
            self.context.warn(text)

    def _look_at_upkeep(self, desk: Desk, seen: Any) -> None:
        from .issuers import ISSUERS

        for settings in self.params["issuers"]:
            if ISSUERS[settings["kind"]].keeps_up and settings["name"] not in self.unkept:
                # An issuer that cannot be opened fails its orders, each with the reason.
                with contextlib.suppress(FedgateError):
                    seen.kept_up[settings["name"]] = desk.issuer(settings)

    def _look(self, given: Mapping[str, Any], desk: Desk, seen: Any) -> None:
        name = given["name"]
        settings = self._signer(given.get("issuer"))
        order = self._order(given, settings)
        issuer = desk.issuer(settings)
        seen.outcomes[name] = issuer.look(order, seen.now)
        seen.orders[name], seen.issuers[name] = order, issuer

    def _signer(self, wanted: Optional[str]) -> Mapping[str, Any]:
        """Return the settings of the issuer with this name; where there is one issuer only, it needs none."""
        known: dict[str, Mapping[str, Any]] = {each["name"]: each for each in self.params["issuers"]}
        if wanted is None and len(known) == 1:
            return next(iter(known.values()))
        if wanted not in known:
            said = f"'{wanted}' is no issuer here" if wanted else "several issuers are given, and none is chosen"
            raise InvalidValue(said, path="requests.issuer", hint=f"Choose one of: {', '.join(known)}.")
        return known[wanted]

    def _order(self, given: Mapping[str, Any], issuer: Mapping[str, Any]) -> Order:
        from . import requests
        from .issuers.base import Order

        names = name_rules.normalise_all(given["names"], f"names of {given['name']}")
        template = template_name(given.get("template"))
        request = None
        if given.get("csr"):
            request = requests.read(given["csr"], given["name"])
            requests.check(request, names, given["name"], template)
        elif not self.context.check_mode:
            raise InvalidValue(
                f"{given['name']} gives no request", path="requests.csr", hint="Only check mode may do without."
            )
        asked = given.get("client_auth")
        client_auth = bool(issuer.get("client_auth") if asked is None else asked)
        return Order(
            given["name"], given["pool"], names, request, client_auth, replaces=given.get("replaces"),
            template=template, recipients=given.get("recipients") or {},
        )  # fmt: skip

    def _failed(self, name: str) -> Outcome:
        from .issuers.base import Outcome

        return Outcome("failed", error=self.failures[name])

    def plan(self, observed: Observed) -> Plan:
        """What killed runs left, the issuers' own preparations, one change an order that its issuer acts on now."""
        opened = () if self._tidied else {id(each): each for each in observed.issuers.values()}.values()
        leftovers = [change for issuer in opened for change in issuer.leftovers()]
        acting = {name: each.change for name, each in observed.outcomes.items() if each.change}
        preparations = [each for name in acting for each in observed.issuers[name].preparations()]
        preparations += [each for issuer in observed.kept_up.values() for each in issuer.upkeep()]
        waiting = [each.pending for each in observed.outcomes.values() if each.pending]
        # Two issuers may share a CA and differ in the days for which they sign.
        once = {(each.kind, each.name): each for each in [*leftovers, *preparations, *acting.values()]}
        return Plan.of(once.values(), waiting)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Let each issuer fulfil all its orders; one that fails is remembered and never stops the others."""
        for each in {id(each): each for each in observed.issuers.values() if each.leftovers()}.values():
            each.tidy(observed.now)
        self._tidied = True
        waiting: dict[int, list[str]] = {}
        for name, outcome in observed.outcomes.items():
            if outcome.change:
                waiting.setdefault(id(observed.issuers[name]), []).append(name)
        for names in waiting.values():
            issuer, orders = observed.issuers[names[0]], [observed.orders[name] for name in names]
            try:
                issuer.prepare(observed.now)
                failed = issuer.fulfil_all(orders, observed.now)
            except FedgateError as error:
                failed = dict.fromkeys(names, error)
            self.failures.update({name: str(error) for name, error in failed.items()})
        self._keep_up(observed)

    def _keep_up(self, observed: Observed) -> None:
        for name, issuer in observed.kept_up.items():
            if issuer.upkeep():
                try:
                    issuer.prepare(observed.now)
                except FedgateError as error:
                    self.unkept.add(name)
                    self._warn(f"issuer {name}: {error}")

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return ``certificates``, by name: status, chain, error, csr, key, the certificate's fields; and ``caa``."""
        certificates = {
            name: _as_dict(outcome, observed.orders.get(name)) for name, outcome in observed.outcomes.items()
        }
        lacking = [name for name, each in observed.outcomes.items() if each.facts and not each.facts.client_auth]
        doubt = readiness.warning(self.params.get("partners") or (), lacking)
        if doubt:
            self._warn(doubt)
        return {"certificates": certificates, "caa": _caa(observed)}


class Desk:
    """Opens each issuer once in a look, however many orders it has; one that cannot be opened fails its orders only."""

    def __init__(self, warn: Callable[[str], None], now: datetime) -> None:
        self.warn = warn
        self.now = now
        self._open: dict[str, Issuer] = {}
        self._closed: dict[str, FedgateError] = {}

    def issuer(self, settings: Mapping[str, Any]) -> Issuer:
        """Return the issuer with these settings, opened. :raises FedgateError: it cannot serve."""
        from .issuers import ISSUERS

        # What it is called does not matter: pools with the same settings share one.
        key = json.dumps({**settings, "name": None}, sort_keys=True, default=str)
        if key in self._closed:
            raise self._closed[key]
        if key not in self._open:
            try:
                issuer = ISSUERS[settings["kind"]](settings, self.warn)
                issuer.observe(self.now)
            except FedgateError as error:
                self._closed[key] = error
                raise
            self._open[key] = issuer
        return self._open[key]


def _caa(observed: Observed) -> list[dict[str, str]]:
    """Return the CAA records that the issuers offer for all names of the orders."""
    names: dict[int, set[str]] = {}
    for name, issuer in observed.issuers.items():
        names.setdefault(id(issuer), set()).update(observed.orders[name].names)
    opened = {id(issuer): issuer for issuer in observed.issuers.values()}
    found = {(each["name"], each["value"]) for key, issuer in opened.items() for each in issuer.caa(names[key])}
    return [{"name": name, "value": value} for name, value in sorted(found)]


def _as_dict(outcome: Outcome, order: Optional[Order]) -> dict[str, Any]:
    facts = outcome.facts.as_fields() if outcome.facts else _NOTHING
    request = order.request if order and not outcome.brings_key else None
    fingerprint = request.fingerprint if request else None
    return {
        "status": outcome.status,
        "chain": outcome.chain,
        "error": outcome.error,
        "csr": request.pem if request else None,
        "key_fingerprint": outcome.facts.key_fingerprint if outcome.facts else fingerprint,
        "sealed_keys": dict(outcome.sealed_keys),
        **facts,
    }


def _refuse_doubles(what: str, given: Sequence[Mapping[str, Any]]) -> None:
    names = [each["name"] for each in given]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise InvalidValue(f"two {what} are named {', '.join(doubles)}", path=f"{what}.name", hint="Name each once.")
