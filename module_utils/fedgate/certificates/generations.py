"""Generations of a certificate on an edge host: ``0001``, ``0002``, …, and ``current``, a link to the one that serves.

Each step leaves either the old or the new state, never half of one: files are written beside, synced, and renamed.
A kill between two steps leaves at most a staging folder, which the next change removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Optional

from ..errors import CheckFailed, InvalidValue

KEY = "key.pem"
REQUEST = "request.pem"
CHAIN = "chain.pem"
DESCRIPTION = "generation.json"
#: What happened to a pool's certificate, one line an event; only ever added to.
HISTORY = "history.log"

_NUMBER = re.compile(r"^[0-9]{4,}$")
_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
_STAGING = ".staging-"
_LINK = ".current-"


@dataclass(frozen=True)
class Access:
    """Who may read a generation: what the gateway role granted is handed on to the next one."""

    group: int
    directory_mode: int
    file_mode: int


class GenerationStore:
    """The generations of one certificate.

    :param directory: the folder of all certificates, such as ``/etc/fedgate/certificates``.
    :param name: the pool's FQDN; its folder below that.
    :raises InvalidValue: the name cannot be a folder's.
    """

    def __init__(self, directory: str, name: str) -> None:
        if not _NAME.match(name) or ".." in name:
            raise InvalidValue(f"'{name}' cannot name a certificate", path="name", hint="Use the pool's FQDN.")
        self.directory = directory
        self.base = os.path.join(directory, name)

    def numbers(self) -> list[int]:
        """Return the numbers of all generations, ascending; none when nothing was made yet."""
        try:
            entries = os.listdir(self.base)
        except FileNotFoundError:
            return []
        return sorted(int(entry) for entry in entries if _NUMBER.match(entry))

    def current(self) -> Optional[int]:
        """Return the number of the generation that serves, or None; a link that leads nowhere counts as none."""
        try:
            target = os.readlink(os.path.join(self.base, "current"))
        except OSError:
            return None
        return int(target) if _NUMBER.match(target) and os.path.isdir(os.path.join(self.base, target)) else None

    def path(self, number: int) -> str:
        """Return the folder of a generation."""
        return os.path.join(self.base, f"{number:04d}")

    def read(self, number: int, filename: str) -> Optional[bytes]:
        """Return a file of a generation, or None when it has none such."""
        try:
            with open(os.path.join(self.path(number), filename), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def prepare(self, files: Mapping[str, bytes]) -> int:
        """Make the next generation whole, and return its number; ``current`` stays as it is.

        :raises CheckFailed: the disk is full, read-only, or the like; nothing is left behind then.
        """
        with self._changing():
            staging = tempfile.mkdtemp(prefix=_STAGING, dir=self.base)
            try:
                access = self._access()
                for filename, content in files.items():
                    _write(os.path.join(staging, filename), content, access)
                _grant(staging, access.directory_mode, access.group)
                _sync(staging)
                number = max(self.numbers(), default=0) + 1
                os.rename(staging, self.path(number))
            except OSError:
                shutil.rmtree(staging, ignore_errors=True)
                raise
            _sync(self.base)
            return number

    def put(self, number: int, filename: str, content: bytes) -> None:
        """Write one file of a generation, atomically. :raises CheckFailed: as for ``prepare``."""
        with self._changing():
            folder = self.path(number)
            beside = os.path.join(folder, f".{filename}.new")
            try:
                _write(beside, content, self._access_of(folder))
                os.rename(beside, os.path.join(folder, filename))
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(beside)
                raise
            _sync(folder)

    def activate(self, number: int) -> None:
        """Let ``current`` lead to a generation, in one step. :raises CheckFailed: as for ``prepare``."""
        with self._changing():
            beside = os.path.join(self.base, f"{_LINK}{os.getpid()}")
            os.symlink(f"{number:04d}", beside)
            os.rename(beside, os.path.join(self.base, "current"))
            _sync(self.base)

    def drop(self, numbers: Iterable[int]) -> None:
        """Remove whole generations, never the one that serves. :raises CheckFailed: as for ``prepare``."""
        with self._changing():
            serving = self.current()
            for number in numbers:
                if number != serving:
                    # First out of sight, then away: a kill in between leaves no half generation.
                    aside = os.path.join(self.base, f"{_STAGING}{number:04d}")
                    os.rename(self.path(number), aside)
                    shutil.rmtree(aside)
            _sync(self.base)

    def note(self, event: str) -> None:
        """Add an event to the history, with the present time. It is no state: nothing is ever decided by it."""
        moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        # A note that cannot be written must not stop what it is about.
        with contextlib.suppress(OSError):
            descriptor = os.open(
                os.path.join(self.base, HISTORY), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600
            )
            with open(descriptor, "a", encoding="utf-8") as file:
                file.write(f"{moment} {event}\n")

    def history(self) -> list[str]:
        """Return the events, oldest first."""
        try:
            with open(os.path.join(self.base, HISTORY), encoding="utf-8", errors="replace") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time: lock, clear the wreck of an earlier run, and put errors of the disk into words."""
        try:
            self._make_base()
            lock = os.open(self.base, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._clear()
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise CheckFailed(
                f"{self.base} cannot be changed: {error.strerror or error}",
                hint="The certificate in use was not touched. Look at space and permissions there, then run again.",
            ) from error

    def _make_base(self) -> None:
        # What lies above holds no secret; a server's group must be able to pass.
        os.makedirs(os.path.dirname(os.path.abspath(self.directory)), mode=0o755, exist_ok=True)
        for folder in (self.directory, self.base):
            if not os.path.isdir(folder):
                os.mkdir(folder, 0o700)
                _sync(os.path.dirname(os.path.abspath(folder)))

    def _clear(self) -> None:
        for entry in os.listdir(self.base):
            path = os.path.join(self.base, entry)
            if entry.startswith(_STAGING):
                shutil.rmtree(path, ignore_errors=True)
            elif entry.startswith(_LINK):
                os.unlink(path)
            elif _NUMBER.match(entry):
                _clear_files(path)

    def _access(self) -> Access:
        current = self.current()
        return self._access_of(self.base if current is None else self.path(current))

    def _access_of(self, folder: str) -> Access:
        found = os.stat(folder)
        mode = stat.S_IMODE(found.st_mode) & 0o750 | 0o700
        # The group may read the files where it may read the folder; nobody else ever may.
        return Access(found.st_gid, mode, 0o640 if mode & 0o040 else 0o600)


def _clear_files(folder: str) -> None:
    for entry in os.listdir(folder):
        if entry.startswith(".") and entry.endswith(".new"):
            os.unlink(os.path.join(folder, entry))


def _write(path: str, content: bytes, access: Access) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _grant(path, access.file_mode, access.group)


def _grant(path: str, mode: int, group: int) -> None:
    # First the group, then the mode: the other way round the old group could read for a moment.
    if os.stat(path).st_gid != group:
        os.chown(path, -1, group)
    os.chmod(path, mode)


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
