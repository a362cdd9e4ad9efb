"""What the lab remembers between runs: addresses, keys, passwords, in ``lab/.state/<name>/lab.json`` (0600)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from . import authority
from .identity import ADMIN, HOSTS, Identity
from .peers.acme import PORT as ACME_PORT
from .progress import say
from .shell import run

USERS = (
    "alice@contoso.example", "akira@contoso-asia.example", "bob@fabrikam.example", "mallory@stranger.example",
    "carol@contoso.example", "dave@contoso.example",
)  # fmt: skip
#: Of the emulated Lync Server; made once for each lab.
LYNC_SECRETS = ("password", "edge_password", "dialback_passphrase")
DIRECTORY_BASE = "dc=contoso,dc=example"


class State:
    """The contents of ``lab.json`` and the files beside it.

    :ivar values: plain data; see ``_fresh`` for its keys.
    """

    def __init__(self, identity: Identity, values: dict[str, Any]) -> None:
        self.identity = identity
        self.values = values

    @classmethod
    def load(cls, identity: Identity) -> State | None:
        """Return what is remembered, None when there is nothing, or nothing that can be read."""
        try:
            values = json.loads((identity.directory / "lab.json").read_text())
        except (OSError, ValueError):
            return None
        whole = isinstance(values, dict) and values.keys() >= _fresh(identity, "10.0.0.0/24").keys()
        return cls(identity, values) if whole and values["hash"] == identity.digest else None

    @classmethod
    def prepare(cls, identity: Identity, subnet: str) -> State:
        """Return the state for this subnet, creating whatever part of it is missing, and write it."""
        identity.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity.directory.mkdir(mode=0o700, exist_ok=True)
        known = cls.load(identity)
        if known is None and (identity.directory / "lab.json").exists():
            say("state", "lab.json is of no use; starting afresh")
        values = _fresh(identity, subnet)
        if known is not None:
            kept = {name: known.values[name] for name in ("tsig", "directory", "users")}
            values = {**values, **kept, "users": {**values["users"], **kept["users"]}}
            values["acme"]["tsig"] = known.values["acme"]["tsig"]
            values["hosted"]["powerdns"]["api_key"] = known.values["hosted"]["powerdns"]["api_key"]
            values["lync"] |= {name: known.values["lync"][name] for name in LYNC_SECRETS}
        state = cls(identity, values)
        _ensure_ssh_key(Path(values["ssh_key"]))
        authority.ensure_authority(Path(values["ca_directory"]), identity.name)
        Path(values["known_hosts"]).touch(mode=0o600)
        state.save()
        return state

    def save(self) -> None:
        """Write ``lab.json`` in one step."""
        write_whole(self.identity.directory / "lab.json", json.dumps(self.values, indent=1, sort_keys=True) + "\n")

    def address(self, host: str) -> str:
        """Return a host's address."""
        address: str = self.values["addresses"][host]
        return address

    @property
    def public_key(self) -> str:
        """Return the line for ``authorized_keys``."""
        return Path(self.values["ssh_key"] + ".pub").read_text()

    def remember_host_key(self, host: str, key: str) -> None:
        """Put a host's public key (type and base64) into ``known_hosts``, in place of its former one.

        Call it from one thread at a time.
        """
        line = f"{self.address(host)},{HOSTS[host].fqdn},{host} {key}"
        path = Path(self.values["known_hosts"])
        known = [each for each in path.read_text().splitlines() if each.split()]
        if line not in known:
            others = [each for each in known if host not in each.split()[0].split(",")]
            write_whole(path, "\n".join([*others, line]) + "\n")

    def ssh_options(self) -> list[str]:
        """Return ssh's options to log in with the lab's key, trusting the lab's host keys only."""
        return [
            "-F", "/dev/null", "-i", self.values["ssh_key"], "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=yes",
            "-o", f'UserKnownHostsFile="{self.values["known_hosts"]}"', "-o", "GlobalKnownHostsFile=/dev/null",
        ]  # fmt: skip


def write_whole(path: Path, content: str) -> None:
    """Replace a file (0600) in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    os.replace(beside, path)


def forget(identity: Identity) -> None:
    """Remove the state directory, and the folder of all labs when it is empty."""
    shutil.rmtree(identity.directory, ignore_errors=True)
    with contextlib.suppress(OSError):
        identity.directory.parent.rmdir()


def _fresh(identity: Identity, subnet: str) -> dict[str, Any]:
    stem = subnet.rsplit(".", 1)[0]
    directory = identity.directory
    return {
        "name": identity.name,
        "hash": identity.digest,
        "suite": identity.suite,
        "subnet": subnet,
        "prefix": identity.prefix,
        "network": identity.network,
        "addresses": {host.name: f"{stem}.{host.number}" for host in HOSTS.values()},
        "user": ADMIN,
        "ssh_key": str(directory / "ssh" / "id_ed25519"),
        "known_hosts": str(directory / "known_hosts"),
        "tsig": _tsig("fedgate."),
        "acme": {
            # By address: the controller does not ask the lab's name server.
            "directory_url": f"https://{stem}.{HOSTS['acme'].number}:{ACME_PORT}/dir",
            "ca_file": str(directory / "ca" / "ca.pem"),
            "state_directory": str(directory / "acme"),
            "root_file": str(directory / "acme-root.pem"),
            "tsig": _tsig("acme."),
        },
        # DNS that is hosted elsewhere: programs on this machine, at the network's first address (bin/lab hosted).
        "hosted": {
            "route53": {
                "address": f"{stem}.1",
                "dns_port": 5301,
                "endpoint_url": f"http://{stem}.1:5300",
                "access_key_id": "lab",
                "secret_access_key": "lab",  # the emulator takes any
            },
            "powerdns": {
                "address": f"{stem}.1",
                "dns_port": 5302,
                "api_port": 5303,
                "api_key": secrets.token_urlsafe(24),
            },
        },
        # An emulated Lync Server: a program on this machine, at the same address (bin/lab up --with-lync).
        "lync": {
            "address": f"{stem}.1",
            "port": 5310,
            "username": "CONTOSO\\admin",
            "edge_ports": {"edge1.london": 5311, "edge2.london": 5312},
            "edge_username": "Administrator",
            "edge_pool": "edge.london.contoso.example",
            "registrar_pool": "pool1.contoso.example",
            "ca_file": str(directory / "ca" / "ca.pem"),
            "requests_directory": str(directory / "lync" / "requests"),
            **{name: secrets.token_urlsafe(24) for name in LYNC_SECRETS},
        },
        "ca_directory": str(directory / "ca"),
        "ca_certificate": str(directory / "ca" / "ca.pem"),
        "users": {jid: secrets.token_urlsafe(15) for jid in USERS},
        "directory": {
            "uri": f"ldaps://{HOSTS['directory'].fqdn}",
            "base": DIRECTORY_BASE,
            "bind_dn": f"cn=fedgate,ou=services,{DIRECTORY_BASE}",
            "bind_password": secrets.token_urlsafe(15),
        },
    }


def _tsig(name: str) -> dict[str, str]:
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    return {"name": name, "algorithm": "hmac-sha256", "secret": secret}


def _ensure_ssh_key(path: Path) -> None:
    public = path.with_name(path.name + ".pub")
    if path.exists() and public.exists() and public.read_text().startswith("ssh-ed25519 "):
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for part in (path, public):
        part.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fedgate-lab", "-f", str(path)])
