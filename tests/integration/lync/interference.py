"""Somebody else at work: an edit by hand right before a cmdlet of ours is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...emulators.lync.deployment import Deployment


def interfere(lync: Deployment, cmdlet: str, edit: Callable[[], Any]) -> None:
    """Have an edit happen once, right before the next call of a cmdlet."""
    target = lync.engine.cmdlets[cmdlet.lower()]

    def first(world: Any, call: Any) -> Any:
        lync.engine.cmdlets[cmdlet.lower()] = target
        edit()
        return target.run(world, call)

    lync.engine.cmdlets[cmdlet.lower()] = replace(target, run=first)
