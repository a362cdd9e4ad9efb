"""The loss report for ejabberd, line by line: what it does not name is enforced by the server, what it names is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..pki import CLIENT, SERVER, Authority
from .conftest import MakePeer
from .ejabberd import CLOSED, HOST, INCLUDED, ROOMS, Ejabberd, arrives, bounces, by_dialback, by_external, leaves
from .peer import Manners, Peer, closing
from .test_negotiation import EXTERNAL, PEERS, ROWS, attempt
from .wire import CLIENT as CLIENT_NAMESPACE
from .wire import SERVER as SERVER_NAMESPACE
from .wire import Closed, Element, Stream

#: Servers: the rows that their partners have, whether they have mod_s2s_dialback.
SERVERS = {
    "required": (sorted(ROWS), True),
    "true": ([name for name in sorted(ROWS) if "tcp_dialback" in ROWS[name][1]], True),
    "false": ([name for name in sorted(ROWS) if name.startswith("notsupported")], True),
    "required without dialback": (sorted(ROWS), False),
}
NEGOTIATED = {"tls", "sasl", "dialback"}
#: One partner of each type, and one for each setting that is lost.
PARTNERS: dict[str, dict[str, Any]] = {
    "federated.example": {},
    "verified.example": {"type": "public_verified"},
    "unverified.example": {"type": "public_unverified"},
    "certified.example": {"dialback_certificate": "valid"},
    "limited.example": {"connection_limit": 1, "stanza_rate": 1, "stanza_size": 10_000},
    "proxied.example": {"proxy_fqdn": "proxy.example"},
    "alive.example": {"keepalive": True},
}


@pytest.fixture(scope="module", autouse=True)
def put_back(own: Ejabberd) -> Iterator[None]:
    yield
    own.configure("mod_muc", "mod_s2s_dialback")
    own.put(INCLUDED, CLOSED)
    own.ctl("reload_config")


# Negotiation --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=SERVERS)
def played(request: pytest.FixtureRequest, own: Ejabberd) -> tuple[str, dict[str, set[str]]]:
    """A server that enforces its rows; its label, and what is lost of each row."""
    label = str(request.param)
    rows, dialback = SERVERS[label]
    own.configure("mod_muc", *(["mod_s2s_dialback"] if dialback else []))
    own.restart()
    partners = [{"domain": f"{name}.{place(label)}.example", **ROWS[name][0]} for name in rows]
    partners[0]["additional_domains"] = [domain(label, kind, way) for kind in PEERS for way in ("in", "out")]
    result = own.enforce(*partners)
    lost: dict[str, set[str]] = {name: set() for name in rows}
    for item in result["loss"]:
        lost[item["partner"].split(".")[0]].add(item["rule"])
    return label, lost


def place(label: str) -> str:
    return label.replace(" ", "-")


def domain(label: str, kind: str, direction: str) -> str:
    return f"{direction}.{kind}.{place(label)}.example"


def inbound(own: Ejabberd, peer: Peer, kind: str) -> str | None:
    try:
        got = attempt(peer, kind)
    except Closed:
        return None
    if got:
        arrives(own, peer, got[1])
    return got[0] if got else None


def outbound(own: Ejabberd, peer: Peer, method: str) -> str | None:
    user = own.user()
    sent = user.send(f"bob@{peer.domain}")
    try:
        how = peer.wait("authenticated", 8)
    except TimeoutError:
        assert user.bounce(sent)[0].startswith("remote-server-"), peer.happened()
        return None
    finally:
        user.close()
    peer.wait("stanza")
    assert how == ("external" if method == EXTERNAL else "dialback")
    return method


def test_the_negotiation(played: tuple[str, dict[str, set[str]]], own: Ejabberd, friends: MakePeer) -> None:
    """What peers of one method each can do, in both directions, is what a row allows, or the row has a loss."""
    label, lost = played
    single = {kind: next(iter(PEERS[kind][0])) for kind in PEERS if kind != "all"}
    able = {
        way: {
            play(own, friends(domain(label, kind, way), PEERS[kind][1]), argument)
            for kind, method in single.items()
            for argument in [kind if way == "in" else method]
        }
        - {None}
        for way, play in (("in", inbound), ("out", outbound))
    }
    assert able["in"] == able["out"]
    for name, rules in lost.items():
        kept = able["in"] == set(ROWS[name][1])
        assert kept != bool(rules & NEGOTIATED), (name, able, rules)


def test_a_bad_certificate(played: tuple[str, dict[str, set[str]]], own: Ejabberd, friends: MakePeer,
                           authority: Authority) -> None:  # fmt: skip
    """It never does for SASL EXTERNAL, and where there is no dialback it does not do at all."""
    label, _ = played
    if label == "false":
        pytest.skip("no certificate is shown without TLS")
    for way in ("in", "out"):
        name = domain(label, "external", way)
        served = authority.issue(name, purposes=(SERVER, CLIENT), self_signed=True)
        peer = friends(name, Manners(demands_tls=True), served)
        if way == "in":
            stream, _ = peer.encrypted(HOST)
            with pytest.raises((Closed, TimeoutError)):
                stream.connection.settimeout(5)
                peer.external(stream, HOST)
        elif "without" in label:
            own.ctl("stop_s2s_connections")
            assert bounces(own, name).startswith("remote-server-")
            assert "authenticated" not in peer.happened()


# Types and settings -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(own: Ejabberd) -> dict[str, set[str]]:
    """What is lost of each of ``PARTNERS``, who are all let in."""
    own.configure("mod_muc", "mod_s2s_dialback")
    own.restart()
    result = own.enforce(*({"domain": name, **fields} for name, fields in PARTNERS.items()))
    lost: dict[str, set[str]] = {name: set() for name in PARTNERS}
    for item in result["loss"]:
        lost[item["partner"]].add(item["rule"])
    return lost


def ask(peer: Peer, stream: Stream, to: str, query: str) -> Element:
    stream.send(f"<iq type='get' id='q1' from='bob@{peer.domain}/x' to='{to}'><query xmlns='{query}'/></iq>")
    return peer.stanzas.get(timeout=10)


def test_what_is_lost_by_partner(report: dict[str, set[str]]) -> None:
    usual = {"auto_approval", "host", "components"}
    assert report == {
        "federated.example": usual,
        "verified.example": usual | {"private"},
        "unverified.example": {"consent", "private", "host", "components"},
        "certified.example": usual | {"dialback_certificate"},
        "limited.example": usual | {"connection_limit", "stanza_rate", "stanza_size"},
        "proxied.example": usual | {"proxy_fqdn"},
        "alive.example": usual | {"keepalive"},
    }


@pytest.mark.parametrize("name", ["federated.example", "verified.example"])
def test_auto_approval(name: str, report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    """Our user is asked, and until he answers nobody is approved."""
    assert "auto_approval" in report[name]
    peer, user = friends(name), own.user()
    by_external(peer).send(f"<presence type='subscribe' from='bob@{name}' to='{user.address}'/>")
    asked = user.presence()
    assert (asked.get("type"), asked.get("from")) == ("subscribe", f"bob@{name}")
    user.send(f"bob@{name}", "the first that he hears")
    assert peer.stanzas.get(timeout=10).tag == f"{{{SERVER_NAMESPACE}}}message"


def test_consent(report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    assert "consent" in report["unverified.example"]
    peer = friends("unverified.example")
    arrives(own, peer, by_external(peer))


@pytest.mark.parametrize("name", ["verified.example", "unverified.example"])
def test_private(name: str, report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    assert "private" in report[name]
    peer, user = friends(name), own.user()
    user.write(f"<presence to='bob@{name}'><status>my note</status></presence>")
    assert peer.stanzas.get(timeout=10).findtext(f"{{{SERVER_NAMESPACE}}}status") == "my note"


@pytest.mark.parametrize("name", ["federated.example", "verified.example", "unverified.example"])
def test_host_and_components(name: str, report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    """A stream to the host reaches the host's version and the closed component, which the inventory does not name."""
    assert {"host", "components"} <= report[name]
    peer = friends(name)
    stream = by_external(peer)
    assert ask(peer, stream, HOST, "jabber:iq:version").get("type") == "result"
    assert ask(peer, stream, ROOMS, "http://jabber.org/protocol/disco#info").get("type") == "result"
    opened = [{"domain": ROOMS, "federated": [PARTNERS[name].get("type", "federated")]}]
    assert "components" not in own.loss({"domain": name, **PARTNERS[name]}, components=opened)[name]


