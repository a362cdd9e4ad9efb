"""The reconciler of ``federation_block``: the block list on disk, and that the running server shuts them out."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import CheckFailed, FedgateError
from ..host.systemd import Unit, UnitState
from ..model.blocks import NOT_YET, Blocks, planned, read_wish
from ..module import Context, Reconciler
from ..plan import KNOWN_AFTER_APPLY, Change, Plan, compared
from .blocked import parse, reported, text_of
from .files import Seen, Wanted, look, write
from .kinds import kind_of
from .policy import digest_of
from .policy import parse as parse_policy
from .reminder import Reminder
from .status import is_current, is_gated, read_status, reason_of

_INTERVAL = 0.1
#: Seconds after which a server that shows no sign is told again.
_PATIENCE = 2.0
_MODE = 0o640


@dataclass(frozen=True)
class Observed:
    """The block list on disk and in the running server.

    :ivar file: the file.
    :ivar blocks: who is blocked: as the file says; without a usable file, as the running server says.
    :ivar good: whether the file says just that.
    :ivar status: what the running server reports; None when there is none, or when it reports nothing.
    :ivar unit: the service.
    """

    file: Seen
    blocks: Blocks
    good: bool
    status: Optional[dict[str, Any]]
    unit: UnitState

    @property
    def closed(self) -> bool:
        """Whether nothing can be shut out now, for no server runs, or it federates with nobody for want of a policy."""
        return not self.unit.active or (self.status is not None and not is_gated(self.status, self.unit.pid))

    @property
    def in_force(self) -> Optional[str]:
        """The digest of the list that the running server holds; None when it holds none, or that of no file."""
        blocking = (self.status or {}).get("blocking")
        return blocking.get("digest") if isinstance(blocking, Mapping) else None


class FederationBlock(Reconciler):
    """Blocks or releases domains; what else is blocked stays so."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.kind = kind_of(params["server"])
        self.unit = Unit(context, self.kind.unit)
        self.path: str = params["path"]
        self.wish = read_wish(params, _user())

    def observe(self) -> Observed:
        """Read the file, the server's report and the unit's state. :raises CheckFailed: when nothing tells the list."""
        file, unit = look(self.path), self.unit.state()
        status = read_status(self.params["status_path"])
        status = status if is_current(status, unit.pid) else None
        blocks, good = listed(self.path, file, status)
        return Observed(file, blocks, good, status, unit)

    def plan(self, observed: Observed) -> Plan:
        """One change for each domain, and one for the list as a whole: written, or only loaded."""
        if self.wish.blocks:
            self._demand_others(observed)
        wanted = self._wanted(observed, NOT_YET)
        changes = list(
            compared("block", planned(observed.blocks, KNOWN_AFTER_APPLY), planned(wanted, KNOWN_AFTER_APPLY))
        )
        if changes or not self._is_done(observed):
            before = {"blocked": sorted(observed.blocks), "loaded": self._is_loaded(observed)}
            changes.append(Change("run", "block list", self.path, before, {"blocked": sorted(wanted), "loaded": True}))
        return Plan.of(changes)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write, reload, wait for the server's report. :raises CheckFailed: after the former list is back."""
        wanted = self._wanted(observed, int(time.time()))
        data = observed.file.data if observed.good and wanted == observed.blocks else None
        text = text_of(wanted) if data is None else data.decode()
        self._write(text)
        if observed.closed:
            return
        try:
            self._reload(observed.unit)
            self._await(digest_of(text))
        except FedgateError as error:
            raise self._rolled_back(observed, error) from None

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return who is blocked, and whether a running server holds it; warn when that is still to come."""
        blocks = self._wanted(observed, int(time.time())) if self.context.check_mode else observed.blocks
        if observed.closed:
            why = f"{self.kind.unit} does not run" if not observed.unit.active else reason_of(
                observed.status, observed.unit.pid)  # fmt: skip
            self.context.warn(f"Nobody federates through this host now ({why}); the block list holds from the start.")
        return {
            "blocked": [blocks[domain].as_dict() for domain in sorted(blocks)],
            "in_force": not observed.closed and self._is_loaded(observed),
        }

    def _wanted(self, observed: Observed, now: int) -> Blocks:
        return self.wish.granted(observed.blocks, now)

    def _is_done(self, observed: Observed) -> bool:
        file = observed.file
        rights = (file.mode, file.owner, file.group) == (_MODE, "root", self.kind.group)
        written = observed.good and (file.kind == "absent" or rights)
        return written and (observed.closed or self._is_loaded(observed))

    def _is_loaded(self, observed: Observed) -> bool:
        """Whether the running server holds what the file says."""
        if observed.closed or not observed.good:
            return False
        if observed.file.data is None:  # nothing is blocked, and a server that knows no blocks blocks nobody
            return not reported(observed.status)
        return observed.in_force == digest_of(observed.file.data.decode())

    def _demand_others(self, observed: Observed) -> None:
        policy = look(self.params["policy_path"])
        content = parse_policy((policy.data or b"").decode(errors="replace")) or {}
        hosts = (observed.status or {}).get("hosts") or []
        self.wish.demand_others([*self.params["local_hosts"], *hosts, *(content.get("local_hosts") or [])])

    def _write(self, text: str) -> None:
        write(Wanted(self.path, text.encode(), _MODE, "root", self.kind.group))

    def _reload(self, unit: UnitState) -> None:
        # Not by systemctl: it waits for the server to be done with its whole configuration, which may be broken.
        # What the server reports is what counts.
        if unit.pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(unit.pid, signal.SIGHUP)

    def _await(self, digest: str) -> None:
        end = time.monotonic() + self.params["timeout"]
        reminder = Reminder(lambda: self._reload(self.unit.state()), _PATIENCE)
        while True:
            seen = self.observe()
            if seen.closed or seen.in_force == digest:
                return
            if time.monotonic() > end:
                raise CheckFailed(_why_not(seen))
            reminder.ask()
            time.sleep(_INTERVAL)

    def _rolled_back(self, observed: Observed, error: FedgateError) -> CheckFailed:
        former = observed.file.data.decode() if observed.good and observed.file.data else text_of(observed.blocks)
        try:
            # Never by taking the file away: for a server that has read the new one that would take nothing back.
            self._write(former)
            self._reload(self.unit.state())
            state = "the former list is back"
        except (FedgateError, OSError) as second:
            state = f"the former list could not be put back ({second})"
        return CheckFailed(
            f"the server did not take the block list: {str(error).rstrip('.')}; {state}",
            hint=f"Look at journalctl --unit {self.kind.unit}. To shut everybody out at once, stop that service.",
        )


def listed(path: str, file: Seen, status: Optional[Mapping[str, Any]]) -> tuple[Blocks, bool]:
    """Return who is blocked, and whether the file says so; without a usable file the running server knows.

    :param status: what the running server reports; None when it reports nothing.
    :raises CheckFailed: when the file cannot be read as a list, and no server knows one.
    """
    stated = None if file.data is None else parse(file.data)
    if stated is not None:
        return stated, True
    held = reported(status)
    if file.kind != "absent" and held is None:
        raise CheckFailed(
            f"{path} is no block list, and no running server tells whom it blocks; nothing was changed",
            hint="Nobody federates after a start with it. Mend it, or remove it and block again who has to be.",
        )
    return held or {}, file.kind == "absent" and not held


def _user() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _why_not(seen: Observed) -> str:
    if seen.status is None:
        return reason_of(seen.status, seen.unit.pid)
    blocking = seen.status.get("blocking")
    if not isinstance(blocking, Mapping):
        return "Fedgate's modules in the running server are of an earlier version; gateway.yml brings the present ones"
    return str(blocking.get("reason") or "it still holds the former list")
