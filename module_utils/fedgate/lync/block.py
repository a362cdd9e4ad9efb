"""The reconciler of ``lync_xmpp_block``: domains that are taken from the list of partners until they are released."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.blocks import NOT_YET, Blocks, planned, read_wish
from ..module import Context
from ..plan import KNOWN_AFTER_APPLY, Change, Plan, compared
from ..user import own_name
from . import blocked
from .partner import Allowed
from .partners import KIND as PARTNER
from .partners import carry_out_one, read_list, reduced
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

    def observe(self) -> Observed:
        """Read the whole list, in one call."""
        return Observed(*blocked.split(read_list(self.shell)))

    def plan(self, observed: Observed) -> Plan:
        """First the partners who lose domains, then the blocks: who is shut out is so at once."""
        wanted = self.wish.granted(observed.blocks, NOT_YET)
        for block in wanted.values():
            blocked.entry(block)
        return Plan.of(
            [
                *self._losses(observed, wanted),
                *compared(KIND, planned(observed.blocks, KNOWN_AFTER_APPLY), planned(wanted, KNOWN_AFTER_APPLY)),
            ]
        )

    def _losses(self, observed: Observed, wanted: Blocks) -> Iterator[Change]:
        for partner in observed.partners.values():
            kept = blocked.left(partner, wanted.values())
            if kept is not partner:
                yield reduced(partner, kept)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """One pipeline for each change."""
        wanted = self.wish.granted(observed.blocks, int(time.time()))
        self.carry_out(plan, lambda change: self._do(change, observed, wanted))

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
        return {"blocked": blocked.told(blocks.values()), **self.calls()}
