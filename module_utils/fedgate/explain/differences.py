"""One thing that would change between two inventories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: opens: something passes that did not. closes: the contrary. neither: it is done otherwise, and the same passes.
OPENS, CLOSES, NEITHER = "opens", "closes", "neither"


@dataclass(frozen=True)
class Difference:
    """One thing that would change.

    :ivar effect: opens, closes, neither; :ivar what: the key or kind of thing; :ivar before, after: plain values.
    :ivar sentence: in words, without the name of what it is about.
    :ivar source: the line that says so, in the later inventory; in the earlier one for what is gone.
    """

    effect: str
    what: str
    before: Any
    after: Any
    sentence: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: effect, what, before, after, sentence, source."""
        return dict(self.__dict__)
