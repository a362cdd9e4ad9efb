"""Who may federate by the groups of a real directory: what Prosody asks it, for how long it believes it, and what when
it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import SUITE, Network
from .gateway import HOSTS, Gateway, container, row, wait_until
from .names import Names
from .office import HOST, Partner, condition
from .peer import Manners, Peer
from .slapd import BASE, READER, SECRET, URI, Directory, group, person

DOMAIN = "fabrikam.example"
PASSWORD = "correct-horse"
PEOPLE = ("carol", "dave", "odd(1)*")
CONFIGURATION = f"""
VirtualHost "{HOST}"
authentication = "ldap"
ldap_server = "{URI}"
ldap_base = "ou=people,{BASE}"
ldap_rootdn = "{READER}"
ldap_password = "{SECRET}"
ldap_mode = "bind"
"""


@pytest.fixture(scope="module")
def host(network: Network, names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway host with a directory on it."""
    from lab import apt, images

    image = images.ensure("groups", SUITE, apt.of_controller())
    name, address = f"{network.name}-{SUITE}-groups", network.address(12)
    folder: Path = tmp_path_factory.mktemp("groups")
    with container(name, image, network.name, address, network.near, folder):
        yield Gateway(name, folder, address)


def configure(gateway: Gateway, options: str = "") -> None:
    """Write the configuration, with global options at its top."""
    gateway.configure(extra=CONFIGURATION)
    gateway.write("prosody.cfg.lua", options + (gateway.folder / "prosody.cfg.lua").read_text())


class Scene:
    """carol is in the groups, dave is not; both are online while the directory lets them in. bob is a partner's."""

    def __init__(self, gateway: Gateway, directory: Directory, partner: Partner) -> None:
        self.gateway, self.directory, self.partner = gateway, directory, partner
        self.clients: dict[str, Client] = {}
        self._count = 0

    def start(self, refresh: int, keep: int) -> None:
        """Start the server anew with these two times; log everybody in."""
        self.close()
        self.gateway.stop()
        configure(self.gateway, f"fedgate_groups_refresh = {refresh}\nfedgate_groups_keep = {keep}\n")
        self.gateway.start()
        self.partner = Partner(self.partner.peer, rooms=False)
        for user in ("carol", "dave"):
            self.clients[user] = Client(self.gateway.address, f"{user}@{HOST}", PASSWORD)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def enforce(self, default: bool, users: Optional[dict[str, str]] = None, **groups: bool) -> None:
        """Load a policy; ``groups`` are names and whether their members may."""
        scope = {
            "policies": {"global": default, "yes": True, "no": False},
            "hosts": {HOST: "global"},
            "users": users or {},
            "groups": {group(name): "yes" if access else "no" for name, access in groups.items()},
        }
        self.gateway.enforce({DOMAIN: row()}, HOSTS, scope=scope)

    def may(self, user: str) -> bool:
        """Whether messages pass between a user and bob: in both directions, or in neither."""
        verdicts = {self.hears(user), self.is_heard(user)}
        assert len(verdicts) == 1
        return verdicts.pop()

    def hears(self, user: str) -> bool:
        """Whether a message of bob's reaches a user, or comes back."""
        self._count += 1
        identifier, to = f"m{self._count}", self.clients[user].full
        self.partner.say(
            f"<message type='chat' id='{identifier}' from='bob@{DOMAIN}/desk' to='{to}'><body>x</body></message>"
        )
        back = [condition(item) for item in self.partner.settle() if item.get("id") == identifier]
        arrived = [item for item in self.clients[user].drain() if item.get("id") == identifier]
        assert (back, len(arrived)) in (([], 1), (["service-unavailable"], 0))
        return bool(arrived)

    def is_heard(self, user: str) -> bool:
        """Whether a message of a user's reaches bob, or comes back."""
        identifier = self.clients[user].send(f"bob@{DOMAIN}")
        back = [condition(item) for item in self.clients[user].drain() if item.get("id") == identifier]
        arrived = [item for item in self.partner.settle() if item.get("id") == identifier]
        assert (back, len(arrived)) in (([], 1), (["not-allowed"], 0))
        return bool(arrived)


@pytest.fixture(scope="module")
def scene(host: Gateway, names: Names, authority: Authority) -> Iterator[Scene]:
    served = authority.issue("contoso.example", "contoso-asia.example", "conference.contoso.example",
                             purposes=(SERVER, CLIENT))  # fmt: skip
    host.furnish(served, authority.pem)
    host.policy({DOMAIN: row()})
    directory = Directory(host)
    directory.fill(PEOPLE, PASSWORD)
    directory.start()
    peer = Peer(DOMAIN, names.address, host.address, authority.issue(DOMAIN, purposes=(SERVER, CLIENT)), Manners())
    names.put(DOMAIN, peer.port)
    configure(host)
    host.start()
    made = Scene(host, directory, Partner(peer, rooms=False))
    made.start(300, 3600)
    yield made
    made.close()
    host.stop()
    directory.thaw()
    directory.stop()
    peer.close()
    names.forget(DOMAIN)


