"""What partners meet at an Edge Server: the XMPP Translating Gateway Proxy as far as a look from outside gets.

TLS and stream features are real, with the certificate that the emulated server is assigned; no message passes.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ...integration.far_side import honest
from ...integration.pki import Served
from .deployment import Deployment
from .holdings import Entry


class Shown:
    """What partners meet at the address of an Edge Server: a server that shows the certificate of its last start.

    :param first: what it shows before anybody assigned one.
    """

    def __init__(self, lync: Deployment, name: str, first: Served) -> None:
        self._edge = lync.edge(name)
        self._shown, self._starts = first, 0

    def __call__(self, connection: socket.socket) -> None:
        """Treat one connection."""
        starts = sum(event.startswith("start ") for event in self._edge.machine.history)
        held = self._edge.world.holdings.get(self._edge.fqdn)
        entry = held.find(held.assigned.get("AccessEdgeExternal", "")) if held else None
        if starts != self._starts and entry is not None and entry.key is not None:
            self._shown, self._starts = _served(entry, held.stores["CA"]), starts
        honest(self._shown)(connection)


def _served(entry: Entry, issuers: Iterable[Entry]) -> Served:
    pem = "".join(each.certificate.public_bytes(Encoding.PEM).decode() for each in (entry, *issuers))
    key = entry.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Served(pem, key.decode(), entry.certificate.public_bytes(Encoding.DER))
