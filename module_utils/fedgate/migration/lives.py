"""How long others may remember a record set: the times to live that a zone's own servers give."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..dns.records import Key


@dataclass
class Lives:
    """What the servers said.

    :ivar longest: name and type → the longest time to live that a server gives, in seconds; 0 for no such set.
    :ivar silent: one line for each server that could not be asked.
    """

    longest: dict[Key, int] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    def above(self, low: int) -> list[str]:
        """Return a line for each set that some server still gives with a longer time to live than ``low`` seconds."""
        found = sorted(key for key, ttl in self.longest.items() if ttl > low)
        return [f"{' '.join(key)} still has a time to live of {self.longest[key]} s" for key in found]
