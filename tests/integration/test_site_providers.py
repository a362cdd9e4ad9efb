"""One rollout with zones at three kinds of DNS provider: the lab's BIND, Route 53's emulator, and a PowerDNS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import dns.message
import dns.query
import dns.rdatatype
import pytest

from lab.hosted import READY
from lab.powerdns import PowerDns
from lab.zones import HOSTED

from .conftest import Lab
from .rollout import LAB_NAME, ROOT, Rollout, play

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not PowerDns.installed(), reason="PowerDNS is not installed (package pdns-server)"),
]
INVENTORIES = ("-i", "inventories/lab-dns")
CLOUD, POWER = HOSTED
TTL = 120


@pytest.fixture(scope="module")
def hosted(deployed_lab: Lab) -> Iterator[Lab]:
    """The lab, and what hosts zones elsewhere; afterwards the lab is as it was."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "bin" / "lab"), "hosted"],
        env={**os.environ, "LAB_NAME": LAB_NAME},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if READY in line:
            break
    assert READY in said, said
    yield deployed_lab
    back = play("site.yml", variables={"dns_srv_force": True})
    process.terminate()
    assert process.wait(30) == 0
    assert back.code == 0, back.output[-6000:]


def rolled_out(*arguments: str, ttl: int = TTL) -> Rollout:
    """Run ``site.yml`` with the providers; all records change when the time to live does."""
    variables = {"federation_dns_ttl": ttl, "dns_srv_force": True}
    done = play("site.yml", *INVENTORIES, *arguments, variables=variables)
    assert done.code == 0, done.output[-8000:]
    return done


def rrsets(rollout: Rollout) -> set[str]:
    return {name for _, kind, name, _ in rollout.named_changes() if kind == "rrset"}


def srv(lab: Lab, domain: str) -> tuple[int, set[str]] | None:
    """Return what the place itself that hosts a zone answers."""
    where = lab.state["hosted"].get(HOSTED.get(domain, ""), {"address": lab.state["addresses"]["dns"], "dns_port": 53})
    query = dns.message.make_query(f"_xmpp-server._tcp.{domain}", "SRV")
    answer = dns.query.tcp(query, where["address"], port=where["dns_port"], timeout=5)
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.SRV:
            return rrset.ttl, {str(rdata) for rdata in rrset}
    return None


def test_one_rollout_publishes_at_all_three(hosted: Lab) -> None:
    checked = rolled_out("--check", "--diff")
    assert srv(hosted, CLOUD) is None and srv(hosted, POWER) is None
    done = rolled_out()
    assert rrsets(checked) == rrsets(done)
    assert {name.rpartition(" at ")[2] for name in rrsets(done)} == {"headquarters", "cloud", "power"}
    london, tokyo = "edge.london.contoso.example.", "edge.tokyo.contoso.example."
    assert srv(hosted, "contoso.example") == (TTL, {f"10 0 5269 {london}"})
    assert srv(hosted, CLOUD) == (TTL, {f"10 0 5269 {london}"})
    assert srv(hosted, "contoso-asia.example") == (TTL, {f"20 0 5269 {tokyo}"})
    assert srv(hosted, POWER) == (TTL, {f"20 0 5269 {tokyo}"})
    # The last stage has looked at all four domains from outside, by DNS.
    assert rolled_out().changed() == dict.fromkeys(done.hosts, 0)


def test_limit_changes_nothing_of_the_other_sites(hosted: Lab) -> None:
    before = {domain: srv(hosted, domain) for domain in (POWER, "contoso-asia.example")}
    done = rolled_out("--limit", "london", ttl=TTL + 60)
    changed = rrsets(done)
    assert any(CLOUD in name for name in changed) and any(
        "xmpp-server._tcp.contoso.example" in name for name in changed
    )
    assert not any(word in name for name in changed for word in ("asia", "tokyo", POWER))
    assert {domain: srv(hosted, domain) for domain in before} == before
    assert srv(hosted, CLOUD) == (TTL + 60, {"10 0 5269 edge.london.contoso.example."})


def test_one_provider_that_is_down_stops_all_before_any_is_changed(hosted: Lab) -> None:
    before = {domain: srv(hosted, domain) for domain in ("contoso.example", CLOUD, POWER)}
    broken = "http://127.0.0.1:9"
    variables = {"federation_dns_ttl": TTL + 30, "dns_srv_force": True, "lab_cloud_endpoint": broken}
    done = play("dns.yml", *INVENTORIES, variables=variables)
    assert done.code == 2 and "DNS records were not published" in done.output and broken in done.output
    assert {domain: srv(hosted, domain) for domain in before} == before
