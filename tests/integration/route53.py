"""Route 53 as the tests have it, and our records there, through the package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.fedgate.dns.options import PROVIDER
from ansible.module_utils.fedgate.dns.reconciler import DnsRecords
from ansible.module_utils.fedgate.plan import Plan

from lab.route53.moto import Moto
from lab.route53.proxy import Proxy

from .dns_world import Warnings

ZONE = "contoso.example"
SRV = f"_xmpp-server._tcp.{ZONE}"
LONDON, TOKYO = f"edge.london.{ZONE}", f"edge.tokyo.{ZONE}"
KEY_ID, SECRET = "AKIACANARY", "canary-secret-0123456789"

#: (name, type) → time to live and values, as the API has them.
Sets = dict[tuple[str, str], tuple[int, tuple[str, ...]]]


def record(name: str, rtype: str, *values: str, ttl: int = 300) -> dict[str, Any]:
    """A record that shall be there."""
    return {"name": name, "type": rtype, "ttl": ttl, "values": list(values)}


def absent(name: str, rtype: str) -> dict[str, Any]:
    """A record that shall not be there."""
    return {"name": name, "type": rtype, "state": "absent"}


def services(*labels: str, port: int = 5269) -> list[dict[str, Any]]:
    """SRV records of domains below the zone."""
    return [record(f"_xmpp-server._tcp.{label}.{ZONE}", "SRV", f"10 0 {port} {LONDON}") for label in labels]


def names_of(plan: Plan) -> list[str]:
    """What a plan does."""
    return [f"{change.action} {change.name}" for change in plan.changes]


class World:
    """moto behind the proxy.

    :ivar results: what the last ``publish`` returned for the module.
    """

    def __init__(self, moto: Moto, proxy: Proxy) -> None:
        self.moto = moto
        self.proxy = proxy
        self.results: dict[str, Any] = {}

    def provider(self, **options: Any) -> dict[str, Any]:
        """The module's options of a provider, at a pace that tests can wait for."""
        defaults = {name: spec.get("default") for name, spec in PROVIDER.items()}
        ours = {
            "kind": "route53",
            "endpoint_url": self.proxy.url,
            "access_key_id": KEY_ID,
            "secret_access_key": SECRET,
            "requests_per_second": 1000.0,
            "insync_timeout": 20,
            "timeout": 20,
        }
        return {**defaults, **ours, **options}

    def work(self, records: list[dict[str, Any]], **options: Any) -> DnsRecords:
        """The module's steps; large changes are made unasked."""
        given = {"providers": [self.provider(**options)], "records": records, "hold": [], "force": True}
        return DnsRecords({**given, "wait": "provider"}, Warnings())  # type: ignore[arg-type]

    def publish(self, records: list[dict[str, Any]], **options: Any) -> Plan:
        """Walk the steps as ``module.run`` does, and return what was done."""
        before = Counter(self.proxy.counts)
        work = self.work(records, **options)
        observed = work.observe()
        plan = work.plan(observed)
        if plan:
            work.apply(plan, observed)
            observed = work.observe_again(plan)
            assert not work.plan(observed)
        self.results = work.results(observed, plan)["providers"]["route53"]
        assert self.results["requests"] == dict(self.proxy.counts - before)  # counted as they came in
        return plan

    def cost(self, records: list[dict[str, Any]], **options: Any) -> tuple[int, Plan]:
        """Publish; return how many requests came in, and what was done."""
        self.proxy.reset()
        plan = self.publish(records, **options)
        return sum(self.proxy.counts.values()), plan

    def sets(self, zone_id: str) -> Sets:
        """What the zone holds beside SOA and NS of its own, past the proxy."""
        pages = self.moto.client().get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        return {
            (row["Name"], row["Type"]): (
                row.get("TTL", 0),
                tuple(sorted(r["Value"] for r in row.get("ResourceRecords", ()))),
            )
            for page in pages
            for row in page["ResourceRecordSets"]
            if row["Type"] not in ("SOA", "NS")
        }

    def edit(self, zone_id: str, *changes: tuple[str, str, str, int, Iterable[str]], **extra: Any) -> None:
        """Change records as somebody else: action, name, type, time to live, values; ``extra`` goes into each set."""
        batch = [
            {
                "Action": action,
                "ResourceRecordSet": {
                    "Name": name,
                    "Type": rtype,
                    **({"TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]} if values else {}),
                    **extra,
                },
            }
            for action, name, rtype, ttl, values in changes
        ]
        self.moto.client().change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": batch})
