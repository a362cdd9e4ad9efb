"""``proxy_fqdn``: another name in DNS, and everything else as without it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import MakePeer
from .gateway import Gateway, row
from .names import Names
from .peer import Manners, Peer, closing

HOST = "contoso.example"
FABRIKAM = "fabrikam.example"
STARTTLS, DIRECT = Manners(), Manners(direct=True)


@pytest.fixture(autouse=True)
def afresh(gateway: Gateway) -> Iterator[None]:
    """Each test begins with no streams."""
    gateway.enforce({})
    yield
    gateway.enforce({})


def enforce(gateway: Gateway, proxy: str | None, **fields: object) -> None:
    own = {"proxy_fqdn": proxy} if proxy else {}
    gateway.enforce({FABRIKAM: {**row(**fields), **own}})  # type: ignore[arg-type]


_numbers = itertools.count(1)


@pytest.fixture
def proxy(names: Names, peers: MakePeer) -> Iterator[str]:
    """The proxy's name, another one each time: that a name is not there is remembered by those who asked."""
    name = f"xmpp{next(_numbers)}.hosting.example"
    yield name
    names.forget(name)


def put_behind(proxy: str, names: Names, peer: Peer) -> None:
    """Let a peer be found at the proxy's name and no more at its own."""
    names.forget(peer.domain)
    names.put(proxy, peer.port, direct=peer.manners.direct)


def names_in_handshakes(gateway: Gateway, peers: MakePeer, alice: Client) -> list[str | None]:
    """Return what Prosody names in a handshake after STARTTLS without any proxy, if anything."""
    gateway.enforce({"usual.example": row()})
    peer = peers("usual.example")
    alice.send("bob@usual.example")
    peer.wait("stanza")
    return [name and FABRIKAM for name in peer.asked_for]


@pytest.mark.parametrize("manners", [STARTTLS, DIRECT], ids=["starttls", "direct TLS"])
@pytest.mark.parametrize("method", ["external", "dialback"])
def test_the_route_is_the_proxys_and_the_identity_the_partners(
    method: str, manners: Manners, gateway: Gateway, proxy: str, names: Names, peers: MakePeer, alice: Client
) -> None:
    usual = names_in_handshakes(gateway, peers, alice)
    enforce(gateway, proxy, certificate="valid")
    peer = peers(FABRIKAM, dataclasses.replace(manners, external=method == "external"))
    put_behind(proxy, names, peer)
    alice.send(f"bob@{FABRIKAM}")
    assert peer.wait("authenticated") == method
    peer.wait("stanza")
    assert {header["to"] for header in peer.headers} == {FABRIKAM}
    assert peer.asked_for == ([FABRIKAM] if manners.direct else usual)
    session = gateway.session(FABRIKAM, "outgoing")
    assert (session["method"], session["certificate"]) == (method, "valid")


def test_the_partners_own_record_does_not_count(
    gateway: Gateway, proxy: str, names: Names, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, proxy)
    there = peers(FABRIKAM)
    names.forget(FABRIKAM)
    names.put(proxy, there.port)
    elsewhere = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    there.wait("stanza")
    assert not elsewhere.happened()


def test_without_a_service_record_it_is_the_host_itself(
    gateway: Gateway, proxy: str, names: Names, authority: Authority, alice: Client
) -> None:
    host = f"a{names.address.replace('.', '-')}.hosts.example"
    enforce(gateway, host)
    served = authority.issue(FABRIKAM, purposes=(SERVER, CLIENT))
    peer = Peer(FABRIKAM, names.address, gateway.address, served, Manners(), port=5269)
    alice.send(f"bob@{FABRIKAM}")
    peer.wait("stanza")
    peer.close()
    assert {header["to"] for header in peer.headers} == {FABRIKAM}


def test_the_proxys_own_certificate_does_not_stand_for_the_partner(
    gateway: Gateway, proxy: str, names: Names, peers: MakePeer, authority: Authority, alice: Client
) -> None:
    enforce(gateway, proxy, dialback=False)
    peer = peers(FABRIKAM, served=authority.issue(proxy, purposes=(SERVER, CLIENT)))
    put_behind(proxy, names, peer)
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    assert condition == "not-allowed" and FABRIKAM in text
    gateway.refusal(FABRIKAM, "outgoing", "certificate")


