"""Count what a run does: tasks of each host, modules run on hosts and on the controller, bytes sent to hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fedgate_bench
type: aggregate
short_description: Count tasks, modules and bytes of a run, for bin/bench
description:
  - Adds a line of JSON for each task that begins, each result of a task, each module and each command to the file of
    E(FEDGATE_BENCH_COUNTS).
options:
  counts_file:
    description: File to which the lines are added.
    type: path
    required: true
    env:
      - name: FEDGATE_BENCH_COUNTS
requirements:
  - enabled in C(callbacks_enabled)
author: Fedgate authors
"""

import json
import os
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Results are told to callbacks; modules are not, so it listens where action plug-ins start them."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fedgate_bench"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._listening = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin to listen. Workers are forked later, and inherit it."""
        if not self._listening:
            self._listening = True
            _listen(self.get_option("counts_file"))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Note when a task begins, in seconds since 1970."""
        _add(self.get_option("counts_file"), {"begins": task.get_name(), "at": time.time()})

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a task that was carried out."""
        name, changed = result.host.get_name(), bool(result.result.get("changed"))
        _add(self.get_option("counts_file"), {"task": result.task.get_name(), "host": name, "changed": changed})


def _listen(path: str) -> None:
    run_module, run_command = ActionBase._execute_module, ActionBase._low_level_execute_command

    def counted_module(self: Any, module_name: Any = None, *args: Any, **options: Any) -> Any:
        _add(path, {"module": str(module_name or self._task.action), "on_host": _on_host(self)})
        return run_module(self, module_name, *args, **options)

    def counted_command(self: Any, cmd: Any, sudoable: bool = True, in_data: Any = None, **options: Any) -> Any:
        if _on_host(self):
            _add(path, {"sent": len(in_data or b"") + len(cmd)})
        return run_command(self, cmd, sudoable, in_data, **options)

    ActionBase._execute_module = counted_module
    ActionBase._low_level_execute_command = counted_command


def _on_host(action: Any) -> bool:
    return bool(action._connection.transport != "local")


def _add(path: str, line: dict[str, Any]) -> None:
    """Add one line in one write: several processes do so at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)
