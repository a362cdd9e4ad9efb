"""A deployment on Lync as its administrators have it: an inventory in a folder, and the checkout's own playbooks."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ...emulators.lync import edge
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ..bind import NAMED, Bind
from ..far_side import Manners, server
from ..pki import Authority, Served
from ..rollout import BIN, ROOT, Rollout, environment

PASSPHRASE = "canary of the dialback passphrase"
POOL = "edge.london.contoso.example"
PARTNERS: list[dict[str, Any]] = [
    {
        "domain": "fabrikam.example",
        "additional_domains": ["emea.fabrikam.example"],
        "description": "'; Remove-CsXmppAllowedPartner '",
        "type": "federated",
        "sasl": "optional",
        "connection_limit": 50,
    },
    {"domain": "woodgrove.example", "type": "public_unverified"},
]


def own_address() -> str:
    """Return an address of this machine that others may reach: published ones must not be of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("198.51.100.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but those of its loopback")
        return str(way.getsockname()[0])


@contextlib.contextmanager
def resolver(port: int, address: str = "127.84.0.53") -> Iterator[str]:
    """Pass on, by UDP, what is asked on port 53 of an address of the loopback; BIND itself listens on no such address.

    :param port: of a name server on 127.0.0.1. :returns: the address.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, 53))
    listener.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                question, peer = listener.recvfrom(4096)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
                    way.settimeout(5)
                    way.sendto(question, ("127.0.0.1", port))
                    listener.sendto(way.recv(4096), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        stop.set()
        thread.join()
        listener.close()


@contextlib.contextmanager
def public_world(site: Site, folder: Path, shows: Callable[[Served], Manners]) -> Iterator[Bind]:
    """Give a site the world around it: a name server, and what partners meet at the address of its Edge Servers.

    :param shows: makes of a certificate of an authority that the inventory trusts what is met there.
    :returns: the name server.
    """
    if os.geteuid() != 0 or not Path(NAMED).exists():
        pytest.skip("needs root, for a name server on port 53 of the loopback, and BIND (package bind9)")
    authority = Authority()
    anchor = folder / "authority.pem"
    anchor.write_text(authority.pem)
    zones = folder / "bind"
    zones.mkdir()
    bind, address = Bind(zones), own_address()
    site.shared |= {
        "federation_dns_provider": bind.provider(),
        "federation_dns_ttl": 60,
        "federation_trust_anchors": [str(anchor)],
    }
    for variables in site.every_host():
        variables["edge_published_addresses"] = [address]
    site.shared["federation_partners"][0]["echo_address"] = "echo@fabrikam.example"
    bind.start()
    try:
        with server(shows(authority.issue("contoso.example")), address, 5269), resolver(bind.port) as asked:
            site.shared["federation_dns_resolvers"] = [asked]
            yield bind
    finally:
        bind.stop()


def done(rollout: Rollout) -> Rollout:
    """Demand that a run went well. :returns: it."""
    assert rollout.code == 0, rollout.output[-6000:]
    return rollout


class Site:
    """London on Lync, with two Edge Servers.

    :ivar shared: variables of all gateways; tests change them.
    :ivar hosts: variables by host.
    """

    def __init__(self, folder: Path, lync: Deployment, address: str = "198.51.100.31") -> None:
        self.folder = folder
        self.lync = lync
        self.shared: dict[str, Any] = {
            "federation_xmpp_domains": ["contoso.example"],
            "federation_sip_domains": ["contoso.example"],
            "federation_partners": copy.deepcopy(PARTNERS),
            "federation_lync": {
                "front_end": "localhost",
                "port": lync.front_end.port,
                "username": ADMIN,
                "password": PASSWORD,
                "authentication": "ntlm",
                "ca_file": str(lync.certificate),
                "registrar_pool": "pool1.contoso.example",
                "dialback_passphrase": PASSPHRASE,
            },
        }
        self.london: dict[str, Any] = {
            "edge_pool_fqdn": POOL,
            "edge_pool_backend": "lync",
            "edge_pool_site": "London",
            "edge_pool_lync": {"authentication": "ntlm", "ca_file": str(lync.certificate)},
            "ansible_host": "localhost",
            "ansible_user": edge.ADMINISTRATOR,
            "ansible_password": edge.PASSWORD,
        }
        self.hosts: dict[str, dict[str, Any]] = {
            name: {"edge_published_addresses": [address], "ansible_port": lync.edge(server).endpoint.port}
            for name, server in (("lync1", "edge1.london"), ("lync2", "edge2.london"))
        }
        #: Further pools by their group: hosts, and vars.
        self.others: dict[str, dict[str, Any]] = {}
        # Somebody has agreed to it once, by hand.
        lync.world.access_edge["AllowFederatedUsers"] = True

    def every_host(self) -> list[dict[str, Any]]:
        """Return the variables of all hosts, to be changed."""
        return [
            variables
            for group in ({"hosts": self.hosts}, *self.others.values())
            for variables in group["hosts"].values()
        ]

    def play(self, playbook: str, *arguments: str, **variables: Any) -> Rollout:
        """Run a playbook to its end, as loudly as there is; no secret may be in what it says.

        :param variables: extra variables; they win over the inventory's.
        """
        inventory = self.folder / "hosts.json"
        pools = {"london": {"hosts": self.hosts, "vars": self.london}, **self.others}
        inventory.write_text(json.dumps({"edges": {"children": pools, "vars": self.shared}}))
        given = self.folder / "given.json"
        given.write_text(json.dumps(variables))
        results = self.folder / "results.json"
        results.unlink(missing_ok=True)
        command = [str(BIN / "ansible-playbook"), "-i", str(inventory), f"playbooks/{playbook}", "-e", f"@{given}"]
        settings = environment(FEDGATE_RESULTS_FILE=str(results), ANSIBLE_LOCAL_TEMP=str(self.folder / "temporary"))
        done = subprocess.run(
            [*command, "-vvvv", *arguments], cwd=ROOT, env=settings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300,
        )  # fmt: skip
        words = (PASSWORD, edge.PASSWORD, PASSPHRASE)
        for secret in (*words, *(json.dumps(word)[1:-1] for word in words)):
            assert secret not in done.stdout
        hosts = json.loads(results.read_text(encoding="utf-8"))["hosts"] if results.exists() else {}
        return Rollout(done.returncode, done.stdout, hosts)
