"""The module ``dns_records``: all zones are looked at and planned before any is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import FedgateError, InvalidValue
from ..module import Context, Reconciler
from ..plan import Plan
from . import names
from .changes import RRsetChange, changes
from .provider import Observation
from .providers import open_provider
from .records import wanted_from

_PROVIDER_OPTIONS: dict[str, Any] = {
    "kind": {"type": "str", "choices": ["rfc2136"], "default": "rfc2136"},
    "server": {"type": "str"},
    "port": {"type": "int", "default": 53},
    "tsig_name": {"type": "str"},
    "tsig_algorithm": {
        "type": "str",
        "choices": ["hmac-sha256", "hmac-sha384", "hmac-sha512"],
        "default": "hmac-sha256",
    },
    "tsig_secret": {"type": "str", "no_log": True},
    "timeout": {"type": "int", "default": 10},
}
_RECORD_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": ["SRV", "A", "AAAA", "CNAME", "TXT"]},
    "ttl": {"type": "int"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "values": {"type": "list", "elements": "str", "default": []},
}
ARGUMENTS: dict[str, Any] = {
    "provider": {
        "type": "dict",
        "required": True,
        "options": _PROVIDER_OPTIONS,
        "required_if": [("kind", "rfc2136", ("server", "tsig_name", "tsig_secret"))],
    },
    "records": {"type": "list", "elements": "dict", "required": True, "options": _RECORD_OPTIONS},
    "hold": {"type": "list", "elements": "str", "default": []},
}


class DnsRecords(Reconciler):
    """Brings exactly the given names and types into the wanted state; touches nothing else."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self._wanted = wanted_from(params["records"])
        self._hold = [_held(name, f"hold[{index}]") for index, name in enumerate(params["hold"])]
        self._provider = open_provider(params["provider"])
        self._messages: dict[str, int] = {}
        self._first_look = Observation()

    def observe(self) -> Observation:
        """Look up every given name and type."""
        self._first_look = self._provider.read([one.key for one in self._wanted])
        return self._first_look

    def plan(self, observed: Observation) -> Plan:
        """Compare; refuse when a name is in no zone of the provider, or a zone that has to change will not let us."""
        for one in self._wanted:
            if one.values and one.name in observed.strangers:
                raise observed.strangers[one.name]
        ours = [one for one in self._wanted if one.name not in observed.strangers]
        found = changes(observed.rrsets, ours, self._hold)
        for change in found:
            obstacle = observed.obstacles.get(observed.zones[change.key[0]])
            if obstacle is not None:
                raise obstacle
        return Plan.of(change.as_change() for change in found)

    def apply(self, plan: Plan, observed: Observation) -> None:
        """Change zone after zone; when one fails, say which ones are done."""
        zones: dict[str, list[RRsetChange]] = {}
        for change in plan.changes:  # in safe order: the zones that get addresses come first
            zones.setdefault(observed.zones[change.subject.key[0]], []).append(change.subject)
        for zone, parts in zones.items():
            try:
                self._messages[zone] = self._provider.apply(zone, parts)
            except FedgateError as error:
                raise self._partly(error, zone, list(zones)) from error

    def _partly(self, error: FedgateError, failed: str, zones: list[str]) -> FedgateError:
        """Return the same error, telling also what took effect before it and what was not tried."""
        part = error.details.pop("messages_applied", 0)
        done = [zone for zone in zones if zone in self._messages]
        left = [zone for zone in zones if zone not in (*done, failed)]
        also = f" {part} earlier messages of this zone were applied." if part else ""
        if done or left or part:
            also += f" Applied: {_listed(done)}. Not tried: {_listed(left)}. A second run does what is left."
        changed = bool(done or part)
        details = {
            **error.details,
            "changed": changed,
            "zones_applied": done,
            "zone_failed": failed,
            "zones_left": left,
        }
        return type(error)(error.message, hint=f"{error.hint or ''}{also}".strip(), details=details)

    def observe_again(self, plan: Plan) -> Observation:
        """Look again at what was changed only."""
        keys = [change.subject.key for change in plan.changes]
        return self._first_look.with_news(keys, self._provider.read(keys))

    def results(self, observed: Observation, plan: Plan) -> dict[str, Any]:
        """Return for each zone its serial number and how many messages changed it."""
        if observed.strangers:
            self.context.warn(
                f"{_listed(sorted(observed.strangers))}: not in any zone of the DNS provider, so nothing is there "
                "to be removed; if the zone moved, remove the records where it is now."
            )
        zones = sorted(set(observed.zones.values()))
        found = {zone: {"messages": self._messages.get(zone, 0), **self._provider.describe(zone)} for zone in zones}
        self._provider.close()
        return {"zones": found}


def _held(name: str, path: str) -> str:
    try:
        return names.owner_name(name)
    except InvalidValue as error:
        raise InvalidValue(error.message, hint=error.hint, path=path) from error


def _listed(zones: list[str]) -> str:
    return ", ".join(zones) or "none"
