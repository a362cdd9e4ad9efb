"""Change batches: as few as the limits allow, and what belongs together in one, as each is carried out whole or not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidValue
from ..changes import RRsetChange
from ..records import Key, RRset
from . import data
from .scan import escape

#: Limits of one ChangeResourceRecordSets request (Developer Guide, Quotas).
MOST_VALUES = 1000
MOST_CHARACTERS = 32000
#: And of one value (API Reference, ResourceRecord).
MOST_OF_A_VALUE = 4000
#: How often a value counts, by action (ibid.).
_WEIGHT = {"CREATE": 1, "DELETE": 1, "UPSERT": 2}
_ADDRESSES = ("A", "AAAA")
#: The changes of one name; never torn apart.
Unit = list[RRsetChange]


@dataclass
class Batch:
    """One request.

    :ivar changes: what it carries out.
    :ivar sent: the same as the API takes it: ``ChangeBatch.Changes``.
    :ivar values: how many values AWS counts in it.
    :ivar characters: how many characters of them.
    """

    changes: list[RRsetChange]
    sent: list[dict[str, Any]]
    values: int
    characters: int

    @classmethod
    def of(cls, changes: Iterable[RRsetChange]) -> Batch:
        """Make the batch of some changes, whatever its size."""
        parts = list(changes)
        removals = [_removal(change.key, change.before) for change in parts if change.before is not None]
        additions = [_addition(change.key, change.after) for change in parts if change.after is not None]
        # Not UPSERT: it would overwrite what somebody else wrote since we looked. Removals come first, as an alias may
        # take the place of other records.
        sent = removals + additions
        return cls(parts, sent, *cost(sent))

    def fits(self, other: Batch | None = None) -> bool:
        """Tell whether it, and another one beside it, keeps within the limits."""
        values = self.values + (other.values if other else 0)
        characters = self.characters + (other.characters if other else 0)
        return values <= MOST_VALUES and characters <= MOST_CHARACTERS

    def take_in(self, other: Batch) -> None:
        """Append another one."""
        self.changes.extend(other.changes)
        self.sent.extend(other.sent)
        self.values += other.values
        self.characters += other.characters

    def parts(self) -> list[Batch]:
        """Cut it into what a policy may allow where it does not allow the whole; one name stays whole.

        Of one request, IAM sees the names and the types, not which belong together. So a policy that names them exactly
        (docs/dns-rights.md) allows services in one request, addresses in another; a long one allows fewer names at
        once. Addresses still come before what leads to them, and go after it.
        """
        groups: dict[tuple[Any, ...], list[Unit]] = {}
        for unit in _units(self.changes).values():
            groups.setdefault(_kind(unit), []).append(unit)
        parts = [groups[kind] for kind in sorted(groups)]
        if len(parts) == 1:
            middle = (len(parts[0]) + 1) // 2
            parts = [part for part in (parts[0][:middle], parts[0][middle:]) if part]
        return [Batch.of(itertools.chain.from_iterable(part)) for part in parts]


def check(changes: Iterable[RRsetChange]) -> None:
    """Refuse what no request can hold.

    :raises InvalidValue: a value that is too long, or the changes of one name alone exceed the limits.
    """
    for unit in _units(changes).values():
        _one(unit)
        for change in unit:
            for value in change.after.values if change.after is not None else ():
                length = len(data.write(change.key[1], value))
                if length > MOST_OF_A_VALUE:
                    raise InvalidValue(
                        f"a value of {' '.join(change.key)} is {length} characters long, as Route 53 writes it",
                        hint=f"At most {MOST_OF_A_VALUE} are allowed.",
                    )


def batches(changes: Iterable[RRsetChange]) -> list[Batch]:
    """Cut one zone's changes into batches.

    Their order is kept where it matters: addresses come before what leads to them, and go after it. Where one batch
    holds them, they come in the same one.

    :param changes: in safe order (``changes.safe_order``).
    :raises InvalidValue: the changes of one name alone exceed the limits.
    """
    found: list[Batch] = []
    for cluster in _clusters(_units(changes)):
        whole = Batch.of(itertools.chain.from_iterable(cluster))
        for batch in [whole] if whole.fits() else [_one(unit) for unit in cluster]:
            if found and found[-1].fits(batch):  # in a given order nothing needs fewer
                found[-1].take_in(batch)
            else:
                found.append(batch)
    return found


def cost(sent: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many values and how many characters AWS counts in changes."""
    values = characters = 0
    for change in sent:
        weight = _WEIGHT[change["Action"]]
        for record in change["ResourceRecordSet"].get("ResourceRecords", ()):
            values += weight
            characters += weight * len(record["Value"])
    return values, characters


def _one(unit: Unit) -> Batch:
    batch = Batch.of(unit)
    if not batch.fits():
        raise InvalidValue(
            f"the changes of {unit[0].key[0]} do not fit one request to Route 53: {batch.values} values of "
            f"{batch.characters} characters together",
            hint=f"{MOST_VALUES} values of {MOST_CHARACTERS} characters are allowed, old and new ones together. Give "
            "that name fewer values, or change it in two steps.",
        )
    return batch


def _removal(key: Key, rrset: RRset) -> dict[str, Any]:
    if rrset.raw is None:
        return _change("DELETE", key, rrset)
    return {"Action": "DELETE", "ResourceRecordSet": rrset.raw}  # exactly as it was found, or it is refused


def _addition(key: Key, rrset: RRset) -> dict[str, Any]:
    return _change("CREATE", key, rrset)


def _change(action: str, key: Key, rrset: RRset) -> dict[str, Any]:
    name, rtype = key
    records = [{"Value": data.write(rtype, value)} for value in rrset.values]
    found = {"Name": escape(name) + ".", "Type": rtype, "TTL": rrset.ttl, "ResourceRecords": records}
    return {"Action": action, "ResourceRecordSet": found}


def _units(changes: Iterable[RRsetChange]) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for change in changes:
        units.setdefault(change.key[0], []).append(change)
    return units


def _clusters(units: Mapping[str, Unit]) -> Iterator[list[Unit]]:
    """Group names: new addresses with the first name that leads to them, removed ones with the last that led there."""
    coming = {name for name, unit in units.items() if _addresses_only(unit) and any(each.after for each in unit)}
    going = {name for name, unit in units.items() if _addresses_only(unit)} - coming
    others = [name for name in units if name not in coming and name not in going]
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for name in others:
        for target in _targets(each.after for each in units[name]):
            first.setdefault(target, name)
        for target in _targets(each.before for each in units[name]):
            last[target] = name
    before: dict[str, list[Unit]] = {}
    after: dict[str, list[Unit]] = {}
    for name, unit in units.items():
        if name in coming:
            before.setdefault(first.get(name, ""), []).append(unit)
        elif name in going:
            after.setdefault(last.get(name, ""), []).append(unit)
    yield from ([unit] for unit in before.get("", ()))
    yield from ([*before.get(name, ()), units[name], *after.get(name, ())] for name in others)
    yield from ([unit] for unit in after.get("", ()))


def _kind(unit: Unit) -> tuple[Any, ...]:
    """Return what of a batch may share a request under a narrow policy, in safe order."""
    if _addresses_only(unit):
        return (0,) if any(each.after for each in unit) else (2,)
    return (1, *sorted({each.key[1] for each in unit}))


def _addresses_only(unit: Unit) -> bool:
    return all(each.key[1] in _ADDRESSES for each in unit)


def _targets(rrsets: Iterable[RRset | None]) -> list[str]:
    return [value.leads_to for rrset in rrsets if rrset for value in rrset.values if value.leads_to is not None]