@pytest.mark.parametrize("name", ["sales", "unique", "posix"])
def test_members_of_a_group(name: str, scene: Scene) -> None:
    scene.enforce(False, **{name: True})
    assert (scene.may("carol"), scene.may("dave")) == (True, False)
    scene.enforce(True, **{name: False})
    assert (scene.may("carol"), scene.may("dave")) == (False, True)


def test_of_two_groups_the_one_that_refuses_counts_and_a_users_own_policy_before_both(scene: Scene) -> None:
    scene.enforce(True, sales=True, posix=False)
    assert (scene.may("carol"), scene.may("dave")) == (False, True)
    scene.enforce(True, {f"carol@{HOST}": "yes", f"dave@{HOST}": "no"}, sales=True, posix=False)
    assert (scene.may("carol"), scene.may("dave")) == (True, False)


@pytest.mark.parametrize("name", ["secret", "nowhere"])
def test_a_group_that_cannot_be_read_counts_against_everybody(name: str, scene: Scene) -> None:
    scene.enforce(False, **{name: True})
    assert (scene.may("carol"), scene.may("dave")) == (False, False)
    scene.enforce(True, **{name: False})
    assert (scene.may("carol"), scene.may("dave")) == (False, False)
    assert f"The group {group(name)} cannot be read" in scene.gateway.log()
    scene.enforce(True, empty=False)
    assert (scene.may("carol"), scene.may("dave")) == (True, True)


def test_names_are_escaped(scene: Scene) -> None:
    scene.enforce(False, sales=True)
    odd = Client(scene.gateway.address, f"{PEOPLE[2]}@{HOST}", PASSWORD)
    scene.clients["odd"] = odd
    assert not scene.may("odd")
    scene.directory.change("sales", "add", "member", person(PEOPLE[2]))
    scene.enforce(False, sales=True)
    assert scene.may("odd")
    scene.directory.change("sales", "delete", "member", person(PEOPLE[2]))


def test_a_change_in_the_directory_counts_after_a_while_or_a_reload(scene: Scene) -> None:
    scene.enforce(False, sales=True)
    assert not scene.may("dave")
    scene.directory.change("sales", "add", "member", person("dave"))
    assert not scene.may("dave")
    scene.enforce(False, sales=True)
    assert scene.may("dave")
    scene.start(refresh=0, keep=3600)
    assert scene.may("dave")
    scene.clients["dave"].write(f"<presence to='bob@{DOMAIN}'/>")
    scene.clients["dave"].drain()
    scene.directory.change("sales", "delete", "member", person("dave"))
    scene.partner.settle()
    scene.clients["dave"].send(f"bob@{DOMAIN}")
    left = scene.partner.wait(lambda item: item.get("type") == "unavailable")
    assert left[-1].get("from") == scene.clients["dave"].full
    assert not scene.may("dave")


def test_a_directory_that_does_not_answer(scene: Scene) -> None:
    """Known answers hold for a while; what is not known counts against the user; and nothing waits for long."""
    scene.start(refresh=300, keep=3600)
    scene.enforce(False, sales=True)
    assert (scene.may("carol"), scene.may("dave")) == (True, False)
    scene.directory.stop()
    try:
        scene.enforce(False, sales=True)  # asks anew, and gets no answer
        assert (scene.may("carol"), scene.may("dave")) == (True, False)
        scene.enforce(True, empty=False)  # of this group nothing was ever known
        assert (scene.may("carol"), scene.may("dave")) == (False, False)
        assert "are not known: " in scene.gateway.log()
    finally:
        scene.directory.start()


def test_a_directory_that_hangs(scene: Scene) -> None:
    """The library's own time-outs, as the gateway's service sets them, end the wait; then it is left alone."""
    scene.gateway.run("sh", "-c", "printf 'NETWORK_TIMEOUT 1\nTIMEOUT 1\n' > /etc/ldap/ldap.conf")
    scene.start(refresh=300, keep=3600)
    scene.enforce(False, sales=True)
    assert scene.may("carol")
    scene.directory.freeze()
    try:
        scene.enforce(False, sales=True)
        assert (scene.may("carol"), scene.may("dave")) == (True, False)
        assert scene.gateway.log().count("are not known: ") == 1
    finally:
        scene.directory.thaw()


def test_what_is_too_old_is_not_believed(scene: Scene) -> None:
    scene.start(refresh=1, keep=1)
    scene.enforce(False, sales=True)
    assert scene.may("carol")
    scene.directory.stop()
    try:
        wait_until(lambda: not scene.hears("carol"), "nobody is a member any more")
        assert not scene.may("carol")
    finally:
        scene.directory.start()


def test_the_password_stays_out_of_the_log(scene: Scene) -> None:
    assert SECRET not in scene.gateway.log()
