"""Servers that run as processes of this one: free ports for them, waiting until they answer, and their end."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
_START_SECONDS = 30
_PAUSE = 0.05


def free_port(address: str = LOOPBACK) -> int:
    """Return a port of an address that is free for UDP and TCP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port


def comes_up(process: subprocess.Popen[bytes], answers: Callable[[], bool]) -> bool:
    """Wait until a server answers. :returns: false when it has ended, or does not answer within 30 seconds."""
    deadline = time.monotonic() + _START_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Kill a process, if there is one, and wait until it is gone."""
    if process is not None:
        process.kill()
        process.wait()
