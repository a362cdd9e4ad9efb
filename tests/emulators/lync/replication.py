"""Replication of the Central Management Store to each computer: its delay, its troubles, and the cmdlets that show it.

The store is written on a Front End; each computer has a read-only copy, which ``-LocalStore`` reads, and reports when
it has caught up (Get-CsManagementStoreReplicationStatus, description).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from psrpcore.types import ErrorCategory

from .binder import Cmdlet, Parameter, switch, text
from .console import CmdletError, decorated
from .topology import BUILDS

if TYPE_CHECKING:
    from .engine import Call
    from .world import World

TYPE = "Microsoft.Rtc.Management.Xds.ReplicaState"
_FRONT_END = frozenset({"front_end"})


@dataclass
class Replica:
    """The copy on one computer.

    :ivar trouble: None; ``lost``: what is on its way never arrives, until somebody forces it; ``down``: nothing
        arrives, forced or not.
    :ivar held: what it has, where that is another than the store's present content.
    :ivar due: when the present content arrives; None when there is nothing on its way.
    """

    trouble: str | None = None
    held: dict[str, Any] | None = None
    due: float | None = None
    reported: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


class Replication:
    """All replicas of one deployment.

    A replica that keeps up costs nothing: its content is the store's own. Only while a delay or a trouble is set are
    copies made, and those are whole, so a test that sets one should write little.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._replicas: dict[str, Replica] = {}
        self._delay = 0.0
        self.forced: list[str] = []

    def of(self, computer: str) -> Replica:
        """Return the replica of a computer."""
        replica = self._replicas.setdefault(computer.lower(), Replica())
        self._settle(replica)
        return replica

    def delay(self, seconds: float) -> None:
        """From now on, what is written arrives that much later."""
        self._delay = seconds
        self._hold(self._world.topology.computers())

    def trouble(self, computer: str, kind: str | None) -> None:
        """Set or end the trouble of one replica: ``lost``, ``down``, None."""
        self._hold([computer])
        replica = self.of(computer)
        replica.trouble = kind
        if kind is None and replica.due is not None:
            replica.due = time.monotonic() + self._delay

    def settle(self) -> None:
        """Let arrive what is due; to be called before the store is written."""
        for replica in self._replicas.values():
            self._settle(replica)

    def written(self) -> None:
        """The store was written: those with a delay or a trouble are behind."""
        for name in self._world.topology.computers():
            replica = self.of(name)
            if self._delay or replica.trouble:
                # What was on its way is overtaken; the master sends what there is when it sends (guessed).
                replica.due = replica.due if replica.due is not None else time.monotonic() + self._delay

    def force(self, computer: str) -> None:
        """Send the whole content again."""
        self.forced.append(computer)
        replica = self.of(computer)
        if replica.trouble == "lost":
            replica.trouble = None
        if replica.trouble is None:
            replica.due = time.monotonic() + self._delay

    def content(self, computer: str) -> dict[str, Any] | None:
        """Return what a computer's copy holds; None when it is the store's present content."""
        replica = self.of(computer)
        return replica.held if replica.due is not None else None

    def _hold(self, computers: Any) -> None:
        """Keep what replicas have before the store is written again."""
        for name in computers:
            replica = self.of(name)
            if replica.due is None:
                replica.held = self._world.stored()

    def _settle(self, replica: Replica) -> None:
        if replica.due is None or replica.trouble or time.monotonic() < replica.due:
            return
        replica.due = None
        replica.held = self._world.stored() if self._delay else None
        replica.reported = datetime.now(timezone.utc)


def _status(world: World, call: Call) -> Iterator[Any]:
    computers = world.topology.computers()
    wanted = call["ReplicaFqdn"]
    if wanted is not None and wanted.lower() not in {name.lower() for name in computers}:
        raise _absent(wanted)
    for name, pool in computers.items():
        if wanted is not None and wanted.lower() != name.lower():
            continue
        replica = world.replication.of(name)
        properties = {
            "UpToDate": replica.due is None,
            "ReplicaFqdn": name,
            "LastStatusReport": replica.reported,
            "LastUpdateCreation": replica.reported,
            "ProductVersion": BUILDS[pool.product],
        }
        yield decorated([TYPE, "System.Object"], properties, TYPE)


def _invoke(world: World, call: Call) -> Iterator[Any]:
    computers = world.topology.computers()
    wanted = call["ReplicaFqdn"]
    names = [name for name in computers if wanted is None or name.lower() == wanted.lower()]
    if not names:
        raise _absent(wanted)
    for name in names:
        world.replication.force(name)
    return iter(())


def _absent(name: str) -> CmdletError:
    return CmdletError(
        f'Cannot find replica "{name}".',  # guessed wording
        "ItemNotFound",
        ErrorCategory.ObjectNotFound,
        "Microsoft.Rtc.Management.Core.ManagementException",
        target=name,
    )


CMDLETS = (
    Cmdlet(
        "Get-CsManagementStoreReplicationStatus",
        {"ReplicaFqdn": Parameter(text), "CentralManagementStoreStatus": Parameter(switch)},
        _status,
        frozenset({"CsAdministrator", "CsServerAdministrator", "CsViewOnlyAdministrator"}),
        _FRONT_END,
    ),
    Cmdlet(
        "Invoke-CsManagementStoreReplication",
        {"ReplicaFqdn": Parameter(text), "Force": Parameter(switch)},
        _invoke,
        frozenset({"CsAdministrator", "CsServerAdministrator"}),
        _FRONT_END,
    ),
)
