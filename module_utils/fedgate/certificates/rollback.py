"""``edge_certificate_rollback``: let an earlier generation serve again, and never again by itself the one left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from ..errors import CheckFailed, FedgateError, InvalidValue
from ..module import Context, Reconciler
from ..plan import Change, Plan
from . import library
from . import names as name_rules
from .activation import Activation
from .generations import DESCRIPTION, GenerationStore
from .serving import Gateway

if TYPE_CHECKING:
    from .seen import Seen

KIND = "certificate"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Observed:
    """All generations, ascending; the number that serves; whether the gateway shows that one (None: nothing shown)."""

    generations: tuple[Seen, ...]
    current: Optional[int]
    shows: Optional[bool]


class RollbackReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate_rollback.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        library.require()
        self.names = name_rules.normalise_all(params["names"])
        self.store = GenerationStore(params["directory"], params["name"])
        self.activation = Activation(self.store, Gateway.of(params.get("gateway")), context)
        wanted = str(params["to"]).strip()
        if wanted != PREVIOUS and not wanted.isdigit():
            raise InvalidValue(
                f"'{wanted}' is no generation", path="to", hint="Write its number, such as 2, or 'previous'."
            )
        self.wanted: Optional[int] = None if wanted == PREVIOUS else int(wanted)

    def observe(self) -> Observed:
        """Read all generations, and look which certificate the gateway shows."""
        from .seen import look

        current = self.store.current()
        every = tuple(look(self.store, number) for number in self.store.numbers())
        chain = next((each.chain for each in every if each.number == current), None)
        return Observed(every, current, self.activation.shows(chain))

    def plan(self, observed: Observed) -> Plan:
        """A swap to the chosen generation, and the reload that goes with it; empty when it serves already."""
        target = self._target(observed)
        if target.number == observed.current:
            return Plan.of(self.activation.reload_change(observed.shows, swaps=False))
        self._demand_usable(target)
        left = [each for each in observed.generations if each.number > target.number and each.certificate]
        before = next((_fields(each) for each in observed.generations if each.number == observed.current), None)
        swap = Change("update", KIND, self.params["name"], before, _fields(target), (target.number, left))
        return Plan.of([swap, *self.activation.reload_change(observed.shows, swaps=True)])

    def _target(self, observed: Observed) -> Seen:
        by_number = {each.number: each for each in observed.generations}
        current = observed.current
        if current is None:
            raise InvalidValue(
                f"no certificate serves for {self.params['name']}",
                path="name",
                hint="There is nothing to go back from.",
            )
        if self.wanted is not None:
            if self.wanted not in by_number:
                there = ", ".join(str(number) for number in by_number)
                raise InvalidValue(f"there is no generation {self.wanted}", path="to", hint=f"There are {there}.")
            return by_number[self.wanted]
        if any(each.rejected and each.number > current for each in observed.generations):
            return by_number[current]  # gone back already: a second run goes no further
        older = [
            each
            for each in observed.generations
            if each.number < current and each.certificate and not each.rejected and not each.problem
        ]
        if not older:
            raise InvalidValue(
                f"{self.params['name']} has no earlier generation to go back to",
                path="to",
                hint="Renew it instead: playbooks/renew.yml with edge_certificate_force=true.",
            )
        return older[-1]

    def _demand_usable(self, target: Seen) -> None:
        """:raises CheckFailed: what is chosen cannot serve."""
        from . import checks

        where = f"generation {target.number:04d} of {self.params['name']}"
        if target.problem or target.certificate is None:
            raise CheckFailed(
                f"{where}: {target.problem or 'its certificate was never issued'}", hint="Choose another generation."
            )
        checks.dates(target.certificate, library.now(), where)
        checks.names(target.certificate, self.names, where)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Mark what is left behind, swap, reload, look; what served goes on serving when the gateway refuses."""
        reload = any(change.kind == "service" for change in plan.changes)
        swap = next((change for change in plan.changes if change.kind == KIND), None)
        if swap is None:
            if observed.current is not None:
                self.activation.carry_out(observed.current, reload=reload)
            return
        number, left = swap.subject
        # Marked before the swap: a run that is killed in between, and repeated, must not go back one further.
        for each in left:
            self._mark(each, f"somebody went back from it on {library.text_of(library.now())}")
        self._mark(next(each for each in observed.generations if each.number == number), None)
        try:
            self.activation.carry_out(number, reload=reload)
        except FedgateError:
            for each in left:
                self._mark(each, each.rejected)
            raise
        self.store.note(f"went back to generation {number:04d} on demand")

    def _mark(self, seen: Seen, rejected: Optional[str]) -> None:
        """A renewal uses whatever is prepared; what somebody went back from must not come back that way."""
        try:
            described = json.loads(self.store.read(seen.number, DESCRIPTION) or b"{}")
        except ValueError:
            described = {}
        if described.get("rejected") != rejected:
            described["rejected"] = rejected
            self.store.put(seen.number, DESCRIPTION, json.dumps(described, indent=1, sort_keys=True).encode() + b"\n")

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return generation, names, not_after, issuer, serial of what serves, or would serve after the run."""
        swap = next((change for change in plan.changes if change.kind == KIND), None)
        if swap and self.context.check_mode:
            return dict(swap.after or {})
        current = next((each for each in observed.generations if each.number == observed.current), None)
        return _fields(current) if current else {}


def _fields(seen: Seen) -> dict[str, Any]:
    fields = seen.certificate.as_fields() if seen.certificate else {"problem": seen.problem}
    return {**fields, "generation": seen.number}