def test_a_proxy_that_does_not_resolve(gateway: Gateway, peers: MakePeer, alice: Client) -> None:
    enforce(gateway, "nowhere.hosting.example")
    peer = peers(FABRIKAM)
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    said = f"partner {FABRIKAM} is not reached at its proxy nowhere.hosting.example: "
    assert condition == "remote-server-not-found" and said in text
    gateway.refusal(FABRIKAM, "outgoing", "proxy")
    assert said in gateway.log()
    assert not peer.happened()


def test_a_proxy_where_nobody_listens(
    gateway: Gateway, proxy: str, names: Names, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, proxy)
    names.put(proxy, 1)
    condition, text = alice.bounce(alice.send(f"bob@{FABRIKAM}"))
    assert condition == "remote-server-not-found"
    assert f"partner {FABRIKAM} is not reached at its proxy {proxy}: " in text and "refused" in text


def test_the_way_in_is_as_without_it(
    gateway: Gateway, proxy: str, names: Names, peers: MakePeer, authority: Authority
) -> None:
    enforce(gateway, proxy, dialback=False)
    peers(FABRIKAM).admitted(HOST)
    assert gateway.session(FABRIKAM, "incoming")["certificate"] == "valid"
    other = peers(proxy)
    assert closing(lambda: other.encrypted(HOST)).condition == "policy-violation"


def test_another_route_is_taken_by_the_next_stream(
    gateway: Gateway, proxy: str, names: Names, peers: MakePeer, alice: Client
) -> None:
    enforce(gateway, None)
    first = peers(FABRIKAM)
    alice.send(f"bob@{FABRIKAM}")
    first.wait("stanza")
    before = gateway.session(FABRIKAM, "outgoing")["id"]
    second = peers(FABRIKAM)
    put_behind(proxy, names, second)
    enforce(gateway, proxy)
    alice.send(f"bob@{FABRIKAM}")
    first.wait("stanza")
    assert gateway.session(FABRIKAM, "outgoing")["id"] == before
    gateway.enforce({})
    enforce(gateway, proxy)
    alice.send(f"bob@{FABRIKAM}")
    second.wait("stanza")


#: What Prosody's resolver is asked for a partner behind a proxy, and what it may leave with the connection (13.0 lets a
#: signed SRV record's target stand for the domain).
RESOLVING = """
package.path = "/usr/lib/prosody/?.lua;" .. package.path
package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath
pcall(require, "loader")
prosody = { config_loaded = true, events = require "util.events".new() } -- the resolver asks for them
local routes = dofile("/fedgate/modules/fedgate_routes.lib.lua")
local service = require "net.resolvers.service"
local partners = { ["fabrikam.example"] = { proxy_fqdn = "xmpp.hosting.example" }, ["adatum.example"] = {} }
local function same(name) return name; end
routes.init({ gate = { list = { partners = partners } }, sessions = { name = same }, log = print,
	is_live = function () return true; end })
routes.open()
local function ask(domain, name)
	local extra = setmetatable({ servername = domain }, { __index = { default_port = 5269, use_dane = true } })
	local found = service.new(domain, name, "tcp", extra)
	found.extra.srv_secure, found.extra.secure_hostname, found.extra.tlsa = true, "target.example", "kept"
	return { found.hostname, found.extra.servername, found.extra.default_port, found.extra.use_dane,
		found.extra.secure_hostname or "none", found.extra.tlsa }
end
io.stderr:write((require "util.json").encode({ ask("fabrikam.example", "xmpp-server"),
	ask("fabrikam.example", "xmpps-server"), ask("adatum.example", "xmpp-server"),
	ask("fabrikam.example", "http") }))
"""


def test_the_proxys_records_lend_its_name_no_trust(hosts: Gateway) -> None:
    hosts.folder.chmod(0o777)
    hosts.restore_modules()
    hosts.write("routes.lua", RESOLVING)
    answers = json.loads(hosts.run("sh", "-c", "lua5.4 /fedgate/routes.lua 2>&1 >/dev/null"))
    behind = ["xmpp.hosting.example", FABRIKAM, 5269, False, "none", "kept"]
    plain = [FABRIKAM, FABRIKAM, 5269, True, "target.example", "kept"]
    assert answers == [behind, behind, ["adatum.example", "adatum.example", *plain[2:]], plain]
