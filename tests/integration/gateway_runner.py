"""Runs one module on a gateway host as Ansible would, and can kill it before its Nth touch of the host.

Sent to the host together with the package; reads one JSON object from standard input: ``module`` (source text),
``params``, ``check``, ``die_at`` (0: never). Runs on the host's own Python.
"""

from __future__ import annotations

import json
import os
import signal
import sys

#: What a module can touch the host with; each call is one step.
TOUCHES = ("replace", "unlink", "rmdir", "mkdir", "chown", "fchown", "chmod", "fchmod", "fsync", "utime", "symlink")


def kill_at(step: int) -> None:
    """Let this process be killed, as by a power cut, when it is about to touch the host for the Nth time."""
    count = 0

    def counted(real):
        def touch(*args, **kwargs):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return touch

    for name in TOUCHES:
        setattr(os, name, counted(getattr(os, name)))
    from ansible.module_utils.basic import AnsibleModule

    AnsibleModule.run_command = counted(AnsibleModule.run_command)


def main() -> None:
    """Run the module; it prints its result and exits."""
    order = json.load(sys.stdin)
    import ansible.module_utils.basic as basic

    arguments = {**order["params"], "_ansible_check_mode": order["check"], "_ansible_diff": True}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    if order["die_at"]:
        kill_at(order["die_at"])
    exec(compile(order["module"], "module", "exec"), {"__name__": "__main__"})


main()
