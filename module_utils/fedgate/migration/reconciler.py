"""The module ``federation_migration``: keeps the notes of a move, and says where it stands; changes nothing in DNS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..dns.reconciler import PROVIDERS, RECORD_OPTIONS
from ..dns.wanted import wanted_from
from ..errors import NotConverged, Refused
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan, compared
from . import judging, telling
from .judging import World
from .lives import Lives
from .notes import Note, Place, read, shown, write
from .published import Published

KIND = "migration_note"
STEPS = ("look", "note", "lowered")
ARGUMENTS: dict[str, Any] = {
    "providers": PROVIDERS,
    "records": {"type": "list", "elements": "dict", "default": [], "options": RECORD_OPTIONS},
    "path": {"type": "path", "required": True},
    "step": {"type": "str", "choices": list(STEPS), "default": "look"},
    "ttl": {"type": "int", "default": 60},
    "wait": {"type": "int", "default": 120},
    "resolvers": {"type": "list", "elements": "str", "default": []},
}


class Migration(Reconciler):
    """The notes of one move."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.path = Path(params["path"])
        self.wanted = {(one.view, one.name, one.type): one for one in wanted_from(params["records"])}
        self._published = Published(params["providers"])

    def observe(self) -> World:
        """Read the notes, the providers, and what the zones' own servers give."""
        return self._seen(read(self.path))

    def _seen(self, notes: Mapping[Place, Note]) -> World:
        found = self._published.read({*notes, *self.wanted})
        world = World(found, notes, self.wanted, Lives(), self.params["ttl"], datetime.now(timezone.utc))
        return World(found, notes, self.wanted, self._lives(world), world.low, world.now)

    def _lives(self, world: World) -> Lives:
        from . import servers  # it needs dnspython, which other kinds of providers can do without

        return servers.look(self.params["resolvers"], world.found.by_zone("external", world.moving()))

    def plan(self, observed: World) -> Plan:
        """Return what is to be noted; nothing when it is only looked."""
        step = self.params["step"]
        if step == "look":
            return Plan()
        if step == "note":
            self._demand_before(observed)
            wanted = {place: self._noted(observed, place) for place in observed.moving()}
            return Plan.of(compared(KIND, _shown(observed.notes), _shown({**observed.notes, **wanted})))
        return Plan.of(
            Change("update", KIND, _name(place), {"low_since": None}, {"low_since": KNOWN_AFTER_APPLY}, place)
            for place in observed.moving()
            if self._not_known_low(observed, place)
        )

    def _demand_before(self, world: World) -> None:
        """What is published after a move is not what was there before. :raises Refused: some of it is moved."""
        moved = [_name(place) for place in world.moving() if world.state(place) == judging.MOVED]
        if moved:
            raise Refused(
                f"{', '.join(moved)}: moved already, so this is not what was published before",
                hint="Go back first (migrate_phase=back); nothing was changed.",
            )

    def _noted(self, world: World, place: Place) -> Note:
        note, now = world.notes.get(place), world.there(place)
        if now is None:
            return Note(*place)
        ttl = max(now.ttl, world.longest(place))
        if ttl > world.low:
            return Note(*place, judging.texts(now), now.ttl, ttl, None)
        if note is not None and note.values:
            # Its time to live was lowered after it was noted, by us or not.
            return Note(*place, judging.texts(now), note.ttl, note.cached, note.low_since)
        # Perhaps somebody lowered it by hand a moment ago: the inventory's says how long it may be remembered.
        return Note(*place, judging.texts(now), now.ttl, max(ttl, self._usual(world, place)), None)

    def _usual(self, world: World, place: Place) -> int:
        wanted = world.wanted.get(place)
        return wanted.ttl if wanted else 0

    def _not_known_low(self, world: World, place: Place) -> bool:
        note, now = world.notes.get(place), world.there(place)
        if now is None or world.state(place) in (judging.MOVED, judging.SAME):
            return False
        return note is None or note.low_since is None or now.ttl > world.low

    def apply(self, plan: Plan, observed: World) -> None:
        """Write the notes; of a low time to live, once all name servers give it. :raises NotConverged: some do not."""
        notes = dict(observed.notes)
        if self.params["step"] == "note":
            notes.update({place: self._noted(observed, place) for place in observed.moving()})
        else:
            self._wait(observed)
            now = datetime.now(timezone.utc)
            missing = [change.subject for change in plan.changes if change.subject not in notes]
            if missing:
                raise Refused(
                    f"{_name(missing[0])} was never noted", hint="Run the step note first; nothing was changed."
                )
            notes.update({change.subject: notes[change.subject].lowered(now) for change in plan.changes})
        write(self.path, notes.values())

    def _wait(self, world: World) -> None:
        from . import servers

        found = servers.wait(lambda: self._lives(world), world.low, float(self.params["wait"]))
        lagging = [*found.silent, *found.above(world.low)]
        if lagging:
            raise NotConverged(
                f"not every name server gives a time to live of at most {world.low} s: {'; '.join(lagging[:5])}",
                hint="Look why the zone is not transferred there, or raise wait; then run the step again.",
            )

    def results(self, observed: World, plan: Plan) -> dict[str, Any]:
        """Return where the move stands, what is in the way, and the record sets of each step."""
        problems, early = judging.problems(observed), judging.too_early(observed)
        notes = dict(observed.notes)
        if self.params["step"] == "note" and self.context.check_mode:
            notes.update({place: self._noted(observed, place) for place in observed.moving()})
        when = judging.move_at(observed)
        return {
            "state": observed.whole(),
            "sets": judging.told(observed),
            "problems": problems,
            "too_early": early,
            "move_at": None if when is None else shown(when),
            "before": [note.record() for note in notes.values()],
            "before_low": [note.record(observed.low if observed.changes(note) else None) for note in notes.values()],
            "text": telling.text(observed, problems, early),
        }

    def close(self) -> None:
        """Let go of the providers."""
        self._published.close()


def _name(place: Place) -> str:
    view, name, rtype = place
    return f"{name} {rtype}" + ("" if view == "external" else f" (view {view})")


def _shown(notes: Mapping[Place, Note]) -> dict[str, dict[str, Any]]:
    return {_name(place): note.fields() for place, note in notes.items()}
