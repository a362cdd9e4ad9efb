"""Record sets: what was found at a provider, and what shall be there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .values import Value

#: (owner name, type): what is owned, looked up and changed.
Key = tuple[str, str]


@dataclass(frozen=True)
class RRset:
    """All records of one name and type.

    :ivar name: folded owner name.
    :ivar type: ``SRV``, ``A`` and so on.
    :ivar ttl: seconds.
    :ivar values: sorted, each once; never empty.
    :ivar raw: the provider's own form of what it found, for its conditions; not compared.
    """

    name: str
    type: str
    ttl: int
    values: tuple[Value, ...]
    raw: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, rtype: str, ttl: int, values: Iterable[Value], raw: Any = None) -> RRset:
        """Make a set from values in any order."""
        return cls(name, rtype, ttl, tuple(sorted(set(values))), raw)

    @property
    def key(self) -> Key:
        """The owner name and the type."""
        return self.name, self.type

    def fields(self) -> dict[str, Any]:
        """Return what people see in a plan: ttl (seconds) and the values as text."""
        return {"ttl": self.ttl, "values": [value.text for value in self.values]}


@dataclass(frozen=True)
class Wanted:
    """What one name and type shall hold.

    :ivar values: sorted; empty when there shall be no such records.
    :ivar ttl: seconds; 0 when there shall be none.
    :ivar view: which providers it is for: ``external`` or ``internal``.
    :ivar where_possible: whether it is left out, without an error, where its zone is nobody's.
    """

    name: str
    type: str
    ttl: int = 0
    values: tuple[Value, ...] = ()
    view: str = "external"
    where_possible: bool = False

    @property
    def key(self) -> Key:
        """The owner name and the type."""
        return self.name, self.type
