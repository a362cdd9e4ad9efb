"""Private keys for one transfer each, in memory only: made when a host offers to receive, gone when it has received."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Optional

from ..errors import CheckFailed

#: Seconds after which an offer is a wreck of a run that was killed: no run takes as long from offer to receipt.
LONGEST_LIFE = 3600
_SUFFIX = ".key"
_BESIDE = ".new"


class Offers:
    """The offers of this host, one for each name at a time.

    :param directory: a folder on a file system in memory, such as ``/run/fedgate/offers``; made when needed.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def put(self, name: str, private: str) -> None:
        """Keep the private key of an offer, readable by its owner only; an older one of that name is gone then.

        :raises CheckFailed: the folder cannot be written.
        """
        path = self._path(name)
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            os.chmod(self.directory, 0o700)
            self._clear(path)
            descriptor = os.open(path + _BESIDE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(private)
                file.flush()
                os.fsync(file.fileno())
            os.rename(path + _BESIDE, path)
        except OSError as error:
            raise self._failed(error) from error

    def take(self, name: str) -> Optional[str]:
        """Return the private key of an offer, and destroy it: it serves once, whatever becomes of the transfer.

        :returns: None when there is no offer of that name.
        :raises CheckFailed: it cannot be read or removed.
        """
        path = self._path(name)
        try:
            with open(path, encoding="ascii") as file:
                private = file.read()
            os.unlink(path)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._failed(error) from error
        # Other names may have offers there.
        with contextlib.suppress(OSError):
            os.rmdir(self.directory)
        return private

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name + _SUFFIX)

    def _clear(self, path: str) -> None:
        """Remove what killed runs left: of this name all, of others what is older than an hour."""
        for entry in os.listdir(self.directory):
            other = os.path.join(self.directory, entry)
            if not entry.endswith((_SUFFIX, _SUFFIX + _BESIDE)):
                continue
            if other in (path, path + _BESIDE) or time.time() - os.lstat(other).st_mtime > LONGEST_LIFE:
                os.unlink(other)

    def _failed(self, error: Exception) -> CheckFailed:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        return CheckFailed(
            f"{self.directory} cannot be used for the transfer of a key: {reason}",
            hint="Look at space and permissions there, then run again.",
        )
