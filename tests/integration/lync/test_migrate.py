"""``migrate.yml``: from Lync (emulated) to a Linux gateway, with real hosts of the laboratory around it.

The emulated Lync Server carries no XMPP: that partners reach it before the move is shown by DNS, and by what answers
there. From the move on, users and partners really talk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.probe.run import probe

from lab.chat import exchange

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.outside import Shown
from ...emulators.lync.world import XmppPartner
from ..far_side import server
from ..pki import Authority
from ..rollout import lab, lab_state
from .imports import LONDON, ROWS, done, writes
from .leaving import DOMAIN, GATEWAY, HOST, LOW, OLD, PARTNER, SERVER, Leaving, address_towards, said

pytestmark = pytest.mark.lab

TALKS = [(f"alice@{DOMAIN}", f"bob@{PARTNER}"), (f"bob@{PARTNER}", f"alice@{DOMAIN}")]


@pytest.fixture(scope="module")
def state() -> Iterator[dict[str, Any]]:
    """What the laboratory remembers; the host is bare."""
    lab("up", HOST, "dns", "partner")
    lab("reset", HOST, "dns")
    yield lab_state()
    lab("down")


@pytest.fixture
def leaving(lync: Deployment, state: dict[str, Any], tmp_path: Path) -> Iterator[Leaving]:
    """25 partners on Lync, imported, the inventory made one of Linux; DNS leads to the Edge Server."""
    authority = Authority()
    (tmp_path / "authority.pem").write_text(authority.pem)
    address = address_towards(state["addresses"]["dns"])
    with server(Shown(lync, "edge1.london", authority.issue(DOMAIN)), address, 5269):
        way = Leaving(lync, tmp_path, state, address)
        way.prepare()
        yield way


def leads_to(leaving: Leaving, target: str) -> None:
    """Demand that partners who ask DNS meet a server of the domain at that host."""
    folder = leaving.imported.folder
    anchors = [str(folder / "authority.pem"), leaving.state["ca_certificate"]]
    (result,) = probe(
        [_target(target)], resolvers=[leaving.state["addresses"]["dns"]], trust_anchors=anchors, timeout=20
    )
    assert result["ok"], result["message"]


def _target(target: str) -> Any:
    from ansible.module_utils.fedgate.probe.values import Target

    return Target(name=DOMAIN, domain=DOMAIN, expect_target=target)


def talk(leaving: Leaving) -> None:
    for delivery in exchange(leaving.state, TALKS):
        assert delivery.delivered and delivery.error is None, delivery


def until(text: str) -> None:
    """Wait for a time of UTC."""
    end = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    time.sleep(max(0.0, (end - datetime.now(timezone.utc)).total_seconds() + 1))


def test_the_whole_way(leaving: Leaving) -> None:
    rows = {(one.tls, one.sasl, one.dialback) for one in leaving.lync.world.partners.values()}
    assert len(leaving.lync.world.partners) == 25 and len(rows) == len(ROWS) == 13
    assert {one.partner_type for one in leaving.lync.world.partners.values()} == {
        "Federated", "PublicVerified", "PublicUnverified"
    }  # fmt: skip
    before = leaving.zone.of_domain()
    leads_to(leaving, LONDON)

    # Nothing is noted or built.
    early = leaving.go("move")
    assert early.code == 2 and "too early for the move" in said(early) and leaving.zone.of_domain() == before
    assert "migrate_phase=build" in said(done(leaving.go("")))
    assert "which is no step" in said(leaving.go("go on"))

    planned = done(leaving.go("build", "--check", "--diff"))
    built = done(leaving.go("build"))
    assert planned.named_changes() == built.named_changes()
    assert (HOST, "roster", f"alice@{DOMAIN}", "update") in built.named_changes()
    assert leaving.zone.of_domain() == before and not leaving.notes.exists()
    assert f"_xmpp-server._tcp.xmpp-test.{DOMAIN}" in {name for name, _type in leaving.zone.records()}
    leads_to(leaving, LONDON)
    assert done(leaving.go("build")).changed() == {HOST: 0}
    # No other playbook moves anything.
    stopped = leaving.go("", playbook="dns.yml")
    assert stopped.code == 2 and "on its way from Lync Server" in said(stopped) and leaving.zone.of_domain() == before

    planned = done(leaving.go("lower", "--check", "--diff"))
    assert not leaving.notes.exists() and leaving.zone.of_domain() == before
    lowered = done(leaving.go("lower"))
    assert planned.named_changes() == lowered.named_changes()
    low = leaving.zone.of_domain()
    assert low[SERVER, "SRV"] == before[SERVER, "SRV"].replace(f" {OLD} ", f" {LOW} ")
    assert {key: text for key, text in low.items() if key[0] != SERVER} == {
        key: text for key, text in before.items() if key[0] != SERVER
    }
    note = leaving.noted()[SERVER, "SRV"]
    assert (note["ttl"], note["cached"], note["values"]) == (OLD, OLD, [f"5 0 5269 {LONDON}"])

    early = leaving.go("move")
    assert early.code == 2 and f"lowered at {note['low_since']} from {OLD} s" in said(early)
    assert leaving.zone.of_domain() == low
    again = done(leaving.go("lower"))
    assert again.changed() == {HOST: 0} and leaving.noted()[SERVER, "SRV"] == note

    since = datetime.strptime(note["low_since"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    until(datetime.fromtimestamp(since.timestamp() + OLD, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))

    # A policy that is another one stops it, and by its very words it is agreed to.
    leaving.lync.world.partners["stranger.example"] = XmppPartner("stranger.example")
    lost = (
        "lost stranger.example: is a partner no more: nothing lists it any more; it was public_unverified, by SASL "
        "EXTERNAL (certificates)"
    )
    other = leaving.go("move")
    assert other.code == 2 and lost in said(other) and leaving.zone.of_domain() == low
    agreed = {"migrate_accept": [lost]}

    planned = done(leaving.go("move", "--check", "--diff", **agreed))
    assert leaving.zone.of_domain() == low
    moved = done(leaving.go("move", **agreed))
    assert planned.named_changes() == moved.named_changes()
    assert "Not seen yet" in said(moved)
    leads_to(leaving, GATEWAY)
    talk(leaving)
    assert f"{PARTNER}: " in said(done(leaving.go("watch")))
    after = leaving.zone.of_domain()
    assert done(leaving.go("move", **agreed)).changed() == {HOST: 0}

    # What is published now is not noted as what was there before.
    refused = leaving.go("lower")
    assert refused.code == 2 and "moved already" in said(refused)

    planned = done(leaving.go("back", "--check", "--diff"))
    assert leaving.zone.of_domain() == after
    back = done(leaving.go("back"))
    assert planned.named_changes() == back.named_changes() and leaving.zone.of_domain() == low
    leads_to(leaving, LONDON)
    assert done(leaving.go("", playbook="migrate_back.yml")).changed() == {HOST: 0}

    done(leaving.go("move", **agreed))
    assert leaving.zone.of_domain() == after
    leads_to(leaving, GATEWAY)
    talk(leaving)

    # The end, either way. The way back is open whatever else is wrong.
    mistake = leaving.imported.target / "group_vars" / "edges" / "mistake.yml"
    mistake.write_text("federation_limits: none\n")
    assert leaving.go("").code == 2
    done(leaving.go("back"))
    mistake.unlink()
    done(leaving.go("finish"))
    assert leaving.zone.of_domain() == before and not any("xmpp-test" in name for name, _ in leaving.zone.records())
    assert done(leaving.go("finish")).changed() == {HOST: 0}
    assert writes(leaving.lync) == []
