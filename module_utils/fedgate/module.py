"""The one place that knows AnsibleModule, its arguments apart: check mode, diff, errors, and how things are changed.

observe → plan → (check mode stops here) → apply → observe again → the plan must now be empty
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values

from .arguments import QuietModule
from .errors import FedgateError, NotConverged, WorldMoved
from .lock import PATIENCE, lock_file, one_at_a_time
from .plan import Plan

#: Arguments that every changing module has; documented in the fragment ``fedgate``.
SHARED_ARGUMENTS: dict[str, Any] = {"expect_plan": {"type": "str"}}


class Here:
    """Stands for the module where its work is done in Ansible's own process: arguments, check mode, warnings.

    There is no other process that could run programs; what needs them has to be a module.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        check_mode: bool,
        secrets: Iterable[str],
        tell: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.tell = tell
        self.params = params
        self.check_mode = check_mode
        self.no_log_values = set(secrets)
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep a warning for the result."""
        if text not in self.warnings:
            self.warnings.append(text)


class Context:
    """What a reconciler may ask of the machine it runs on, without knowing AnsibleModule.

    :ivar check_mode: true when nothing may be changed.
    """

    def __init__(self, module: AnsibleModule | Here) -> None:
        self._module = module
        self.check_mode: bool = bool(module.check_mode)

    def warn(self, text: str) -> None:
        """Show a warning in the run's output."""
        self._module.warn(text)

    def tell(self, text: str) -> None:
        """Say what is being waited for, while the task goes on; a module on another machine has no way to."""
        if isinstance(self._module, Here):
            self._module.tell(text)

    @property
    def _of_module(self) -> AnsibleModule:
        if isinstance(self._module, Here):
            raise TypeError("no program can be run from Ansible's own process")
        return self._module

    def run(self, argv: Sequence[str], *, stdin: str | None = None) -> tuple[int, str, str]:
        """Run a program without a shell; secrets go through ``stdin``, never through ``argv``.

        :returns: (exit code, standard output, standard error); 127 when the program does not exist.
        """
        # LC_ALL: messages are compared. A program that is missing is an answer here, not a crash.
        if self._of_module.get_bin_path(argv[0]) is None and not argv[0].startswith("/"):
            return 127, "", f"{argv[0]}: not found"
        rc, out, err = self._of_module.run_command(
            list(argv), data=stdin, environ_update={"LC_ALL": "C.UTF-8"}, handle_exceptions=False
        )
        return rc, out, err

    def program(self, name: str) -> str | None:
        """Return the absolute path of a program, searched in PATH and the sbin directories, or None."""
        path: str | None = self._of_module.get_bin_path(name)
        return path


class Reconciler:
    """One kind of thing that a module manages. Subclasses give the four steps; ``run`` walks them.

    :param params: the module's arguments, as the argument spec made them.
    :param context: what may be asked of the machine.
    :cvar patience: seconds that it waits for another run that changes this machine.
    """

    patience = PATIENCE

    def __init__(self, params: Mapping[str, Any], context: Context) -> None:
        self.params = params
        self.context = context

    def observe(self) -> Any:
        """Look at the world; change nothing. :raises FedgateError: when it cannot be looked at."""
        raise NotImplementedError

    def plan(self, observed: Any) -> Plan:
        """Return what has to change; a pure function of ``observed`` and the arguments."""
        raise NotImplementedError

    def apply(self, plan: Plan, observed: Any) -> None:
        """Carry out the plan, staged and rolled back on failure. :raises FedgateError: when it could not."""
        raise NotImplementedError

    def observe_again(self, plan: Plan) -> Any:
        """Look again, after ``apply``, at what the plan changed; the whole world by default."""
        return self.observe()

    def results(self, observed: Any, plan: Plan) -> dict[str, Any]:
        """Return what the module returns beside the shared values. ``observed`` is the last look."""
        return {}

    def close(self) -> None:
        """Let go of what is held open, such as a session on a server; called once, whatever happened."""


#: A reconciler's class, or a function that picks one by the arguments.
Kind = Callable[[Mapping[str, Any], Context], Reconciler]
#: What a module that only looks does: arguments, context → results.
Look = Callable[[Mapping[str, Any], Context], dict[str, Any]]


def run(kind: Kind, argument_spec: Mapping[str, Any], **options: Any) -> None:
    """Run a changing module to its end.

    :param kind: the reconciler.
    :param argument_spec: the module's own arguments; the shared ones are added.
    :param options: further options of AnsibleModule, such as ``required_if``, and ``large``, the names of the options,
        lists of mappings, that hold thousands.
    """
    module = QuietModule(argument_spec={**argument_spec, **SHARED_ARGUMENTS}, supports_check_mode=True, **options)
    _end(module, lambda: _reconcile_alone(module, kind))


