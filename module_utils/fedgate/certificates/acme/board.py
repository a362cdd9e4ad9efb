"""Challenge records in DNS (RFC 8555 §8.4): put beside what others have at the same name, and always taken away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...dns import authoritative
from ...dns.changes import RRsetChange
from ...dns.provider import Observation, Provider
from ...dns.providers import open_provider
from ...dns.records import RRset
from ...dns.values import Value, parse
from ...errors import FedgateError, InvalidValue, Refused, WorldMoved
from .state import CHALLENGES, State

LABEL = "_acme-challenge"
_TYPE = "TXT"
#: Seconds; nobody but the CA asks, and it asks at once.
_TTL = 60
#: How often a change is made anew because somebody else changed the same name in between, and seconds between.
_TRIES, _PAUSE = 8, 0.05
_RIGHTS = (
    "The key of acme.dns_provider needs the right to add and remove TXT at that name; docs/certificates.md shows the "
    "policy for BIND."
)


@dataclass(frozen=True)
class Proof:
    """One value that shows that a domain is ours.

    :ivar domain: which one.
    :ivar target: folded name at which the record goes: ``_acme-challenge.<domain>``, or where its CNAME leads.
    :ivar text: the value.
    """

    domain: str
    target: str
    text: str

    @property
    def asked(self) -> str:
        """The name that the CA looks up."""
        return f"{LABEL}.{self.domain}"

    def __str__(self) -> str:
        return self.asked if self.asked == self.target else f"{self.asked} (an alias of {self.target})"


class Board:
    """All challenge records of one issuer.

    :param provider: the option ``acme.dns_provider``.
    :param resolvers: addresses of resolvers, the system's when there are none.
    :param state: where it is noted what may be in DNS.
    :raises FedgateError: options that the provider does not understand.
    """

    def __init__(
        self, provider: Mapping[str, Any], resolvers: Iterable[str], state: State, warn: Callable[[str], None]
    ) -> None:
        self._provider: Provider = open_provider(provider)
        self._resolvers = authoritative.Resolvers(list(resolvers))
        self._state = state
        self._warn = warn
        self._zones: dict[str, str] = {}

    def locate(self, domain: str) -> str:
        """Return the name at which a domain's record goes. :raises Unreachable: the resolvers do not say."""
        return self._resolvers.final_name(f"{LABEL}.{domain}")

    def seen(self, proof: Proof) -> str:
        """Say what DNS answers now where the CA looks."""
        try:
            found = self._resolvers.texts(proof.asked)
        except FedgateError as error:
            return error.message
        return ", ".join(found) or "no TXT record"

    def noted(self) -> dict[str, list[str]]:
        """Return what may be in DNS by us: name → values."""
        return {str(name): [str(text) for text in texts] for name, texts in self._state.load(CHALLENGES).items()}

    def publish(self, proofs: Iterable[Proof]) -> dict[str, FedgateError]:
        """Put all values into DNS. First it is noted where, so that a later run can take them away.

        :returns: name → why its values are not there.
        """
        wanted: dict[str, set[str]] = {}
        for proof in proofs:
            wanted.setdefault(proof.target, set()).add(proof.text)
        if not wanted:
            return {}
        noted = self.noted()
        self._state.save(
            CHALLENGES, {**noted, **{name: sorted({*noted.get(name, ()), *texts}) for name, texts in wanted.items()}}
        )
        return self._change(wanted, adding=True)

    def wait(self, proofs: Iterable[Proof], seconds: float) -> dict[str, FedgateError]:
        """Wait until all name servers give all values. :returns: name → which of them do not."""
        wanted: dict[str, dict[tuple[str, str], set[Value]]] = {}
        for proof in proofs:
            sets = wanted.setdefault(self._zones[proof.target], {})
            sets.setdefault((proof.target, _TYPE), set()).add(parse(_TYPE, proof.text))
        lagging = authoritative.wait(self._resolvers, wanted, seconds)
        return {
            name: Refused(
                f"the challenge record {name} is not at every name server of {self._zones[name]} "
                f"after {seconds:.0f} s: {'; '.join(reasons)}",
                hint="Look why the zone is not transferred there (notify, its serial number), or raise "
                "acme.propagation_timeout.",
            )
            for (name, _), reasons in lagging.items()
        }

    def clean(self) -> None:
        """Take away all that is noted; what cannot be taken away now stays noted, and is warned about."""
        noted = {name: set(texts) for name, texts in self.noted().items()}
        if not noted:
            return
        failed = self._change(noted, adding=False)
        self._state.save(CHALLENGES, {name: sorted(texts) for name, texts in noted.items() if name in failed})
        for name, error in failed.items():
            self._warn(f"the challenge record {name} could not be removed; a later run tries again: {error}")

    def close(self) -> None:
        """End the connection to the provider."""
        self._provider.close()

    def _change(self, wanted: Mapping[str, set[str]], adding: bool) -> dict[str, FedgateError]:
        """Add or remove values: one look at all names, one change a zone; anew where somebody came in between."""
        failed: dict[str, FedgateError] = {}
        left = dict(wanted)
        for number in range(_TRIES):
            time.sleep(_PAUSE * number)
            try:
                seen = self._provider.read([(name, _TYPE) for name in sorted(left)])
            except FedgateError as error:
                return {**failed, **dict.fromkeys(left, error)}
            failed_now, zones = _sorted(seen, left, adding)
            self._zones.update(seen.zones)
            for zone, changes in zones.items():
                failed_now.update(self._apply(zone, changes))
            failed = {**{name: error for name, error in failed.items() if name not in left}, **failed_now}
            left = {name: left[name] for name, error in failed_now.items() if isinstance(error, WorldMoved)}
            if not left:
                break
        return failed

    def _apply(self, zone: str, changes: list[RRsetChange]) -> dict[str, FedgateError]:
        try:
            self._provider.apply(zone, changes)
        except FedgateError as error:
            return {change.key[0]: _with_rights(error) for change in changes}
        return {}


