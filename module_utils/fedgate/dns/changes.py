"""What has to change: a pure function of what was found, what is wanted, and which hosts nobody has verified."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import InvalidValue
from ..plan import Change
from . import names
from .records import Key, RRset, Wanted
from .values import Value

_ADDRESSES = ("A", "AAAA")


@dataclass(frozen=True)
class RRsetChange:
    """One name and type before and after; None where there is no such set. Providers carry these out."""

    key: Key
    before: RRset | None
    after: RRset | None

    def as_change(self) -> Change:
        """Return it as a change of the plan."""
        action = "create" if self.before is None else "delete" if self.after is None else "update"
        return Change(
            action,  # type: ignore[arg-type]
            "rrset",
            " ".join(self.key),
            None if self.before is None else self.before.fields(),
            None if self.after is None else self.after.fields(),
            self,
        )


def changes(observed: Mapping[Key, RRset], wanted: Iterable[Wanted], hold: Collection[str] = ()) -> list[RRsetChange]:
    """Return the changes that lead from what was found to what is wanted, in the order in which they are safe.

    :param observed: sets found, among them those that could stand in the way (a CNAME at the same name).
    :param wanted: the sets that are ours; nothing else is touched.
    :param hold: hosts that were not verified: records that lead to them, and their own addresses, stay as found.
    :raises InvalidValue: a CNAME stands, or would come to stand, beside other records.
    """
    wanted = list(wanted)
    held = {names.fold(name) for name in hold}
    after = {one.key: _after(observed.get(one.key), one, held) for one in wanted}
    _keep_led_to(observed, wanted, after)
    _check_aliases(observed, after)
    found = [
        RRsetChange(key, observed.get(key), target) for key, target in after.items() if target != observed.get(key)
    ]
    return sorted(found, key=safe_order)


def _after(found: RRset | None, wanted: Wanted, held: set[str]) -> RRset | None:
    """Return what one name and type will hold."""
    if not held:
        return _built(wanted, wanted.values)
    if wanted.type in (*_ADDRESSES, "CNAME") and wanted.name in held:
        return found
    present = found.values if found else ()
    kept = tuple(value for value in present if value.leads_to in held)
    new = tuple(value for value in wanted.values if value.leads_to not in held)
    if wanted.type == "CNAME":
        return found if kept or len(new) < len(wanted.values) else _built(wanted, new)
    if wanted.values and not new:
        return found  # nothing that we may publish: what is there stays, or the domain would be left without
    if not kept:
        return _built(wanted, new)
    return _beside(found, wanted, kept, new)


def _beside(found: RRset | None, wanted: Wanted, kept: tuple[Value, ...], new: tuple[Value, ...]) -> RRset | None:
    """Return the new values beside those that are kept; "no such service" cannot stand beside any."""
    new = tuple(value for value in new if value.leads_to != names.ROOT)
    if new:
        return _built(wanted, kept + new)
    return RRset.of(*wanted.key, found.ttl, kept) if found else None


def _built(wanted: Wanted, values: tuple[Value, ...]) -> RRset | None:
    return RRset.of(*wanted.key, wanted.ttl, values) if values else None


def _keep_led_to(observed: Mapping[Key, RRset], wanted: Iterable[Wanted], after: dict[Key, RRset | None]) -> None:
    """Keep the addresses of hosts that a record, kept for a hold's sake, still leads to."""
    wanted_of = {one.key: one.values for one in wanted}
    targets = [target for key, target in after.items() if target and key[1] == "SRV"]
    kept = {value.leads_to for target in targets for value in target.values if value not in wanted_of[target.key]}
    for one in wanted:
        if not one.values and one.name in kept and one.type in _ADDRESSES:
            after[one.key] = observed.get(one.key)


def _check_aliases(observed: Mapping[Key, RRset], after: Mapping[Key, RRset | None]) -> None:
    """A CNAME stands alone (RFC 1034 §3.6.2); servers drop silently what would stand beside it (RFC 2136 §3.4.2.2)."""
    final: dict[Key, RRset] = {key: found for key, found in observed.items() if key not in after}
    final.update({key: target for key, target in after.items() if target is not None})
    types: dict[str, list[str]] = {}
    for name, rtype in sorted(final):
        types.setdefault(name, []).append(rtype)
    for (name, rtype), target in after.items():
        others = [other for other in types.get(name, ()) if other != rtype]
        if target is None or not others or "CNAME" not in (rtype, *others):
            continue
        raise InvalidValue(
            f"{name} cannot get {rtype} records: it has {' and '.join(others)} records already",
            hint="A CNAME stands alone. Remove what stands there, or choose another name.",
        )


def safe_order(change: RRsetChange) -> tuple[int, str, str]:
    """Addresses come before what leads to them, and go after it."""
    address = change.key[1] in _ADDRESSES
    if change.after is not None:
        step = 0 if address else 1
    else:
        step = 3 if address else 2
    return step, change.key[0], change.key[1]


def shown(changes: Sequence[RRsetChange]) -> str:
    """Return a few words on which sets change, for messages."""
    few = [" ".join(change.key) for change in changes[:3]]
    more = len(changes) - len(few)
    return ", ".join(few) + (f" and {more} more" if more else "")
