"""What has to be there before anything is done; all that is missing is said in one line."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from . import runtime
from .apt import KEYRING
from .errors import LabError
from .shell import run

#: program → Debian package
PROGRAMS = {
    "podman": "podman",
    "debootstrap": "debootstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "openssl": "openssl",
    "ip": "iproute2",
    "tar": "tar",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
NETAVARK_FOLDERS = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/local/lib/podman", "/usr/local/libexec/podman")
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def check(command: str) -> None:
    """Make sure the lab can work here. :raises LabError: one line that says what is missing and how to get it."""
    # A root shell made by plain su lacks the sbin directories, where half of the programs live.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH") or "/usr/bin:/bin", *_SBIN])
    if os.geteuid() != 0:
        raise LabError(
            f"needs root, because hosts with systemd and a network of their own do; try: sudo {sys.argv[0]} {command}"
        )
    makes_hosts = command in ("up", "reset", "fleet")
    missing = missing_programs() if makes_hosts else {name: PROGRAMS[name] for name in ("podman",) if not _has(name)}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise LabError(
            f"missing: {', '.join(missing)}; install with: apt-get install --no-install-recommends {packages}"
        )


def missing_programs() -> dict[str, str]:
    """Return what is missing, each with the Debian package that has it."""
    missing = {name: package for name, package in PROGRAMS.items() if not _has(name)}
    if runtime.runtime() is None:
        hybrid = runtime.cgroup_mode() == "hybrid"
        missing["runc (crun refuses this machine's hybrid control groups)" if hybrid else "runc or crun"] = "runc"
    if not KEYRING.exists():
        missing["Debian's archive keys"] = "debian-archive-keyring"
    missing.update(_missing_network_parts(_network_backend() if "podman" not in missing else None))
    return missing


def _network_backend() -> str | None:
    """Return what podman says it makes networks with; None when it cannot say, as when there is nothing."""
    asked = run(["podman", "info", "--format", "{{.Host.NetworkBackend}}"], check=False)
    return asked.stdout.decode().strip() or None


def _missing_network_parts(backend: str | None) -> dict[str, str]:
    if backend is None:
        backend = "cni" if 'VERSION_ID="12"' in _os_release() else "netavark"
    if backend == "netavark":
        missing = {} if _in_folders("netavark", NETAVARK_FOLDERS) else {"netavark": "netavark"}
        firewall = {"iptables": "iptables", "nft": "nftables"}  # netavark 1.4 calls the one, 1.14 the other
    else:
        missing = {} if _in_folders("bridge", CNI_FOLDERS) else {"CNI plugins": "containernetworking-plugins"}
        firewall = {"iptables": "iptables"}
    return missing | {program: package for program, package in firewall.items() if not _has(program)}


def _os_release() -> str:
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def _in_folders(program: str, folders: tuple[str, ...]) -> bool:
    return _has(program) or any((Path(folder) / program).exists() for folder in folders)
