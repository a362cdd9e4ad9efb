"""The module ``dns_records``: all zones of all providers are looked at and planned before any is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import FedgateError, InvalidValue, NeedsForce, NotConverged, WorldMoved
from ..module import Context, Reconciler
from ..plan import Change, Plan
from . import advice, brake, names, options
from .changes import RRsetChange, safe_order
from .place import Place
from .provider import Observation
from .providers import open_provider
from .records import Key
from .shares import shares
from .values import TYPES, Value
from .wanted import wanted_from

PROVIDERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": options.PROVIDER,
    "required_if": options.NEEDS,
}
RECORD_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": list(TYPES)},
    "ttl": {"type": "int"},
    "state": {"type": "str", "choices": ["present", "absent", "retired"], "default": "present"},
    "values": {"type": "list", "elements": "str", "default": []},
    "view": {"type": "str", "choices": list(options.VIEWS), "default": "external"},
}
ARGUMENTS: dict[str, Any] = {
    "providers": PROVIDERS,
    "records": {"type": "list", "elements": "dict", "required": True, "options": RECORD_OPTIONS},
    "hold": {"type": "list", "elements": "str", "default": []},
    "force": {"type": "bool", "default": False},
    "wait": {"type": "str", "choices": ["provider", "authoritative"], "default": "provider"},
    "wait_timeout": {"type": "int", "default": 120},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    **advice.OPTIONS,
}
#: What each provider holds, in the order of the providers.
Observed = list[Observation]


@dataclass(frozen=True)
class _Step:
    """One change and the place (its index) where it is made."""

    place: int
    change: RRsetChange


class DnsRecords(Reconciler):
    """Brings exactly the given names and types into the wanted state; touches nothing else."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        hold = [names.at(f"hold[{index}]", host) for index, host in enumerate(params["hold"])]
        found, homeless = shares(params["providers"], wanted_from(params["records"]))
        for one in homeless:
            if one.values and not one.where_possible:
                raise InvalidValue(
                    f"no DNS provider takes {one.name} {one.type} (view {one.view})",
                    hint="Add its zone to a provider's `zones`, or a provider that names none.",
                )
        self._places = [
            Place(share.name, open_provider(share.options), share.wanted, share.view, hold) for share in found
        ]
        self._first_look: Observed = []
        self._facts = advice.facts_from(params)

    def observe(self) -> Observed:
        """Look up every given name and type at each provider that is given it."""
        self._first_look = [place.observe() if place.wanted else Observation() for place in self._places]
        return self._first_look

    def plan(self, observed: Observed) -> Plan:
        """Compare, provider by provider; refuse when one of them could not be changed as wanted."""
        steps: list[_Step] = []
        for index, (place, seen) in enumerate(zip(self._places, observed)):
            found = place.changes(seen)
            self._brake(place, brake.reasons(place.existing(seen), found))
            steps += [_Step(index, change) for change in found]
        steps.sort(key=lambda step: (safe_order(step.change), step.place))
        return Plan.of(self._as_change(step) for step in steps)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Change zone after zone; when one fails, say which ones are done."""
        zones: dict[tuple[int, str], list[RRsetChange]] = {}
        for step in _steps(plan):  # in safe order: the zones that get addresses come first
            zone = observed[step.place].zones[step.change.key[0]]
            zones.setdefault((step.place, zone), []).append(step.change)
        done: list[tuple[int, str]] = []
        for at, parts in zones.items():
            try:
                self._places[at[0]].apply(at[1], parts, observed[at[0]])
            except FedgateError as error:
                raise self._partly(error, at, done, list(zones)) from error
            done.append(at)
        self._respect(done)

    def observe_again(self, plan: Plan) -> Observed:
        """Look again at what was changed only; then, if asked to, at what the zones' own servers answer."""
        parts: dict[int, list[RRsetChange]] = {}
        for step in _steps(plan):
            parts.setdefault(step.place, []).append(step.change)
        again = list(self._first_look)
        for index, changes in parts.items():
            news = self._places[index].provider.look_again(changes)
            again[index] = again[index].with_news([change.key for change in changes], news)
        if self.params["wait"] == "authoritative":
            self._wait(parts, again)
        return again

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return for each provider its zones, and how many requests were sent to it."""
        found: dict[str, Any] = {}
        for place, seen in zip(self._places, observed):
            for line in advice.advise(place, seen, self._facts, self.params.get("resolvers") or ()):
                self.context.warn(f"DNS provider {place.name}: {line}.")
            if seen.strangers:
                self.context.warn(
                    f"{_listed(sorted(seen.strangers))}: not in any zone of the DNS provider {place.name}, so nothing "
                    "is there to be removed; if the zone moved, remove the records where it is now."
                )
            zones = {
                zone: {"messages": place.messages.get(zone, 0), **place.provider.describe(zone)}
                for zone in sorted(set(seen.zones.values()))
            }
            place.provider.close()
            found[place.name] = {"zones": zones, "requests": dict(place.provider.requests)}
        return {"providers": found}

    def _as_change(self, step: _Step) -> Change:
        change = step.change.as_change()
        at = f" at {self._places[step.place].name}" if len(self._places) > 1 else ""
        return replace(change, name=change.name + at, subject=step)

    def _brake(self, place: Place, reasons: list[str]) -> None:
        """Stop what looks like a mistake. Check mode shows it, with a warning."""
        if not reasons or self.params["force"]:
            return
        text = f"DNS provider {place.name}: {brake.listed(reasons)}"
        if self.context.check_mode:
            self.context.warn(f"{text}. The real run stops here unless it is given force: true.")
            return
        raise NeedsForce(
            f"{text}; nothing was changed",
            hint="Look at the plan (check mode, diff). If it is what you want, run once with force: true "
            "(-e '{\"dns_srv_force\": true}').",
        )

    def _zone_name(self, at: tuple[int, str]) -> str:
        return f"{at[1]} at {self._places[at[0]].name}" if len(self._places) > 1 else at[1]

    def _partly(
        self, error: FedgateError, failed: tuple[int, str], done: list[tuple[int, str]], zones: list[tuple[int, str]]
    ) -> FedgateError:
        """Return the same error, telling also what took effect before it and what was not tried."""
        part = error.details.pop("messages_applied", 0)
        left = [self._zone_name(at) for at in zones if at not in (*done, failed)]
        applied = [self._zone_name(at) for at in done]
        also = f" {part} earlier messages of this zone were applied." if part else ""
        if done or left or part:
            also += f" Applied: {_listed(applied)}. Not tried: {_listed(left)}. A second run does what is left."
        details = {
            **error.details,
            "changed": bool(done or part),
            "zones_applied": applied,
            "zone_failed": self._zone_name(failed),
            "zones_left": left,
        }
        return type(error)(error.message, hint=f"{error.hint or ''}{also}".strip(), details=details)

    def _respect(self, done: list[tuple[int, str]]) -> None:
        """Say which names somebody else changed meanwhile: everything else is done, and theirs stands."""
        moved = sorted({name for place in self._places for name in place.moved})
        if not moved:
            return
        raise WorldMoved(
            f"somebody else changed {_listed(moved)} between look and change; their change stands, all others are done",
            hint="Look whether it is wanted, and run again: the plan is made anew from what is there now.",
            details={
                "changed": any(any(place.messages.values()) for place in self._places),
                "zones_applied": [self._zone_name(at) for at in done if self._places[at[0]].messages[at[1]]],
                "moved": moved,
            },
        )

    def _wait(self, parts: Mapping[int, list[RRsetChange]], seen: Observed) -> None:
        """Wait for the zones' own servers. :raises NotConverged: naming those that lag."""
        from . import authoritative  # it needs dnspython, which other kinds of providers can do without

        wanted: dict[str, dict[Key, tuple[Value, ...]]] = {}
        for index, changes in parts.items():
            if self._places[index].view == "internal":
                continue  # resolvers outside do not see it
            for change in changes:
                zone = seen[index].zones[change.key[0]]
                wanted.setdefault(zone, {})[change.key] = change.after.values if change.after else ()
        resolvers = authoritative.Resolvers(self.params["resolvers"])
        lagging = authoritative.wait(resolvers, wanted, float(self.params["wait_timeout"]), exact=True)
        if lagging:
            lines = sorted({line for lines in lagging.values() for line in lines})
            raise NotConverged(
                f"the changes were made, but not every name server answers with them after "
                f"{self.params['wait_timeout']} s: {brake.listed(lines)}",
                hint="Look why the zone is not transferred there (notify, its serial number), or raise wait_timeout.",
                details={"changed": True, "lagging": {" ".join(key): lines for key, lines in lagging.items()}},
            )


def _steps(plan: Plan) -> Iterable[_Step]:
    return (change.subject for change in plan.changes)


def _listed(zones: list[str]) -> str:
    return ", ".join(zones) or "none"
