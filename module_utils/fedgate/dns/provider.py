"""What Fedgate asks of any DNS provider. Providers know their own interface only, and never each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import FedgateError
from .changes import RRsetChange
from .records import Key, RRset


@dataclass
class Observation:
    """What a provider found.

    :ivar rrsets: the sets that exist, of those that were asked for; beside them those of the same names that could
        stand in the way: a CNAME, or anything beside a CNAME that is wanted.
    :ivar zones: the zone of each name that was asked for, as far as it is the provider's.
    :ivar strangers: name → the error that says that it lies in no zone of this provider.
    :ivar obstacles: zone → why it could not be changed by us; of no account as long as nothing in it has to change.
    :ivar untouchable: sets that are more than their values, such as those with a routing policy → the error that says
        so; of no account as long as they need not change.
    """

    rrsets: dict[Key, RRset] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)
    strangers: dict[str, FedgateError] = field(default_factory=dict)
    obstacles: dict[str, FedgateError] = field(default_factory=dict)
    untouchable: dict[Key, FedgateError] = field(default_factory=dict)

    def with_news(self, keys: Iterable[Key], news: Observation) -> Observation:
        """Return this observation with a later one of some keys laid over it."""
        renewed = set(keys)
        kept = {key: found for key, found in self.rrsets.items() if key not in renewed}
        special = {key: error for key, error in self.untouchable.items() if key not in renewed}
        return Observation(
            {**kept, **news.rrsets},
            {**self.zones, **news.zones},
            {**self.strangers, **news.strangers},
            {**self.obstacles, **news.obstacles},
            {**special, **news.untouchable},
        )


class Provider(ABC):
    """One place that keeps zones.

    :ivar requests: kind of request → how many were sent; what the interface calls them (``ListResourceRecordSets``,
        ``UPDATE``).
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()

    @abstractmethod
    def read(self, keys: Sequence[Key]) -> Observation:
        """Look these names and types up, in as few requests as the interface allows; change nothing.

        :raises Unreachable: the provider does not answer.
        :raises Refused: it will not let us look.
        """

    def check(self, changes: Sequence[RRsetChange]) -> None:
        """Refuse, before anything is changed, what this provider cannot hold; called with all changes of a plan.

        :raises InvalidValue: naming the set, and what the provider cannot do.
        """
        return

    @abstractmethod
    def apply(self, zone: str, changes: Sequence[RRsetChange]) -> int:
        """Carry out all changes of one zone, in their order, each only if the set is still as it was found.

        :returns: how many requests changed something.
        :raises WorldMoved: somebody else changed one of the sets since; that request changed nothing.
        :raises Refused: the provider will not do it.
        :raises Unreachable: no answer; whether the request was carried out is not known.
            Each error's ``details`` hold ``messages_applied``: how many requests took effect before it.
        """

    def look_again(self, changes: Sequence[RRsetChange]) -> Observation:
        """Look, after ``apply``, at what these changes touched, at the cheapest place that can tell.

        A provider that confirms its changes later waits here until it has confirmed all of them.

        :raises NotConverged: it did not confirm them in time.
        """
        return self.read([change.key for change in changes])

    def describe(self, zone: str) -> dict[str, Any]:
        """Return facts about a zone, such as its serial number, for the module's results."""
        return {}

    def close(self) -> None:
        """Let go of connections."""
        return
