"""The process itself: the emulator of ``tests/emulators/lync``, and port 5269 as partners meet it.

``python -m lab.lync.server DIRECTORY`` reads ``lab.json`` there; no password is on the command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.emulators.lync.deployment import FRONT_END, FRONT_END_POOL, Deployment
from tests.emulators.lync.outside import Shown
from tests.integration.far_side import server
from tests.integration.pki import Served

from ..authority import ensure_certificate
from .process import XMPP_PORT

#: Seconds until what is written on the Front End has reached the Edge Servers.
REPLICATION = 1.0
#: Whose certificate and key partners see: that of one member, for all of the pool.
_SHOWN = "edge1.london"


class Proxy:
    """Port 5269 in front of both Edge Servers, as a load balancer has it: whoever of them listens answers."""

    def __init__(self, lync: Deployment, names: list[str], shown: Shown) -> None:
        self._edges = [lync.edge(name) for name in names]
        self._shown = shown

    def __call__(self, connection: socket.socket) -> None:
        """Treat one connection; it is closed at once while nobody listens."""
        if any(XMPP_PORT in edge.machine.listening() for edge in self._edges):
            self._shown(connection)


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Deployment]:
    """Run all of it with the settings of a lab."""
    values: dict[str, Any] = json.loads((directory / "lab.json").read_text())
    lync, authority = values["lync"], Path(values["ca_directory"])
    folder = Path(lync["requests_directory"]).parent
    Path(lync["requests_directory"]).mkdir(mode=0o700, exist_ok=True)
    ports = {f"{name}.contoso.example": port for name, port in lync["edge_ports"].items()}
    names = (FRONT_END, *ports, lync["address"])
    ensure_certificate(authority, FRONT_END_POOL, names)
    deployment = Deployment(
        folder,
        password=lync["password"],
        edge_password=lync["edge_password"],
        served=tuple(authority / "peers" / f"{FRONT_END_POOL}{end}.pem" for end in ("", "-key")),  # type: ignore[arg-type]
        address=lync["address"],
        ports={FRONT_END: lync["port"], **ports},
    )
    deployment.world.access_edge["AllowFederatedUsers"] = True  # as somebody has decided once, by hand
    deployment.world.replication.delay(REPLICATION)
    shown = Proxy(deployment, list(lync["edge_ports"]), Shown(deployment, _SHOWN, _by_wizard(authority, lync)))
    try:
        with server(shown, lync["address"], XMPP_PORT):
            yield deployment
    finally:
        deployment.stop()


def _by_wizard(authority: Path, lync: dict[str, Any]) -> Served:
    """The certificate that the deployment was set up with, signed by the lab's authority."""
    certificate, key = ensure_certificate(authority, lync["edge_pool"], ("contoso.example", "sip.contoso.example"))
    return Served(certificate.decode(), key.decode(), ssl.PEM_cert_to_DER_cert(certificate.decode()))


def main(directory: Path) -> None:
    """Serve until told to end."""
    os.umask(0o077)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    with running(directory):
        ended.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
