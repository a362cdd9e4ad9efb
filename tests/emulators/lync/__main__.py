"""Runs an emulated deployment by itself: ``python -m tests.emulators.lync FILE``.

It listens on free ports of localhost until it is told to end (SIGTERM, Ctrl-C). FILE receives how it is reached, as
JSON: pid, ca_file, front_end and edges (port, username, password; edges by their FQDN). Its accounts are known to
everybody who can read this folder, so it is for tests and demonstrations only.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from . import edge
from .deployment import ADMIN, PASSWORD, Deployment


def main(file: Path) -> int:
    """Run until a signal comes. :returns: the exit code."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    file.parent.mkdir(parents=True, exist_ok=True)
    deployment = Deployment(file.parent)
    deployment.world.access_edge["AllowFederatedUsers"] = True
    try:
        ready = file.with_suffix(".new")
        ready.write_text(json.dumps(_said(deployment), indent=1), encoding="utf-8")
        ready.replace(file)
        ended.wait()
    finally:
        deployment.stop()
        file.unlink(missing_ok=True)
    return 0


def _said(deployment: Deployment) -> dict[str, Any]:
    servers = deployment.world.topology.edges()
    return {
        "pid": os.getpid(),
        "ca_file": str(deployment.certificate.resolve()),
        "front_end": {"port": deployment.front_end.port, "username": ADMIN, "password": PASSWORD},
        "edges": {
            name: {
                "port": deployment.edge(name).endpoint.port,
                "username": edge.ADMINISTRATOR,
                "password": edge.PASSWORD,
            }
            for name in servers
        },
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.emulators.lync FILE")
    sys.exit(main(Path(sys.argv[1])))
