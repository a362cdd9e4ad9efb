"""Hosts for the tests of the Prosody module: a network, a name server, a gateway in a container, partners."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator

import pytest

from ..pki import CLIENT, SERVER, Authority, Served
from .client import Client
from .ejabberd import Ejabberd, ejabberd
from .gateway import HOSTS, Gateway, container, podman, remove_orphans, row
from .names import Names
from .office import COLUMNS, MODULES, ROOMS, Office, Partner
from .peer import Manners, Peer

SUITE = os.environ.get("LAB_SUITE", "trixie")
PASSWORD = "correct-horse"


def image() -> str:
    """Return the name of an image that has Prosody: the lab's, or FEDGATE_POLICY_IMAGE."""
    given = os.environ.get("FEDGATE_POLICY_IMAGE")
    if given:
        return given
    from lab import apt, images

    return images.ensure("stranger", SUITE, apt.of_controller())


@dataclasses.dataclass(frozen=True)
class Network:
    """A network of our own; ``near`` is this machine's address there: partners and the name server listen on it."""

    name: str
    prefix: str

    @property
    def near(self) -> str:
        return f"{self.prefix}.1"

    def address(self, number: int) -> str:
        return f"{self.prefix}.{number}"


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """A subnet that is free on this machine; the search begins elsewhere for each test run beside others."""
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    remove_orphans()
    for step in range(19):
        octet = 81 + (os.getpid() + step) % 19
        found = Network(f"fedgate-policy-{octet}", f"10.89.{octet}")
        podman("network", "rm", found.name, check=False)  # one that is in use stays
        options = ["--disable-dns", "--subnet", f"{found.prefix}.0/24", "--gateway", found.near]
        if podman("network", "create", *options, found.name, check=False):
            break
    else:
        pytest.fail("no subnet of 10.89.81.0/24 to 10.89.99.0/24 is free; see podman network ls")
    yield found
    podman("network", "rm", "-f", found.name, check=False)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The CA that everybody trusts."""
    return Authority()


@pytest.fixture(scope="session")
def hosts(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """An empty gateway host: container and folder."""
    folder = tmp_path_factory.mktemp("gateway")
    name, address = f"{network.name}-{SUITE}", network.address(11)
    with container(name, image(), network.name, address, network.near, folder):
        yield Gateway(name, folder, address)


@pytest.fixture(scope="session")
def names(hosts: Gateway, network: Network) -> Iterator[Names]:
    """The name server. The bridge has its address once a container is there."""
    server = Names(network.near)
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
    # Contacts of earlier modules would be asked again at each login, before their servers are there.
    hosts.run("sh", "-c", "rm -rf /var/lib/prosody/conto* /var/lib/prosody/conference*")
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
    if report.failed and isinstance(host, Gateway) and (host.folder / "prosody.log").exists():
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


@pytest.fixture(scope="session")
def own(
    network: Network, names: Names, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ejabberd]:
    """An ejabberd of our own that runs, and federates with nobody."""
    with ejabberd(
        SUITE, network.name, network.address(61), network.near, tmp_path_factory.mktemp("own"), authority
    ) as running:
        yield running


@pytest.fixture
def friends(names: Names, own: Ejabberd, authority: Authority) -> Iterator[MakePeer]:
    """Make partners of the ejabberd: ``friends(domain, manners, served=…)``; they are gone after the test.

    So are all streams: ejabberd would not try a domain again for minutes whose server was gone once.
    """
    made: list[Peer] = []

    def make(domain: str, manners: Manners = Manners(), served: Served | None = None) -> Peer:  # noqa: B008
        shown = served or authority.issue(domain, purposes=(SERVER, CLIENT))
        made.append(Peer(domain, names.address, own.address, shown, manners))
        names.put(domain, made[-1].port, direct=manners.direct)
        return made[-1]

    own.ctl("stop_s2s_connections")
    yield make
    for peer in made:
        peer.close()
        names.forget(peer.domain)


@pytest.fixture(scope="module")
def office(gateway: Gateway, names: Names, authority: Authority) -> Iterator[Office]:
    """alice, dora (who is never online), and a partner of each type; our rooms are open to all of them."""
    kinds = sorted({kind for kind, _ in COLUMNS.values()})
    domains = {kind: f"{kind.replace('_', '-')}.example" for kind in kinds}
    gateway.stop()
    gateway.configure(modules=MODULES)
    gateway.policy(
        {domain: row(kind=kind) for kind, domain in domains.items()},
        [*HOSTS, ROOMS],
        components={kind: [ROOMS] for kind in kinds},
    )
    gateway.user("dora@contoso.example", PASSWORD)
    gateway.start()
    made = {}
    for kind, domain in domains.items():
        served = authority.issue(domain, purposes=(SERVER, CLIENT))
        made[kind] = Peer(domain, names.address, gateway.address, served, Manners())
        names.put(domain, made[kind].port)
    alice = Client(gateway.address, "alice@contoso.example", PASSWORD)
    yield Office(gateway, alice, {kind: Partner(peer, rooms=True) for kind, peer in made.items()})
    alice.close()
    for peer in made.values():
        peer.close()
        names.forget(peer.domain)
