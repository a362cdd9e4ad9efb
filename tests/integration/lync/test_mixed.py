"""One rollout of a mixed deployment: London on Lync (emulated), Tokyo on a real Linux host of the laboratory."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.outside import Shown
from ..far_side import server
from ..pki import Authority
from ..rollout import BIN, ROOT, Rollout, environment, lab, lab_state
from .site import PARTNERS, PASSPHRASE, POOL

pytestmark = pytest.mark.lab

LONDON, TOKYO = "edge1.london", "edge1.tokyo"


@pytest.fixture(scope="module")
def state() -> Iterator[dict[str, Any]]:
    """What the laboratory remembers; Tokyo is bare."""
    lab("up", TOKYO, "dns")
    lab("reset", TOKYO, "dns")
    yield lab_state()
    lab("down")


@pytest.fixture
def inventory(lync: Deployment, state: dict[str, Any], tmp_path: Path) -> Iterator[Path]:
    """What is other than in the laboratory's own inventory: London is a pool of Lync."""
    authority = Authority()
    (tmp_path / "authority.pem").write_text(authority.pem)
    # The address of this machine in the laboratory's network: where its containers, and the probes, find London.
    address = gateway_of(state)
    london = {
        "edge_pool_fqdn": POOL,
        "edge_pool_backend": "lync",
        "edge_pool_site": "London",
        "edge_pool_lync": {"authentication": "ntlm", "ca_file": str(lync.certificate)},
        "edge_published_addresses": [address],
        "ansible_host": "localhost",
        "ansible_port": lync.edge("edge1.london").endpoint.port,
        "ansible_user": edge.ADMINISTRATOR,
        "ansible_password": edge.PASSWORD,
    }
    shared = {
        "federation_sip_domains": ["contoso.example"],
        "federation_partners": [{**PARTNERS[0], "echo_address": "echo@fabrikam.example"}],
        "federation_trust_anchors": [str(tmp_path / "authority.pem"), "{{ lab.ca_certificate }}"],
        "federation_lync": {
            "front_end": "localhost",
            "port": lync.front_end.port,
            "username": ADMIN,
            "password": PASSWORD,
            "authentication": "ntlm",
            "ca_file": str(lync.certificate),
            "registrar_pool": "pool1.contoso.example",
            "dialback_passphrase": PASSPHRASE,
        },
    }
    folder = tmp_path / "mixed"
    for group, variables in (("london", london), ("all", shared)):
        path = folder / "group_vars" / f"{group}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(variables))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"edges": {"children": {"london": {"hosts": {LONDON: None}}}}}))
    lync.world.access_edge["AllowFederatedUsers"] = True
    with server(Shown(lync, "edge1.london", authority.issue("contoso.example")), address, 5269):
        yield folder


def gateway_of(state: dict[str, Any]) -> str:
    """Return this machine's address in the laboratory's network."""
    ways = subprocess.run(["ip", "route", "get", state["addresses"]["dns"]], capture_output=True, text=True, check=True)
    words = ways.stdout.split()
    return words[words.index("src") + 1]


def play(inventory: Path, *arguments: str) -> Rollout:
    """Run the whole procedure with both inventories; the later one counts more."""
    results = inventory.parent / "results.json"
    results.unlink(missing_ok=True)
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/lab", "-i", str(inventory), "playbooks/site.yml"]
    settings = environment(FEDGATE_RESULTS_FILE=str(results))
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=settings, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=900,
    )  # fmt: skip
    for secret in (PASSWORD, edge.PASSWORD, PASSPHRASE):
        assert secret not in done.stdout
    return Rollout(done.returncode, done.stdout, json.loads(results.read_text())["hosts"] if results.exists() else {})


def test_both_in_one_rollout(lync: Deployment, inventory: Path) -> None:
    planned = play(inventory, "--check")
    assert planned.code == 0, planned.output[-6000:]
    carried_out = play(inventory)
    assert carried_out.code == 0, carried_out.output[-6000:]
    assert planned.named_changes() == carried_out.named_changes()
    kinds = {(host, kind) for host, kind, _name, _action in carried_out.named_changes()}
    assert {(LONDON, "xmpp_partner"), (LONDON, "xmpp_gateway_configuration"), (TOKYO, "policy")} <= kinds
    partner = lync.world.partners["fabrikam.example"]
    assert partner.partner_type == "Federated" and partner.connection_limit == 50
    policy = json.loads(lab("exec", TOKYO, "cat", "/etc/prosody/fedgate/policy.json"))
    assert set(policy["partners"]) == {"fabrikam.example", "emea.fabrikam.example"}
    again = play(inventory)
    assert again.changed() == {LONDON: 0, TOKYO: 0}, again.named_changes()


def test_a_front_end_that_does_not_answer_stops_london_only(lync: Deployment, inventory: Path) -> None:
    lync.front_end.stop()
    failed = play(inventory)
    assert failed.code == 2 and "cannot be reached" in failed.hosts[LONDON]["failed"][0]["msg"]
    assert not failed.hosts[TOKYO]["failed"] and not failed.hosts[TOKYO]["unreachable"]
    assert f"NOT DONE: {LONDON}. All other hosts are finished." in failed.output
