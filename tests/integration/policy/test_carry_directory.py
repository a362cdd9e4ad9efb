"""Contacts of users who are in a directory, and have no account in Prosody's store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..pki import CLIENT, SERVER, Authority
from .carrying import carry, run, user
from .client import Client
from .conftest import SUITE, Network
from .gateway import Gateway, container, row
from .names import Names
from .office import HOST, Partner
from .peer import Manners, Peer
from .slapd import Directory
from .test_scope_groups import CONFIGURATION, PASSWORD, PEOPLE

DOMAIN = "fabrikam.example"


@pytest.fixture(scope="module")
def host(network: Network, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway host with a directory on it."""
    from lab import apt, images

    image = images.ensure("groups", SUITE, apt.of_controller())
    name, address = f"{network.name}-{SUITE}-carry", network.address(13)
    folder: Path = tmp_path_factory.mktemp("carry")
    with container(name, image, network.name, address, network.near, folder):
        yield Gateway(name, folder, address)


@pytest.fixture(scope="module")
def partner(host: Gateway, names: Names, authority: Authority) -> Iterator[Partner]:
    """A public unverified partner of a gateway whose users are in the directory."""
    directory = Directory(host)
    directory.fill(PEOPLE, PASSWORD)
    directory.start()
    host.furnish(authority.issue(HOST, purposes=(SERVER, CLIENT)), authority.pem)
    host.configure(modules=("blocklist",), extra=CONFIGURATION)
    host.policy({DOMAIN: row(kind="public_unverified")})
    host.start()
    peer = Peer(DOMAIN, names.address, host.address, authority.issue(DOMAIN, purposes=(SERVER, CLIENT)), Manners())
    names.put(DOMAIN, peer.port)
    yield Partner(peer, rooms=False)
    peer.close()
    names.forget(DOMAIN)
    host.stop()


def answers(partner: Partner, sender: str, to: str) -> list[str]:
    """Return what came back for a message."""
    partner.say(f"<message type='chat' id='m' from='{sender}/desk' to='{to}'><body>x</body></message>")
    return [item.get("type", "") for item in partner.settle() if item.get("id") == "m"]


def test_users_of_the_directory(host: Gateway, partner: Partner) -> None:
    carol, bob, eve = f"carol@{HOST}", f"bob@{DOMAIN}", f"eve@{DOMAIN}"
    assert answers(partner, bob, carol) == ["error"]
    assert carry(host, user(carol, bob, blocked=(eve,)))["changed"]
    assert (answers(partner, bob, carol), answers(partner, f"dan@{DOMAIN}", carol)) == ([], ["error"])
    client = Client(host.address, carol, PASSWORD)
    partner.wait(lambda item: item.get("type") == "probe" and item.get("to") == bob)
    answers(partner, bob, carol)
    heard = [item for item in client.drain() if item.get("id") == "m"]
    client.close()
    assert [item.get("from") for item in heard][-1:] == [f"{bob}/desk"]
    result = run(host, user(carol, bob), user(f"nobody@{HOST}", bob))
    assert not result["changed"] and result["missing_users"] == [f"nobody@{HOST}"]
