"""What goes into one UPDATE message: full ones, no name torn apart, and hosts with the services that lead to them."""

from __future__ import annotations

import dns.tsig
from ansible.module_utils.fedgate.dns.changes import RRsetChange, changes
from ansible.module_utils.fedgate.dns.records import RRset, Wanted
from ansible.module_utils.fedgate.dns.rfc2136 import packing, update
from ansible.module_utils.fedgate.dns.values import parse
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = dns.tsig.Key("fedgate", b"secret", "hmac-sha512")
ZONE = "contoso.example"
LIMIT = 65535


def wanted(name: str, rtype: str, *texts: str) -> Wanted:
    return Wanted(name, rtype, 300, tuple(sorted({parse(rtype, text) for text in texts})))


def site(number: int, services: int) -> list[Wanted]:
    """Return a host and services that lead to it."""
    host = f"edge.site-{number}.{ZONE}"
    return [
        wanted(host, "A", "192.0.2.1"),
        *(wanted(f"_s{service}._tcp.site-{number}.{ZONE}", "SRV", f"1 1 1 {host}") for service in range(services)),
    ]


def packed(plan: list[RRsetChange]) -> list[tuple[int, list[str]]]:
    """Return the size and the names of each message."""
    return [
        (len(wire), [change.key[0] for change in part]) for _message, wire, part in update.messages(ZONE, plan, KEY)
    ]


def test_messages_are_full() -> None:
    plan = changes({}, [wanted(f"host-{number:05}.{ZONE}", "A", "192.0.2.1") for number in range(4000)])
    sizes = [size for size, _ in packed(plan)]
    assert all(size > 0.98 * LIMIT for size in sizes[:-1]), sizes
    assert len(sizes) == -(-sum(sizes) // LIMIT)


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 600), st.integers(1, 6))
def test_a_site_is_never_torn_apart(count: int, services: int) -> None:
    plan = changes({}, [one for number in range(count) for one in site(number, services)])
    messages = packed(plan)
    sites = [{name.split("site-")[1].split(".")[0] for name in names} for _, names in messages]
    assert sum(len(of_it) for of_it in sites) == count
    assert sum(len(names) for _, names in messages) == len(plan)
    assert all(size > 0.9 * LIMIT for size, _ in messages[:-1])


def test_what_no_message_can_hold_goes_in_safe_order() -> None:
    """Two thousand services of one host: its address comes with the first ones; a small site fills up."""
    host = f"edge.{ZONE}"
    big = [wanted(host, "A", "192.0.2.1")]
    big += [wanted(f"_x._tcp.domain-{number}.{ZONE}", "SRV", f"1 1 1 {host}") for number in range(2000)]
    messages = packed(changes({}, [*site(0, 3), *big]))
    assert host in messages[0][1] and len(messages) == -(-sum(size for size, _ in messages) // LIMIT)
    assert len({name for _, names in messages for name in names if "site-0" in name}) == 4
    assert sum(any("site-0" in name for name in names) for _, names in messages) == 1


def test_services_that_lead_away_go_with_the_host_that_goes() -> None:
    """Before and after both count: the address goes last, in the same message."""
    old, new = f"old.{ZONE}", f"new.{ZONE}"
    value = parse("SRV", f"1 1 1 {old}")
    observed = {
        found.key: found
        for found in (
            RRset.of(f"_x._tcp.{ZONE}", "SRV", 300, [value], (update.rdata("SRV", value),)),
            RRset.of(old, "A", 300, [parse("A", "192.0.2.1")], (update.rdata("A", parse("A", "192.0.2.1")),)),
        )
    }
    plan = changes(
        observed,
        [Wanted(old, "A"), wanted(new, "A", "192.0.2.2"), wanted(f"_x._tcp.{ZONE}", "SRV", f"1 1 1 {new}")],
    )
    units = packing.units(plan, lambda part: packing.Size(1, 1, 0), 100)
    assert [unit.name for unit in units] == [new, f"_x._tcp.{ZONE}", old] and len({unit.group for unit in units}) == 1
