"""Edge Servers of Lync with certificates of an ACME authority, by the playbooks: a real one, and a real name server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from ..acme_ca import Wire
from ..acme_world import World, loopback, needs_servers, servers
from ..bind import KEYS, Bind
from .site import POOL, Site, done

pytestmark = needs_servers
FAST = {"xmpp_gateway_services_interval": 0.05, "xmpp_gateway_services_timeout": 2}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bind, Wire]]:
    """A name server, and an authority that looks there."""
    for addresses in loopback():
        yield from servers(tmp_path_factory.mktemp("acme"), addresses[0])


@pytest.fixture
def world(running: tuple[Bind, Wire], tmp_path: Path) -> World:
    """What the authority has been asked, and its settings."""
    return World(tmp_path, *running)


def test_from_nothing_to_assigned(world: World, site: Site) -> None:
    """The Edge Server makes the key and the request; the controller has it signed, all in one run."""
    del site.hosts["lync2"]
    settings = world.issuer()["acme"]
    del settings["dns_provider"], settings["resolvers"]
    site.shared |= {
        "federation_dns_provider": world.bind.provider(),
        "federation_dns_resolvers": [world.bind.address],
        "federation_certificate": {
            "issuer": "acme",
            "trust_anchors": [str(world.wire.pebble.folder / "root-0.pem")],
            "acme": settings,
        },
    }
    planned = done(site.play("certificates.yml", "--check", **FAST))
    assert not world.wire.messages
    taken = done(site.play("certificates.yml", **FAST))
    assert planned.named_changes() == taken.named_changes()
    assert ("lync1", "issued_certificate", POOL, "create") in taken.named_changes()
    held = site.lync.world.holdings[site.lync.edge("edge1.london").fqdn]
    entry = held.find(held.assigned["AccessEdgeExternal"])
    assert entry is not None and entry.key is not None and "Pebble" in entry.certificate.issuer.rfc4514_string()
    named = entry.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(named.get_values_for_type(x509.DNSName)) == {POOL, "contoso.example", "sip.contoso.example"}
    assert KEYS["fedgate"][1] not in taken.output and not world.challenges()
    assert done(site.play("certificates.yml", **FAST)).changed() == {"lync1": 0}
