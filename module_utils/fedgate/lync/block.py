"""The reconciler of ``lync_xmpp_block``: domains that are taken from the list of partners until they are released."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import FedgateError
from ..model.blocks import NOT_YET, Blocks, planned, read_wish
from ..module import Context
from ..plan import KNOWN_AFTER_APPLY, Change, Plan, compared
from ..user import own_name
from . import blocked
from . import partner as wire
from .partner import Allowed
from .partners import ARGUMENTS as OF_PARTNERS
from .partners import KIND as PARTNER
from .partners import carry_out_one, changes, demand_no_loss, read_list, warn_of_others
from .reconciler import CONNECTION_ARGUMENTS, OverShell

KIND = "block"
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "domains": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["blocked", "released"], "default": "blocked"},
    "reason": {"type": "str"},
    "subdomains": {"type": "bool"},
    "by": {"type": "str"},
    "local_hosts": {"type": "list", "elements": "str", "default": []},
    "partners": {**OF_PARTNERS["partners"], "required": False, "default": []},
}


@dataclass(frozen=True)
class Observed:
    """What the server has: blocks, and partners by their primary domains."""

    blocks: Blocks
    partners: dict[str, Allowed]


class XmppBlock(OverShell):
    """Blocks or releases domains; what else is blocked stays so."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.wish = read_wish(params, own_name())
        self.wish.demand_others(params["local_hosts"])
        #: Of the inventory, for a release: a block lets nobody in, and no mistake in there keeps it from being made.
        listed = [] if self.wish.blocks else params["partners"]
        demand_no_loss(listed)
        self.listed = [wire.wanted(item) for item in listed]
        self.let_in: list[Allowed] = []

    def observe(self) -> Observed:
        """Read the whole list, in one call."""
        return Observed(*blocked.split(read_list(self.shell)))

    def plan(self, observed: Observed) -> Plan:
        """Blocked: partners lose domains, then come the blocks, then the rest of a partner under another name.

        Released: partners are brought into their shape, and the block goes last, so that a second run does what is
        left.

        :raises InvalidValue: somebody else has a domain of a partner that is let in again.
        """
        wanted = self.wish.granted(observed.blocks, NOT_YET)
        for block in wanted.values():
            blocked.entry(block)
        taken, given = changes(observed.partners, self._let_in(observed, wanted), wanted, purge=False)
        blocks = compared(KIND, planned(observed.blocks, KNOWN_AFTER_APPLY), planned(wanted, KNOWN_AFTER_APPLY))
        return Plan.of([*taken, *blocks, *given] if self.wish.blocks else [*taken, *given, *blocks])

    def _let_in(self, observed: Observed, wanted: Blocks) -> list[Allowed]:
        """The inventory's partners who have a domain that is released now, or was by this run."""
        released = [block for domain, block in observed.blocks.items() if domain not in wanted]
        found = [one for one in self.listed if any(block.covers(name) for block in released for name in one.domains)]
        return found or self.let_in

    def apply(self, plan: Plan, observed: Observed) -> None:
        """One pipeline for each change."""
        wanted = self.wish.granted(observed.blocks, int(time.time()))
        self.let_in = self._let_in(observed, wanted)
        try:
            self.carry_out(plan, lambda change: self._do(change, observed, wanted))
        except FedgateError as error:
            left = error.details.get("left", ())
            if self.wish.blocks and any(change.startswith(f"create {PARTNER} ") for change in left):
                error.hint = f"{error.hint or ''} What a partner keeps comes back with the next run of partners.yml."
            raise

    def _do(self, change: Change, observed: Observed, wanted: Blocks) -> None:
        if change.kind == PARTNER:
            return carry_out_one(self.shell, change)
        present, block = observed.blocks.get(change.name), wanted.get(change.name)
        former = blocked.entry(present) if present else None
        if block is None:
            return carry_out_one(self.shell, Change("delete", PARTNER, change.name, subject=(former,)))
        entry = blocked.entry(block)
        if former is None:
            return carry_out_one(self.shell, Change("create", PARTNER, change.name, subject=(entry,)))
        note = {"description": entry.settings["description"]}
        return carry_out_one(self.shell, Change("update", PARTNER, change.name, subject=(former, entry, note)))

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return who is blocked."""
        present = observed.blocks
        blocks = self.wish.granted(present, int(time.time())) if self.context.check_mode else present
        for change in plan.changes:
            if change.kind == PARTNER and change.action == "delete" and self.wish.blocks:
                warn_of_others(self.context, change.subject[0], blocks)
        return {"blocked": blocked.told(blocks.values()), **self.calls()}
