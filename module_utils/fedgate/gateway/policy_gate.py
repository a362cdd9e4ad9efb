"""The reconciler of ``xmpp_partner_policy``: the policy file, and that the running server enforces it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..errors import CheckFailed, FedgateError, MissingDependency
from ..host.systemd import Unit, UnitState
from ..model.blocks import covering
from ..module import Context, Reconciler
from ..plan import Change, Plan, compared
from .blocked import reported
from .files import Seen, Wanted, discard, look, write
from .kinds import kind_of
from .policy import digest_of, generation_of, is_intact, mended, number_of, parse, partner_fields, successor, text_of
from .reminder import Reminder
from .scope import demand_directory
from .status import alarm_of, is_current, read_status, reason_of
from .waiving import demand_waivers

_INTERVAL = 0.2
#: Seconds after which a server that shows no sign is told again; a hundred thousand partners are read in half of that.
_PATIENCE = 5.0
_MODE = 0o640


@dataclass(frozen=True)
class Observed:
    """The policy on disk and in the running server.

    :ivar file: the policy file.
    :ivar content: what it says; None when there is none, or none of ours.
    :ivar intact: whether it is as it was written: not edited by hand, not cut short.
    :ivar status: what the server's module reported last.
    :ivar unit: the service.
    """

    file: Seen
    content: Optional[dict[str, Any]]
    intact: bool
    status: Optional[dict[str, Any]]
    unit: UnitState

    @property
    def loaded(self) -> Optional[str]:
        """The digest of the policy that the running server enforces, None when it enforces none."""
        if not is_current(self.status, self.unit.pid) or self.status is None or self.status.get("state") != "enforcing":
            return None
        return self.status.get("digest")

    @property
    def alarm(self) -> Optional[dict[str, Any]]:
        """The alarm that the running server raises, None when it raises none."""
        return alarm_of(self.status, self.unit.pid)


class PartnerPolicy(Reconciler):
    """The whole policy of one gateway: a partner that is not in it has no access."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        self.kind = kind_of(params["server"])
        self.unit = Unit(context, self.kind.unit)
        demand_directory(params["scope"], params["directory"])
        self.compiled = self.kind.compile(
            params["partners"], params["local_hosts"], params["components"], params["limits"], params["scope"]
        )
        demand_waivers(self.compiled.loss, params["partners"], params["server"], context.warn)
        self.path: str = params["path"] or self.kind.policy_path
        self._texts: dict[int, str] = {}

    def observe(self) -> Observed:
        """Read the file, the server's report and the unit's state."""
        file = look(self.path)
        text = None if file.data is None else file.data.decode(errors="replace")
        content = parse(text)
        return Observed(file, content, is_intact(text, content), self._status(), self.unit.state())

    def plan(self, observed: Observed) -> Plan:
        """One change for each domain, and one for the policy as a whole: written, or only loaded."""
        text = self._wanted(observed)
        changes = list(compared("partner", partner_fields(observed.content), partner_fields(self.compiled.rules)))
        written = observed.file.data == text.encode() and self._has_rights(observed.file)
        if not written or observed.loaded != digest_of(text) or observed.alarm:
            changes.append(self._load(observed, text))
        return Plan.of(changes)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Write, reload, wait for the server's report. :raises CheckFailed: after the former policy is back."""
        if not observed.unit.exists or not observed.unit.active:
            raise MissingDependency(
                f"{self.kind.unit} does not run on this host, so no policy can be loaded; nothing was changed",
                hint="Run gateway.yml for this host first.",
            )
        text = self._wanted(observed)
        self._write(text)
        try:
            self.unit.do("reload")
            self._await(digest_of(text), observed)
        except FedgateError as error:
            raise self._rolled_back(observed, error) from None

    def results(self, observed: Observed, plan: Plan) -> dict[str, Any]:
        """Return generation, digest, what the server reports, and what it does not honour."""
        text = self._wanted(observed)
        status = observed.status if is_current(observed.status, observed.unit.pid) else None
        return {
            "generation": number_of(text),
            "digest": digest_of(text),
            "loaded": {key: (status or {}).get(key) for key in ("state", "generation", "digest", "reason", "alarm")},
            "loss": [loss.as_dict() for loss in self.compiled.loss],
            "blocked": covering((reported(status) or {}).values(), self.compiled.rules["partners"]),
        }

    def _wanted(self, observed: Observed) -> str:
        if observed.intact or observed.file.data is None:
            return successor(observed.content, self.compiled.rules, self._text)
        enforced = observed.status if observed.loaded else None
        return mended(observed.content, enforced, self.compiled.rules, self._text)

    def _text(self, rules: Mapping[str, Any], generation: int) -> str:
        """Return what ``text_of`` makes of the compiled rules, made once: it may have millions of characters."""
        if generation not in self._texts:
            self._texts[generation] = text_of(rules, generation)
        return self._texts[generation]

    def _status(self) -> Optional[dict[str, Any]]:
        return read_status(self.params["status_path"])

    def _load(self, observed: Observed, text: str) -> Change:
        content = observed.content or {}
        wanted = self.compiled.rules
        before = {
            "generation": generation_of(content),
            "local_hosts": content.get("local_hosts", []),
            "components": content.get("components", {}),
            "limits": content.get("limits"),
            "intact": observed.intact if observed.file.data is not None else None,
            "alarm": (observed.alarm or {}).get("reason"),
            "loaded": observed.loaded is not None and observed.loaded == _digest_of_file(observed.file),
        }
        after = {
            "generation": number_of(text),
            "local_hosts": wanted["local_hosts"],
            "components": wanted.get("components", {}),
            "limits": wanted.get("limits"),
            "intact": True,
            "alarm": None,
            "loaded": True,
        }
        if "scope" in content or "scope" in wanted:
            before["scope"], after["scope"] = content.get("scope"), wanted.get("scope")
        return Change("run", "policy", self.path, before, after)

    def _has_rights(self, file: Seen) -> bool:
        return (file.mode, file.owner, file.group) == (_MODE, "root", self.kind.group)

    def _write(self, text: str) -> None:
        write(Wanted(self.path, text.encode(), _MODE, "root", self.kind.group))

    def _await(self, digest: str, before: Observed) -> None:
        end = time.monotonic() + self.params["timeout"]
        reminder = Reminder(lambda: self.unit.do("reload"), _PATIENCE)
        while True:
            seen = replace(before, status=self._status(), unit=self.unit.state())
            if seen.loaded == digest and (seen.alarm or {}).get("kind") != "policy":
                return
            # The module says why it kept what it had; waiting longer does not change its mind. What it said before is
            # about the former file, and is said until a large one has been read.
            reason = is_current(seen.status, seen.unit.pid) and (seen.status or {}).get("reason")
            refused = reason and reason != (before.status or {}).get("reason")
            if (refused and time.monotonic() > end - self.params["timeout"] + 2) or time.monotonic() > end:
                raise CheckFailed(reason_of(seen.status, seen.unit.pid))
            reminder.ask()
            time.sleep(_INTERVAL)

    def _rolled_back(self, observed: Observed, error: FedgateError) -> CheckFailed:
        reason = str(error).rstrip(".")
        try:
            if observed.file.data is not None:
                write(
                    Wanted(self.path, observed.file.data, observed.file.mode, observed.file.owner, observed.file.group)
                )
            else:
                discard(self.path)
            self.unit.do("reload")
            state = "the former policy is back"
        except (FedgateError, OSError) as second:
            state = f"the former policy could not be put back ({second})"
        hint = f"Look at journalctl --unit {self.kind.unit}; {os.path.basename(self.path)} is what was before."
        return CheckFailed(f"the server did not load the new policy: {reason}; {state}", hint=hint)


def _digest_of_file(file: Seen) -> Optional[str]:
    return None if file.data is None else digest_of(file.data.decode(errors="replace"))
