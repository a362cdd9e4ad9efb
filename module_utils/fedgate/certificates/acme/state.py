"""What an ACME issuer keeps on the controller, in ``state_directory`` (0700); every file is written whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from typing import Any, Optional

from ...errors import InvalidValue
from ..issuers.base import read_file, write_file

ACCOUNT_KEY = "account-key.pem"
#: Directory URL → what is known of our account there.
ACCOUNTS = "accounts.json"
#: Challenge records that may be in DNS, noted before they are published.
CHALLENGES = "challenges.json"
#: Fingerprint of an edge's key → the order that is under way.
ORDERS = "orders.json"
ISSUED = "issued"


class State:
    """One state directory.

    :param folder: absolute; made when something is first written.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, *parts: str) -> str:
        """Return the path of a file in it."""
        return os.path.join(self.folder, *parts)

    def read(self, name: str) -> Optional[bytes]:
        """Return a file's bytes, or None. :raises InvalidValue: it cannot be read."""
        return read_file(self.path(name))

    def write(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file whole. :raises CheckFailed: the disk refused."""
        write_file(self.path(name), content, mode)

    def load(self, name: str) -> dict[str, Any]:
        """Return a file's JSON object, empty where there is none. :raises InvalidValue: it is damaged."""
        raw = self.read(name)
        if not raw:
            return {}
        try:
            found = json.loads(raw)
            if isinstance(found, dict):
                return found
        except ValueError:
            pass
        raise InvalidValue(
            f"{self.path(name)} is damaged", hint="Bring it back from a back-up, or remove it; it is made anew."
        )

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON object; an empty one is no file."""
        if content:
            self.write(name, json.dumps(content, indent=2, sort_keys=True).encode() + b"\n")
        elif os.path.exists(self.path(name)):
            os.unlink(self.path(name))

    def issued(self) -> list[str]:
        """Return the names of the files of certificates that are kept, below the folder."""
        try:
            entries = sorted(os.listdir(self.path(ISSUED)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InvalidValue(
                f"{self.path(ISSUED)} cannot be read: {error.strerror}",
                path="issuer.acme.state_directory",
                hint="Name a folder that the user that runs Ansible may read.",
            ) from error
        return [os.path.join(ISSUED, entry) for entry in entries if entry.endswith(".pem") and entry[0] != "."]

    def check(self, warn: Callable[[str], None]) -> None:
        """Look at who else can get at it. :raises InvalidValue: no folder, or the account's key is open to others."""
        if os.path.exists(self.folder) and not os.path.isdir(self.folder):
            raise InvalidValue(
                f"{self.folder} is not a folder", path="issuer.acme.state_directory", hint="Name a folder."
            )
        if _open_to_others(self.folder):
            warn(f"{self.folder} can be read by others: chmod 700 {self.folder}")
        key = self.path(ACCOUNT_KEY)
        if _open_to_others(key):
            raise InvalidValue(
                f"{key} can be read by others, and whoever has it can order certificates for all names of this account",
                path="issuer.acme.state_directory",
                hint=f"chmod 600 {key}; if others may have read it, remove it and a new account is made.",
            )
        repository = _repository(self.folder)
        if repository:
            warn(f"{self.folder} lies in the repository {repository}: keep account keys outside of it")


def _open_to_others(path: str) -> bool:
    try:
        return bool(stat.S_IMODE(os.stat(path).st_mode) & 0o077)
    except FileNotFoundError:
        return False


def _repository(folder: str) -> Optional[str]:
    while folder != os.path.dirname(folder):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return None
