"""What runs on each computer of an emulated deployment: Windows services and the ports that they open.

The XMPP services are there only when setup was run again after the route had been published (docs/lync-facts.md).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .topology import Topology

#: Display names begin with the product's; names of services as public scripts list them, that of the proxy guessed.
PRODUCTS = {"2013": "Lync Server", "2015": "Skype for Business Server"}
_EDGE = {
    "RTCSRV": ("Access Edge", (5061, 443)),
    "RTCDATAPROXY": ("Web Conferencing Edge", (444,)),
    "RTCMRAUTH": ("Audio/Video Authentication", (5062,)),
    "RTCMEDIARELAY": ("Audio/Video Edge", (3478,)),
    "REPLICA": ("Replica Replicator Agent", (4443,)),
}
_FRONT_END = {"RTCSRV": ("Front-End", (5061,)), "REPLICA": ("Replica Replicator Agent", ())}
PROXY, GATEWAY = "RTCXMPPTGWPRX", "RTCXMPPTGW"


@dataclass
class Service:
    """One Windows service.

    :ivar ports: TCP, that it listens on while it runs.
    :ivar drain: seconds until a graceful stop has let go of the last conversation.
    :ivar start: seconds until it runs.
    :ivar opens: seconds after that until its ports are open.
    :ivar started: when its process was made.
    :ivar refuses: whether it stops again instead of running, whatever it starts with.
    :ivar fails: whether it does so this time.
    """

    name: str
    display_name: str
    ports: tuple[int, ...] = ()
    drain: float = 0.0
    start: float = 0.0
    opens: float = 0.0
    refuses: bool = False
    fails: bool = False
    status: str = "Running"
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    changes_at: float = 0.0
    open_at: float = 0.0

    def settle(self) -> Service:
        """Let happen what is due."""
        now = time.monotonic()
        if self.status == "StopPending" and now >= self.changes_at:
            self.status = "Stopped"
        elif self.status == "StartPending" and now >= self.changes_at:
            self.status = "Stopped" if self.refuses or self.fails else "Running"
            self.open_at = self.changes_at + self.opens
            self.started = datetime.now(timezone.utc)
        return self

    def begin_stop(self, graceful: bool) -> None:
        """Stop; gracefully means that new requests are refused and present ones end by themselves."""
        if self.settle().status in ("Running", "StartPending"):
            self.status = "StopPending"
            self.changes_at = time.monotonic() + (self.drain if graceful else 0)

    def begin_start(self, fails: bool = False) -> None:
        """Start; it fails with a certificate that it cannot use."""
        if self.settle().status == "Stopped":
            self.status, self.fails = "StartPending", fails
            self.changes_at = time.monotonic() + self.start

    def listening(self) -> tuple[int, ...]:
        """Return the ports that are open now."""
        return self.ports if self.settle().status == "Running" and time.monotonic() >= self.open_at else ()


@dataclass
class Machine:
    """One computer.

    :ivar services: by name, in capitals.
    :ivar module: the product's PowerShell module: ``Lync`` (2013) or ``SkypeForBusiness`` (2015).
    :ivar cmdlets_of_network: whether Get-NetTCPConnection is there (Windows Server 2012 and later).
    :ivar cannot_use: thumbprints with which services that show a certificate outside stop again instead of running.
    :ivar history: what was done to services, as ``stop NAME`` and ``start NAME``, in order.
    """

    fqdn: str
    product: str
    role: str
    services: dict[str, Service] = field(default_factory=dict)
    cmdlets_of_network: bool = True
    cannot_use: set[str] = field(default_factory=set)
    history: list[str] = field(default_factory=list)

    @property
    def module(self) -> str:
        """The name of the product's module."""
        return "Lync" if self.product == "2013" else "SkypeForBusiness"

    def run_setup(self, xmpp: bool) -> None:
        """Run the product's setup: services come and go with the published topology."""
        known = _EDGE if self.role == "EdgeServer" else _FRONT_END
        for name, (title, ports) in known.items():
            self.services.setdefault(name, Service(name, self._display(title), ports))
        name, title, ports = (
            (PROXY, "XMPP Translating Gateway Proxy", (5269, 23456))
            if self.role == "EdgeServer"
            else (GATEWAY, "XMPP Translating Gateway", ())
        )
        if xmpp:
            self.services.setdefault(name, Service(name, self._display(title), ports))
        else:
            self.services.pop(name, None)

    def _display(self, title: str) -> str:
        return f"{PRODUCTS.get(self.product, 'Skype for Business Server')} {title}"

    @property
    def xmpp(self) -> Service:
        """The XMPP service of this computer."""
        return self.services[PROXY if self.role == "EdgeServer" else GATEWAY]

    def listening(self) -> set[int]:
        """Return the ports that are open now."""
        return {port for service in self.services.values() for port in service.listening()}


def usual(topology: Topology) -> dict[str, Machine]:
    """Return the computers of a topology, with setup run and all services running."""
    machines = {}
    for name, pool in topology.computers().items():
        machine = Machine(name, pool.product, pool.role)
        machine.run_setup(xmpp=pool.product in PRODUCTS)
        machines[name.lower()] = machine
    return machines


class Ports:
    """Opens, for real and on this machine, the ports that a computer says are open; for who connects to them.

    :param numbers: only these.
    """

    def __init__(self, machine: Machine, numbers: tuple[int, ...]) -> None:
        self.machine = machine
        self.numbers = numbers
        self._sockets: dict[int, socket.socket] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._ended.wait(0.02):
            wanted = self.machine.listening() & set(self.numbers)
            for port in wanted - set(self._sockets):
                with contextlib.suppress(OSError):
                    self._sockets[port] = socket.create_server(("127.0.0.1", port))
            for port in set(self._sockets) - wanted:
                self._sockets.pop(port).close()

    def stop(self) -> None:
        """Close all."""
        self._ended.set()
        self._thread.join()
        for one in self._sockets.values():
            one.close()
