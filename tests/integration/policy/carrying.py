"""The module xmpp_gateway_contacts, run on this machine: a gateway's administration socket is in the shared folder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Union

from ansible.module_utils.fedgate.gateway.contacts import ARGUMENTS, Contacts
from ansible.module_utils.fedgate.module import run_here

from .gateway import ROOT, Gateway

#: A contact: its address, or all that is known of it.
Given = Union[str, dict[str, Any]]

_KILLED = """
import json, os, signal, sys
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1])
from ansible.module_utils.fedgate.gateway import admin, contacts
from ansible.module_utils.fedgate.module import run_here

ask, left = admin.AdminSocket.ask, [int(sys.argv[2])]

def counted(self, name, question):
    if question["action"] == "carry":
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return ask(self, name, question)

admin.AdminSocket.ask = counted
contacts.PORTION = 3
run_here(contacts.Contacts, contacts.ARGUMENTS, json.load(sys.stdin), False)
"""


def user(jid: str, *contacts: Given, blocked: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return one of the users that the module is told of."""
    return {
        "jid": jid,
        "contacts": [{"jid": item} if isinstance(item, str) else item for item in contacts],
        "blocked": list(blocked),
    }


def run(gateway: Gateway, *users: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Run the module; return its result."""
    return run_here(Contacts, ARGUMENTS, arguments(gateway, *users), check)


def carry(gateway: Gateway, *users: dict[str, Any]) -> dict[str, Any]:
    """Run it in check mode, for real, and again; the three agree. Return the second result."""
    checked = run(gateway, *users, check=True)
    done = run(gateway, *users)
    again = run(gateway, *users)
    for result in (checked, done, again):
        assert not result.get("failed"), result
    assert (checked["plan"], checked["plan_digest"], checked["diff"]) == (
        done["plan"],
        done["plan_digest"],
        done["diff"],
    )
    assert checked["changed"] == done["changed"] and not again["changed"] and again["plan"] == []
    return done


def arguments(gateway: Gateway, *users: dict[str, Any]) -> dict[str, Any]:
    """Return the module's arguments."""
    return {"users": list(users), "socket": str(gateway.folder / "prosody.sock")}


def run_killed(gateway: Gateway, portions: int, *users: dict[str, Any]) -> None:
    """Kill the module when so many portions of three were carried."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(ROOT / "module_utils"), str(portions)],
        input=json.dumps(arguments(gateway, *users)), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr
