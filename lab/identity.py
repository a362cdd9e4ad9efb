"""Who this lab is: its name, its prefix, its hosts. Two checkouts, or two names in one checkout, never meet."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

CHECKOUT = Path(__file__).resolve().parent.parent
SUITES = ("trixie", "bookworm")
#: Domain of the hosts themselves, as opposed to the XMPP domains that they serve.
HOST_DOMAIN = "lab.example"
ADMIN = "admin"


@dataclass(frozen=True)
class Host:
    """One host of the lab.

    :ivar name: what ``bin/lab`` and the inventory call it.
    :ivar number: the last octet of its address.
    :ivar role: which image and which set-up it gets; ``edge`` is bare Debian.
    :ivar optional: made only when it is named.
    """

    name: str
    number: int
    role: str
    optional: bool = False

    @property
    def fqdn(self) -> str:
        """Return the host's own name in DNS."""
        return f"{self.name}.{HOST_DOMAIN}"


#: How large the fleet of hosts for measurements can get.
FLEET = 50

HOSTS: dict[str, Host] = {
    host.name: host
    for host in (
        Host("dns", 2, "dns"),
        Host("edge1.london", 11, "edge"),
        Host("edge1.tokyo", 12, "edge"),
        Host("edge2.london", 13, "edge", optional=True),
        Host("partner", 21, "partner"),
        Host("stranger", 22, "stranger"),
        Host("directory", 23, "directory"),
        Host("acme", 24, "acme", optional=True),
        *(Host(f"fleet{number:02}", 100 + number, "fleet", optional=True) for number in range(1, FLEET + 1)),
    )
}


@dataclass(frozen=True)
class Identity:
    """Name, suite and place of one lab."""

    name: str
    suite: str
    checkout: Path = CHECKOUT

    @classmethod
    def from_environment(cls) -> Identity:
        """Read LAB_NAME and LAB_SUITE; a lab that exists keeps its suite. :raises LabError: for a value not allowed."""
        name = os.environ.get("LAB_NAME") or "lab"
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
            raise LabError(f"LAB_NAME={name!r}: use 1 to 31 lower-case letters, digits and hyphens")
        suite = os.environ.get("LAB_SUITE") or _remembered_suite(CHECKOUT / "lab" / ".state" / name) or SUITES[0]
        if suite not in SUITES:
            raise LabError(f"LAB_SUITE={suite!r}: use one of {', '.join(SUITES)}")
        return cls(name, suite)

    @property
    def digest(self) -> str:
        """Return 8 hex digits that belong to this checkout's path and this lab's name."""
        return hashlib.sha256(f"{self.checkout}\0{self.name}".encode()).hexdigest()[:8]

    @property
    def prefix(self) -> str:
        """Return what the names of all containers and networks of this lab begin with."""
        return f"fedgate-{self.digest}-"

    @property
    def network(self) -> str:
        """Return the name of the lab's podman network."""
        return f"{self.prefix}net"

    @property
    def directory(self) -> Path:
        """Return the lab's state directory; it exists only while the lab does."""
        return self.checkout / "lab" / ".state" / self.name

    def mac(self, host: Host) -> str:
        """Return a host's hardware address, always the same one (locally administered).

        With a new one, this machine and its hosts would send to the old one for half a minute after a replacement.
        """
        return ":".join(["02", *(self.digest[at : at + 2] for at in range(0, 8, 2)), f"{host.number:02x}"])

    def container(self, host: str) -> str:
        """Return the name of a host's container."""
        return f"{self.prefix}{host}"


def _remembered_suite(directory: Path) -> str | None:
    try:
        remembered = json.loads((directory / "lab.json").read_text())["suite"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return remembered if remembered in SUITES else None


def pick(asked: list[str]) -> list[Host]:
    """Return the hosts asked for, the usual ones when none is named; ``dns`` always: it is everybody's resolver.

    :raises LabError: for a name that is no host of the lab.
    """
    unknown = [name for name in asked if name not in HOSTS]
    if unknown:
        raise LabError(f"no such host: {', '.join(unknown)}; hosts are {names()}")
    usual = [host.name for host in HOSTS.values() if not host.optional]
    return [host for host in HOSTS.values() if host.name in (asked or usual) or host.name == "dns"]


def names() -> str:
    """Return the names of all hosts in one line."""
    return ", ".join([*(host.name for host in HOSTS.values() if host.role != "fleet"), f"fleet01 to fleet{FLEET}"])
