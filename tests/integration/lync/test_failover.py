"""The XMPP route is moved to another Edge pool: to the one that the inventory has first, by one playbook."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...emulators.lync.deployment import VIEWER, Deployment
from ...emulators.lync.machines import PROXY
from ...emulators.lync.world import XmppPartner
from ..bind import Bind
from ..far_side import Manners, honest
from ..pki import Served
from ..rollout import Rollout
from .site import POOL, Site, done, public_world

LONDON, TOKYO = "edgepool.london.contoso.example", "edge1.tokyo.contoso.example"
TOKYO_POOL = "edge.tokyo.contoso.example"
SRV = "_xmpp-server._tcp.contoso.example"
#: Services of the emulator come and go at once.
FAST = {"xmpp_gateway_services_interval": 0.05, "xmpp_gateway_services_timeout": 5}
DEAD = {"failover_old_pool_is_dead": True, **FAST}


@pytest.fixture
def site(lync: Deployment, tmp_path: Path) -> Site:
    """London carries XMPP in the topology, and Tokyo shall."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    site = Site(folder, lync)
    site.london["edge_pool_priority"] = 20
    tokyo = {**site.london, "edge_pool_fqdn": TOKYO_POOL, "edge_pool_site": "Tokyo", "edge_pool_priority": 10}
    host = {
        "edge_published_addresses": ["198.51.100.32"],
        "ansible_port": lync.edge("edge1.tokyo").endpoint.port,
    }
    site.others["tokyo"] = {"hosts": {"tokyo1": host}, "vars": tokyo}
    return site


class World:
    """The site with the world around it, from which partners come.

    :ivar site: to be played on. :ivar bind: its name server.
    """

    def __init__(self, site: Site, bind: Bind) -> None:
        self.site, self.bind, self.lync = site, bind, site.lync

    def play(self, *arguments: str, playbook: str = "failover_lync.yml", **variables: Any) -> Rollout:
        """Run a playbook, with services that are looked at often."""
        return self.site.play(playbook, *arguments, **{**FAST, **variables})

    def priorities(self, london: int, tokyo: int) -> None:
        """Say in the inventory which pool comes first."""
        self.site.london["edge_pool_priority"] = london
        self.site.others["tokyo"]["vars"]["edge_pool_priority"] = tokyo

    def published(self) -> set[str]:
        """Return what partners find: priority and target."""
        found = self.bind.look(SRV, "SRV")
        return {f"{data.split()[0]} {data.split()[3]}" for data in (found[1] if found else ())}

    def proxies(self) -> dict[str, str]:
        """Return the state of the XMPP proxy on each Edge Server."""
        names = [name for name in self.lync.world.machines if name.startswith("edge")]
        return {name: self.lync.world.machines[name].xmpp.settle().status for name in names}

    def routes(self) -> set[str | None]:
        """Return where the sites' routes lead."""
        return {site.xmpp_route for site in self.lync.world.topology.sites.values()}


def at_the_door(lync: Deployment, served: Served) -> Manners:
    """What partners meet at the address: the proxy of the pool that has the route, where it runs."""

    def manners(connection: socket.socket) -> None:
        world = lync.world
        routes = {site.xmpp_route for site in world.topology.sites.values()}
        carrying = next(pool for pool in world.topology.pools.values() if pool.service in routes)
        if any(5269 in world.machines[name].listening() for name in carrying.computers):
            honest(served)(connection)

    return manners


@pytest.fixture
def world(site: Site, tmp_path: Path) -> Iterator[World]:
    """The site with its name server, which has nothing yet, and the partner that answers test messages."""
    site.lync.world.partners["fabrikam.example"] = XmppPartner("fabrikam.example")
    with public_world(site, tmp_path, lambda served: at_the_door(site.lync, served)) as bind:
        yield World(site, bind)


def changed_there(lync: Deployment) -> list[str]:
    """Return what was changed on the Front End and on services, in no particular order."""
    names = [name for name, _bound in lync.engine.calls if not name.startswith(("Get-", "Test-"))]
    return names + [event for machine in lync.world.machines.values() for event in machine.history]


