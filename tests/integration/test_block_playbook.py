"""A partner is shut out on all gateways by one playbook, and no other run lets it in until it is released."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.chat import PARTNERS, deliver, exchange

from .conftest import Lab
from .rollout import BIN, ROOT, Rollout, environment, lab, play

pytestmark = pytest.mark.lab

EDGES = ("edge1.london", "edge1.tokyo")
ALICE, AKIRA, BOB = "alice@contoso.example", "akira@contoso-asia.example", "bob@fabrikam.example"
PARTNER, OTHER = "fabrikam.example", "adatum.example"
FILE = "/etc/prosody/fedgate/blocked.json"
REASON = "INC-4711: sends malware"
PATIENCE = 30.0
Eventually = Callable[..., Any]


def done(rollout: Rollout) -> Rollout:
    assert rollout.code == 0, rollout.output[-6000:]
    return rollout


def block(*arguments: str, domain: Any = PARTNER, **variables: Any) -> Rollout:
    given = {"federation_block": domain, "federation_block_reason": REASON, "federation_block_by": "dora", **variables}
    return play("block.yml", *arguments, variables=given)


def release(*arguments: str, domain: Any = PARTNER) -> Rollout:
    return play("block.yml", *arguments, variables={"federation_release": domain})


def module(host: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a module on a host as ``ansible`` does; return its result."""
    command = [str(BIN / "ansible"), host, "-i", "inventories/lab", "--become", "-m", name]
    command += ["-a", json.dumps(arguments)] if arguments else []
    settings = environment(ANSIBLE_LOAD_CALLBACK_PLUGINS="1", ANSIBLE_STDOUT_CALLBACK="ansible.builtin.oneline")
    out = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False).stdout
    result: dict[str, Any] = json.JSONDecoder().raw_decode(out.partition("=> ")[2])[0]  # the summary comes after it
    return result


def blocked(host: str = EDGES[0]) -> dict[str, str]:
    """Return who the running server of a host says that it shuts out, and why."""
    info = module(host, "xmpp_gateway_info", {})
    assert info["status"] is None or list(info["status"]["blocking"]["domains"]) == info["blocked"]
    return {item["domain"]: item["reason"] for item in info["blocked"]}


def assert_shut_out(world: Lab, users: tuple[str, ...] = (ALICE, AKIRA)) -> None:
    for user in users:
        outgoing = deliver(world.state, user, BOB, PATIENCE)
        assert (outgoing.delivered, outgoing.error) == (
            False,
            "not-allowed: fabrikam.example is blocked on this server",
        )
        assert not deliver(world.state, BOB, user, PATIENCE).delivered
    for host in EDGES:
        assert world.sessions(PARTNER, host) == []


def assert_let_in(world: Lab) -> None:
    # A server that was turned away waits for minutes before it tries again.
    lab("exec", "partner", "ejabberdctl", "stop_s2s_connections")
    for delivery in exchange(world.state, [*PARTNERS, (AKIRA, BOB), (BOB, AKIRA)], PATIENCE):
        assert delivery.delivered, delivery


@pytest.fixture(scope="module", autouse=True)
def world(deployed_lab: Lab) -> Iterator[Lab]:
    """Two gateways with one partner; nobody is blocked, neither before nor after."""
    yield deployed_lab
    for host in EDGES:
        lab("exec", host, "bash", "-c", f"rm -f {FILE}; systemctl restart prosody")


@pytest.fixture(autouse=True)
def nobody(world: Lab) -> None:
    done(release(domain=[PARTNER, OTHER]))


def test_the_whole_way(world: Lab, eventually: Eventually) -> None:
    assert_let_in(world)
    assert all(world.sessions(PARTNER, host) for host in EDGES)
    processes = [lab("exec", host, "cat", "/run/prosody/prosody.pid") for host in EDGES]
    planned = done(block("--check", "--diff"))
    assert all(world.sessions(PARTNER, host) for host in EDGES)
    assert REASON in planned.output and "known after apply" in planned.output
    carried_out = done(block())
    assert planned.named_changes() == carried_out.named_changes() == {
        (host, *change)
        for host in EDGES
        for change in (("block", PARTNER, "create"), ("block list", FILE, "run"))
    }  # fmt: skip
    assert f"{PARTNER} at edge1.london, edge1.tokyo: {REASON} (dora)" in carried_out.output
    assert_shut_out(world)
    assert done(block()).changed() == dict.fromkeys(EDGES, 0)
    entry = world.status()["blocking"]["domains"][0]
    assert (entry["domain"], entry["reason"], entry["by"]) == (PARTNER, REASON, "dora")

    # Nothing that builds or applies lets it in again, and nothing takes the block for a difference.
    again = done(play("site.yml"))
    assert again.changed() == dict.fromkeys(again.hosts, 0), again.named_changes()
    assert "BLOCKED until released" in again.output and REASON in again.output
    more = [{"domain": PARTNER, "type": "federated", "sasl": "required"}, {"domain": OTHER}]
    done(play("partners.yml", variables={"federation_partners": more}))
    assert_shut_out(world)
    done(play("partners.yml"))
    for host in EDGES:
        lab("exec", host, "systemctl", "restart", "prosody")
    eventually(lambda: all(blocked(host) == {PARTNER: REASON} for host in EDGES))
    assert_shut_out(world)
    assert processes != [lab("exec", host, "cat", "/run/prosody/prosody.pid") for host in EDGES]

    released = done(release())
    assert {(kind, name, action) for _, kind, name, action in released.named_changes()} == {
        ("block", PARTNER, "delete"), ("block list", FILE, "run"),
    }  # fmt: skip
    assert "BLOCKED" not in released.output and blocked() == {}
    assert done(release()).changed() == dict.fromkeys(EDGES, 0)
    assert_let_in(world)


