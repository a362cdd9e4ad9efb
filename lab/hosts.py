"""Hosts: containers, nearly all with systemd. One that is not whole, or was made by another recipe, is replaced."""

from __future__ import annotations

import json
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
from .peers import acme, directory, dns, partner, stranger
from .progress import say
from .resolver import Outside
from .runtime import limit_options, podman
from .seen import Seen, alive, answers, listed, read_marker
from .setup import MARKER, Setup, common, pack
from .shell import last_words, run
from .state import State

LABEL = "fedgate.lab"
BOOT_SECONDS = 60
PeerSetup = Callable[[Mapping[str, Any], Mapping[str, tuple[bytes, bytes]]], Setup]
PEER_SETUPS: dict[str, PeerSetup] = {
    "dns": dns.setup,
    "partner": partner.setup,
    "stranger": stranger.setup,
    "directory": directory.setup,
    "acme": acme.setup,
}

_known_hosts_lock = threading.Lock()

# is-system-running fails until systemd listens; "degraded" is a host that works although some unit failed.
_WAIT = f"""for attempt in $(seq {BOOT_SECONDS * 10}); do
    case "$(systemctl is-system-running 2>/dev/null)" in running|degraded) break;; esac
    sleep 0.1
done
"""
# A fleet's host runs sshd alone, in a few MB, from when its marker is there; sshd collects orphans, as a first process
# must.
_SSHD_ALONE = f"until [ -e {MARKER} ]; do sleep 0.05; done; mkdir -p /run/sshd; exec /usr/sbin/sshd -D"
_START_SSHD = "systemctl enable --quiet --now ssh.service\n"


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


def plan(host: Host, state: State, tag: str, outside: Outside) -> Plan:
    """Return what a host shall be, given the lab's state."""
    basics = common(host.fqdn, host.name, state.address(host.name), state.public_key)
    follow = dns.outside(outside, state.address("dns")) if host.role == "dns" else Setup(())
    if host.role == "fleet":
        return Plan(host, tag, basics, follow)
    if host.role == "edge":
        return Plan(host, tag, Setup(basics.files, basics.script + _START_SSHD), follow)
    store = Path(state.values["ca_directory"])
    certificates = {
        "ca": ((store / "ca.pem").read_bytes(), b""),
        **{name: authority.ensure_certificate(store, name, others) for name, others in _names(host, state)},
    }
    own = PEER_SETUPS[host.role](state.values, certificates)
    # The peer's service first: sshd is what the world waits for, so it comes last.
    return Plan(host, tag, Setup((*basics.files, *own.files), own.script + basics.script + _START_SSHD), follow)


def _names(host: Host, state: State) -> list[tuple[str, tuple[str, ...]]]:
    if host.role == "partner":
        return [(partner.DOMAIN, (f"conference.{partner.DOMAIN}", f"xmpp.{partner.DOMAIN}"))]
    if host.role == "stranger":
        return [(stranger.DOMAIN, ())]
    if host.role == "acme":  # the controller, which does not ask the lab's name server, goes there by address
        return [(host.fqdn, (state.address(host.name),))]
    return [(host.fqdn, ())] if host.role == "directory" else []


def complaint(wanted: Plan, seen: Seen | None, address: str) -> str | None:
    """Return why a host has to be (re)made, None when it is well."""
    if seen is None:
        return "not there"
    marker = read_marker(seen)
    if seen.state != "running" or not alive(seen):
        return f"its processes are gone (podman says {seen.state})"
    if marker is None:
        return "half made"
    if marker.get("recipe") != wanted.digest() or marker.get("host") != wanted.host.name:
        return "made by another recipe"
    if not answers(address):
        return "its sshd does not answer"
    return None


def make(identity: Identity, state: State, wanted: Plan, there: Seen | None, reason: str) -> None:
    """Create a host from nothing, or in place of what is there. :raises LabError: when it does not come up."""
    began = time.monotonic()
    host, name = wanted.host, identity.container(wanted.host.name)
    remove(identity, host.name, there)
    address = state.address(host.name)
    systemd = host.role != "fleet"
    if systemd:
        kernel.make_room(4)  # as many as are made at once, and one
    first = ("/lib/systemd/systemd",) if systemd else ("/bin/sh", "-c", _SSHD_ALONE)
    start = podman(
        "run", "--detach", "--name", name, "--hostname", host.fqdn, "--label", f"{LABEL}={identity.digest}",
        "--network", identity.network, "--ip", address, "--mac-address", identity.mac(host),
        "--dns", state.address("dns"), "--dns-search", ".",
        "--no-hosts", f"--systemd={'always' if systemd else 'false'}", "--privileged", *limit_options(),
        wanted.tag, *first,
    )  # fmt: skip
    run(start)
    marker = json.dumps({"host": host.name, "recipe": wanted.digest(), "follow": wanted.follow.digest()})
    script = "set -e\n" + (_WAIT if systemd else "") + "tar -xpf - -C /\n"
    script += wanted.setup.script + "mkdir -p /var/lib/fedgate-lab\n" + f"printf '%s' '{marker}' > {MARKER}\n"
    script += "cat /etc/ssh/ssh_host_ed25519_key.pub\n"
    said = run(
        podman("exec", "--interactive", name, "/bin/sh", "-c", script),
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


def remove(identity: Identity, host: str, there: Seen | None) -> bool:
    """Remove a host in whatever state it is, with processes that podman lost sight of, and free its address.

    :returns: whether there was one.
    """
    if there is not None:
        if there.state == "running" and not alive(there):
            _kill_survivor(there)
        line = podman("rm", "--force", "--time", "0", "--volumes", identity.container(host))
        if run(line, check=False, timeout=60).returncode and host in listed(identity):
            run(line, timeout=60)
    state = State.load(identity)
    if state is not None and host in HOSTS:
        network.release(identity, state.address(host))
    return there is not None


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
