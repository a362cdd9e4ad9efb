"""The lab's network: a subnet that nothing else on this machine uses, chosen by the lab's own hash so that it stays."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from . import resolver
from .errors import LabError
from .identity import Identity
from .locks import held
from .progress import say
from .runtime import podman
from .shell import run, text
from .state import State

#: 10.64.0.0/10 and up would meet carriers' and clusters' habits less than 10.0.0.0; 32,512 networks of 254 hosts.
FIRST, COUNT = ipaddress.IPv4Address("10.128.0.0"), 127 * 256
CNI_CONFIGURATIONS = Path("/etc/cni/net.d")
CNI_LEASES = Path("/var/lib/cni/networks")


def ensure(identity: Identity, clear: Callable[[], object]) -> str:
    """Make sure the lab's network is there; return its subnet.

    A network that is half made or has another subnet than the remembered one is replaced, with the hosts on it.

    :param clear: removes this lab's hosts; called before the network is made anew.
    :raises LabError: when it cannot be made.
    """
    state = State.load(identity)
    remembered = state.values["subnet"] if state else None
    # One choice at a time on this machine: what one lab chose is visible to the next only when its network exists.
    with held("lab-network"):
        networks = _networks()
        if remembered and networks.get(identity.network) == [remembered]:
            return str(remembered)
        clear()
        remove(identity, remembered)
        networks = _networks()
        subnet = choose(identity.digest, _taken(networks, identity.network), remembered)
        run(podman("network", "create", "--disable-dns", "--subnet", subnet, identity.network))
    say("network", f"{subnet} made as {identity.network}")
    return subnet


def choose(digest: str, taken: Iterable[ipaddress.IPv4Network], remembered: str | None = None) -> str:
    """Return a free /24: the remembered one if it is still free, else the first free one from the hash's place on.

    :raises LabError: when all are taken.
    """
    used = list(taken)
    start = int(digest, 16) % COUNT
    order = (ipaddress.IPv4Network((int(FIRST) + ((start + step) % COUNT) * 256, 24)) for step in range(COUNT))
    candidates = [ipaddress.IPv4Network(remembered)] if remembered else []
    for candidate in [*candidates, *order]:
        if not any(candidate.overlaps(other) for other in used):
            return str(candidate)
    raise LabError(f"no free subnet from {FIRST}/9 on: every one overlaps a route or a podman network of this machine")


def remove(identity: Identity, subnet: str | None) -> None:
    """Remove the lab's network with every container on it, whole or half made.

    :param subnet: the one remembered, if any.
    """
    run(podman("network", "rm", "--force", "--time", "0", identity.network), check=False)
    # A file that podman cannot read is a network that it neither lists nor removes, and that blocks the name.
    with contextlib.suppress(FileNotFoundError):
        (CNI_CONFIGURATIONS / f"{identity.network}.conflist").unlink()
    for lease in _leases(identity):
        lease.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (CNI_LEASES / identity.network).rmdir()
    if subnet:
        _remove_bridges(subnet)


def _remove_bridges(subnet: str) -> None:
    """Remove bridges that have the lab's own gateway address although no network is left that would use them."""
    if any(subnet in subnets for subnets in _networks().values()):
        return
    gateway = str(ipaddress.IPv4Network(subnet)[1])
    links = json.loads(text(["ip", "-json", "address", "show", "type", "bridge"]) or "[]")
    for link in links:
        if any(address.get("local") == gateway for address in link.get("addr_info", [])):
            run(["ip", "link", "delete", link["ifname"]], check=False)


def release(identity: Identity, address: str) -> None:
    """Free the address of a host that is gone: a killed machine leaves CNI's lease behind."""
    (CNI_LEASES / identity.network / address).unlink(missing_ok=True)


def _leases(identity: Identity) -> list[Path]:
    return list((CNI_LEASES / identity.network).glob("*"))


def _networks() -> dict[str, list[str]]:
    """Return all podman networks with their subnets."""
    listed: list[dict[str, Any]] = json.loads(text(podman("network", "ls", "--format", "json")) or "[]")
    return {each["name"]: [subnet["subnet"] for subnet in each.get("subnets") or []] for each in listed}


def _taken(networks: dict[str, list[str]], own: str) -> list[ipaddress.IPv4Network]:
    """Return what the lab must keep clear of: podman's networks, this machine's routes, its resolvers."""
    found = [subnet for name, subnets in networks.items() if name != own for subnet in subnets]
    routes = json.loads(text(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    found += [route["dst"] for route in routes if route.get("dst") not in (None, "default", "0.0.0.0/0")]
    found += resolver.controllers_resolvers()
    parsed = [ipaddress.ip_network(each, strict=False) for each in found]
    return [each for each in parsed if isinstance(each, ipaddress.IPv4Network)]
