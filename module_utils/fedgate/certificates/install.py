"""``edge_certificate``: check an issued chain, put it into the generation of its key, let that one serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ..errors import CheckFailed, InvalidValue
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan
from . import library
from . import names as name_rules
from .activation import Activation
from .generations import CHAIN, GenerationStore
from .renewal import Rules, standing
from .serving import Gateway

if TYPE_CHECKING:
    from .seen import Seen

#: Kinds of planned changes: the pool's certificate (by its FQDN), and a generation that is no longer kept.
KIND = "certificate"
GENERATION = "certificate_generation"


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
    """What serves, what was offered, and what else is there.

    :ivar current: None: nothing serves yet. :ivar offered: None in check mode: known after apply.
    :ivar shows: whether the gateway shows the certificate of ``current``; None when it shows none, or not ours.
    :ivar expendable: generations that are not kept once the swap is done, ascending.
    """

    current: Optional[Seen]
    offered: Optional[Offered]
    shows: Optional[bool] = None
    expendable: tuple[int, ...] = ()


class InstallReconciler(Reconciler):
    """The module's four steps; arguments as ``library/edge_certificate.py`` documents them."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.names = name_rules.normalise_all(params["names"])
        self.store = GenerationStore(params["directory"], params["name"])
        self.activation = Activation(self.store, Gateway.of(params.get("gateway")), context)
        self.pem = (params["chain"] or "").strip()
        self.request: Optional[str] = params.get("request")
        if params["keep"] < 2:
            raise InvalidValue(
                f"{params['keep']} generations are too few", path="keep", hint="At least 2: one to go back to."
            )
        if not self.pem and not context.check_mode:
            raise InvalidValue(
                "there is no chain to install",
                path="chain",
                hint="Give the issued chain as PEM; only check mode may do without.",
            )

    def observe(self) -> Observed:
        """Look at the live generation, and check what was offered before anything is touched."""
        number = self.store.current()
        if number is None and (not self.pem or (self.context.check_mode and not library.available())):
            return Observed(None, None, expendable=self._expendable(None, None) if library.available() else ())
        library.require()
        from .seen import look

        current = None if number is None else look(self.store, number)
        offered = self._checked(library.now()) if self.pem and not self._key_is_to_come() else None
        shows = self.activation.shows(current.chain) if current else None
        return Observed(current, offered, shows, self._expendable(number, offered))

    def _key_is_to_come(self) -> bool:
        """Tell whether another member's key would first be received; only check mode gets here without it."""
        return self.context.check_mode and self.request is not None and self._requested() is None

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
        for generation in sorted(generations, key=self._other_request):
            chain = chains.arrange(certificates, generation.fingerprint) if generation.fingerprint else []
            if chain:
                return chain, generation
        own = keys.fingerprint(chains.arrange(certificates)[0].public_key())
        known = ", ".join(f"{each.number:04d} {each.fingerprint or 'unreadable'}" for each in reversed(generations))
        raise CheckFailed(
            f"{where}: certificate for another key: it is for {own}; keys here: {known or 'none'}",
            hint="Install the answer to the request that edge_certificate_request returned for this host.",
        )

    def _other_request(self, seen: Seen) -> bool:
        """Tell whether a generation was made for another request: a key may serve for several of them."""
        from .seen import identity

        return self.request is not None and seen.identity != identity(self.request)

    def _expendable(self, current: Optional[int], offered: Optional[Offered]) -> tuple[int, ...]:
        """Return what is not kept beside the new generation and the one before it."""
        new = offered.generation.number if offered else self._requested()
        others = [
            number for number in self.store.numbers() if number not in (new, current) and (new is None or number < new)
        ]
        issued = [number for number in others if self.store.read(number, CHAIN) is not None]
        kept = issued[max(0, len(issued) - (self.params["keep"] - 2)) :] if self.params["keep"] > 2 else []
        return tuple(number for number in others if number not in kept)

    def _requested(self) -> Optional[int]:
        """Return the number of the generation with the request that is waited for."""
        from .seen import identity, look

        if self.request is None:
            return None
        every = (look(self.store, number) for number in reversed(self.store.numbers()))
        wanted = identity(self.request)
        return next((seen.number for seen in every if seen.identity == wanted and not seen.problem), None)

    def plan(self, observed: Observed) -> Plan:
        """A swap when ``current`` is another generation or its chain another; what follows from it; a reload."""
        current, offered = observed.current, observed.offered
        same = offered and current and current.number == offered.generation.number and current.chain == offered.pem
        reload = self.activation.reload_change(observed.shows, swaps=not same)
        if same:
            return Plan.of(reload)
        before = None if current is None else self._before(current)
        change = Change(
            "create" if before is None else "update", KIND, self.params["name"], before, self._after(offered), offered
        )
        return Plan.of([change, *reload, *self._removals(observed.expendable)])

    def _removals(self, numbers: Sequence[int]) -> list[Change]:
        return [
            Change("delete", GENERATION, f"{self.params['name']} {number:04d}", {"generation": number}, None, number)
            for number in numbers
        ]

    def _before(self, current: Seen) -> dict[str, Any]:
        fields = current.certificate.as_fields() if current.certificate else {"problem": current.problem}
        return {**fields, "generation": current.number}

    def _after(self, offered: Optional[Offered]) -> dict[str, Any]:
        if offered:
            return {**offered.fields, "generation": offered.generation.number}
        unknown = dict.fromkeys(("issuer", "serial", "not_after", "generation"), KNOWN_AFTER_APPLY)
        return {"names": list(self.names), **unknown}

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write the chain into its generation, swap, and see it served; the old one serves until then, and if not."""
        reload = any(change.kind == "service" for change in plan.changes)
        offered = next((change.subject for change in plan.changes if change.kind == KIND), None)
        if offered is None:
            serving = self.store.current()
            if serving is not None:
                self.activation.carry_out(serving, reload=reload)
            return
        number = offered.generation.number
        if offered.generation.chain != offered.pem:
            self.store.put(number, CHAIN, offered.pem.encode())
        self.activation.carry_out(number, reload=reload)
        self.store.note(
            f"generation {number:04d} serves: serial {offered.fields['serial']} of {offered.fields['issuer']}, "
            f"until {offered.fields['not_after']}"
        )
        expendable = [change.subject for change in plan.changes if change.kind == GENERATION]
        if expendable:
            self.store.drop(expendable)
            self.store.note(f"removed generations {', '.join(f'{each:04d}' for each in expendable)}")

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return generation, names, not_after, issuer, serial: of what serves, or would serve after the run."""
        swap = next((change for change in plan.changes if change.kind == KIND), None)
        if swap and self.context.check_mode:
            return dict(swap.after or {})
        if observed.current is None or observed.current.certificate is None:
            return {}
        certificate = observed.current.certificate
        return {
            **certificate.as_fields(),
            "generation": observed.current.number,
            "standing": standing(self.params["name"], certificate, library.now(), Rules()),
        }
