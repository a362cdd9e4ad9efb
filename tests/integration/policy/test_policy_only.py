"""Our one file beside a configuration that somebody made by hand: theirs stays byte for byte, our rules hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import PASSWORD, MakePeer
from .gateway import ROOT, Gateway, row, wait_until
from .peer import closing

TEMPLATE = ROOT / "roles" / "xmpp_gateway" / "templates" / "policy_only.cfg.lua.j2"

HEAD = """
-- A server that someone has run for years.
admins = { "root@contoso.example" }
"""
INCLUDE = 'Include "conf.d/*.cfg.lua"\n'
LISTS = """
modules_enabled = {
    "roster", "saslauth", "tls", "dialback", "disco", "posix", "ping", "time",
}
modules_disabled = { "offline" }
"""
BODY = """
plugin_paths = { "/usr/local/lib/prosody/modules" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
s2s_secure_auth = %(secure)s
certificates = "/fedgate/certs"
ssl = { cafile = "/fedgate/trust.pem", key = "/fedgate/key.pem", certificate = "/fedgate/chain.pem" }
pidfile = "/run/prosody/prosody.pid"
log = { debug = "/fedgate/prosody.log" }
VirtualHost "contoso.example"
    modules_enabled = { "version" }
Component "conference.contoso.example" "muc"
    modules_enabled = { "vcard_muc" }
VirtualHost "quiet.contoso.example"
    modules_disabled = { "s2s" }
"""
LAYOUTS = {
    "include at the end": HEAD + LISTS + BODY + INCLUDE,
    "include at the top": HEAD + INCLUDE + LISTS + BODY,
    "include at the top, some lists never set": HEAD
    + INCLUDE
    + LISTS.split("modules_disabled")[0]
    + BODY.split("\n", 2)[2],
}


@pytest.fixture(params=LAYOUTS)
def handmade(request: pytest.FixtureRequest, hosts: Gateway, names: object, authority: Authority) -> Iterator[Gateway]:
    """A hand-made server with our file added, running."""
    hosts.furnish(authority.issue("contoso.example", purposes=(SERVER, CLIENT)), authority.pem)
    hosts.write("prosody.cfg.lua", LAYOUTS[request.param] % {"secure": "true"})
    text = jinja2.Template(TEMPLATE.read_text()).render(
        xmpp_gateway_modules_directory="/fedgate/modules",
        xmpp_gateway_policy_file="/fedgate/policy.json",
        xmpp_gateway_status_file="/fedgate/status.json",
    )
    hosts.write("conf.d/zz-fedgate.cfg.lua", text)
    hosts.policy({"fabrikam.example": row(), "adatum.example": row(certificate="valid")}, ["contoso.example"])
    hosts.user("alice@contoso.example", PASSWORD)
    hosts.start()
    yield hosts
    hosts.stop()
    Path(hosts.folder / "conf.d" / "zz-fedgate.cfg.lua").unlink()


def test_rules_hold_and_their_options_too(handmade: Gateway, peers: MakePeer, authority: Authority) -> None:
    status = wait_until(handmade.status, "the status is written")
    assert status["state"] == "enforcing" and status["hosts"] == ["contoso.example"], status
    # s2s_secure_auth is on, yet the row allows dialback with any certificate.
    own = authority.issue("fabrikam.example", self_signed=True)
    fabrikam = peers("fabrikam.example", served=own)
    stream, offers = fabrikam.encrypted("contoso.example")
    assert "dialback" in offers
    assert fabrikam.dialback(stream, "contoso.example") == "valid"
    stranger = peers("stranger.example")
    alice = Client(handmade.address, "alice@contoso.example", PASSWORD)
    assert alice.bounce(alice.send("mallory@stranger.example"))[0] == "not-allowed"
    alice.close()
    for to in ("contoso.example", "conference.contoso.example", "quiet.contoso.example"):
        refused = stranger.connect()
        assert closing(lambda s=refused, t=to: stranger.greet(s, t)).condition == "policy-violation"
    for to in ("conference.contoso.example", "quiet.contoso.example"):
        refused = fabrikam.connect()
        assert closing(lambda s=refused, t=to: fabrikam.greet(s, t)).condition == "policy-violation"


@pytest.mark.parametrize("handmade", ["include at the top"], indirect=True)
def test_without_our_modules_nobody_federates(handmade: Gateway, peers: MakePeer) -> None:
    handmade.stop()
    for file in (handmade.folder / "modules").glob("*.lua"):
        file.unlink()
    handmade.start()
    fabrikam = peers("fabrikam.example")
    with pytest.raises(OSError):
        stream = fabrikam.connect()
        fabrikam.greet(stream, "contoso.example")
