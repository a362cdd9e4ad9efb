"""Who runs this process."""

from __future__ import annotations

import getpass
import os


def own_name() -> str:
    """Return the user's name, or the number where there is no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"
