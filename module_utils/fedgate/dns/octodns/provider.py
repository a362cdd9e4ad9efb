"""Any service of which octoDNS knows the interface: read as whole zones, changed by plans of our changes only."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from octodns.provider.plan import Plan
from octodns.record import Create, Delete, Record, Update
from octodns.zone import Zone

from ...errors import FedgateError, InvalidValue, Refused, WorldMoved
from .. import names
from ..changes import RRsetChange, safe_order
from ..provider import Observation, Provider
from ..records import Key, RRset
from ..values import TYPES
from . import failures, records
from .looks import Session, View, wanted
from .services import SERVICES, Service, arguments


class OctoDns(Provider):
    """One service, by octoDNS's provider for it.

    Hardly any service knows conditions. So each zone is read once more right before it is changed, and is not changed
    if one of our sets is not as it was found. What somebody else changes in the moment between that look and the
    request is overwritten.

    :param name: the service, a key of ``SERVICES``.
    :param given: the arguments of octoDNS's provider.
    :param zones: the zones that are read.
    :param timeout: seconds for a connection, and for each answer.
    """

    def __init__(self, name: str, given: Mapping[str, Any], zones: Sequence[str], timeout: float) -> None:
        super().__init__()
        self._name, self._zones, self._timeout = name, tuple(zones), timeout
        self._service: Service = SERVICES[name]
        self._given = dict(given)
        self._secrets = {key: str(given[key]) for key in self._service.secrets if key in given}
        self._session = self._open()
        self._views: dict[str, View] = {}
        self._fresh = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> OctoDns:
        """Make the provider from the module's ``providers`` option.

        :raises InvalidValue: no zones, or settings and secrets that the service does not take; no secret is shown.
        :raises MissingDependency: the service's package is missing.
        """
        # Its loggers have no common parent, and what nobody handles Python prints.
        if not logging.getLogger().handlers:
            logging.getLogger().addHandler(logging.NullHandler())
        zones = [names.owner_name(str(zone)) for zone in options.get("zones") or []]
        if not zones:
            raise InvalidValue("the DNS provider of kind octodns names no zones", hint="Name them as `zones`.")
        name = str(options["service"])
        return cls(name, arguments(name, options), zones, float(options.get("timeout") or 10))

    def read(self, keys: Sequence[Key]) -> Observation:
        """Read the zones of these names in full, as octoDNS can do no less; see the base class."""
        seen = Observation()
        self._renew()
        for zone in sorted({zone for name, _ in keys if (zone := self._zone_of(name))}):
            self._views[zone] = self._populate(self._session, zone)
        for name in sorted({name for name, _ in keys}):
            zone = self._zone_of(name)
            error = self._not_ours(name, zone)
            if error is not None:
                seen.strangers[name] = error
            elif zone is not None:
                seen.zones[name] = zone
        ours = [key for key in keys if key[0] in seen.zones]
        for zone in sorted(set(seen.zones.values())):
            for record in wanted(self._views[zone], [key for key in ours if seen.zones[key[0]] == zone]):
                self._note(record, seen)
        return seen

    def check(self, changes: Sequence[RRsetChange]) -> None:
        """Refuse what octoDNS's provider of the service cannot hold; see the base class."""
        octo = self._session.octo
        for change in changes:
            if change.after is None:
                continue
            what = " ".join(change.key)
            if change.key[1] not in octo.SUPPORTS:
                known = ", ".join(sorted(kind for kind in octo.SUPPORTS if kind in TYPES))
                raise InvalidValue(
                    f"{what}: octoDNS has no {change.key[1]} records for the service {self._name}",
                    hint=f"It has {known}.",
                )
            least = int(getattr(octo, "min_ttl", 0))
            if change.after.ttl < least:
                raise InvalidValue(
                    f"{what}: {self._name} takes no time to live below {least} seconds, not {change.after.ttl}",
                    hint="Give a longer one.",
                )
            try:
                records.data_of(change.after, self._service.escaped, {})
            except InvalidValue as error:
                raise InvalidValue(f"{what} at {self._name}: {error.message}", hint=error.hint) from error

    def apply(self, zone: str, changes: Sequence[RRsetChange]) -> int:
        """Look once more, then carry the changes out in as few plans as the service allows; see the base class."""
        before = self._views[zone]
        session = self._open()
        now = self._populate(session, zone)
        self._demand_unmoved(zone, changes, before, now)
        existing, writes = now.zone, 0
        try:
            for part in _parts(changes, self._service.atomic):
                plan = self._plan(existing, part, now, session.octo)
                existing = plan.desired
                if not session.counted:
                    self.requests["apply"] += 1
                session.octo.apply(plan)
                writes += 1 if self._service.atomic else len(part)
        except Exception as error:  # of any library that octoDNS's providers use
            raise self._failed(error, session, zone, changes) from error
        return session.writes if session.counted else writes

    def _renew(self) -> None:
        """Take a provider object that has read nothing yet."""
        if not self._fresh:
            self._session = self._open()
        self._fresh = False

    def _open(self) -> Session:
        try:
            octo = self._service.make(**self._given)
            sessions = _sessions(self._service, octo)
            if not sessions:
                return Session(octo, None)
            from .wire import count

            return Session(octo, count(sessions, self.requests, self._timeout))
        except FedgateError:
            raise
        except Exception as error:
            raise self._explained(error, f"the DNS service {self._name} cannot be set up") from error

    def _populate(self, session: Session, zone: str) -> View:
        found = Zone(f"{zone}.", [])
        if not session.counted:
            self.requests["populate"] += 1
        try:
            exists = session.octo.populate(found, target=True, lenient=True)
        except Exception as error:
            what = f"the zone {zone} at the DNS service {self._name} cannot be read"
            raise self._explained(error, what, session.status) from error
        return View(found, bool(found.records) if exists is None else bool(exists))

    def _zone_of(self, name: str) -> str | None:
        above = set(names.ancestors(name))
        return max((zone for zone in self._zones if zone in above), key=len, default=None)

    def _not_ours(self, name: str, zone: str | None) -> Refused | None:
        """Return why a name is not this provider's, if it is not."""
        if zone is None:
            return Refused(
                f"{name} lies in none of the zones of the DNS service {self._name}: {', '.join(self._zones)}",
                hint="Add its zone to the provider's `zones`.",
            )
        if not self._views[zone].exists:
            return Refused(
                f"the DNS service {self._name} has no zone {zone}, or does not show it to these credentials",
                hint="Create the zone there, or correct the provider's `zones`.",
            )
        cut = self._views[zone].delegation(name, zone)
        if cut is None:
            return None
        return Refused(
            f"{name} is not in the zone {zone} of the DNS service {self._name}: {cut} is delegated to other servers",
            hint="Give its records to the provider of that zone.",
        )

    def _note(self, record: Any, seen: Observation) -> None:
        """Add a record to what was found."""
        name, rtype = names.fold(record.fqdn), str(record._type)
        try:
            rrset = records.rrset_of(record, self._service.escaped)
            why = records.special(record)
        except (InvalidValue, ValueError, AttributeError) as error:
            rrset, why = RRset.of(name, rtype, int(record.ttl), []), f"not readable ({error})"
        seen.rrsets[rrset.key] = rrset
        if why is not None:
            seen.untouchable[rrset.key] = Refused(
                f"{name} {rtype} at the DNS service {self._name} is {why}, and is not changed",
                hint="Make it an ordinary record there, or take it out of what is managed here.",
            )

    def _demand_unmoved(self, zone: str, changes: Sequence[RRsetChange], before: View, now: View) -> None:
        """Compare two looks at what the changes touch.

        :raises WorldMoved: naming what is other than it was.
        :raises Refused: one of the sets is more than its values.
        """
        keys = [change.key for change in changes]
        then, found = Observation(), Observation()
        for view, seen in ((before, then), (now, found)):
            for record in wanted(view, keys):
                self._note(record, seen)
        moved = {key for key in {*then.rrsets, *found.rrsets} if then.rrsets.get(key) != found.rrsets.get(key)}
        moved |= {change.key for change in changes if found.rrsets.get(change.key) != change.before}
        if moved or before.exists != now.exists:
            listed = ", ".join(" ".join(key) for key in sorted(moved)[:3]) or "the zone itself"
            raise WorldMoved(
                f"the zone {zone} at the DNS service {self._name}: somebody else changed {listed} between look and "
                "change; their change stands",
                hint="Run again: the plan is made anew from what is there now.",
                details={"messages_applied": 0},
            )
        for change in changes:
            if change.key in found.untouchable:
                raise found.untouchable[change.key]

    def _plan(self, existing: Any, changes: Sequence[RRsetChange], now: View, octo: Any) -> Any:
        """Return octoDNS's plan of these changes and nothing else: its own comparison is not asked.

        :param existing: the zone as the plans before this one leave it.
        :param now: the zone as it was before all of them.
        """
        desired = existing.copy()
        steps = []
        for change in changes:
            name = existing.hostname_from_fqdn(f"{change.key[0]}.")
            old = now.at(change.key[0]).get(change.key[1])
            if change.after is None:
                desired.remove_record(old)
                steps.append(Delete(old))
                continue
            meta = records.meta_of(old) if old is not None else {}
            data = records.data_of(change.after, self._service.escaped, meta)
            new = Record.new(desired, name, data, source=octo, lenient=True)
            desired.add_record(new, replace=True, lenient=True)
            steps.append(Create(new) if old is None else Update(old, new))
        return Plan(existing, desired, steps, True)

    def _explained(self, error: Exception, what: str, status: int | None = None) -> FedgateError:
        return failures.explain(error, what, self._secrets, status, self._timeout)

    def _failed(self, error: Exception, session: Session, zone: str, changes: Sequence[RRsetChange]) -> FedgateError:
        """Return the error for a change that failed, with what took effect before: a look at the service tells."""
        what = f"the zone {zone} at the DNS service {self._name} cannot be changed"
        explained = self._explained(error, what, session.status)
        try:
            seen = self.read([change.key for change in changes])
        except FedgateError:
            explained.message += "; what of it took effect is not known"
            explained.details["messages_applied"] = session.writes
            return explained
        done = sum(seen.rrsets.get(change.key) == change.after for change in changes)
        if done or session.writes:
            explained.message += f"; {done} of {len(changes)} record sets are as wanted"
        explained.details["messages_applied"] = session.writes or (min(done, 1) if self._service.atomic else done)
        return explained


def _sessions(service: Service, octo: Any) -> Sequence[Any]:
    try:
        return service.sessions(octo)
    except AttributeError:  # another version keeps them elsewhere: looks and changes are counted instead
        return ()


def _parts(changes: Sequence[RRsetChange], atomic: bool) -> list[list[RRsetChange]]:
    """Cut the changes into plans: a provider carries out deletions first, whatever leads to what is deleted.

    Where a plan is no transaction, addresses come before what leads to them and go after it. What is replaced by
    another type at the same name (an alias) goes with that.
    """
    if atomic:
        return [list(changes)]
    step_of = {change.key[0]: safe_order(change)[0] for change in changes if change.after is not None}
    parts: dict[int, list[RRsetChange]] = {}
    for change in changes:
        step = safe_order(change)[0]
        parts.setdefault(step if change.after is not None else step_of.get(change.key[0], step), []).append(change)
    return [parts[step] for step in sorted(parts)]
