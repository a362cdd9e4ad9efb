"""What the images are made of. A changed recipe gets a new tag, and hosts made from the old one are replaced."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from .apt import AptSetup
from .identity import ADMIN

REPOSITORY = "localhost/fedgate-lab"

BASE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "iproute2", "ca-certificates", "procps", "openssh-server", "sudo",
)  # fmt: skip

#: Units that have no work in a container, would reach for the machine's own devices and kernel settings, or leave the
#: system ``degraded`` (systemd-modules-load).
MASKED_UNITS = (
    "systemd-modules-load.service", "systemd-sysctl.service", "systemd-udevd.service", "systemd-udev-trigger.service",
    "systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "systemd-binfmt.service", "getty.target",
    "console-getty.service", "systemd-firstboot.service", "dev-hugepages.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "apt-daily.timer",
    "apt-daily-upgrade.timer", "fstrim.timer",
)  # fmt: skip

SSHD = "UseDNS no\nPasswordAuthentication no\nPermitRootLogin no\nMaxStartups 100\nMaxSessions 100\n"

#: path → (content, mode) written into the base image
BASE_FILES = {
    "etc/sudoers.d/admin": (f"{ADMIN} ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440),
    "etc/ssh/sshd_config.d/lab.conf": (SSHD, 0o644),
    "etc/default/locale": ("LANG=C.UTF-8\n", 0o644),
    "etc/hosts": ("127.0.0.1 localhost\n::1 localhost\n", 0o644),
    "etc/hostname": ("localhost\n", 0o644),
    "etc/machine-id": ("", 0o644),
}

#: Run in the new tree. '*' instead of a locked password: sshd refuses locked accounts when PAM is off.
BASE_COMMANDS = (
    f"useradd --create-home --shell /bin/bash --password '*' {ADMIN}",
    "systemctl disable ssh.service",
    "rm -rf /etc/ssh/ssh_host_* /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*.log",
)


@dataclass(frozen=True)
class Role:
    """A role's image: the base, packages, and services that start only when a host was set up."""

    packages: tuple[str, ...]
    services: tuple[str, ...]
    preseed: str = ""


ROLES = {
    "dns": Role(("bind9", "bind9-dnsutils"), ("named",)),
    "partner": Role(("ejabberd",), ("ejabberd",)),
    "stranger": Role(("prosody", "lua-unbound"), ("prosody",)),
    # Both in one, for tests of how Prosody asks a directory.
    "groups": Role(
        ("prosody", "lua-unbound", "lua-ldap", "slapd", "ldap-utils"),
        ("prosody", "slapd"),
        "slapd slapd/no_configuration boolean true\n",
    ),
    "acme": Role(("pebble",), ()),  # it comes without a service
    # What the certificate module needs on a host: measurements begin where the host is ready.
    "fleet": Role(("python3-cryptography",), ()),
    "directory": Role(
        ("slapd", "ldap-utils", "libldap-common"), ("slapd",), "slapd slapd/no_configuration boolean true\n"
    ),
}


def base_tag(suite: str, apt: AptSetup) -> str:
    """Return the base image's name with a tag that changes with its recipe."""
    recipe = (suite, BASE_PACKAGES, MASKED_UNITS, BASE_FILES, BASE_COMMANDS, apt.sources(suite), apt.configuration())
    return f"{REPOSITORY}-base:{suite}-{_digest(recipe)}"


def role_tag(role: str, suite: str, apt: AptSetup) -> str:
    """Return the name of a role's image; ``edge`` is the base itself."""
    base = base_tag(suite, apt)
    if role == "edge":
        return base
    return f"{REPOSITORY}-{role}:{suite}-{_digest((base, role_script(ROLES[role])))}"


def role_script(role: Role) -> str:
    """Return the script that makes a role's image out of the base, in a container that shares the machine's network.

    policy-rc.d keeps the services from starting there; without fsync a package installs in half the time.
    """
    return f"""set -e
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
printf '%s' '{role.preseed}' > /tmp/preseed
[ ! -s /tmp/preseed ] || debconf-set-selections /tmp/preseed
apt-get -q update
apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install {" ".join(role.packages)}
{f"systemctl disable {' '.join(role.services)}" if role.services else ""}
rm -rf /usr/sbin/policy-rc.d /tmp/preseed /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
"""


def _digest(recipe: object) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:10]
