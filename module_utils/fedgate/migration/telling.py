"""Says for people where a move stands and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Optional

from . import judging
from .judging import World
from .notes import shown

_STATES = {
    judging.SAME: "need not change",
    judging.BEFORE: "as before the move",
    judging.MOVED: "moved",
    judging.OTHER: "changed by somebody since it was noted",
    judging.UNNOTED: "not noted yet",
}


def text(world: World, problems: Sequence[str], early: Sequence[str]) -> str:
    """Return all of it: each record set, what is in the way, and the next step."""
    lines = list(_sets(world))
    lines += [f"To be mended: {line}." for line in problems]
    lines += [f"Not yet: {line}." for line in early]
    return "\n".join([*lines, next_step(world, problems, early)])


def _sets(world: World) -> Iterator[str]:
    for one in judging.told(world):
        now: Optional[dict[str, Any]] = one["now"]
        what = f"{', '.join(now['values'])} ({now['ttl']} s)" if now else "nothing"
        view = "" if one["view"] == "external" else f" (view {one['view']})"
        yield f"{one['name']} {one['type']}{view}: {what}; {_STATES[one['state']]}"


def next_step(world: World, problems: Sequence[str], early: Sequence[str]) -> str:
    """Return what to do next, and when."""
    whole, when = world.whole(), judging.move_at(world)
    if whole == judging.MOVED:
        return "All is moved. Back: migrate_phase=back. When it has proved itself: migrate_phase=finish."
    if whole == judging.BETWEEN and any(world.state(place) == judging.MOVED for place in world.moving()):
        return "Some of it is moved. On: migrate_phase=move. Back: migrate_phase=back."
    if problems:
        return "Next: mend this, then run this phase again."
    if when is not None and world.now < when:
        minutes = int((when - world.now).total_seconds() // 60) + 1
        return f"The move may be made from {shown(when)} on, in {minutes} min (migrate_phase=move)."
    if early or whole == judging.NOTHING:
        return "Next: migrate_phase=lower, once the gateway is built (migrate_phase=build)."
    return "The move may be made now (migrate_phase=move)."
