"""The emulator as a process that outlives ``bin/lab``: started, found again, and ended by ``bin/lab down``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .. import servers
from ..errors import LabError
from ..identity import Identity
from ..progress import say
from ..state import State, write_whole

ROOT = Path(__file__).resolve().parents[2]
#: What the server imports, by the names of its packages.
LIBRARIES = ("cryptography", "dns", "psrpcore", "spnego")
XMPP_PORT = 5269
_END_SECONDS = 10


def check() -> None:
    """Make sure that the server's libraries are there. :raises LabError: which one is missing, and how to get it."""
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise LabError(
                f"the Python library {name} is missing; run bin/test lint once, then in its environment: "
                ". .venv/bin/activate && bin/lab up --with-lync"
            )


def ensure(state: State) -> bool:
    """Have the emulator run with the lab's present addresses and passwords; return whether it was started.

    A new process is a new deployment: prepared, and without partners.

    :raises LabError: it does not start.
    """
    if describe(state) == "up":
        return False
    stop(state.identity)
    folder = _folder(state.identity)
    folder.mkdir(mode=0o700)
    log = folder / "server.log"
    argv = [sys.executable, "-B", "-m", "lab.lync.server", str(state.identity.directory)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, start_new_session=True
        )
    record = {"pid": process.pid, "started": _started(process.pid), "settings": _settings(state)}
    write_whole(folder / "process.json", json.dumps(record) + "\n")
    if not servers.comes_up(process, lambda: _answers(state)):
        servers.end(process)
        raise LabError(f"the emulator of Lync Server does not run: {log.read_text()[-2000:]}")
    _tell(state)
    return True


def stop(lab: Identity) -> bool:
    """End the emulator and forget what it held; return whether it ran."""
    record = _record(lab)
    ran = _runs(record)
    if ran:
        os.kill(record["pid"], signal.SIGTERM)
        deadline = time.monotonic() + _END_SECONDS
        while _runs(record):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record["pid"], signal.SIGKILL)
            time.sleep(0.05)
    shutil.rmtree(_folder(lab), ignore_errors=True)
    return ran


def describe(state: State) -> str:
    """Return its condition in a few words: ``up``, ``-`` when it was never started, else what is wrong."""
    record = _record(state.identity)
    if not record:
        return "-"
    if not _runs(record):
        return "gone; bin/lab up --with-lync starts it anew, without what was configured"
    if record["settings"] != _settings(state):
        return "of another network or authority; bin/lab up --with-lync starts it anew, without what was configured"
    return "up" if _answers(state) else "does not answer; bin/lab up --with-lync starts it anew"


def endpoints(state: State) -> list[tuple[str, str, str]]:
    """Return what can be talked to: (name, URL, account). Passwords are in ``lab.json``."""
    lync = state.values["lync"]
    found = [("Front End", f"https://{lync['address']}:{lync['port']}/OcsPowershell", lync["username"])]
    for name, port in lync["edge_ports"].items():
        found.append((name, f"https://{lync['address']}:{port}/wsman", lync["edge_username"]))
    return found


def _tell(state: State) -> None:
    say("lync", "an emulator of Lync Server 2013, prepared, without partners; passwords are in lab.json")
    for name, url, account in endpoints(state):
        say("lync", f"{name}: {url} as {account}")


def _folder(lab: Identity) -> Path:
    return lab.directory / "lync"


def _record(lab: Identity) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((_folder(lab) / "process.json").read_text())
    except (OSError, ValueError):
        return {}
    return record


def _settings(state: State) -> str:
    """Return a hash of what the server was started with."""
    authority = Path(state.values["ca_certificate"]).read_text()
    return hashlib.sha256(json.dumps([state.values["lync"], authority], sort_keys=True).encode()).hexdigest()


def _runs(record: dict[str, Any]) -> bool:
    """Tell whether the very process that was started is there: numbers of processes are used again."""
    return bool(record) and record["started"] is not None and _started(record["pid"]) == record["started"]


def _started(pid: int) -> str | None:
    """Return when a process began (clock ticks since the machine did); None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _answers(state: State) -> bool:
    lync = state.values["lync"]
    try:
        for port in (lync["port"], *lync["edge_ports"].values(), XMPP_PORT):
            with socket.create_connection((lync["address"], port), timeout=2):
                pass
    except OSError:
        return False
    return True
