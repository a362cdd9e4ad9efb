"""``lync_certificate``: the steps of the certificate wizard, as far as each can be taken now, for all of a pool."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..certificates import library, requests
from ..certificates.issuers.base import read_file, write_file
from ..errors import FedgateError
from ..module import Context
from ..plan import KNOWN_AFTER_APPLY, Change, Pending, Plan
from . import certificate_answer, certificate_roll, certificate_store, certificate_trial, certificate_work
from . import certificate_report as report
from .certificate_decision import (
    ASSIGN,
    IMPORT,
    REQUEST,
    RETRIEVE,
    WAIT,
    Decision,
    decide,
    doubts,
    friendly_name,
)
from .certificate_orders import Order, read_orders
from .certificate_servers import Servers
from .certificate_store import Held
from .certificate_trial import Trial
from .reconciler import Many

#: Kinds of planned changes.
ASKED, KEPT, ASSIGNED, LAID = "certificate_request", "certificate", "certificate_assignment", "request_file"
#: A successor that takes effect later.
ROLLED = "certificate_roll"


@dataclass(frozen=True)
class Observed:
    """How everything stands at one moment.

    :ivar held: what each member holds; :ivar decisions: how each order stands.
    """

    now: datetime
    held: Mapping[str, Held]
    decisions: Mapping[str, Decision]


#: Carries out one change.
Step = Callable[[], None]


class LyncCertificates(Many):
    """The module's four steps; arguments as ``library/lync_certificate.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context, servers: Servers | None = None) -> None:
        super().__init__(params, context)
        self.servers = Servers(params) if servers is None else servers
        self.orders = {order.name: order for order in read_orders(params["certificates"], len(self.servers.names))}
        self.paths = certificate_work.Paths(params["directory"])
        self.before: dict[str, Mapping[str, str]] = {}
        self.assigned: list[str] = []
        #: What is noted on each member, by order.
        self.trials: dict[str, dict[str, Trial]] = {}
        #: What was renewed in this run, and so is not renewed again by force.
        self.renewed: set[str] = set()
        #: What was asked for in this run. What comes of it belongs to the next run: nobody could have planned it.
        self.asked: set[str] = set()
        self._warned: set[str] = set()

    def close(self) -> None:
        """End all sessions."""
        self.servers.close()

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self.context.warn(text)

    def observe(self) -> Observed:
        """Look at all members, and decide on each order."""
        return self.judge(library.now(), self.look())

    def look(self) -> dict[str, Held]:
        """Look at all members, closely at the first."""
        first = self.servers.first
        files = {name: self.paths.request(order) for name, order in self.orders.items() if order.settings}
        online = any(order.ca for order in self.orders.values())
        held = {first: certificate_store.look_closely(self.servers.session(first), files, online)}
        for name in self.servers.names[1:]:
            held[name] = certificate_store.look(self.servers.session(name))
        for name, one in held.items():
            self.before.setdefault(name, dict(one.assigned))
            held[name] = self._with_trials(name, one)
        held[first] = dataclasses.replace(held[first], requests=self._readable(held[first].requests))
        return held

    def _with_trials(self, host: str, held: Held) -> Held:
        if not self.servers.answers:
            return held  # nobody starts services from here, so there is nothing to go back to
        shell, directory = self.servers.session(host), self.paths.directory
        self.trials[host] = {name: certificate_trial.look(shell, directory, name) for name in self.orders}
        refused = [trial.refused for trial in self.trials[host].values()]
        return dataclasses.replace(held, refused=frozenset().union(*refused))

    def _readable(self, found: Mapping[str, str]) -> dict[str, str]:
        """Leave out requests that somebody has damaged on the server: they are made anew."""
        readable = {}
        for name, pem in found.items():
            try:
                requests.read(pem, f"{self.paths.request(self.orders[name])} on {self.servers.first}")
                readable[name] = pem
            except FedgateError as error:
                self._warn(str(error))
        return readable

    def judge(self, now: datetime, held: Mapping[str, Held]) -> Observed:
        """Decide on each order by what the members hold."""
        first = held[self.servers.first]
        return Observed(now, held, {name: self._decide(order, first, now) for name, order in self.orders.items()})

    def _decide(self, order: Order, held: Held, now: datetime) -> Decision:
        host = self.servers.first
        if order.name in self.renewed:
            order = dataclasses.replace(order, rules=dataclasses.replace(order.rules, force=False))
        return decide(order, held, host, now, lambda: certificate_answer.read(order, held, host, now), self._warn)

    def plan(self, observed: Observed) -> Plan:
        """The next step of each order; where its certificate is known, all members get it and have it assigned."""
        changes: list[Change] = []
        pending: list[Pending] = []
        for order in self.orders.values():
            decision = observed.decisions[order.name]
            if order.name in self.asked and decision.step != REQUEST:
                pending += report.after_asking(order, decision)
                continue
            changes += self._asking(order, decision, observed)
            changes += self._keeping(order, decision, observed)
            pending += [*report.waiting(order, decision), *self._refusing(order, decision, observed)]
        return Plan.of(changes, pending)

    def _asking(self, order: Order, decision: Decision, observed: Observed) -> Iterator[Change]:
        first = self.servers.first
        if decision.step == REQUEST:
            former = observed.held[first].requests.get(order.name)
            fields = {**order.wanted.as_fields(), "friendly_name": friendly_name(order)}
            after = {**fields, "uses": list(order.uses), "because": list(decision.reasons), **report.of_ca(order)}
            before = requests.read(former, first).settings.as_fields() if former else None
            action = "create" if before is None else "update"
            stale = self._stale(order, observed)
            yield Change(action, ASKED, order.name, before, after, lambda: self._request(order, stale))  # type: ignore[arg-type]
        if order.request_file and decision.step in (REQUEST, WAIT) and not decision.refused:
            path = os.path.expanduser(order.request_file)
            present = read_file(path)
            if decision.request is None or present != decision.request.encode():
                before = {"file": path} if present is not None else None
                yield Change(
                    "update" if before else "create",
                    LAID,
                    order.name,
                    before,
                    {"file": path, "key_fingerprint": report.fingerprint(decision.request)},
                    lambda: self._lay(order, path, decision.request),
                )

    def _stale(self, order: Order, observed: Observed) -> str | None:
        held = observed.held[self.servers.first]
        pem = held.requests.get(order.name)
        return held.waiting.get(requests.read(pem, order.name).fingerprint) if pem else None

    def _request(self, order: Order, stale: str | None) -> None:
        first = self.servers.first
        certificate_work.request(self.servers.session(first), order, self.paths, stale)
        if self.servers.answers and order.ca is None:
            certificate_work.check(self.servers.session(first), order, self.paths, first)
        self.asked.add(order.name)

    def _lay(self, order: Order, path: str, pem: str | None) -> None:
        if pem is None:
            pem = certificate_store.get_text(self.servers.session(self.servers.first), self.paths.request(order))
        write_file(path, requests.plain(pem or "").encode(), 0o644)

    def _keeping(self, order: Order, decision: Decision, observed: Observed) -> Iterator[Change]:
        """Yield what brings the target to each member, and assigns it there; the first member first."""
        # In check mode nobody signs, and what would follow in the same run is planned all the same.
        foreseen = order.signed_now and self.context.check_mode and self.servers.answers and not decision.refused
        if decision.step not in (ASSIGN, IMPORT, RETRIEVE) and not foreseen:
            return
        target = decision.target
        for host in self.servers.names:
            held = observed.held[host]
            if _is_refused(order, decision, held):
                continue
            stored = held.find(target)
            if stored is None or not stored.has_key:
                yield Change(
                    "create",
                    KEPT,
                    f"{order.name} on {host}",
                    None,
                    report.fields(decision),
                    self._bringing(order, decision, host),
                )
            present = {use: held.assigned.get(use) for use in order.uses}
            if target is None or any(thumbprint != target for thumbprint in present.values()):
                before = {use: thumbprint for use, thumbprint in present.items() if thumbprint}
                later = certificate_roll.effective(order, held, observed.now)
                after = dict.fromkeys(order.uses, target or KNOWN_AFTER_APPLY)
                yield Change(
                    "update" if before else "create",
                    ROLLED if later else ASSIGNED,
                    f"{order.name} on {host}",
                    before or None,
                    {**after, "effective": later} if later else after,
                    self._assigning(order, decision, host, held, later),
                )

    def _refusing(self, order: Order, decision: Decision, observed: Observed) -> Iterator[Pending]:
        for host in self.servers.names:
            if _is_refused(order, decision, observed.held[host]):
                yield report.refusal(order, host, str(decision.target))

    def _bringing(self, order: Order, decision: Decision, host: str) -> Step:
        first = self.servers.first

        def bring() -> None:
            source = self.servers.session(first)
            if host != first:
                target, chain = self._settled(order, decision)
                receiver = self.servers.session(host)
                certificate_work.share(source, receiver, order, target, chain[1:], self.paths)
            elif decision.online is not None:
                certificate_work.retrieve(source, decision.online.number)
            elif decision.answer is not None:
                certificate_work.take(source, order, decision.answer, self.paths)

        return bring

    def _assigning(self, order: Order, decision: Decision, host: str, held: Held, later: str | None) -> Step:
        def assign() -> None:
            target, _chain = self._settled(order, decision)
            shell = self.servers.session(host)
            if later:
                certificate_store.roll(shell, target, order.uses, later)
                self.renewed.add(order.name)
                return
            if host in self.trials:
                trial = self.trials[host][order.name]
                certificate_trial.begin(shell, self.paths.directory, order.name, target, order.uses, held, trial)
            certificate_store.assign(shell, target, order.uses)
            self.assigned.append(host)
            self.renewed.add(order.name)

        return assign

    def _settled(self, order: Order, decision: Decision) -> tuple[str, tuple[Any, ...]]:
        """Return the certificate by its thumbprint, with its chain; what a CA has issued is looked for only now."""
        if decision.target is not None:
            return decision.target, decision.chain
        first = self.servers.first
        held = certificate_store.look_closely(
            self.servers.session(first), {name: self.paths.request(each) for name, each in self.orders.items()}, True
        )
        found = self._decide(order, held, library.now())
        certificate_answer.demand(found.target, order.name, first)
        return str(found.target), found.chain

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Take the steps, in order. :raises FedgateError: one failed; the details say which were taken."""
        self.carry_out(plan, lambda change: change.subject())

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return what ``library/lync_certificate.py`` documents under RETURN."""
        for name, decision in observed.decisions.items():
            for doubt in doubts(self.orders[name], decision):
                self._warn(doubt)
        return {
            "certificates": {
                name: report.result(self.orders[name], decision, observed.now)
                for name, decision in observed.decisions.items()
            },
            "previous": {host: dict(uses) for host, uses in self.before.items()},
            "reassigned": list(dict.fromkeys(self.assigned)),
            "untried": report.untried(observed.held, self.trials),
            "unmanaged": report.unmanaged(observed.held, self.orders.values()),
            "calls": self.servers.calls,
        }


def _is_refused(order: Order, decision: Decision, held: Held) -> bool:
    """Tell whether a member cannot serve with a certificate that others have; whoever names it has it tried again."""
    return not order.thumbprint and decision.target in held.refused
