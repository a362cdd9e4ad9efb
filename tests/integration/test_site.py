"""The whole rollout: exact check mode, idempotence, kills, parts of the inventory, a missing host."""

from __future__ import annotations

import os
import random
import time

import pytest

from .conftest import Lab
from .rollout import Rollout, lab, lab_state, play, play_killed

pytestmark = pytest.mark.lab

EDGES = ("edge1.london", "edge1.tokyo")
#: How many moments of a first run are killed: ten, of which a daily run takes the part that FEDGATE_REPEAT says.
FORCE = {"dns_srv_force": True}
KILLS = max(1, round(10 * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))


def succeeded(rollout: Rollout) -> Rollout:
    """Demand exit code 0, showing the output otherwise."""
    assert rollout.code == 0, rollout.output[-6000:]
    return rollout


def ttl(seconds: int) -> dict[str, object]:
    """Change every record of ours: so much at once has to be confirmed."""
    return {"federation_dns_ttl": seconds, **FORCE}


def bare_edges() -> None:
    """Give both edges back as bare Debian, and take their records out of DNS."""
    lab("reset", "dns", *EDGES)


def nothing_left() -> None:
    """Demand that another run changes nothing on any host."""
    again = succeeded(play("site.yml"))
    assert again.changed() == dict.fromkeys(again.hosts, 0), (again.named_changes(), again.output[-6000:])
    assert set(EDGES) <= set(again.hosts)


@pytest.fixture(scope="module")
def first_run(lab_up: Lab) -> tuple[Rollout, Rollout, float]:
    """Check mode on bare hosts, then the real run. :returns: both, and the seconds of the real one."""
    bare_edges()
    checked = succeeded(play("site.yml", "--check", "--diff"))
    start = time.monotonic()
    done = succeeded(play("site.yml"))
    return checked, done, time.monotonic() - start


def test_check_mode_on_bare_hosts_names_exactly_what_the_run_then_does(first_run) -> None:
    checked, done, _ = first_run
    planned, carried_out = checked.named_changes(), done.named_changes()
    assert planned == carried_out, {"only planned": planned - carried_out, "only done": carried_out - planned}
    for host in EDGES:
        kinds = {kind for where, kind, _, _ in planned if where == host}
        assert {"certificate", "file", "service"} <= kinds


def test_second_run_changes_nothing(first_run) -> None:
    nothing_left()


def test_check_mode_afterwards_plans_nothing(first_run) -> None:
    assert succeeded(play("site.yml", "--check")).named_changes() == set()


def test_limit_leaves_the_other_site_and_its_records_as_they_are(first_run) -> None:
    before = dns_of_tokyo()
    lab("exec", "edge1.london", "rm", "-f", "/etc/prosody/fedgate/policy.json")
    limited = succeeded(play("site.yml", "--limit", "london", variables=ttl(600)))
    assert set(limited.hosts) == {"edge1.london"}
    changed_records = {name for _, kind, name, _ in limited.named_changes() if kind == "rrset"}
    assert changed_records and not any("asia" in name or "tokyo" in name for name in changed_records)
    assert dns_of_tokyo() == before
    succeeded(play("site.yml", variables=FORCE))


def test_one_site_unreachable_the_other_is_finished_and_the_summary_says_so(first_run) -> None:
    before = dns_of_tokyo()
    lab("exec", "edge1.tokyo", "systemctl", "stop", "ssh.socket", "ssh.service")
    # A connection that is kept open for the next task would still get through.
    lab("exec", "edge1.tokyo", "pkill", "sshd", check=False)
    try:
        rollout = play("site.yml", variables=ttl(900))
    finally:
        lab("exec", "edge1.tokyo", "systemctl", "start", "ssh.service")
    assert rollout.code == 4
    assert "edge1.tokyo: UNREACHABLE" in rollout.output
    assert "edge1.london: done" in rollout.output
    assert "NOT DONE: edge1.tokyo" in rollout.output
    assert not rollout.hosts["edge1.london"]["failed"]
    assert {kind for host, kind, _, _ in rollout.named_changes()} >= {"rrset"}
    assert dns_of_tokyo() == before
    succeeded(play("site.yml", variables=FORCE))


def test_tags_dns_alone_checks_and_probes_first(first_run) -> None:
    rollout = succeeded(play("site.yml", "--tags", "dns", variables=ttl(1200)))
    assert {kind for _, kind, _, _ in rollout.named_changes()} == {"rrset"}
    broken = play("site.yml", "--tags", "dns", variables=ttl(3))
    assert broken.code != 0 and "federation_dns_ttl" in broken.output
    succeeded(play("dns.yml", variables=FORCE))


@pytest.mark.soak
def test_a_first_run_killed_anywhere_is_finished_by_the_next(first_run) -> None:
    _, _, seconds = first_run
    moments = [seconds * (0.1 + 0.85 * (number + random.random()) / KILLS) for number in range(KILLS)]
    for moment in moments:
        bare_edges()
        while not play_killed("site.yml", moment):
            # This run was faster than the one that was measured, and had ended.
            moment *= 0.8
            bare_edges()
        finished = play("site.yml")
        assert finished.code == 0, f"after a kill at {moment:.1f} s: {finished.output[-6000:]}"
        nothing_left()


def dns_of_tokyo() -> str:
    """Return what the authoritative server says about Tokyo's records now."""
    import dns.message
    import dns.query
    import dns.rdatatype

    server = lab_state()["addresses"]["dns"]
    lines = []
    for name, kind in (
        ("_xmpp-server._tcp.contoso-asia.example", "SRV"),
        ("_xmpp-client._tcp.contoso-asia.example", "SRV"),
        ("edge.tokyo.contoso.example", "A"),
    ):
        answer = dns.query.tcp(dns.message.make_query(name, dns.rdatatype.from_text(kind)), server, timeout=5).answer
        lines.extend(sorted(str(rrset) for rrset in answer))
    assert lines, "Tokyo has no records at all"
    return "\n".join(lines)