RUNNING, STOPPED = "Running", "Stopped"
IN_LONDON = ("edge1.london.contoso.example", "edge2.london.contoso.example")
MOVED = {**dict.fromkeys(IN_LONDON, STOPPED), TOKYO: RUNNING}


def test_a_planned_move_and_the_way_back(world: World) -> None:
    world.priorities(london=10, tokyo=20)
    done(world.play(playbook="site.yml"))
    assert world.published() == {f"10 {POOL}."}
    world.priorities(london=20, tokyo=10)
    refused = world.play(playbook="partners.yml")
    assert "playbooks/failover_lync.yml" in refused.hosts["tokyo1"]["failed"][0]["msg"]

    before = len(changed_there(world.lync))
    planned = done(world.play("--check", "--diff"))
    assert len(changed_there(world.lync)) == before and world.published() == {f"10 {POOL}."}
    moved = done(world.play())
    assert planned.named_changes() == moved.named_changes()
    assert {(host, kind) for host, kind, _name, _action in moved.named_changes()} == {
        ("lync1", "federation_route"), ("lync1", "service"), ("lync2", "service"), ("tokyo1", "service"),
        ("lync1", "rrset"),
    }  # fmt: skip
    assert world.routes() == {f"EdgeServer:{TOKYO}"} and world.proxies() == MOVED
    assert world.lync.world.machines[TOKYO].history == [f"stop {PROXY}", f"start {PROXY}"]
    # The pool that was left keeps its record, behind the other one.
    assert world.published() == {f"10 {TOKYO_POOL}.", f"20 {POOL}."}
    assert world.lync.engine.calls[-1][0] == "Test-CsXmppIM"

    again = done(world.play())
    assert set(again.changed().values()) == {0}, again.named_changes()
    # The proxies that were stopped are not started by anything else.
    done(world.play(playbook="site.yml"))
    assert world.proxies() == MOVED

    world.priorities(london=10, tokyo=20)
    done(world.play())
    assert world.routes() == {f"EdgeServer:{LONDON}"} and world.published() == {f"20 {TOKYO_POOL}.", f"10 {POOL}."}
    assert world.proxies() == {**dict.fromkeys(IN_LONDON, RUNNING), TOKYO: STOPPED}


def test_the_old_pool_is_dead(world: World) -> None:
    """Nobody waits for its servers, nor for their copies; what is not confirmed is not done."""
    for name in IN_LONDON:
        world.lync.edge(name.partition(".contoso")[0]).endpoint.stop()
        world.lync.world.machines[name].services.clear()
        world.lync.world.replication.trouble(name, "down")
    asked = world.play()
    assert asked.code == 2 and changed_there(world.lync) == []
    message = asked.hosts["tokyo1"]["failed"][0]["msg"]
    assert "The XMPP proxy of lync1, lync2 cannot be stopped from here" in message and "Nothing was changed" in message
    assert "-e failover_old_pool_is_dead=true" in message
    planned = done(world.play("--check", **DEAD))
    moved = done(world.play(**DEAD))
    assert planned.named_changes() == moved.named_changes()
    assert world.routes() == {f"EdgeServer:{TOKYO}"} and world.published() == {f"10 {TOKYO_POOL}.", f"20 {POOL}."}
    assert set(done(world.play(**DEAD)).changed().values()) == {0}


def test_a_new_pool_that_does_not_come_up_is_not_published(world: World) -> None:
    """The second run finishes what the first began."""
    world.bind.edit("contoso.example", ("add", SRV, "60", "SRV", f"10 0 5269 {POOL}."))
    world.lync.world.machines[TOKYO].xmpp.refuses = True
    failed = world.play()
    assert (
        failed.code == 2 and "XMPP Translating Gateway Proxy is Stopped" in failed.hosts["tokyo1"]["failed"][0]["msg"]
    )
    assert world.published() == {f"10 {POOL}."} and world.routes() == {f"EdgeServer:{TOKYO}"}
    world.lync.world.machines[TOKYO].xmpp.refuses = False
    done(world.play())
    assert world.published() == {f"10 {TOKYO_POOL}.", f"20 {POOL}."} and world.proxies() == MOVED


