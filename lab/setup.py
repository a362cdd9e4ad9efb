"""What turns a fresh container into a host: files, packed as tar, and a shell script that is run once, in one call."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from dataclasses import dataclass

#: Written last, so that a host without it is known to be half made. Read from outside through /proc.
MARKER = "/var/lib/fedgate-lab/marker.json"


@dataclass(frozen=True)
class File:
    """One file to put into a host; owner and group are names in that host."""

    path: str
    content: str | bytes
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    @property
    def data(self) -> bytes:
        """Return the content as bytes."""
        return self.content.encode() if isinstance(self.content, str) else self.content


@dataclass(frozen=True)
class Setup:
    """Files and script of one host.

    :ivar script: shell; runs as root after the files are there, with ``set -e``.
    """

    files: tuple[File, ...]
    script: str = ""

    def digest(self) -> str:
        """Return a hash of everything in it; a host whose hash is another is replaced."""
        parts = [(f.path, hashlib.sha256(f.data).hexdigest(), f.mode, f.owner, f.group) for f in self.files]
        return hashlib.sha256(json.dumps([parts, self.script]).encode()).hexdigest()


def pack(files: tuple[File, ...]) -> bytes:
    """Return a tar archive of files, to be unpacked in ``/`` by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size = len(file.data)
            entry.mode = file.mode
            entry.mtime = int(time.time())
            entry.uname, entry.gname = file.owner, file.group
            archive.addfile(entry, io.BytesIO(file.data))
    return buffer.getvalue()


def common(host_fqdn: str, host_name: str, address: str, public_key: str) -> Setup:
    """Return what every host gets: its name, the lab's ssh key, a host key of its own."""
    hosts = f"127.0.0.1 localhost\n::1 localhost\n{address} {host_fqdn} {host_name}\n"
    return Setup(
        (
            File("/etc/hosts", hosts),
            File("/home/admin/.ssh/authorized_keys", public_key, 0o600, "admin", "admin"),
        ),
        """chown admin:admin /home/admin/.ssh; chmod 700 /home/admin/.ssh
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
""",
    )
