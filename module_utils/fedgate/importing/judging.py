"""The model judges what an inventory would say: what it refuses is left out, and its reason is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ..errors import FedgateError, SeveralErrors
from ..model.deployment import Deployment, read_deployment
from ..model.problems import OriginOf
from .items import Item, along

#: Each round leaves something out; a partner is refused for one thing at a time at most this often.
_ROUNDS = 20
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


def judge(
    hosts: Callable[[], Mapping[str, Mapping[str, Any]]],
    tree_of: Callable[[str, str | None], Any],
    origin_of: OriginOf,
    today: date,
) -> tuple[Deployment | None, list[str]]:
    """Read the inventory as it would be; leave out what is refused, and read it again.

    :param hosts: returns all variables of each gateway, without what is left out.
    :param tree_of: returns the tree of a variable by its name, and the pool or host that it belongs to.
    :param origin_of: says of a place what it is about.
    :returns: the deployment, None when the model is not content in the end; and then, why.
    """
    for _round in range(_ROUNDS):
        try:
            return read_deployment(hosts(), today=today, origin_of=origin_of), []
        except SeveralErrors as several:
            errors = several.errors
        # All are found before the first is left out: places are counted among those that are left.
        found = [(_blamed(error, tree_of), error) for error in errors]
        for item, error in found:
            if item is not None and item.refused is None:
                item.refused = _reason(error)
        if not any(item for item, _error in found):
            break
    return None, [_reason(error) for error in errors]


def _blamed(error: FedgateError, tree_of: Callable[[str, str | None], Any]) -> Item | None:
    """Return the smallest thing that an error is about and that can be left out; None when there is none."""
    path, _, owner = (error.path or "").partition(" of ")
    steps: list[str | int] = [int(index) if index else name for index, name in _STEP.findall(path)]
    if not steps:
        return None
    items = list(along(tree_of(str(steps[0]), owner or None), steps[1:]))
    return items[-1] if items else None


def _reason(error: FedgateError) -> str:
    text = f"{error.message.rstrip('.')}."
    return f"{text} {error.hint}" if error.hint else text
