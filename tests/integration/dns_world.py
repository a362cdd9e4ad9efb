"""The module ``dns_records`` step by step, as ``module.run`` walks it, and records to give it."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.fedgate.dns.reconciler import DnsRecords
from ansible.module_utils.fedgate.plan import Plan

from .bind import KEYS, Bind

SRV = "_xmpp-server._tcp.contoso.example"
LONDON, TOKYO = "edge.london.contoso.example", "edge.tokyo.contoso.example"
#: Which part of the full number of repetitions is done.
REPEAT = float(os.environ.get("FEDGATE_REPEAT", "0.1"))
#: The options that let a provider transfer zones.
TRANSFER = {
    "transfer_tsig_name": "transfer",
    "transfer_tsig_algorithm": KEYS["transfer"][0],
    "transfer_tsig_secret": KEYS["transfer"][1],
}


def srv(*values: str, name: str = SRV, ttl: int = 300) -> dict[str, Any]:
    return {"name": name, "type": "SRV", "ttl": ttl, "values": list(values), "state": "present"}


def a(name: str, *values: str, ttl: int = 300) -> dict[str, Any]:
    return {"name": name, "type": "A", "ttl": ttl, "values": list(values), "state": "present"}


def absent(name: str, rtype: str) -> dict[str, Any]:
    return {"name": name, "type": rtype, "state": "absent"}


class Warnings:
    """Keeps what people would be warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.check_mode = False

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def reconciler(
    provider: dict[str, Any], records: list[dict[str, Any]], hold: list[str] | None = None, **options: Any
) -> DnsRecords:
    """``options`` are the module's; large changes are made unasked unless a test says otherwise."""
    given = {"providers": [provider], "records": records, "hold": hold or [], "force": True, "wait": "provider"}
    return DnsRecords({**given, **options}, Warnings())


def zones_of(results: dict[str, Any]) -> dict[str, Any]:
    return dict(results["providers"]["rfc2136"]["zones"])


def publish(bind: Bind, records: list[dict[str, Any]], hold: list[str] | None = None, **options: Any) -> Plan:
    """Walk the steps as ``module.run`` does, and return what was done."""
    work = reconciler(bind.provider(**options), records, hold)
    observed = work.observe()
    plan = work.plan(observed)
    if plan:
        work.apply(plan, observed)
        assert not work.plan(work.observe_again(plan))
    work.results(observed, plan)
    return plan


def names_of(plan: Plan) -> list[str]:
    return [f"{change.action} {change.name}" for change in plan.changes]


def services(count: int, target: str = LONDON, ttl: int = 300) -> list[dict[str, Any]]:
    """Return one SRV record for each of many domains."""
    return [
        srv(f"10 0 5269 {target}", name=f"_xmpp-server._tcp.domain-{number}.contoso.example", ttl=ttl)
        for number in range(count)
    ]


def run(work: DnsRecords) -> tuple[Plan, dict[str, Any]]:
    """Walk the steps; return what was done, and what the provider rfc2136 has to tell: zones, requests."""
    observed = work.observe()
    plan = work.plan(observed)
    if plan:
        work.apply(plan, observed)
        observed = work.observe_again(plan)
        assert not work.plan(observed)
    return plan, dict(work.results(observed, plan)["providers"]["rfc2136"])
