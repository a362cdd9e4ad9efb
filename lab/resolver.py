"""How hosts find their package mirror: the only names that the lab's closed DNS lets out."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .progress import say

_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


@dataclass(frozen=True)
class Outside:
    """Names outside the lab that its DNS server answers.

    :ivar forwarders: addresses of the controller's resolvers.
    :ivar forwarded: names that are asked there.
    :ivar pinned: names with fixed addresses, looked up on the controller.
    """

    forwarders: tuple[str, ...]
    forwarded: tuple[str, ...]
    pinned: dict[str, tuple[str, ...]]


def controllers_resolvers(files: Iterable[Path] = _FILES) -> list[str]:
    """Return the controller's resolvers that hosts can reach: IPv4, and for a stub on its loopback the real ones."""
    for path in files:
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        named = [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]
        reachable = [address for address in named if _reachable(address)]
        if reachable:
            return reachable
    return []


def _reachable(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.version == 4 and not parsed.is_loopback


def outside(names: Iterable[str]) -> Outside:
    """Decide for each name whether it is forwarded or pinned.

    A name that is an alias is pinned: our server would look for its target in the lab's own root, and not find it.
    """
    forwarders = controllers_resolvers()
    forwarded: list[str] = []
    pinned: dict[str, tuple[str, ...]] = {}
    for name in names:
        canonical, addresses = _look_up(name)
        if not addresses:
            say("dns", f"cannot resolve {name} here; packages will not install in the lab until that works")
        if forwarders and canonical in ("", name):
            forwarded.append(name)
        elif addresses:
            pinned[name] = addresses
    return Outside(tuple(forwarders), tuple(forwarded), pinned)


def _look_up(name: str) -> tuple[str, tuple[str, ...]]:
    try:
        answers = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except OSError:
        return "", ()
    canonical = next((answer[3] for answer in answers if answer[3]), "").rstrip(".").lower()
    return canonical, tuple(sorted({str(answer[4][0]) for answer in answers if answer[0] == socket.AF_INET}))