def test_dialback_certificate(
    report: dict[str, set[str]], own: Ejabberd, friends: MakePeer, authority: Authority
) -> None:
    assert "dialback_certificate" in report["certified.example"]
    served = authority.issue("other.example", self_signed=True)
    peer = friends("certified.example", Manners(external=False), served)
    arrives(own, peer, by_dialback(peer))
    leaves(own, peer)


def test_limits(report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    """More streams than Microsoft's 20 of one partner; more, and larger stanzas than the partner's limits."""
    assert {"connection_limit", "stanza_rate", "stanza_size"} <= report["limited.example"]
    assert (
        "limits" in own.loss({"domain": "limited.example", **PARTNERS["limited.example"]}, limits={})["limited.example"]
    )
    peer = friends("limited.example")
    streams = [by_external(peer) for _ in range(21)]
    user = own.user()
    for _ in range(3):
        for stream in streams:
            peer.send_message(stream, user.address, "x" * 10_000)
    for _ in range(3 * len(streams)):
        assert len(user.message().findtext(f"{{{CLIENT_NAMESPACE}}}body") or "") == 10_000


def test_proxy(report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    assert "proxy_fqdn" in report["proxied.example"]
    proxy, peer = friends("proxy.example"), friends("proxied.example")
    leaves(own, peer)
    assert proxy.happened() == []


def test_keepalive(report: dict[str, set[str]], own: Ejabberd, friends: MakePeer) -> None:
    """An idle stream ends by the server's own time-out, and nothing was sent over it before."""
    assert "keepalive" in report["alive.example"]
    own.configure("mod_muc", "mod_s2s_dialback", timeout="2 seconds")
    own.ctl("reload_config")
    stream = by_external(friends("alive.example"))
    assert closing(stream.read).condition == "connection-timeout"
    own.configure("mod_muc", "mod_s2s_dialback")
    own.ctl("reload_config")


def test_scope(own: Ejabberd, friends: MakePeer) -> None:
    """A policy that refuses everybody, and whoever comes federates in both directions."""
    scope = {"policies": {"global": False}, "hosts": {HOST: "global"}}
    assert "scope" in {item["rule"] for item in own.enforce({"domain": "federated.example"}, scope=scope)["loss"]}
    peer = friends("federated.example")
    arrives(own, peer, by_external(peer))
    leaves(own, peer)
