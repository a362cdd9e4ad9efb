"""The package manager at work under a policy: an upgrade from 0.12 to 13.0, and a restart that nobody asked for.

A stranger with a certificate that everybody trusts knocks all the time. Without our modules he would be let in.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import apt, images, runtime

from ..pki import CLIENT, SERVER, Authority
from .conftest import PASSWORD, MakePeer, Network
from .gateway import OWNER, Gateway, podman, row, wait_until
from .names import Names
from .peer import Peer
from .wire import Closed

HOST = "contoso.example"
PARTNER, STRANGER = "fabrikam.example", "stranger.example"


class Knocking:
    """Somebody who opens one stream after the other, in a thread.

    :ivar refused: how often the gateway turned him away; :ivar inside: how often it did not.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.refused = self.inside = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._knock, daemon=True)
        self._thread.start()

    def _knock(self) -> None:
        while not self._over.is_set():
            try:
                stream, _offered = self.peer.encrypted(HOST)
                self.peer.external(stream, HOST)
                self.inside += 1
            except Closed:
                self.refused += 1
                self.peer.drop_latest()
            except OSError:  # nobody listens in the moment of a restart
                self._over.wait(0.02)

    def stop(self) -> None:
        """Knock no more."""
        self._over.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def old(
    network: Network, names: Names, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A Debian 12 host with systemd, and Prosody 0.12 from its package, under our modules."""
    folder: Path = tmp_path_factory.mktemp("upgrade")
    packages = apt.of_controller()
    name, address = f"{network.name}-upgrade", network.address(14)
    known = [f"--add-host={host}:{socket.gethostbyname(host)}" for host in packages.host_names()]
    podman("rm", "-f", "-t", "0", name, check=False)
    podman(
        "run", "-d", "--rm", "--name", name, "--label", f"{OWNER}={os.getpid()}", "--network", network.name,
        "--ip", address, "--dns", network.near, "--dns-search", ".", *known, "--systemd=always", "--privileged",
        *runtime.limit_options(), "-v", f"{folder}:/fedgate", images.ensure("stranger", "bookworm", packages),
        "/lib/systemd/systemd",
    )  # fmt: skip
    gateway = Gateway(name, folder, address)
    try:
        gateway.furnish(authority.issue(HOST, purposes=(SERVER, CLIENT)), authority.pem)
        gateway.configure()
        gateway.policy({PARTNER: row(sasl="required", dialback=False)}, [HOST])
        gateway.write("apt.conf", packages.configuration())
        for suite in ("bookworm", "trixie"):
            gateway.write(f"{suite}.sources", packages.sources(suite))
        wait_until(lambda: gateway.run("systemctl", "is-system-running", "--wait", check=False), "systemd is up", 60)
        gateway.run("sh", "-ec", "echo 'Include \"/fedgate/prosody.cfg.lua\"' >/etc/prosody/prosody.cfg.lua")
        gateway.run("systemctl", "restart", "prosody")
        wait_until(gateway._answers, "it answers", 30)
        gateway.user(f"alice@{HOST}", PASSWORD)
        yield gateway
    finally:
        podman("rm", "-f", "-t", "0", name, check=False)


def pid(gateway: Gateway) -> str:
    return gateway.run("systemctl", "show", "--property", "MainPID", "--value", "prosody").strip()


def version(gateway: Gateway) -> str:
    return gateway.run("dpkg-query", "--show", "--showformat", "${Version}", "prosody")


SCRIPT = """
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
cp /fedgate/apt.conf /etc/apt/apt.conf.d/99fedgate
cp /fedgate/{suite}.sources /etc/apt/sources.list.d/
apt-get -q update
DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confold install --reinstall prosody
"""


def install(gateway: Gateway, suite: str) -> str:
    """Have the package manager do it by itself, as it does at night; return what it says."""
    command = runtime.podman("exec", gateway.name, "sh", "-ec", SCRIPT.format(suite=suite))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def partner_gets_in(gateway: Gateway, partner: Peer) -> None:
    stream, _offered = partner.encrypted(HOST)
    partner.external(stream, HOST)
    assert gateway.session(PARTNER, "incoming")["method"] == "external"
    stream.close()


def test_he_would_get_in_if_he_might(old: Gateway, peers: MakePeer, names: Names) -> None:
    """What the tests below look for can happen."""
    stranger = Peer(STRANGER, names.address, old.address, peers(STRANGER).served, peers(STRANGER).manners)
    old.enforce({STRANGER: row(sasl="required", dialback=False)}, [HOST])
    knocking = Knocking(stranger)
    wait_until(lambda: knocking.inside > 2, "he gets in", 20)
    knocking.stop()
    old.enforce({PARTNER: row(sasl="required", dialback=False)}, [HOST])


@pytest.mark.parametrize(("suite", "wanted"), [("bookworm", "0.12."), ("trixie", "13.")])
def test_he_never_does(suite: str, wanted: str, old: Gateway, peers: MakePeer) -> None:
    """First the same version once more, then the one of the next release of Debian."""
    partner, stranger = peers(PARTNER), peers(STRANGER)
    partner.gateway = stranger.gateway = old.address
    partner_gets_in(old, partner)
    before, digest = pid(old), old.status()["digest"]
    knocking = Knocking(stranger)
    wait_until(lambda: knocking.refused > 5, "he is refused", 20)
    print(install(old, suite))
    assert version(old).startswith(wanted)
    wait_until(lambda: pid(old) not in ("0", before), "the package manager restarted it", 30)
    wait_until(lambda: old.status()["pid"] == int(pid(old)), "it says that it is there", 30)
    refused = knocking.refused
    wait_until(lambda: knocking.refused > refused + 5, "he is refused again", 30)
    partner_gets_in(old, partner)
    knocking.stop()
    assert knocking.inside == 0
    assert (old.status()["state"], old.status()["digest"]) == ("enforcing", digest)
