"""Hosts: containers with systemd. One that is not whole, or was made by another recipe, is replaced."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import authority, images, kernel, network
from .apt import AptSetup
from .errors import LabError
from .identity import HOSTS, Host, Identity
from .peers import directory, dns, partner, stranger
from .progress import say
from .resolver import Outside
from .runtime import limit_options, podman
from .setup import MARKER, Setup, common, pack
from .shell import last_words, run, text
from .state import State

LABEL = "fedgate.lab"
BOOT_SECONDS = 60
PeerSetup = Callable[[Mapping[str, Any], Mapping[str, tuple[bytes, bytes]]], Setup]
PEER_SETUPS: dict[str, PeerSetup] = {
    "dns": dns.setup,
    "partner": partner.setup,
    "stranger": stranger.setup,
    "directory": directory.setup,
}

_known_hosts_lock = threading.Lock()

# is-system-running fails until systemd listens; "degraded" is a host that works although some unit failed.
_WAIT = f"""set -e
for attempt in $(seq {BOOT_SECONDS * 10}); do
    case "$(systemctl is-system-running 2>/dev/null)" in running|degraded) break;; esac
    sleep 0.1
done
tar -xpf - -C /
"""


@dataclass(frozen=True)
class Seen:
    """A container as podman lists it.

    :ivar pid: of its first process, as podman believes.
    """

    identifier: str
    state: str
    pid: int


@dataclass(frozen=True)
class Plan:
    """What one host shall be: its image, its set-up, and the part that follows the controller's network (dns only)."""

    host: Host
    tag: str
    setup: Setup
    follow: Setup

    def digest(self) -> str:
        """Return what the host's marker must say."""
        return f"{self.tag} {self.setup.digest()}"


def listed(identity: Identity) -> dict[str, Seen]:
    """Return this lab's containers by the names of their hosts, whatever state they are in."""
    found: list[dict[str, Any]] = json.loads(
        text(podman("ps", "--all", "--external", "--filter", f"name=^{identity.prefix}", "--format", "json")) or "[]"
    )
    return {
        name.removeprefix(identity.prefix): Seen(each["Id"], str(each.get("State", "")), int(each.get("Pid") or 0))
        for each in found
        for name in each.get("Names") or []
        if name.startswith(identity.prefix)
    }


def plan(host: Host, state: State, tag: str, outside: Outside) -> Plan:
    """Return what a host shall be, given the lab's state."""
    basics = common(host.fqdn, host.name, state.address(host.name), state.public_key)
    follow = dns.outside(outside, state.address("dns")) if host.role == "dns" else Setup(())
    if host.role == "edge":
        return Plan(host, tag, basics, follow)
    store = Path(state.values["ca_directory"])
    certificates = {
        "ca": ((store / "ca.pem").read_bytes(), b""),
        **{name: authority.ensure_certificate(store, name, others) for name, others in _names(host)},
    }
    own = PEER_SETUPS[host.role](state.values, certificates)
    # The peer's service first: sshd is what the world waits for, so it comes last.
    return Plan(host, tag, Setup((*basics.files, *own.files), own.script + basics.script), follow)


def _names(host: Host) -> list[tuple[str, tuple[str, ...]]]:
    if host.role == "partner":
        return [(partner.DOMAIN, (f"conference.{partner.DOMAIN}", f"xmpp.{partner.DOMAIN}"))]
    if host.role == "stranger":
        return [(stranger.DOMAIN, ())]
    return [(host.fqdn, ())] if host.role == "directory" else []


def complaint(identity: Identity, wanted: Plan, seen: Seen | None, address: str) -> str | None:
    """Return why a host has to be (re)made, None when it is well."""
    if seen is None:
        return "not there"
    marker = read_marker(seen)
    if seen.state != "running" or not _alive(seen):
        return f"its processes are gone (podman says {seen.state})"
    if marker is None:
        return "half made"
    if marker.get("recipe") != wanted.digest() or marker.get("host") != wanted.host.name:
        return "made by another recipe"
    if not answers(address):
        return "its sshd does not answer"
    return None


def describe(seen: Seen | None, address: str) -> str:
    """Return a host's condition in a few words: ``up``, ``-`` when it was never made, else what is wrong."""
    if seen is None:
        return "-"
    if seen.state != "running" or not _alive(seen):
        return f"gone (podman says {seen.state}); bin/lab up repairs it"
    if read_marker(seen) is None:
        return "half made; bin/lab up repairs it"
    return "up" if answers(address, 0.5) else "sshd does not answer; bin/lab up repairs it"


def _alive(seen: Seen) -> bool:
    """Tell whether the first process is there, and below conmon, without which podman cannot stop it or see it end."""
    try:
        status = Path(f"/proc/{seen.pid}/stat").read_text()
        parent = Path(f"/proc/{status.rsplit(')', 1)[1].split()[1]}/comm").read_text().strip()
    except (OSError, IndexError):
        return False
    return seen.pid > 1 and parent == "conmon"


