"""Another Prosody, as Debian ships it, is the partner: messages go both ways, by EXTERNAL and by dialback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import PASSWORD, Network, image
from .gateway import Gateway, container, row
from .names import Names

CONFIGURATION = """
modules_enabled = { "roster", "saslauth", "tls", "dialback", "disco", "posix" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
s2s_secure_auth = false
ssl = { cafile = "/fedgate/trust.pem", key = "/fedgate/key.pem", certificate = "/fedgate/chain.pem" }
pidfile = "/run/prosody/prosody.pid"
log = { debug = "/fedgate/prosody.log" }
VirtualHost "fabrikam.example"
"""


@pytest.fixture(scope="module")
def fabrikam(
    gateway: Gateway, names: Names, network: Network, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The partner's server, with bob on it."""
    folder, address = tmp_path_factory.mktemp("fabrikam"), network.address(12)
    with container(f"{gateway.name}-partner", image(), network.name, address, network.near, folder) as name:
        server = Gateway(name, folder, address)
        server.furnish(authority.issue("fabrikam.example", purposes=(SERVER, CLIENT)), authority.pem)
        server.write("prosody.cfg.lua", CONFIGURATION)
        server.user("bob@fabrikam.example", PASSWORD)
        names.put("fabrikam.example", 5269, address)
        names.put("contoso.example", 5269, gateway.address)
        server.start()
        yield server
    for domain in ("fabrikam.example", "contoso.example"):
        names.forget(domain)


@pytest.mark.parametrize(
    ("rules", "method"),
    [
        (row(sasl="required", dialback=False), "external"),
        (row(), "external"),
        (row(sasl="not_supported", certificate="valid"), "dialback"),
    ],
    ids=["required", "optional", "never"],
)
def test_messages_both_ways(rules: dict[str, object], method: str, gateway: Gateway, fabrikam: Gateway) -> None:
    gateway.enforce({})
    gateway.enforce({"fabrikam.example": rules})
    alice = Client(gateway.address, "alice@contoso.example", PASSWORD)
    bob = Client(fabrikam.address, "bob@fabrikam.example", PASSWORD)
    alice.send("bob@fabrikam.example", "to fabrikam")
    assert bob.message().findtext("{jabber:client}body") == "to fabrikam"
    bob.send("alice@contoso.example", "to contoso")
    assert alice.message().findtext("{jabber:client}body") == "to contoso"
    for direction in ("incoming", "outgoing"):
        session = gateway.session("fabrikam.example", direction)
        assert (session["method"], session["tls"], session["certificate"]) == (method, "TLSv1.3", "valid")
    alice.close()
    bob.close()