def test_a_certificate_of_a_pool_that_carries_nothing(world: World, tmp_path: Path) -> None:
    """Its Access Edge serves users and takes it up; its XMPP proxy, which is down, stays down."""
    world.priorities(london=10, tokyo=20)
    tokyo = world.site.others["tokyo"]
    tokyo["hosts"]["tokyo1"]["edge_published_addresses"] = ["198.51.100.32"]
    tokyo["vars"]["federation_certificate"] = {
        "issuer": "local_ca", "ca_directory": str(tmp_path / "ca"), "ca_create": True,
    }  # fmt: skip
    machine = world.lync.world.machines[TOKYO]
    machine.xmpp.status = STOPPED
    planned = done(world.play("--check", "--limit", "tokyo", playbook="certificates.yml"))
    taken = done(world.play("--limit", "tokyo", playbook="certificates.yml"))
    assert planned.named_changes() == taken.named_changes()
    assert {event.partition(" ")[2] for event in machine.history} == {"RTCSRV", "RTCDATAPROXY"}
    again = done(world.play("--limit", "tokyo", playbook="site.yml"))
    assert not any(kind == "service" for _host, kind, _name, _action in again.named_changes())
    assert machine.xmpp.status == STOPPED


class TestNotReady:
    """Whatever is missing is said before anything is changed."""

    def refused(self, site: Site, **variables: Any) -> str:
        failed = site.play("failover_lync.yml", **{**FAST, **variables})
        assert failed.code == 2 and changed_there(site.lync) == []
        return "\n".join(failure["msg"] for host in failed.hosts.values() for failure in host["failed"])

    def test_setup_was_not_run_on_the_new_pool(self, site: Site) -> None:
        site.lync.world.machines[TOKYO].run_setup(xmpp=False)
        said = self.refused(site)
        assert "has no service XMPP Translating Gateway Proxy. Run setup again there" in said
        assert f"tokyo1 of {TOKYO_POOL} is not ready, or not part of this run" in said

    def test_a_server_of_the_new_pool_does_not_answer(self, site: Site) -> None:
        site.lync.edge("edge1.tokyo").endpoint.stop()
        said = self.refused(site)
        assert "cannot be reached" in said and "tokyo1 of edge.tokyo.contoso.example is not ready" in said

    def test_a_product_without_the_gateway(self, site: Site) -> None:
        site.lync.world.topology.pools[TOKYO].product = "2019"
        assert f"{TOKYO_POOL} runs version 8, newer than Skype for Business Server 2015, which has no XMPP gateway" in (
            self.refused(site)
        )

    def test_an_account_that_may_only_look(self, site: Site) -> None:
        site.shared["federation_lync"]["username"] = VIEWER
        assert "Set-CsSite" in self.refused(site)

    def test_a_server_that_is_reached_by_hand(self, site: Site) -> None:
        site.others["tokyo"]["vars"]["edge_pool_lync"] = {"transport": "by_hand"}
        assert "tokyo1 is reached by hand" in self.refused(site)

    def test_two_pools_that_carry_domains(self, site: Site) -> None:
        site.shared["federation_xmpp_domains"] = ["contoso.example", "contoso-asia.example"]
        site.london["edge_pool_xmpp_domains"] = ["contoso.example"]
        site.others["tokyo"]["vars"]["edge_pool_xmpp_domains"] = ["contoso-asia.example"]
        assert "one Edge pool of Lync at a time carries XMPP" in self.refused(site)

    def test_the_pool_that_is_left_is_not_in_the_inventory(self, site: Site) -> None:
        site.hosts.clear()
        assert f"The XMPP proxy of {LONDON} cannot be stopped from here" in self.refused(site)

    def test_without_a_way_to_the_front_end(self, site: Site) -> None:
        del site.shared["federation_lync"]
        assert "federation_lync does not say how the Front End is reached" in self.refused(site)
