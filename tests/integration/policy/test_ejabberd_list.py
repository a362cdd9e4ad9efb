"""The allow-list on a real ejabberd: who is on it federates, nobody else does, in both directions."""

from __future__ import annotations

from typing import Any

import pytest

from ..pki import CLIENT as CLIENT_AUTH
from ..pki import SERVER as SERVER_AUTH
from ..pki import Authority
from .conftest import MakePeer
from .ejabberd import HOST, SIBLING, Ejabberd, arrives, bounces, by_dialback, by_external, leaves
from .names import Names
from .peer import Peer, closing
from .wire import SERVER


def partner(domain: str, **fields: Any) -> dict[str, Any]:
    return {"domain": domain, **fields}


def test_a_stranger_does_not_get_in(own: Ejabberd, friends: MakePeer) -> None:
    own.enforce(partner("fabrikam-1.example"))
    stranger = friends("stranger-1.example")
    stream, _ = stranger.encrypted(HOST)
    assert stranger.dialback(stream, HOST) == "error"
    stream = by_external(stranger)
    stranger.send_message(stream, f"user@{HOST}", "psst")
    assert closing(stream.read).condition == "invalid-from"
    assert "stanza" not in stranger.happened()


def test_nothing_leaves_to_a_stranger(own: Ejabberd, friends: MakePeer) -> None:
    own.enforce(partner("fabrikam-2.example"))
    stranger = friends("stranger-2.example")
    assert bounces(own, stranger.domain) == "forbidden"
    by_external(stranger)
    assert bounces(own, stranger.domain) == "forbidden"
    assert stranger.happened() == []


def test_all_domains_of_a_partner_get_in(own: Ejabberd, friends: MakePeer) -> None:
    own.enforce(partner("fabrikam-3.example", additional_domains=["fabrikam-asia-3.example"]))
    for domain in ("fabrikam-3.example", "fabrikam-asia-3.example"):
        peer = friends(domain)
        arrives(own, peer, by_external(peer))
        leaves(own, peer)


def test_a_domain_with_umlauts(own: Ejabberd, friends: MakePeer, names: Names, authority: Authority) -> None:
    """The inventory and DNS have A-labels, addresses have U-labels."""
    own.enforce(partner("xn--bcher-kva.example"))
    served = authority.issue("xn--bcher-kva.example", purposes=(SERVER_AUTH, CLIENT_AUTH))
    peer = friends("b\u00fccher.example", served=served)
    names.put("xn--bcher-kva.example", peer.port)
    arrives(own, peer, by_dialback(peer))
    leaves(own, peer)
    names.forget("xn--bcher-kva.example")


def test_a_host_that_is_not_named_is_closed(own: Ejabberd, friends: MakePeer) -> None:
    own.enforce(partner("fabrikam-4.example"))
    fabrikam = friends("fabrikam-4.example")
    stream, _ = fabrikam.encrypted(SIBLING)
    assert fabrikam.dialback(stream, SIBLING) == "error"
    assert bounces(own, fabrikam.domain, SIBLING) == "forbidden"
    own.enforce(partner("fabrikam-4.example"), local_hosts=[HOST, SIBLING])
    arrives(own, fabrikam, by_external(fabrikam, SIBLING), SIBLING)
    leaves(own, fabrikam, SIBLING)


def test_who_is_no_partner_any_more_has_no_stream(own: Ejabberd, friends: MakePeer) -> None:
    own.enforce(partner("fabrikam-5.example"), partner("adatum-5.example"))
    fabrikam, adatum = friends("fabrikam-5.example"), friends("adatum-5.example")
    stream, other = by_external(fabrikam), by_external(adatum)
    arrives(own, fabrikam, stream)
    leaves(own, fabrikam)
    own.enforce(partner("adatum-5.example"))
    closing(stream.read)
    closing(other.read)
    assert fabrikam.domain not in own.outgoing()
    assert bounces(own, fabrikam.domain) == "forbidden"
    arrives(own, adatum, by_external(adatum))


def test_a_new_partner_costs_no_stream(own: Ejabberd, friends: MakePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peer, "patience", 600)  # it is not the peer that drops one
    own.enforce(partner("adatum-6.example"))
    adatum = friends("adatum-6.example")
    stream = by_external(adatum)
    leaves(own, adatum)
    own.enforce(partner("adatum-6.example"), partner("fabrikam-6.example"))
    arrives(own, adatum, stream)
    assert adatum.domain in own.outgoing()


def test_bidirectional_streams_let_strangers_have_what_our_users_send(own: Ejabberd, friends: MakePeer) -> None:
    """Why the module refuses a server with mod_s2s_bidi: the list is not asked for a stream that a stranger opened."""
    own.enforce(partner("fabrikam-7.example"))
    if "mod_s2s_bidi" not in own.host.run("sh", "-c", "ls /usr/lib/*/ejabberd-*/ebin"):
        pytest.skip("this ejabberd has no mod_s2s_bidi; it came with 24.10")
    own.configure("mod_muc", "mod_s2s_dialback", "mod_s2s_bidi")
    own.restart()
    try:
        stranger = friends("stranger-7.example")
        stream, _ = stranger.encrypted(HOST)
        stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
        stranger.external(stream, HOST)
        user = own.user()
        user.send(f"mallory@{stranger.domain}", "for whom?")
        assert stream.expect(SERVER, "message").get("to") == f"mallory@{stranger.domain}"
        refused = own.module(partners=[partner("fabrikam-7.example")], local_hosts=[HOST])
        assert refused["failed"]
    finally:
        own.configure("mod_muc", "mod_s2s_dialback")
        own.restart()
