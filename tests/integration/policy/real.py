"""Real servers as partners, each with one domain for every row, and each capable of one method or of all."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab import apt, images

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .conftest import Network
from .gateway import Gateway, container, podman, wait_until

#: What a server may be capable of: by SASL EXTERNAL only, by dialback over TLS only, without TLS only, by all.
KINDS = ("external", "dialback-tls", "dialback-tcp", "all")

_PROSODY = """
modules_enabled = { "roster", "saslauth", "tls", "dialback", "posix" }
modules_disabled = { %(disabled)s }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "insecure"
insecure_open_authentication = "Yes please, I know what I'm doing!"
s2s_require_encryption = %(tls)s
s2s_secure_auth = %(certificates)s
s2s_timeout = 5
ssl = { cafile = "/fedgate/trust.pem", key = "/fedgate/key.pem", certificate = "/fedgate/chain.pem" }
pidfile = "/run/prosody/prosody.pid"
log = { debug = "/fedgate/prosody.log" }
"""
_PROSODY_KINDS = {
    "external": {"disabled": '"dialback"', "tls": "true", "certificates": "true"},
    "dialback-tls": {"disabled": "", "tls": "true", "certificates": "false"},
    "dialback-tcp": {"disabled": '"tls"', "tls": "false", "certificates": "false"},
    "all": {"disabled": "", "tls": "false", "certificates": "false"},
}

_EJABBERD = """
hosts: [%(hosts)s]
loglevel: debug
certfiles: [/fedgate/all.pem]
ca_file: /fedgate/trust.pem
s2s_cafile: /fedgate/trust.pem
s2s_use_starttls: %(tls)s
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  - {port: 5222, ip: "0.0.0.0", module: ejabberd_c2s, starttls: false}
  - {port: 5269, ip: "0.0.0.0", module: ejabberd_s2s_in}
acl: {local: {user_regexp: ""}}
access_rules: {local: {allow: local}, c2s: {allow: all}}
modules:
  mod_roster: {}
  %(dialback)s
"""
_EJABBERD_KINDS = {
    "external": {"tls": "required", "dialback": ""},
    "dialback-tls": {"tls": "required", "dialback": "mod_s2s_dialback: {}"},
    "dialback-tcp": {"tls": "false", "dialback": "mod_s2s_dialback: {}"},
    "all": {"tls": "true", "dialback": "mod_s2s_dialback: {}"},
}


@dataclasses.dataclass(frozen=True)
class Brand:
    """A server: the lab's image that has it, and its Debian release."""

    role: str
    suite: str


BRANDS = {
    "prosody-0.12": Brand("stranger", "bookworm"),
    "prosody-13": Brand("stranger", "trixie"),
    "ejabberd": Brand("partner", "bookworm"),
}


class RealServer(Gateway):
    """One server in one container; its users may log in with any password."""

    def furnish_as(self, kind: str, domains: Iterable[str], authority: Authority) -> None:
        """Give it a certificate. One of dialback alone has a worthless one, and trusts none of ours."""
        names = list(domains)
        alone = kind == "dialback-tls"
        served = authority.issue(*names, purposes=(SERVER, CLIENT), self_signed=alone)
        self.furnish(served, served.chain if alone else authority.pem)
        self.write("all.pem", served.key + served.chain)

    def client(self, domain: str) -> Client:
        """Log bob in."""
        return Client(self.address, f"bob@{domain}", "any")

    def start_prosody(self, kind: str, domains: Iterable[str]) -> None:
        """Start it as a Prosody."""
        hosts = "".join(f'VirtualHost "{domain}"\n' for domain in domains)
        self.write("prosody.cfg.lua", _PROSODY % _PROSODY_KINDS[kind] + hosts)
        self.run("install", "-d", "-o", "prosody", "-g", "prosody", "/run/prosody")
        podman("exec", "-d", "-u", "prosody", self.name, "prosody", "-F", "--config", "/fedgate/prosody.cfg.lua")

    def start_ejabberd(self, kind: str, domains: Iterable[str]) -> None:
        """Start it as an ejabberd."""
        hosts = ", ".join(f'"{domain}"' for domain in domains)
        self.write("ejabberd.yml", _EJABBERD % {"hosts": hosts, **_EJABBERD_KINDS[kind]})
        target = "/etc/ejabberd/ejabberd.yml"  # Debian's ejabberdctl.cfg names it, and has precedence over options
        self.run("install", "-o", "ejabberd", "-g", "ejabberd", "-m", "640", "/fedgate/ejabberd.yml", target)
        podman("exec", "-d", "-u", "ejabberd", self.name, "ejabberdctl", "foreground")

    def _ready(self, domain: str) -> bool:
        with contextlib.suppress(Exception):
            self.client(domain).close()
            return True
        return False

    def await_ready(self, domain: str) -> None:
        """Wait until users can log in."""
        wait_until(lambda: self._ready(domain), f"{self.name} lets bob in", 60)


@contextlib.contextmanager
def real_server(
    brand: str, kind: str, domains: Iterable[str], network: Network, number: int, folder: Path, authority: Authority
) -> Iterator[RealServer]:
    """Run a server of a brand, capable of a kind of authentication, for domains."""
    names = list(domains)
    image = images.ensure(BRANDS[brand].role, BRANDS[brand].suite, apt.of_controller())
    address = network.address(number)
    label = f"{network.name}-{brand}-{kind}"
    with container(label, image, network.name, address, network.near, folder) as name:
        server = RealServer(name, folder, address)
        server.furnish_as(kind, names, authority)
        start = server.start_ejabberd if brand == "ejabberd" else server.start_prosody
        start(kind, names)
        server.await_ready(names[0])
        yield server
