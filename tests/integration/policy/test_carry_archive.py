"""An archive of Export-CsUserData, by Ansible, into the rosters of a gateway: it is read here and stays here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ...emulators.lync import userdata
from ..rollout import BIN, ROOT, environment
from .office import ALICE, Office

NAME = "canary-Roberta-Ross"


def play(office: Office, folder: Path, *options: str, **arguments: Any) -> tuple[int, dict[str, Any], str]:
    """Run the module as a task; return Ansible's exit code, the task's result, and the output."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    given = {"socket": str(office.gateway.folder / "prosody.sock"), **arguments}
    tasks = [
        {"xmpp_gateway_contacts": given, "register": "found", "ignore_errors": True},
        {
            "ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": str(result), "mode": "0600"},
            "check_mode": False,
            "diff": False,
            "no_log": True,
        },
    ]
    playbook = folder / "play.json"
    variables = {"ansible_python_interpreter": sys.executable}
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(playbook), *options],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(result.read_text()), done.stdout + done.stderr


def test_an_archive(office: Office, tmp_path: Path) -> None:
    bob, stranger = office.contact("public_unverified"), office.contact("public_unverified")
    eve = office.contact("federated")
    path = userdata.write(
        tmp_path / "export.zip",
        {
            ALICE.upper(): userdata.UserData(
                [userdata.Contact(bob.bare.upper(), NAME, ("Suppliers",)), "dora@contoso.example", "x@sip.example"],
                [eve.bare],
            ),
            "dora@contoso.example": [],
            "u@elsewhere.example": [bob.bare],
        },
    )
    given = {
        "archives": [str(path)],
        "partners": ["public-unverified.example", "federated.example"],
        "domains": ["contoso.example"],
    }
    assert bob.message(ALICE) == "service-unavailable"
    _, checked, shown = play(office, tmp_path, "--check", "--diff", **given)
    code, done, output = play(office, tmp_path, "-v", **given)
    assert code == 0 and not done["failed"], output
    assert checked["plan"] == done["plan"] and checked["changed"] and done["changed"]
    assert done["plan"][0]["after"] == {"contacts": [f"{bob.bare} (both)"], "blocked": [eve.bare]}
    assert f"+  - {bob.bare} (both)" in shown
    assert NAME not in shown + output
    assert (done["read_users"], done["empty_users"]) == (3, 1)
    assert {(item["what"], item["domain"], item["count"]) for item in done["left_out"]} == {
        ("contacts", "contoso.example", 1), ("contacts", "sip.example", 1), ("users", "elsewhere.example", 1),
    }  # fmt: skip
    assert (bob.message(ALICE), stranger.message(ALICE)) == ("delivered", "service-unavailable")
    assert not play(office, tmp_path, **given)[1]["changed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archives": ["/nowhere/export.zip"]}, "/nowhere/export.zip does not exist"),
        ({"archives": [str(ROOT / "README.md")]}, "is not XML that can be read"),
        ({"partners": []}, "partners: partners is missing"),
        ({"users": [{"jid": ALICE}]}, "users: archives and users are both given"),
        ({"partners": ["*"]}, "is a wildcard"),
        ({"socket": "/nowhere/prosody.sock"}, "no Prosody listens at /nowhere/prosody.sock"),
    ],
)
def test_bad_input(changes: dict[str, Any], message: str, office: Office, tmp_path: Path) -> None:
    path = userdata.write(tmp_path / "export.zip", {ALICE: ["bob@federated.example"]})
    given = {"archives": [str(path)], "partners": ["federated.example"], "domains": ["contoso.example"], **changes}
    _, result, output = play(office, tmp_path, **given)
    assert result["failed"] and message in result["msg"], output
    assert "Internal error" not in output
