"""Which addresses and ports a process listens on, from the kernel's tables (proc(5), /proc/net/tcp and tcp6)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from typing import Optional

#: Address and port. Address of all: ``0.0.0.0`` or ``::``.
Endpoint = tuple[str, int]
_LISTEN = "0A"


def listeners() -> dict[str, Endpoint]:
    """Return all listening TCP sockets of this host: socket number (inode) to endpoint."""
    found: dict[str, Endpoint] = {}
    for path, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        try:
            with open(path, encoding="ascii") as table:
                found.update(parse_table(table.read(), family))
        except FileNotFoundError:
            continue
    return found


def parse_table(text: str, family: socket.AddressFamily) -> dict[str, Endpoint]:
    """Read one kernel table. Addresses are words of four bytes in the machine's (little endian) order."""
    found: dict[str, Endpoint] = {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _LISTEN:
            continue
        packed, port = fields[1].split(":")
        words = re.findall("." * 8, packed)
        raw = b"".join(bytes.fromhex(word)[::-1] for word in words)
        found[fields[9]] = (socket.inet_ntop(family, raw), int(port, 16))
    return found


def endpoints_of(pid: int) -> set[Endpoint]:
    """Return what one process listens on; empty when it is gone."""
    sockets = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    except FileNotFoundError:
        return set()
    return {endpoint for inode, endpoint in listeners().items() if inode in sockets}


def expected_endpoints(addresses: Iterable[str], ports: Iterable[int]) -> set[Endpoint]:
    """Return the endpoints that a configuration asks for: ``*`` is all of IPv4, ``::`` all of IPv6 if there is any."""
    translated = {"0.0.0.0" if address == "*" else address for address in addresses}  # noqa: S104
    if not has_ipv6():
        translated.discard("::")
    return {(address, port) for address in translated for port in ports}


def foreign_address(addresses: Iterable[str]) -> Optional[str]:
    """Return the first address that is none of this host's, None when all are."""
    for address in addresses:
        if address in ("*", "::"):
            continue
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                return address
    return None


def has_ipv6() -> bool:
    """Whether this host's kernel has IPv6 addresses at all."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as table:
            return bool(table.read().strip())
    except FileNotFoundError:
        return False


def reachable_address(addresses: Iterable[str]) -> str:
    """Return an address of this host at which a server with these listen addresses can be asked."""
    chosen = sorted(addresses, key=lambda address: ":" in address)
    if not chosen or chosen[0] == "*" or chosen[0] == "0.0.0.0":  # noqa: S104
        return "127.0.0.1"
    return "::1" if chosen[0] == "::" else chosen[0]
