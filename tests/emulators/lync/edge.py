"""An Edge Server to talk to: its WinRM over HTTPS, with local accounts and client certificates.

It is in no domain, and RBAC does not reach it: an administrator of the computer may do all that its modules know
(Get-CsAdminRole, description: RBAC applies to remote sessions of the Front End's endpoint).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import windows
from .binder import Cmdlet
from .endpoint import Endpoint
from .engine import Engine
from .machines import Machine
from .services import OF_WINDOWS
from .shells import Shells
from .world import World

ADMINISTRATOR = "Administrator"
#: An administrator too, yet with a filtered token: not the built-in one, and LocalAccountTokenFilterPolicy is not set.
FILTERED = "operator"
PASSWORD = "Edge 'pass\" $word"


class Edge:
    """One Edge Server.

    :param clients: certificates (PEM files) of clients that stand for the administrator.
    :param password: of both local accounts; :param address: where it listens, at ``port``, or at a free one.
    :ivar endpoint: its WinRM; ``endpoint.port`` on this machine.
    :ivar machine: its services and ports.
    """

    def __init__(
        self,
        world: World,
        cmdlets: Mapping[str, Cmdlet],
        fqdn: str,
        certificate: tuple[Path, Path],
        folder: Path,
        *,
        clients: tuple[Path, ...] = (),
        protocol: str = "2.2",
        password: str = PASSWORD,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.fqdn = fqdn
        self.world = world
        self.engine = Engine(
            world, {**cmdlets, **{one.name: one for one in (*OF_WINDOWS, *windows.CMDLETS)}}, "edge", fqdn
        )
        self.shells = Shells(self.engine.execute, lambda account: account != FILTERED, protocol=protocol)
        self.endpoint = Endpoint(
            self.shells,
            {ADMINISTRATOR: password, FILTERED: password},
            certificate,
            path="/wsman",
            folder=folder,
            clients=dict.fromkeys(clients, ADMINISTRATOR),
            address=address,
            port=port,
        )

    @property
    def machine(self) -> Machine:
        """What runs on it."""
        return self.world.machines[self.fqdn.lower()]