def test_an_inventory_with_mistakes_is_no_obstacle() -> None:
    mistaken = [{"domain": PARTNER, "tls": "requierd"}, {"domain": PARTNER}]
    assert play("partners.yml", variables={"federation_partners": mistaken}).code != 0
    done(block(federation_partners=mistaken, federation_dns_ttl="never"))
    assert [blocked(host) for host in EDGES] == [{PARTNER: REASON}] * 2


def test_several_at_once_one_of_them_no_partner() -> None:
    done(block(domain=f"{PARTNER},Bücher.example"))
    assert blocked() == {PARTNER: REASON, "xn--bcher-kva.example": REASON}
    done(release(domain=f"{PARTNER},bücher.example"))
    assert blocked() == {}


def test_a_gateway_that_does_not_run_reads_it_at_its_start(world: Lab, eventually: Eventually) -> None:
    lab("exec", "edge1.tokyo", "systemctl", "stop", "prosody")
    try:
        rollout = done(block())
        assert "prosody.service does not run" in rollout.output and rollout.changed() == dict.fromkeys(EDGES, 1)
        assert done(block()).changed() == dict.fromkeys(EDGES, 0)
        assert blocked() == blocked("edge1.tokyo") == {PARTNER: REASON}
    finally:
        lab("exec", "edge1.tokyo", "systemctl", "start", "prosody")
    eventually(lambda: world.status("edge1.tokyo")["state"] == "enforcing")
    assert_shut_out(world)


def test_a_gateway_that_is_not_reached_is_named_and_the_others_are_done() -> None:
    lab("exec", "edge1.tokyo", "systemctl", "stop", "ssh.socket", "ssh.service")
    # A connection that is kept open for the next task would still get through.
    lab("exec", "edge1.tokyo", "pkill", "sshd", check=False)
    try:
        rollout = block()
    finally:
        lab("exec", "edge1.tokyo", "systemctl", "start", "ssh.service")
    assert rollout.code == 4
    assert "edge1.tokyo: UNREACHABLE" in rollout.output and "NOT DONE: edge1.tokyo" in rollout.output
    assert "edge1.london: done, 2 changes" in rollout.output
    assert (blocked(), blocked("edge1.tokyo")) == ({PARTNER: REASON}, {})


def test_another_kind_of_gateway_is_named_and_the_others_are_done() -> None:
    rollout = block("-e", "{edge_pool_backend: \"{{ 'lync' if inventory_hostname == 'edge1.tokyo' else 'prosody' }}\"}")
    assert rollout.code == 2
    output = " ".join(rollout.output.split())
    assert "edge1.tokyo runs lync, and federation_lync does not say how its Front End is reached" in output
    assert "block fabrikam.example there by its own means" in output
    assert (blocked(), blocked("edge1.tokyo")) == ({PARTNER: REASON}, {})


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"federation_block_reason": ""}, "Say what to do: -e federation_block=fabrikam.example"),
        ({"federation_release": PARTNER}, "Say what to do"),
        ({"domain": "*.fabrikam.example"}, "'*.fabrikam.example' is a wildcard"),
        ({"domain": [PARTNER, "bob@fabrikam.example"]}, "is an address of a user"),
        ({"domain": "contoso.example"}, "our own, and no partner's"),
        ({"domain": "contoso-asia.example"}, "our own, and no partner's"),
        ({"domain": ""}, "domains"),
        ({"federation_block_reason": "two\nlines"}, "is no single line of at most 500 characters"),
        ({"federation_block_subdomains": "perhaps"}, "subdomains"),
    ],
)
def test_bad_input_changes_nothing(variables: dict[str, Any], said: str) -> None:
    rollout = block(**variables)
    assert rollout.code == 2 and said in " ".join(rollout.output.split()), rollout.output[-3000:]
    assert "Internal error" not in rollout.output
    assert [blocked(host) for host in EDGES] == [{}, {}]


def test_a_server_that_does_not_take_it_has_the_former_list_again() -> None:
    arguments = {"domains": [PARTNER], "reason": REASON, "timeout": 2}
    done(block(domain=OTHER))
    before = lab("exec", "edge1.london", "cat", FILE)
    lab("exec", "edge1.london", "bash", "-c", "kill -STOP $(cat /run/prosody/prosody.pid)")
    try:
        refused = module("edge1.london", "federation_block", arguments)
    finally:
        lab("exec", "edge1.london", "bash", "-c", "kill -CONT $(cat /run/prosody/prosody.pid)")
    assert "did not take the block list" in refused.get("msg", ""), refused
    assert "the former list is back" in refused["msg"]
    assert lab("exec", "edge1.london", "cat", FILE) == before
    taken = module("edge1.london", "federation_block", arguments)
    assert taken["in_force"] and [item["domain"] for item in taken["blocked"]] == [OTHER, PARTNER]
    lab("exec", "edge1.london", "rm", FILE)
    again = module("edge1.london", "federation_block", arguments)
    assert again["changed"] and set(blocked()) == {OTHER, PARTNER}, "a list that went away is written again"
    # Written but not loaded, as after a kill between the two: the next run loads it.
    lab("exec", "edge1.london", "bash", "-c", f"cat > {FILE} <<'END'\n{before}END")
    loaded = module("edge1.london", "federation_block", {"domains": [PARTNER], "state": "released"})
    assert [change["kind"] for change in loaded["plan"]] == ["block list"] and set(blocked()) == {OTHER}
