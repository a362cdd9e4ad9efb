"""``edge_certificate``: check an issued chain, put it into the generation of its key, let ``current`` lead there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ..errors import CheckFailed, InvalidValue
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan
from . import library
from . import names as name_rules
from .generations import CHAIN, GenerationStore

if TYPE_CHECKING:
    from .seen import Seen

#: Kind of the planned change; its name is the pool's FQDN.
KIND = "certificate"


@dataclass(frozen=True)
class Offered:
    """A chain that passed the edge's checks.

    :ivar pem: the chain in order, as it will lie on disk.
    :ivar fields: names, issuer, serial, not_after.
    :ivar generation: the one whose key it is for.
    """

    pem: str
    fields: Mapping[str, Any]
    generation: Seen


@dataclass(frozen=True)
class Observed:
    """What serves (None: nothing yet), and what was offered (None in check mode: known after apply)."""

    current: Optional[Seen]
    offered: Optional[Offered]


class InstallReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.names = name_rules.normalise_all(params["names"])
        self.store = GenerationStore(params["directory"], params["name"])
        self.pem = (params["chain"] or "").strip()
        if not self.pem and not context.check_mode:
            raise InvalidValue(
                "there is no chain to install",
                path="chain",
                hint="Give the issued chain as PEM; only check mode may do without.",
            )

    def observe(self) -> Observed:
        """Look at the live generation, and check what was offered before anything is touched."""
        number = self.store.current()
        if number is None and not self.pem:
            return Observed(None, None)
        library.require()
        from .seen import look

        current = None if number is None else look(self.store, number)
        return Observed(current, self._checked(library.now()) if self.pem else None)

    def _checked(self, now: datetime) -> Offered:
        """:raises CheckFailed: for another key, expired, not yet valid, or names missing."""
        from . import chains, checks

        where = f"the certificate offered for {self.params['name']}"
        chain, generation = self._matching(chains.parse(self.pem, where), where)
        facts = chains.describe(chain[0])
        checks.dates(facts, now, where)
        checks.names(facts, self.names, where)
        return Offered(chains.to_pem(chain), facts.as_fields(), generation)

    def _matching(self, certificates: list[Any], where: str) -> tuple[list[Any], Seen]:
        from . import chains, keys
        from .seen import look

        generations = [look(self.store, number) for number in reversed(self.store.numbers())]
        for generation in generations:
            chain = chains.arrange(certificates, generation.fingerprint) if generation.fingerprint else []
            if chain:
                return chain, generation
        own = keys.fingerprint(chains.arrange(certificates)[0].public_key())
        known = ", ".join(f"{each.number:04d} {each.fingerprint or 'unreadable'}" for each in reversed(generations))
        raise CheckFailed(
            f"{where}: certificate for another key: it is for {own}; keys here: {known or 'none'}",
            hint="Install the answer to the request that edge_certificate_request returned for this host.",
        )

    def plan(self, observed: Observed) -> Plan:
        """One change when ``current`` is another generation, or its chain another."""
        current, offered = observed.current, observed.offered
        if offered and current and current.number == offered.generation.number and current.chain == offered.pem:
            return Plan()
        before = None if current is None else self._before(current)
        change = Change(
            "create" if before is None else "update", KIND, self.params["name"], before, self._after(offered), offered
        )
        return Plan.of([change])

    def _before(self, current: Seen) -> dict[str, Any]:
        fields = current.certificate.as_fields() if current.certificate else {"problem": current.problem}
        return {**fields, "generation": current.number}

    def _after(self, offered: Optional[Offered]) -> dict[str, Any]:
        if offered:
            return {**offered.fields, "generation": offered.generation.number}
        unknown = dict.fromkeys(("issuer", "serial", "not_after", "generation"), KNOWN_AFTER_APPLY)
        return {"names": list(self.names), **unknown}

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write the chain into its generation, then swap; the old generation serves until the swap."""
        offered: Offered = plan.changes[0].subject
        if offered.generation.chain != offered.pem:
            self.store.put(offered.generation.number, CHAIN, offered.pem.encode())
        self.store.activate(offered.generation.number)

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return generation, names, not_after, issuer, serial: of what serves, or would serve after the run."""
        if plan and self.context.check_mode:
            return dict(plan.changes[0].after or {})
        if observed.current is None or observed.current.certificate is None:
            return {}
        return {**observed.current.certificate.as_fields(), "generation": observed.current.number}
