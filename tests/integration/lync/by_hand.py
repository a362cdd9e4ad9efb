"""What administrators of Edge Servers do by hand: they carry a task there, run the script, and bring the result back.

There is no PowerShell here that could run the script. What it does is done by ``carry_out``, call by call as the task
says, on an Edge Server of the emulator; every task is held against the script's own tables.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from ansible.module_utils.fedgate.lync import handover
from ansible.module_utils.fedgate.lync.connection import read_connection
from ansible.module_utils.fedgate.lync.faults import CmdletFailed
from ansible.module_utils.fedgate.lync.shell import Shell
from ansible.module_utils.fedgate.lync.values import properties

from ...emulators.lync.deployment import Deployment
from .conftest import options_of_edge
from .edges import FIRST

SCRIPT = Path(handover.__file__).with_name("handover.ps1").read_text()


def allowed() -> dict[str, list[str]]:
    """Return the script's table of cmdlets and their parameters."""
    table = SCRIPT.split("$Allowed = @{", 1)[1].split("\n}", 1)[0]
    return {
        name: re.findall(r"'([^']+)'", parameters)
        for name, parameters in re.findall(r"'([A-Za-z-]+)'\s*= @\(([^)]*)\)", table)
    }


def places() -> dict[str, list[str]]:
    """Return the script's table of places, with the patterns themselves."""
    patterns = dict(re.findall(r"^\$(Of\w+) = '([^']+)'$", SCRIPT, re.M))
    table = SCRIPT.split("$Places = @{", 1)[1].split("\n}", 1)[0]
    found = re.findall(r"'([A-Za-z-]+/\w+)'\s*= @\(([^)]*)\)", table)
    return {name: [patterns[each] for each in re.findall(r"\$(\w+)", names)] for name, names in found}


def demand_allowed(call: dict[str, Any]) -> None:
    """Refuse what the script refuses."""
    name = call["cmdlet"]
    assert name in allowed(), name
    for parameter, value in call["parameters"].items():
        assert parameter in allowed()[name], (name, parameter)
        patterns = places().get(f"{name}/{parameter}")
        assert patterns is None or any(re.search(each, value, re.I) for each in patterns), (name, parameter, value)


def carry_out(lync: Deployment, folder: Path, name: str = FIRST) -> None:
    """Do what the script does, and write down the result as Windows PowerShell writes it.

    :param folder: of the server, on the controller; :param name: which server it is.
    """
    task = json.loads((folder / "task.json").read_text(encoding="ascii"))
    assert (folder / "fedgate-handover.ps1").read_text() == SCRIPT
    for call in (*task["actions"], *task["looks"]):
        demand_allowed(call)
    results = []
    failed = False
    with Shell(read_connection(options_of_edge(lync, name))) as shell:
        for call in task["actions"]:
            if failed and call["cmdlet"] != "Remove-Item":
                continue
            results.append(one(shell, call))
            failed = failed or (not results[-1]["ok"] and not call["optional"])
        results += [one(shell, call) for call in task["looks"]]
    content = {"format": 1, "task": task["task"], "computer": "EDGE1", "finished": "x", "results": results}
    (folder / "result.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")


def restart(lync: Deployment, name: str) -> None:
    """Restart all services of a server, as its administrator does after a certificate was assigned."""
    with Shell(read_connection(options_of_edge(lync, name))) as shell:
        shell.call("Stop-CsWindowsService", {"Graceful": None, "Confirm": False})
        shell.call("Start-CsWindowsService", {"Confirm": False})


def one(shell: Shell, call: dict[str, Any]) -> dict[str, Any]:
    """Carry out one call and return its entry."""
    try:
        output = shell.call(call["cmdlet"], call["parameters"], select=call["select"])
    except CmdletFailed as error:
        return {"id": call["id"], "ok": False, "error": error.message, "error_id": f"{error.error_id},X"}
    return {"id": call["id"], "ok": True, "output": [plain(item, call["select"]) for item in output]}


def plain(item: Any, select: list[str]) -> Any:
    if isinstance(item, str):
        return item
    found = properties(item)
    return {
        name: {"base64": base64.b64encode(found[name]).decode()} if isinstance(found[name], bytes) else found[name]
        for name in select
    }