def report(look: Look, argument_spec: Mapping[str, Any], **options: Any) -> None:
    """Run a module that only looks: ``look(params, context)`` returns its results as plain data."""
    module = QuietModule(argument_spec=dict(argument_spec), supports_check_mode=True, **options)
    _end(module, lambda: {"changed": False, **look(module.params, Context(module))})


def run_here(
    kind: Kind,
    argument_spec: Mapping[str, Any],
    arguments: Mapping[str, Any],
    check_mode: bool,
    tell: Callable[[str], object] = lambda text: None,
) -> dict[str, Any]:
    """Do the work of a changing module in this process, and return its result; for action plug-ins.

    :param arguments: plain values, as the task gives them.
    :param tell: shows a line to whoever watches the run.
    """
    spec = {**argument_spec, **SHARED_ARGUMENTS}
    return _here(spec, arguments, check_mode, lambda here: _reconcile_alone(here, kind), tell)


def report_here(look: Look, argument_spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Do the work of a module that only looks in this process, and return its result; for action plug-ins."""
    return _here(argument_spec, arguments, True, lambda here: {"changed": False, **look(here.params, Context(here))})


def _here(
    argument_spec: Mapping[str, Any],
    arguments: Mapping[str, Any],
    check_mode: bool,
    work: Callable[[Here], dict[str, Any]],
    tell: Callable[[str], object] = lambda text: None,
) -> dict[str, Any]:
    # A default that is a mapping would be filled in where it stands, for all later calls in this process.
    read = ArgumentSpecValidator(copy.deepcopy(dict(argument_spec))).validate(dict(arguments))
    if read.error_messages:
        return {"failed": True, "changed": False, "msg": ". ".join(read.error_messages)}
    here = Here(read.validated_parameters, check_mode, read._no_log_values, tell)
    result = _outcome(here, lambda: work(here))
    shown = {"warnings": here.warnings} if here.warnings else {}
    scrubbed: dict[str, Any] = remove_values({**result, **shown}, here.no_log_values)
    return scrubbed


def _end(module: AnsibleModule, work: Callable[[], dict[str, Any]]) -> None:
    """Do the work and end the module's process with its result."""
    result = _outcome(module, work)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _outcome(module: AnsibleModule | Here, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the work returns, or why it failed."""
    try:
        return work()
    except FedgateError as error:
        module.no_log_values.update(text for text in error.conceal if text)
        return {"changed": False, **error.details, "failed": True, "msg": str(error), "error": type(error).__name__}
    except Exception as error:  # a bug of ours; say so, and keep values out of it
        place = traceback.extract_tb(error.__traceback__)[-1]
        return {
            "failed": True,
            "changed": False,
            "msg": f"Internal error in Fedgate: {type(error).__name__} at {place.filename}:{place.lineno}. "
            "Please report it; what was live before this task may be partly changed.",
            "error": "Internal",
            "exception": "".join(traceback.format_tb(error.__traceback__)),
        }


def _reconcile_alone(module: AnsibleModule | Here, kind: Kind) -> dict[str, Any]:
    """Look and change as one: nobody else's change comes in between. Check mode waits for nobody."""
    if module.check_mode:
        return _reconcile(module, kind)
    with one_at_a_time(lock_file(), getattr(kind, "patience", PATIENCE)):
        return _reconcile(module, kind)


def _reconcile(module: AnsibleModule | Here, kind: Kind) -> dict[str, Any]:
    reconciler = kind(module.params, Context(module))
    try:
        return _walk(module, reconciler)
    finally:
        reconciler.close()


def _walk(module: AnsibleModule | Here, reconciler: Reconciler) -> dict[str, Any]:
    observed = reconciler.observe()
    plan = reconciler.plan(observed)
    expected = module.params["expect_plan"]
    if expected and plan.digest() != expected:
        raise WorldMoved(
            f"the plan is not the one expected: {plan.digest()} instead of {expected}",
            hint="Something changed since that plan was made; make and review a new one.",
            details={"plan": plan.as_list()},
        )
    if plan and not module.check_mode:
        reconciler.apply(plan, observed)
        observed = reconciler.observe_again(plan)
        _demand_empty(reconciler.plan(observed))
    return {
        "changed": bool(plan),
        "plan": plan.as_list(),
        "plan_digest": plan.digest(),
        "pending": [item.as_dict() for item in plan.pending],
        "diff": plan.as_diff(),
        **reconciler.results(observed, plan),
    }


def _demand_empty(left: Plan) -> None:
    if left:
        names = ", ".join(str(change) for change in left.changes)
        raise NotConverged(
            f"applied, but it did not take: {names}",
            hint="Look at the service's log on that host; the next run tries again.",
            details={"plan": left.as_list()},
        )
