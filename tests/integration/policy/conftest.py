"""Hosts for the tests of the Prosody module: a network, a name server, a gateway in a container, partners."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from ..pki import CLIENT, SERVER, Authority, Served
from .client import Client
from .gateway import Gateway, container, podman
from .names import Names
from .peer import Manners, Peer

SUITE = os.environ.get("LAB_SUITE", "trixie")
SUBNET = os.environ.get("FEDGATE_POLICY_SUBNET", "10.89.81")
NETWORK = f"fedgate-policy-{SUBNET.split('.')[-1]}"
#: This machine's address there: partners and the name server listen on it.
NEAR = f"{SUBNET}.1"
PASSWORD = "correct-horse"


def image() -> str:
    """Return the name of an image that has Prosody: the lab's, or FEDGATE_POLICY_IMAGE."""
    given = os.environ.get("FEDGATE_POLICY_IMAGE")
    if given:
        return given
    from lab import apt, images

    return images.ensure("stranger", SUITE, apt.of_controller())


@pytest.fixture(scope="session")
def network() -> Iterator[str]:
    """A network of our own; gives its name."""
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    podman("network", "create", "--disable-dns", "--subnet", f"{SUBNET}.0/24", "--gateway", NEAR, NETWORK, check=False)
    yield NETWORK
    podman("network", "rm", "-f", NETWORK, check=False)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The CA that everybody trusts."""
    return Authority()


@pytest.fixture(scope="session")
def hosts(network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An empty gateway host: container and folder."""
    folder = tmp_path_factory.mktemp("gateway")
    address = f"{SUBNET}.11"
    with container(f"fedgate-policy-{SUITE}", image(), network, address, NEAR, folder) as name:
        yield Gateway(name, folder, address)


@pytest.fixture(scope="session")
def names(hosts: Gateway) -> Iterator[Names]:
    """The name server. The bridge has its address once a container is there."""
    server = Names(NEAR)
    yield server
    server.close()


@pytest.fixture(scope="module")
def gateway(hosts: Gateway, names: Names, authority: Authority) -> Iterator[Gateway]:
    """A running gateway with alice on it, and with an empty policy."""
    served = authority.issue("contoso.example", "contoso-asia.example", "conference.contoso.example",
                             purposes=(SERVER, CLIENT))  # fmt: skip
    hosts.furnish(served, authority.pem)
    hosts.configure()
    hosts.policy({})
    hosts.user("alice@contoso.example", PASSWORD)
    hosts.start()
    yield hosts
    hosts.stop()


@pytest.fixture
def alice(gateway: Gateway) -> Iterator[Client]:
    """alice@contoso.example, online."""
    client = Client(gateway.address, "alice@contoso.example", PASSWORD)
    yield client
    client.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the gateway's log beside a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    host = getattr(item, "funcargs", {}).get("hosts")
    if report.when == "call" and report.failed and isinstance(host, Gateway) and (host.folder / "prosody.log").exists():
        report.sections.append(("the gateway's log", "\n".join(host.log().splitlines()[-150:])))


MakePeer = Callable[..., Peer]


@pytest.fixture
def peers(names: Names, hosts: Gateway, authority: Authority) -> Iterator[MakePeer]:
    """Make partners: ``peers(domain, manners, served=…)``; they are gone after the test."""
    made: list[Peer] = []

    def make(domain: str, manners: Manners = Manners(), served: Served | None = None) -> Peer:  # noqa: B008
        shown = served or authority.issue(domain, purposes=(SERVER, CLIENT))
        peer = Peer(domain, names.address, hosts.address, shown, manners)
        names.put(domain, peer.port, direct=manners.direct)
        made.append(peer)
        return peer

    yield make
    for peer in made:
        peer.close()
        names.forget(peer.domain)