def read_marker(seen: Seen) -> dict[str, str] | None:
    """Return what the host says it was made from, None when it was not finished or is not running."""
    try:
        marker = json.loads(Path(f"/proc/{seen.pid}/root{MARKER}").read_text())
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def answers(address: str, seconds: float = 2.0) -> bool:
    """Tell whether a host's sshd greets within this time."""
    end = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((address, 22), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(0.1)


def make(identity: Identity, state: State, wanted: Plan, reason: str) -> None:
    """Create a host from nothing, or in place of what is there. :raises LabError: when it does not come up."""
    began = time.monotonic()
    host, name = wanted.host, identity.container(wanted.host.name)
    remove(identity, host.name)
    address = state.address(host.name)
    kernel.make_room(4)  # as many as are made at once, and one
    start = podman(
        "run", "--detach", "--name", name, "--hostname", host.fqdn, "--label", f"{LABEL}={identity.digest}",
        "--network", identity.network, "--ip", address, "--mac-address", identity.mac(host),
        "--dns", state.address("dns"), "--dns-search", ".",
        "--no-hosts", "--systemd=always", "--privileged", *limit_options(), wanted.tag, "/lib/systemd/systemd",
    )  # fmt: skip
    run(start)
    marker = json.dumps({"host": host.name, "recipe": wanted.digest(), "follow": wanted.follow.digest()})
    script = wanted.setup.script + "mkdir -p /var/lib/fedgate-lab\n" + f"printf '%s' '{marker}' > {MARKER}\n"
    script += "cat /etc/ssh/ssh_host_ed25519_key.pub\n"
    said = run(
        podman("exec", "--interactive", name, "/bin/sh", "-c", _WAIT + script),
        stdin=pack((*wanted.setup.files, *wanted.follow.files)),
        check=False,
        timeout=BOOT_SECONDS * 4,
    )
    if said.returncode:
        raise LabError(
            f"setting up {host.name} failed: {last_words(said.stderr, said.stdout)}"
            f"; see: bin/lab exec {host.name} journalctl -e"
        )
    key = said.stdout.decode().splitlines()[-1].split()
    with _known_hosts_lock:
        state.remember_host_key(host.name, " ".join(key[:2]))
    if not answers(address, BOOT_SECONDS):
        raise LabError(
            f"{host.name}: sshd does not answer at {address}; see: bin/lab exec {host.name} journalctl -u ssh"
        )
    say(host.name, f"{address} ready in {time.monotonic() - began:.1f} s ({reason})")


def remember(state: State, host: Host, seen: Seen) -> None:
    """Write down the key of a host that is well, in case ``known_hosts`` lost it."""
    key = Path(f"/proc/{seen.pid}/root/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
    with _known_hosts_lock:
        state.remember_host_key(host.name, " ".join(key[:2]))


def follow(identity: Identity, wanted: Plan, seen: Seen) -> None:
    """Bring the part that follows the controller's network up to date, in a host that is otherwise well."""
    marker = read_marker(seen) or {}
    if marker.get("follow") == wanted.follow.digest():
        return
    changed = json.dumps({**marker, "follow": wanted.follow.digest()})
    script = f"set -e\ntar -xpf - -C /\n{wanted.follow.script}printf '%s' '{changed}' > {MARKER}\n"
    run(
        podman("exec", "--interactive", identity.container(wanted.host.name), "/bin/sh", "-c", script),
        stdin=pack(wanted.follow.files),
    )
    say(wanted.host.name, "follows the machine's resolvers and mirrors again")


def remove(identity: Identity, host: str) -> None:
    """Remove a host in whatever state it is, with processes that podman lost sight of, and free its address."""
    seen = listed(identity).get(host)
    if seen is not None:
        if seen.state == "running" and not _alive(seen):
            _kill_survivor(seen)
        run(podman("rm", "--force", "--time", "0", "--volumes", identity.container(host)), check=False, timeout=60)
        if host in listed(identity):
            run(podman("rm", "--force", "--time", "0", identity.container(host)), timeout=60)
    state = State.load(identity)
    if state is not None and host in HOSTS:
        network.release(identity, state.address(host))


def _kill_survivor(seen: Seen) -> None:
    """Kill a first process whose conmon is gone: podman would wait for an end that nobody reports."""
    if read_marker(seen) is None or seen.identifier not in _cgroups(seen.pid):
        return
    run(["kill", "-KILL", str(seen.pid)], check=False)


def _cgroups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def image(host: Host, identity: Identity, apt: AptSetup) -> str:
    """Return the host's image, built if need be."""
    return images.ensure(host.role, identity.suite, apt)
