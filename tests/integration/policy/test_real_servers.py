"""The negotiation table against real servers: 13 rows, both directions, servers of one method each and one of all.

Cells that a server cannot play are skipped with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ..pki import Authority
from .client import Client
from .conftest import PASSWORD, Network
from .gateway import Gateway
from .names import Names
from .real import BRANDS, KINDS, RealServer, real_server
from .test_negotiation import EXTERNAL, PLAIN, ROWS, expected
from .wire import CLIENT

HOST = "contoso.example"
ALICE = f"alice@{HOST}"
#: How long a server may take to say that something cannot be delivered, in seconds.
PATIENCE = 40


def domain(name: str) -> str:
    return f"{name}.real.example"


@pytest.fixture(scope="module", autouse=True)
def policy(gateway: Gateway, names: Names) -> Iterator[None]:
    """All rows at once."""
    gateway.configure(strict=False)
    gateway.restart()
    names.put(HOST, 5269, gateway.address)
    yield
    names.forget(HOST)
    gateway.configure()
    gateway.restart()


@pytest.fixture(scope="module", params=[f"{brand} {kind}" for brand in BRANDS for kind in KINDS])
def played(
    request: pytest.FixtureRequest, gateway: Gateway, names: Names, network: Network, authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, RealServer]]:  # fmt: skip
    """A kind, and the server that plays it for a domain of each row."""
    brand, kind = request.param.split()
    domains = [domain(name) for name in ROWS]
    # An address of its own: who spoke to the one before would look for it at another hardware address for a while.
    number = 20 + len(BRANDS) * KINDS.index(kind) + list(BRANDS).index(brand)
    gateway.enforce({})
    with real_server(brand, kind, domains, network, number, tmp_path_factory.mktemp("real"), authority) as server:
        for each in domains:
            names.put(each, 5269, server.address)
        gateway.enforce({domain(name): rules for name, (rules, _) in ROWS.items()})
        yield kind, server
        for each in domains:
            names.forget(each)


@pytest.fixture
def alice(gateway: Gateway) -> Iterator[Client]:
    client = Client(gateway.address, ALICE, PASSWORD)
    yield client
    client.close()


def arrivals(client: Client, wanted: int, seconds: float) -> list[tuple[str, bool]]:
    """Return messages as (from, whether it is an error), as many as are wanted or come in time."""
    found: list[tuple[str, bool]] = []
    end = time.monotonic() + seconds
    while len(found) < wanted and time.monotonic() < end:
        client.timeout(max(0.1, end - time.monotonic()))
        try:
            message = client.message()
        except TimeoutError:
            break
        sender = (message.get("from") or "").split("/")[0]
        found.append((sender, message.find(f"{{{CLIENT}}}error") is not None))
    return found


def assert_method(gateway: Gateway, name: str, kind: str, direction: str) -> None:
    session = gateway.session(domain(name), direction)
    method = expected(name, kind)
    assert session["method"] == ("external" if method == EXTERNAL else "dialback"), name
    assert (session["tls"] is None) == (method == PLAIN), name


def test_outbound(played: tuple[str, RealServer], gateway: Gateway, alice: Client) -> None:
    kind, server = played
    bobs = {name: server.client(domain(name)) for name in ROWS}
    for name in ROWS:
        alice.send(f"bob@{domain(name)}")
    through = [name for name in ROWS if expected(name, kind)]
    for name in through:
        assert bobs[name].message().get("from", "").startswith(ALICE), name
        assert_method(gateway, name, kind, "outgoing")
    refused = sorted(f"bob@{domain(name)}" for name in ROWS if name not in through)
    assert sorted(sender for sender, error in arrivals(alice, len(refused), PATIENCE) if error) == refused
    assert {item["remote"] for item in gateway.status()["sessions"] if item["direction"] == "outgoing"} == {
        domain(name) for name in through
    }
    for bob in bobs.values():
        bob.close()


def test_inbound(played: tuple[str, RealServer], gateway: Gateway, alice: Client) -> None:
    kind, server = played
    bobs = {name: server.client(domain(name)) for name in ROWS}
    for bob in bobs.values():
        bob.send(ALICE)
    through = [name for name in ROWS if expected(name, kind)]
    got = arrivals(alice, len(through), PATIENCE)
    assert sorted(got) == sorted((f"bob@{domain(name)}", False) for name in through)
    for name in ROWS:
        if name in through:
            assert_method(gateway, name, kind, "incoming")
        else:
            assert [error for _, error in arrivals(bobs[name], 1, PATIENCE)] == [True], name
    assert {item["remote"] for item in gateway.status()["sessions"] if item["direction"] == "incoming"} == {
        domain(name) for name in through
    }
    for bob in bobs.values():
        bob.close()
