"""What an inventory would say of records that exist: pure functions from record sets to variables and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import names
from .records import Key, RRset
from .values import Value

SERVER, CLIENT = "_xmpp-server._tcp", "_xmpp-client._tcp"
DIRECT_SERVER, DIRECT_CLIENT = "_xmpps-server._tcp", "_xmpps-client._tcp"
SIP = "_sipfederationtls._tcp"
#: Service → the port that is registered for it; None where each operator chooses one.
PORTS: Mapping[str, int | None] = {SERVER: 5269, CLIENT: 5222, DIRECT_SERVER: None, DIRECT_CLIENT: None, SIP: 5061}
_ADDRESSES = ("A", "AAAA")


def services(domains: Iterable[str]) -> list[Key]:
    """Return the names and types at which a domain says where it is served, and who may certify it."""
    return [
        key for domain in domains for key in (*((f"{service}.{domain}", "SRV") for service in PORTS), (domain, "CAA"))
    ]


def targets(found: Iterable[RRset]) -> list[Key]:
    """Return what to look up of the hosts that SRV records lead to."""
    keys: set[Key] = set()
    for rrset in found:
        for value in rrset.values if rrset.type == "SRV" else ():
            host, port = value.leads_to, value.order[2]
            if host and host != names.ROOT:
                keys |= {(host, rtype) for rtype in (*_ADDRESSES, "CAA")} | {(f"_{port}._tcp.{host}", "TLSA")}
    return sorted(keys)


def inventory(domains: Sequence[str], external: Iterable[RRset], internal: Iterable[RRset]) -> dict[str, Any]:
    """Return the variables that say what these records say.

    :param domains: XMPP domains.
    :param external: what the world sees; :param internal: what one's own network sees, if that was looked at.
    :returns: ``all`` (variables of the deployment), ``pools`` (FQDN → variables), ``notes`` (what no variable says).
    """
    work = _Import({rrset.key: rrset for rrset in external}, {rrset.key: rrset for rrset in internal})
    pools = work.pools(domains)
    return {"all": work.shared(domains), "pools": pools, "notes": work.notes}


class _Import:
    def __init__(self, external: Mapping[Key, RRset], internal: Mapping[Key, RRset]) -> None:
        self.external = external
        self.internal = internal
        self.notes: list[str] = []

    def shared(self, domains: Sequence[str]) -> dict[str, Any]:
        """Return what holds for all pools."""
        served = [domain for domain in domains if self._served(domain)]
        found: dict[str, Any] = {"federation_xmpp_domains": served}
        retired = [domain for domain in domains if self._values(SERVER, domain) and domain not in served]
        if retired:
            found["federation_retired_xmpp_domains"] = retired
        for domain in domains:
            if not self._values(SERVER, domain):
                self.notes.append(f"{domain} has no {SERVER} record: it is left out")
        found["federation_publish_xmpp_client"] = any(self._values(CLIENT, domain) for domain in served)
        ttl = self._ttl()
        if ttl is not None:
            found["federation_dns_ttl"] = ttl
        self._note_certification(domains)
        return found

    def pools(self, domains: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the variables of each host that SRV records lead to, in order of preference."""
        found: dict[str, dict[str, Any]] = {}
        for domain in domains:
            for value in self._served(domain):
                pool = found.setdefault(str(value.leads_to), {"edge_pool_fqdn": value.leads_to})
                self._add(pool, domain, value)
        for fqdn, pool in found.items():
            self._finish(fqdn, pool, [domain for domain in domains if self._served(domain)])
        return dict(sorted(found.items(), key=lambda item: (item[1]["edge_pool_priority"], item[0])))

    def _add(self, pool: dict[str, Any], domain: str, value: Value) -> None:
        priority, weight, port = value.order[:3]
        pool.setdefault("edge_pool_xmpp_domains", []).append(domain)
        for name, number in (("edge_pool_priority", priority), ("edge_pool_weight", weight)):
            if pool.setdefault(name, number) != number:
                self.notes.append(
                    f"{domain} has another {name[10:]} at {value.leads_to} ({number}) than other domains "
                    f"({pool[name]}), which a pool cannot have"
                )
        if port != PORTS[SERVER]:
            self.notes.append(f"{SERVER}.{domain} leads to port {port}; gateways here use {PORTS[SERVER]}")

    def _finish(self, fqdn: str, pool: dict[str, Any], served: Sequence[str]) -> None:
        """Add the addresses, and leave out what is so by default."""
        if list(pool["edge_pool_xmpp_domains"]) == list(served):
            del pool["edge_pool_xmpp_domains"]
        pool["edge_published_addresses"] = self._addresses(self.external, fqdn)
        if not pool["edge_published_addresses"]:
            alias = self.external.get((fqdn, "CNAME"))
            reason = f"it is a CNAME of {alias.values[0].text}" if alias and alias.values else "it has no address there"
            self.notes.append(f"the addresses of {fqdn} are not known: {reason}")
        inside = self._addresses(self.internal, fqdn)
        if inside and inside != pool["edge_published_addresses"]:
            pool["edge_internal_addresses"] = inside

    def _addresses(self, found: Mapping[Key, RRset], fqdn: str) -> list[str]:
        return [value.text for rtype in _ADDRESSES if (fqdn, rtype) in found for value in found[fqdn, rtype].values]

    def _values(self, service: str, domain: str) -> tuple[Value, ...]:
        rrset = self.external.get((f"{service}.{domain}", "SRV"))
        return rrset.values if rrset else ()

    def _served(self, domain: str) -> list[Value]:
        return [value for value in self._values(SERVER, domain) if value.leads_to != names.ROOT]

    def _ttl(self) -> int | None:
        """Return the commonest time to live of what we would manage, and note the others."""
        ours = [rrset for rrset in self.external.values() if rrset.type in ("SRV", *_ADDRESSES)]
        if not ours:
            return None
        ttl = Counter(rrset.ttl for rrset in ours).most_common(1)[0][0]
        others = sorted(f"{' '.join(rrset.key)} ({rrset.ttl} s)" for rrset in ours if rrset.ttl != ttl)
        if others:
            self.notes.append(f"another time to live than {ttl} s: {', '.join(others)}")
        return ttl

    def _note_certification(self, domains: Sequence[str]) -> None:
        for (name, rtype), rrset in sorted(self.external.items()):
            if rtype in ("CAA", "TLSA"):
                self.notes.append(f"{name} {rtype}: {', '.join(value.text for value in rrset.values)}")
            elif rtype == "SRV" and name.startswith((DIRECT_SERVER, DIRECT_CLIENT, SIP)) and rrset.values:
                self.notes.append(f"{name} SRV: {', '.join(value.text for value in rrset.values)}")
