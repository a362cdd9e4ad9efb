"""Whether somebody answers on a port, seen from the controller."""

from __future__ import annotations

import socket

#: Seconds; a firewall that drops says nothing at all.
_PATIENCE = 5.0


def answers(host: str, port: int) -> bool:
    """Tell whether a TCP connection can be made."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return True
    except OSError:
        return False
