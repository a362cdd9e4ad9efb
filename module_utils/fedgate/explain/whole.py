"""What holds for every partner alike: the place for rows about the whole deployment.

A function more in ``ROWS`` is told in the explanation of each pair.
"""

from __future__ import annotations

from collections.abc import Callable

from .inventory import Entry, Inventory, Said
from .limits import limits_for

#: Each is given the inventory and the partner's entry, and returns what it has to say.
ROWS: tuple[Callable[[Inventory, Entry], list[Said]], ...] = (limits_for,)


def whole_deployment(inventory: Inventory, entry: Entry | None) -> list[Said]:
    """Return what else decides about a partner, beside its own entry."""
    return [said for row in ROWS for said in row(inventory, entry)] if entry else []
