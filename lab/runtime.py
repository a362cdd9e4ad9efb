"""What this machine lets containers do: control groups, OCI runtime, limits."""

from __future__ import annotations

import functools
import resource
import shutil
import subprocess
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
#: What podman asks for when nothing else is said; refused where the machine's hard limit may not be raised.
WANTED_LIMIT = 1048576
#: Enough for a host. Not the hard limit itself: podman lowers its own on the way, and runc may not go back up to it.
MODEST_LIMIT = 4096

_RAISE = """
import resource, sys
for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
    resource.setrlimit(kind, (int(sys.argv[1]), int(sys.argv[1])))
"""


def cgroup_mode(root: Path = CGROUP) -> str:
    """Return ``v2``, ``hybrid`` (v1 with a v2 tree beside it) or ``v1``."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "hybrid" if (root / "unified").is_dir() else "v1"


def choose_runtime(mode: str, available: set[str]) -> str | None:
    """Return the OCI runtime to use, or None when no installed one will do.

    crun refuses hybrid control groups ("cgroups in hybrid mode not supported"); runc takes all three.
    """
    for name in ("runc",) if mode == "hybrid" else ("runc", "crun"):
        if name in available:
            return name
    return None


@functools.cache
def runtime() -> str | None:
    """Return the runtime for this machine; see ``choose_runtime``."""
    return choose_runtime(cgroup_mode(), {name for name in ("runc", "crun") if shutil.which(name)})


@functools.cache
def limit_options() -> tuple[str, ...]:
    """Return ``--ulimit`` options for podman, empty where it may raise limits itself."""
    raised = subprocess.run([sys.executable, "-S", "-c", _RAISE, str(WANTED_LIMIT)], capture_output=True, check=False)
    if raised.returncode == 0:
        return ()
    options: list[str] = []
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(kind)[1]
        limit = MODEST_LIMIT if hard == resource.RLIM_INFINITY else min(hard, MODEST_LIMIT)
        options += ["--ulimit", f"{name}={limit}:{limit}"]
    return tuple(options)


def podman(*arguments: str) -> list[str]:
    """Return a podman command line with the runtime that works here."""
    name = runtime()
    return ["podman", *(("--runtime", name) if name else ()), *arguments]
