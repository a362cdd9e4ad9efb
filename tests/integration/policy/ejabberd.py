"""An ejabberd of our own in a container: the gateway that ``xmpp_partner_policy`` keeps with ``server: ejabberd``."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import ansible.module_utils

from lab import apt, images, runtime

from ..pki import CLIENT, SERVER, Authority
from .client import Client
from .gateway import ROOT, Gateway, container, podman, wait_until
from .peer import Peer
from .wire import Stream

HOST = "contoso.example"
SIBLING = "contoso-asia.example"
ROOMS = f"conference.{HOST}"
INCLUDED = "/etc/ejabberd/fedgate.yml"
#: What docs/ejabberd-policy.md says that the file has to be before the first run.
CLOSED = "s2s_access: none\n"
ALLOWED = "allow_only: [acl, access_rules, host_config, s2s_access]"

CONFIGURATION = """
hosts: [contoso.example, contoso-asia.example]
loglevel: debug
certfiles: [/fedgate/all.pem]
ca_file: /fedgate/trust.pem
s2s_cafile: /fedgate/trust.pem
s2s_use_starttls: true
s2s_timeout: %(timeout)s
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
  mod_disco: {}
  mod_version: {}
%(modules)s
%(include)s
"""


class Ejabberd:
    """One ejabberd in one container.

    :param name: of the container; :param folder: a folder that it sees as /fedgate; :param address: its address.
    """

    def __init__(self, name: str, folder: Path, address: str) -> None:
        self.host = Gateway(name, folder, address)
        self.address, self.folder = address, folder
        self._numbers = itertools.count()

    # The server -------------------------------------------------------------------------------------------------

    def ctl(self, *command: str) -> str:
        """Run ``ejabberdctl``; return its output."""
        return self.host.run("ejabberdctl", *command).strip()

    def furnish(self, authority: Authority) -> None:
        """Put certificate, trust anchors, and the module's package in place; nobody federates."""
        served = authority.issue(HOST, SIBLING, ROOMS, purposes=(SERVER, CLIENT))
        self.folder.chmod(0o777)
        self.host.write("all.pem", served.key + served.chain)
        self.host.write("trust.pem", authority.pem)
        package = self.folder / "run" / "ansible"
        shutil.copytree(Path(ansible.module_utils.__path__[0]), package / "module_utils", dirs_exist_ok=True)
        shutil.copytree(ROOT / "module_utils" / "fedgate", package / "module_utils" / "fedgate", dirs_exist_ok=True)
        (package / "__init__.py").touch()
        shutil.copy(ROOT / "tests" / "integration" / "gateway_runner.py", self.folder / "run" / "runner.py")
        shutil.copy(ROOT / "library" / "xmpp_partner_policy.py", self.folder / "run")

    def configure(
        self, *modules: str, include: Optional[str] = f"include_config_file: {{{INCLUDED}: {{{ALLOWED}}}}}",
        timeout: str = "1 hour",
    ) -> None:  # fmt: skip
        """Write the operator's own configuration, with these modules beside those that are always there."""
        lines = "\n".join(f"  {module}: {{}}" for module in modules)
        text = CONFIGURATION % {"modules": lines, "include": include or "", "timeout": timeout}
        self.put("/etc/ejabberd/ejabberd.yml", text)

    def put(self, path: str, text: str) -> None:
        """Write a file that ejabberd reads."""
        self.host.run("sh", "-c", f"cat > {path}; chown root:ejabberd {path}; chmod 640 {path}", stdin=text)

    def start(self) -> None:
        """Start it and wait until users can log in."""
        podman("exec", "-d", "-u", "ejabberd", self.host.name, "ejabberdctl", "foreground")
        wait_until(self._answers, "ejabberd lets users in", 60)

    def _answers(self) -> bool:
        with contextlib.suppress(Exception):
            self.user().close()
            return True
        return False

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        self.host.run("sh", "-c", "ejabberdctl stop; ejabberdctl stopped", check=False)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def user(self, domain: str = HOST) -> Client:
        """Log a new user in: ejabberd forgets an anonymous user a while after he left."""
        client = Client(self.address, f"user{next(self._numbers)}@{domain}", "any")
        client.drain()  # what was sent before, the presence, has its effect now
        return client

    def outgoing(self) -> set[str]:
        """Return the domains with outgoing streams, authenticated or on the way there."""
        path = "/var/lib/ejabberd/s2s-table"
        self.ctl("dump_table", path, "s2s")
        text = self.host.run("cat", path)
        return {part.split('">>')[0] for part in text.split(',<<"')[1:]}

    # The module -------------------------------------------------------------------------------------------------

    def module(self, *, check: bool = False, die_at: int = 0, **params: Any) -> dict[str, Any]:
        """Run ``xmpp_partner_policy`` in the container; return its result, empty when it was killed."""
        source = (self.folder / "run" / "xmpp_partner_policy.py").read_text(encoding="utf-8")
        # Rows that a server without our modules can honour, unless a test says otherwise.
        params["partners"] = [{"type": "federated", "sasl": "optional", **partner} for partner in params["partners"]]
        order = {"module": source, "params": {"server": "ejabberd", **params}, "check": check, "die_at": die_at}
        done = subprocess.run(
            runtime.podman("exec", "-i", "-w", "/fedgate/run", self.host.name, "python3", "runner.py"),
            input=json.dumps(order), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.stdout.strip():
            assert die_at, done.stderr
            return {}
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def enforce(self, *partners: dict[str, Any], **params: Any) -> dict[str, Any]:
        """Load a policy, with every loss waived by the partner that has it; return the module's result."""
        params = {"local_hosts": [HOST], **params}
        first = self.module(partners=list(partners), **params)
        if first.get("failed") and "loss" in first:
            waived = [
                {**partner, "waive": [item["rule"] for item in first["loss"] if item["partner"] == partner["domain"]]}
                for partner in partners
            ]
            first = self.module(partners=waived, **params)
        assert not first.get("failed"), first
        return first

    def loss(self, *partners: dict[str, Any], **params: Any) -> dict[str, set[str]]:
        """Return what the module says would be lost: partner → rules. Nothing is changed."""
        result = self.module(check=True, partners=list(partners), **{"local_hosts": [HOST], **params})
        found: dict[str, set[str]] = {partner["domain"]: set() for partner in partners}
        for item in result["loss"]:
            found[item["partner"]].add(item["rule"])
        return found


@contextlib.contextmanager
def ejabberd(
    suite: str, network: str, address: str, resolver: str, folder: Path, authority: Authority
) -> Iterator[Ejabberd]:
    """Run an ejabberd of a Debian release that nobody federates with."""
    image = images.ensure("partner", suite, apt.of_controller())
    with container(f"{network}-own-ejabberd", image, network, address, resolver, folder) as name:
        server = Ejabberd(name, folder, address)
        server.furnish(authority)
        server.configure("mod_muc", "mod_s2s_dialback")
        server.put(INCLUDED, CLOSED)
        server.start()
        yield server


def by_external(peer: Peer, to: str = HOST) -> Stream:
    stream, _ = peer.encrypted(to)
    peer.external(stream, to)
    return stream


def by_dialback(peer: Peer, to: str = HOST) -> Stream:
    """Authenticate by dialback over TLS."""
    stream, _ = peer.encrypted(to)
    assert peer.dialback(stream, to) == "valid"
    return stream


def arrives(own: Ejabberd, peer: Peer, stream: Stream, domain: str = HOST) -> None:
    """A message over the peer's stream reaches a new user of ours."""
    user = own.user(domain)
    peer.send_message(stream, user.address, f"from {peer.domain}")
    assert user.message().get("from") == f"bob@{peer.domain}"
    user.close()


def leaves(own: Ejabberd, peer: Peer, domain: str = HOST) -> None:
    """A message of a new user of ours reaches the peer."""
    user = own.user(domain)
    user.send(f"bob@{peer.domain}")
    peer.wait("stanza", 10)
    user.close()


def bounces(own: Ejabberd, domain: str, host: str = HOST) -> str:
    """A message of a new user of ours comes back; return the condition."""
    user = own.user(host)
    condition, _ = user.bounce(user.send(f"bob@{domain}"))
    user.close()
    return condition
