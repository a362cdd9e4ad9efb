"""Who was refused at the gateways: counts over all of them, and entries for the inventory that would let them in.

Names in these counters were chosen by strangers. Only what is a domain name comes into the entries; the rest is listed
apart, escaped and cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidValue
from ..model.domains import domain_name
from .addresses import shown
from .inventory import Inventory

#: A gateway keeps so many counters, the latest; more may have knocked.
KEPT = 200
_STRANGER = "not-a-partner"


@dataclass
class Tries:
    """What one domain tried, over all gateways.

    :ivar count: refusals; :ivar last: seconds since 1970 of the latest; :ivar counters: for each
        (direction, our domain, reason) how many.
    """

    count: int = 0
    last: int = 0
    counters: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, refused: Mapping[str, Any]) -> None:
        """Add a gateway's counter."""
        count, last = _number(refused.get("count")), _number(refused.get("last"))
        key = (
            shown(str(refused.get("direction"))),
            shown(str(refused.get("local"))),
            shown(str(refused.get("reason"))),
        )
        self.count += count
        self.last = max(self.last, last)
        self.counters[key] = self.counters.get(key, 0) + count

    @property
    def strange(self) -> bool:
        """Whether it was refused for not being listed."""
        return any(reason == _STRANGER for _direction, _local, reason in self.counters)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: count, last (UTC), refusals."""
        refusals = [
            {"direction": direction, "local": local, "reason": reason, "count": count}
            for (direction, local, reason), count in sorted(self.counters.items(), key=lambda item: -item[1])
        ]
        return {"count": self.count, "last": _time(self.last), "refusals": refusals}


def explain_knocking(inventory: Inventory, gateways: Mapping[str, Any]) -> dict[str, Any]:
    """Put the refusals of all gateways together.

    :param gateways: by inventory name what ``xmpp_gateway_info`` returned; what has no ``status`` counts as silent.
    :returns: plain data, the most frequent first: ``strangers`` (refused for not being listed, and still not,
        and blocked nowhere); ``partners`` (refused for another reason, or ``listed`` by now, ``expired`` or
        ``blocked``); ``invalid`` (no domain names); ``silent`` and ``full`` gateways; ``snippet``, a YAML text.
    :raises InvalidValue: for gateways that are not in the inventory.
    """
    _demand_known(inventory, gateways)
    tries: dict[str, Tries] = {}
    invalid: dict[str, Tries] = {}
    for refused in _refusals(gateways):
        name = str(refused.get("remote"))
        try:
            tries.setdefault(domain_name(name), Tries()).add(refused)
        except InvalidValue:
            invalid.setdefault(shown(name) or "(no name)", Tries()).add(refused)
    blocked = _Blocked(gateways)
    strangers = {
        name: found
        for name, found in tries.items()
        if found.strange and _is_unknown(inventory, name) and not blocked.covers(name)
    }
    rest = {name: found for name, found in tries.items() if name not in strangers}
    silent = [name for name, found in gateways.items() if not _status(found)]
    full = [name for name, found in gateways.items() if len(_refused(found)) >= KEPT]
    return {
        "strangers": _listed(strangers),
        "partners": [
            {**item, **_known(inventory, item["domain"]), "blocked": blocked.covers(item["domain"])}
            for item in _listed(rest)
        ],
        "invalid": _listed(invalid, "name"),
        "silent": silent,
        "full": full,
        "gateways": len(gateways),
        "snippet": snippet(_listed(strangers)),
    }


def snippet(strangers: Iterable[Mapping[str, Any]]) -> str:
    """Return partners as an inventory has them, every line commented out: whoever lets one in removes the marks.

    The entries ask for TLS and a valid certificate, and have the type that may do least.
    """
    entries = "\n".join(_entry(item) for item in strangers)
    if not entries:
        return ""
    head = (
        "# Refused so far. To let one in, agree with its administrators, and remove the marks of comments before it.\n"
        "# federation_partners_new:\n"
    )
    return f"{head}{entries}\n"


def _entry(item: Mapping[str, Any]) -> str:
    tried = "; ".join(
        f"{each['count']} x {each['direction']}, {each['local']}, {each['reason']}" for each in item["refusals"][:5]
    )
    lines = [
        f'  - domain: "{item["domain"]}"',
        f"    # {item['count']} x refused, last {item['last']}: {tried}",
        "    type: public_unverified",
        "    tls: required",
        "    sasl: optional",
        "    dialback: true",
        "    dialback_certificate: valid",
    ]
    return "\n".join(f"# {line}" for line in lines)


def _demand_known(inventory: Inventory, gateways: Mapping[str, Any]) -> None:
    known = {host.name for pool in inventory.deployment.pools for host in pool.members}
    for name in gateways:
        if name not in known:
            hint = "Give what xmpp_gateway_info returned, by the gateways' names in the inventory."
            raise InvalidValue(f"{shown(str(name))} is no gateway of the inventory", path="gateways", hint=hint)


class _Blocked:
    """Domains that are shut out by hand at any gateway: nobody lets them in by pasting an entry.

    :param gateways: by name what ``xmpp_gateway_info`` returned.
    """

    def __init__(self, gateways: Mapping[str, Any]) -> None:
        self._whole: dict[str, bool] = {}
        for found in gateways.values():
            blocked = found.get("blocked") if isinstance(found, Mapping) else None
            entries = blocked if isinstance(blocked, (list, tuple)) else []
            for item in [entry for entry in entries if isinstance(entry, Mapping)]:
                name = str(item.get("domain"))
                self._whole[name] = self._whole.get(name, False) or item.get("subdomains") is True

    def covers(self, domain: str) -> bool:
        """Tell whether a domain is blocked, by itself or with those below a name."""
        labels = domain.split(".")
        above = (".".join(labels[number:]) for number in range(1, len(labels)))
        return domain in self._whole or any(self._whole.get(name, False) for name in above)


def _status(found: Any) -> Mapping[str, Any]:
    status = found.get("status") if isinstance(found, Mapping) else None
    return status if isinstance(status, Mapping) else {}


def _refused(found: Any) -> list[Mapping[str, Any]]:
    refused = _status(found).get("refused")
    return [item for item in refused if isinstance(item, Mapping)] if isinstance(refused, (list, tuple)) else []


def _refusals(gateways: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for found in gateways.values():
        yield from _refused(found)


def _is_unknown(inventory: Inventory, domain: str) -> bool:
    deployment = inventory.deployment
    ours = [*deployment.xmpp_domains, *(item.domain for item in deployment.components)]
    return domain not in ours and inventory.entry(domain) is None


def _known(inventory: Inventory, domain: str) -> dict[str, Any]:
    """Tell what the inventory says of a domain by now."""
    entry = inventory.entry(domain)
    if entry is None:
        return {"listed": False, "expired": False, "source": None}
    expired = inventory.expired(entry)
    return {"listed": True, "expired": expired, "source": entry.said("expires" if expired else "domain").source}


def _listed(tries: Mapping[str, Tries], key: str = "domain") -> list[dict[str, Any]]:
    ordered = sorted(tries.items(), key=lambda item: (-item[1].count, item[0]))
    return [{key: name, **found.as_dict()} for name, found in ordered]


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0


def _time(seconds: int) -> str:
    """Return a time as ISO 8601, UTC, to the second; an impossible one as unknown."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else "unknown"
    except (OverflowError, ValueError, OSError):
        return "unknown"
