"""``lync_certificate`` where no remote management reaches the Edge Server: what would be done there becomes a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..certificates import library
from ..errors import InvalidValue, NotConverged
from ..module import Context, Reconciler
from ..plan import Change, Pending, Plan
from . import handover
from .certificate_reconciler import ASSIGNED, LAID, LyncCertificates, Observed
from .certificate_servers import Servers
from .handover import Call, Folder, Recorder, Replay, Task

#: Kind of planned changes; its name is the server's.
KIND = "handover_task"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESTART = (
    Call("Stop-CsWindowsService", {"Graceful": None, "Confirm": False}),
    Call("Start-CsWindowsService", {"Confirm": False}),
)


class OneByHand(Servers):
    """The one server; its session is whatever reads a result or makes a task at the time."""

    answers = False
    calls = 0

    def __init__(self, name: str) -> None:
        self.first = name
        self.current: Any = Replay({})

    @property
    def names(self) -> list[str]:
        """The one server."""
        return [self.first]

    def session(self, name: str) -> Any:
        """Return what stands for a session now."""
        return self.current

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Seen:
    """What is known of a server, and what follows from it.

    :ivar inner: how everything stands; None while nobody has looked.
    :ivar planned: what is to be changed there; :ivar local: what is to be changed here.
    :ivar present: the task that lies ready; :ivar wanted: the task that ought to, None where there is nothing to do.
    """

    inner: Observed | None
    planned: tuple[Change, ...]
    local: tuple[Change, ...]
    waiting: tuple[Pending, ...]
    present: Task | None
    wanted: Task | None


class HandedOver(Reconciler):
    """The module's four steps: read the result that came back, decide, and lay the next task ready."""

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        super().__init__(params, context)
        name = params.get("name") or params["host"]
        _check(params, name)
        self.servers = OneByHand(name)
        self.work = LyncCertificates(params, context, self.servers)
        self.folder = Folder(params["handover_directory"], name)

    def observe(self) -> Seen:
        """Read task and result. :raises FedgateError: one of them is damaged, or is not of this plan, or has failed."""
        present = self.folder.task()
        follows, answers = self.folder.answers(present)
        replay = Replay(answers)
        self.servers.current = replay
        held = self.work.look()
        looks = tuple(replay.asked)
        if not replay.complete:
            return Seen(None, (), (), (), present, Task(self.folder.host, (), looks, follows))
        inner = self.work.judge(library.now(), held)
        plan = self.work.plan(inner)
        planned = tuple(change for change in plan.changes if change.kind != LAID)
        local = tuple(change for change in plan.changes if change.kind == LAID and inner.decisions[change.name].request)
        actions = self._recorded(planned, inner)
        if actions and present and present.digest == follows and _again(actions, present.actions):
            names = ", ".join(map(str, planned))
            raise NotConverged(
                f"carried out by hand on {self.folder.host}, but it did not take: {names}",
                hint=f"Look at the server and at {self.folder.file(handover.RESULT)}. Delete that to have it looked at "
                "anew. A request for other names than the inventory has means that topology and inventory differ.",
            )
        wanted = Task(self.folder.host, actions, looks, follows) if actions else None
        return Seen(inner, planned, local, plan.pending, present, wanted)

    def _recorded(self, planned: tuple[Change, ...], inner: Observed) -> tuple[Call, ...]:
        for name, decision in inner.decisions.items():
            if decision.answer is not None and decision.answer.key is not None:
                raise InvalidValue(
                    f"the answer for {name} holds a private key, and a hand-over carries no secrets",
                    path="certificates.answer",
                    hint="Import it on the server by hand, and name its thumbprint.",
                )
        recorder = Recorder()
        self.servers.current = recorder
        for change in planned:
            change.subject()
        calls = tuple(call for call in recorder.recorded if not handover.is_look(call))
        restart = self.params["handover_restart"] and any(change.kind == ASSIGNED for change in planned)
        return calls + (_RESTART if restart else ())

    def plan(self, observed: Seen) -> Plan:
        """The files here, and a task where there is something to do or to look at there."""
        changes = list(observed.local)
        pending = list(observed.waiting)
        wanted, present = observed.wanted, observed.present
        if wanted is not None:
            pending.insert(0, Pending("handover", self.folder.host, self._to_do()))
            if present is None or present.digest != wanted.digest or not self.folder.script_is_there():
                before = _fields(present, ()) if present else None
                after = _fields(wanted, observed.planned)
                changes.append(Change("update" if present else "create", KIND, self.folder.host, before, after, wanted))
        return Plan.of(changes, pending)

    def _to_do(self) -> str:
        return (
            f"an administrator of {self.folder.host}: take {handover.SCRIPT} and {handover.TASK} from "
            f"{self.folder.path} there, run powershell -NoProfile -File {handover.SCRIPT} -Task {handover.TASK} "
            f"-Result {handover.RESULT}, put {handover.RESULT} beside them, and run again"
        )

    def apply(self, plan: Plan, observed: Seen) -> None:
        """Write the files."""
        for change in plan.changes:
            if change.kind == KIND:
                self.folder.write(change.subject)
            else:
                change.subject()

    def results(self, observed: Seen, plan: Plan) -> dict[str, Any]:
        """Return what is known, and ``handover``: directory, task, whether it waits for somebody."""
        known = (
            self.work.results(observed.inner, plan)
            if observed.inner is not None
            else {"certificates": {}, "previous": {}, "reassigned": [], "untried": {}, "unmanaged": {}, "calls": 0}
        )
        task = observed.wanted.digest if observed.wanted else None
        return {**known, "handover": {"directory": self.folder.path, "task": task, "waiting": task is not None}}


def _again(actions: tuple[Call, ...], before: tuple[Call, ...]) -> bool:
    """Tell whether all that would be done was done a moment ago; what only removes something does not count."""
    wanted = {call.key for call in actions if call.cmdlet != "Remove-Item"}
    return wanted <= {call.key for call in before}


def _fields(task: Task, planned: tuple[Change, ...]) -> dict[str, Any]:
    """Return what people review: the calls, and what they are for."""
    calls = [f"{call.cmdlet} {_given(call)}".strip() for call in task.actions]
    fields: dict[str, Any] = {"task": task.digest, "calls": calls or ["only looks"]}
    return {**fields, "does": [str(change) for change in planned]} if planned else fields


def _given(call: Call) -> str:
    return " ".join(f"-{name} {value}" if value is not None else f"-{name}" for name, value in call.parameters.items())


def _check(params: Mapping[str, Any], name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidValue(f"'{name}' cannot name a folder", path="name", hint="Use the name of the server.")
    option = next((each for each in ("members", "restore", "take_back") if params[each]), None)
    if option:
        raise InvalidValue(
            f"{option} cannot be handed over: a hand-over is for one server, and carries no key",
            path=option,
            hint="Copy the certificate with its key by hand (Export-PfxCertificate, Import-CsCertificate), and name "
            "its thumbprint for each member.",
        )
    for index, item in enumerate(params["certificates"]):
        if item.get("ca"):
            raise InvalidValue(
                "an enterprise CA cannot be asked by hand-over",
                path=f"certificates[{index}].ca",
                hint="Use request_file and answer.",
            )
