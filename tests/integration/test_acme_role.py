"""The role with the issuer acme, as people run it: two gateways, a real CA and name server; nothing secret shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates import keys
from ansible.module_utils.fedgate.certificates.settings import KeySettings

from tests.leaks.watch import Watch

from .acme_ca import BINDINGS, Wire
from .acme_world import World, loopback, needs_servers, servers
from .bind import KEYS, Bind
from .test_certificates import Deployment, changes
from .test_certificates import pytestmark as needs_library

pytestmark = [needs_servers, needs_library]
NAMES = {"edge1.london": "contoso.example", "edge1.tokyo": "contoso-asia.example"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    for addresses in loopback():
        yield from servers(tmp_path_factory.mktemp("acme"), addresses[0], binding=True)


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> World:
    return World(tmp_path, *running)


@pytest.fixture
def deployment(world: World, tmp_path: Path) -> Deployment:
    kid, key = next(iter(BINDINGS.items()))
    found = Deployment(tmp_path)
    found.hosts = {host: found.hosts[host] for host in found.hosts if host in NAMES or host == "edge0.paris"}
    for host, name in NAMES.items():
        found.hosts[host]["certificate_names"] = [name]
    settings = {**world.issuer()["acme"], "eab_kid": kid, "eab_hmac_key": key}
    # Both come from the deployment's own variables, unless there are others.
    del settings["dns_provider"], settings["resolvers"]
    found.variables |= {
        "federation_dns_provider": world.bind.provider("challenge"),
        "federation_dns_resolvers": [world.bind.address],
        "federation_certificate": {
            "issuer": "acme",
            "trust_anchors": [str(world.wire.pebble.folder / "root-0.pem")],
            "key": {"type": "ecdsa", "curve": "p256"},
            "acme": settings,
        },
    }
    return found


def test_from_nothing_to_certificates(world: World, deployment: Deployment) -> None:
    planned = deployment.run("--check", "--diff")
    assert not world.wire.messages
    done = deployment.run("--diff", "-vvvv")
    assert changes(planned) == changes(done)
    for host in NAMES:
        assert not done[host]["failed"], done[host]["failed"]
        assert (deployment.serving(host) / "chain.pem").is_file()
    assert {kind for _, _, kind, _ in changes(done)} >= {"acme_account", "issued_certificate", "certificate"}
    for secret in (KEYS["challenge"][1], next(iter(BINDINGS.values())), "PRIVATE KEY"):
        assert secret not in deployment.output
    world.wire.forget()
    assert changes(deployment.run()) == set()
    # What is asked then is when the authority wants them renewed; nothing is signed for that.
    assert all(message.method in ("GET", "HEAD") for message in world.wire.messages), world.wire.messages
    assert not world.challenges()


def test_no_secret_shows(world: World, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs, command lines, temporary files; the secrets of the inventory and the account's key."""
    key = keys.to_pem(keys.generate(KeySettings("ecdsa", None, "p256"))).decode()
    deployment.variables["federation_certificate"]["acme"]["account_key"] = key
    watch = Watch(tmp_path / "watched")
    for name, value in watch.environment().items():
        monkeypatch.setenv(name, value)
    with watch:
        done = deployment.run("-vvvv")
    assert not done["edge1.london"]["failed"]
    watch.files[deployment.output.encode()] = "standard output"
    secrets = {"TSIG": KEYS["challenge"][1], "HMAC": next(iter(BINDINGS.values())), "account key": key.splitlines()[1]}
    assert watch.looks > 50 and watch.find(secrets) == []


def test_a_provider_of_its_own(world: World, deployment: Deployment) -> None:
    certificate: dict[str, Any] = deployment.variables["federation_certificate"]
    certificate["acme"]["dns_provider"] = world.bind.provider("limited")
    done = deployment.run()
    assert "REFUSED: it does not allow this key" in done["edge1.london"]["failed"][0]["msg"]
    del certificate["acme"]["dns_provider"]
    assert not deployment.run()["edge1.london"]["failed"]
