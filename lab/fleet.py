"""The fleet: many bare hosts at once, for measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import identity, making, seen
from .errors import LabError
from .identity import FLEET, HOSTS, Identity
from .locks import held
from .state import State, write_whole


def resize(lab: Identity, count: int) -> Path:
    """Make fleet01 to fleetNN, remove those beyond, write the inventory; return its path.

    :raises LabError: for a number that is not possible.
    """
    if not 0 <= count <= FLEET:
        raise LabError(f"fleet {count}: use 0 to {FLEET}")
    every = [host.name for host in HOSTS.values() if host.role == "fleet"]
    with held(f"lab-{lab.digest}"):
        making.remove(lab, sorted(set(every[count:]) & set(seen.listed(lab))))
    state = making.up(lab, identity.pick(["dns", *every[:count]]))
    path = lab.directory / "fleet.yml"
    write_whole(path, inventory(state, every[:count]))
    return path


def inventory(state: State, hosts: list[str]) -> str:
    """Return an inventory (JSON, which is YAML too) with the group ``fleet``; the variables are those of the edges."""
    group: dict[str, Any] = {
        "hosts": {host: {"ansible_host": state.address(host)} for host in hosts},
        "vars": {
            "ansible_user": state.values["user"],
            "ansible_ssh_private_key_file": state.values["ssh_key"],
            "ansible_ssh_common_args": (
                "-F /dev/null -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes "
                f"-o 'UserKnownHostsFile=\"{state.values['known_hosts']}\"' -o GlobalKnownHostsFile=/dev/null"
            ),
            "ansible_python_interpreter": "/usr/bin/python3",
        },
    }
    return "---\n" + json.dumps({"fleet": group}, indent=2) + "\n"
