"""Files as values, written so that a reader sees the old or the new one, never half of one."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import pwd
import stat
import time
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import MissingDependency
from ..plan import CHANGED_SECRET, SECRET

#: Longest text whose lines are shown in a diff, bytes.
_SHOWN = 16384
#: Ends the names of staged files: systemd, Prosody's Include and logrotate all pass over such names.
_STAGE_SUFFIX = ".fedgate.dpkg-new"
_INSTALL = "Install the gateway's package first."


@dataclass(frozen=True)
class Wanted:
    """A file as it has to be.

    :ivar path: absolute.
    :ivar data: its bytes.
    :ivar mode: permission bits.
    :ivar owner: user name.
    :ivar group: group name.
    :ivar secret: whether its content must never be shown.
    :ivar effect: what a change of it takes: ``restart`` or ``reload`` of the service, or ``none``.
    """

    path: str
    data: bytes
    mode: int
    owner: str
    group: str
    secret: bool = False
    effect: str = "restart"


@dataclass(frozen=True)
class Seen:
    """A file or directory as it is; ``kind`` is ``file``, ``directory``, ``other`` or ``absent``.

    :ivar sample: whether it is the untouched file of the distribution's package, which nobody wrote for this host.
    :ivar entries: names in a directory.
    """

    kind: str
    data: Optional[bytes] = None
    mode: int = 0
    owner: str = ""
    group: str = ""
    mtime: float = 0.0
    sample: bool = False
    entries: tuple[str, ...] = ()


ABSENT = Seen("absent")


def look(path: str, samples: Optional[dict[str, str]] = None) -> Seen:
    """Look at one path without following a link at its end.

    :param path: absolute.
    :param samples: MD5 of untouched package files by path, as dpkg keeps them.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    kind = "file" if stat.S_ISREG(found.st_mode) else "directory" if stat.S_ISDIR(found.st_mode) else "other"
    data = None
    if kind == "file":
        with open(path, "rb") as file:
            data = file.read()
    sample = bool(samples) and data is not None and (samples or {}).get(path) == _md5(data)
    return Seen(
        kind,
        data,
        stat.S_IMODE(found.st_mode),
        _user(found.st_uid),
        _group(found.st_gid),
        found.st_mtime,
        sample,
        tuple(sorted(os.listdir(path))) if kind == "directory" else (),
    )


def matches(wanted: Wanted, seen: Seen) -> bool:
    """Whether the file is as wanted: bytes, mode, owner and group."""
    return seen.kind == "file" and (seen.data, seen.mode, seen.owner, seen.group) == (
        wanted.data,
        wanted.mode,
        wanted.owner,
        wanted.group,
    )


def fields_of(data: Optional[bytes], mode: int, owner: str, group: str, *, secret: bool, word: str) -> dict[str, Any]:
    """Return what may be shown of a file.

    :param word: what stands for the content of a secret file.
    """
    fields: dict[str, Any] = {"mode": f"{mode:04o}", "owner": owner, "group": group}
    if data is None:
        return fields
    if secret:
        return {**fields, "content": word}
    fields["sha256"] = hashlib.sha256(data).hexdigest()
    if len(data) <= _SHOWN:
        with contextlib.suppress(UnicodeDecodeError):
            fields["content"] = data.decode().splitlines()
    return fields


def shown_wanted(wanted: Wanted, seen: Seen) -> dict[str, Any]:
    """Return the fields of a wanted file, with the word that says that a secret changes."""
    word = SECRET if seen.kind == "file" and seen.data == wanted.data else CHANGED_SECRET
    return fields_of(wanted.data, wanted.mode, wanted.owner, wanted.group, secret=wanted.secret, word=word)


def shown_seen(seen: Seen, *, secret: bool) -> dict[str, Any]:
    """Return the fields of a file that is there."""
    return fields_of(seen.data, seen.mode, seen.owner, seen.group, secret=secret, word=SECRET)


def stage(wanted: Wanted) -> str:
    """Write the file beside its place, to the disk, with its final owner and mode; return the staged path."""
    directory, name = os.path.split(wanted.path)
    staged = os.path.join(directory, f".{name}{_STAGE_SUFFIX}")
    os.makedirs(directory, mode=0o755, exist_ok=True)
    # A run that was killed may have left one; its owner and mode are not to be trusted.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(wanted.data)
        file.flush()
        os.fchown(file.fileno(), user_id(wanted.owner), group_id(wanted.group))
        os.fchmod(file.fileno(), wanted.mode)
        os.fsync(file.fileno())
    return staged


def swap(staged: str, path: str) -> None:
    """Put a staged file in its place, in one step, dated now."""
    # The date tells the next run whether the server started before or after this moment.
    os.utime(staged, (time.time(), time.time()))
    os.replace(staged, path)
    sync_directory(os.path.dirname(path))


def write(wanted: Wanted) -> None:
    """Stage and swap one file."""
    swap(stage(wanted), wanted.path)


def discard(staged: str) -> None:
    """Remove a staged file that was not used."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)


def sync_directory(path: str) -> None:
    """Bring a directory's entries to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def user_id(name: str) -> int:
    """Return a user's number. :raises MissingDependency: when this host has no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise MissingDependency(f"this host has no user {name!r}", hint=_INSTALL) from None


def group_id(name: str) -> int:
    """Return a group's number. :raises MissingDependency: when this host has no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise MissingDependency(f"this host has no group {name!r}", hint=_INSTALL) from None


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()  # dpkg keeps MD5