def _with_rights(error: FedgateError) -> FedgateError:
    """Add which right is needed, where the provider says that it is lacking."""
    if not isinstance(error, Refused) or "REFUSED" not in error.message:
        return error
    return Refused(error.message, hint=f"{error.hint or ''} {_RIGHTS}".strip())


def _sorted(
    seen: Observation, wanted: Mapping[str, set[str]], adding: bool
) -> tuple[dict[str, FedgateError], dict[str, list[RRsetChange]]]:
    """Return the names for which nothing can be done, and the changes of each zone."""
    failed: dict[str, FedgateError] = {}
    zones: dict[str, list[RRsetChange]] = {}
    for name, texts in wanted.items():
        change = _changed(seen, name, texts, adding)
        if name in seen.strangers:
            # No longer in a zone of this provider: then nothing of ours is left there either.
            failed.update({name: seen.strangers[name]} if adding else {})
        elif adding and (name, "CNAME") in seen.rrsets:
            failed[name] = InvalidValue(
                f"{name} is a CNAME at the DNS provider, and the resolvers do not know of it yet",
                hint="Run again when it is known everywhere, or name other resolvers (acme.resolvers).",
            )
        elif change is not None and change.key in seen.untouchable:
            failed[name] = seen.untouchable[change.key]
        elif change is not None and seen.zones[name] in seen.obstacles:
            failed[name] = _with_rights(seen.obstacles[seen.zones[name]])
        elif change is not None:
            zones.setdefault(seen.zones[name], []).append(change)
    return failed, zones


def _changed(seen: Observation, name: str, texts: set[str], adding: bool) -> RRsetChange | None:
    """Return the change of one name; values of others stay. None where nothing has to change."""
    before = seen.rrsets.get((name, _TYPE))
    present = set(before.values) if before else set()
    ours = {parse(_TYPE, text) for text in texts}
    values = present | ours if adding else present - ours
    if values == present:
        return None
    after = RRset.of(name, _TYPE, before.ttl if before else _TTL, values) if values else None
    return RRsetChange((name, _TYPE), before, after)
