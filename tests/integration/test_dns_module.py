"""The module and the role as people run them: ansible-playbook on this machine, a real BIND behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

from .bind import KEYS, NAMED, Bind

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
SRV = "_xmpp-server._tcp.contoso.example"
LONDON, TOKYO = "edge.london.contoso.example", "edge.tokyo.contoso.example"
RECORDS: list[dict[str, Any]] = [
    {"name": SRV, "type": "SRV", "ttl": 300, "values": [f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"]},
    {"name": LONDON, "type": "A", "ttl": 300, "values": ["192.0.2.10"]},
    {"name": TOKYO, "type": "A", "ttl": 300, "values": ["192.0.2.20"]},
    {"name": "old.contoso.example", "type": "A", "state": "absent"},
]
TASK = {
    "delegate_to": "localhost",
    "run_once": True,
    "become": False,
    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
}


class Run:
    """What one ansible-playbook said: exit code, text, and the results of each task and host by name."""

    def __init__(self, root: Path, folder: Path, play: list[dict[str, Any]], *options: str) -> None:
        book, inventory = folder / "play.json", folder / "hosts.json"
        book.write_text(json.dumps(play))
        hosts = {name: {"ansible_connection": "local"} for name in ("edge1.london", "edge1.tokyo")}
        inventory.write_text(json.dumps({"edges": {"hosts": hosts}}))
        inventory.rename(folder / "hosts.yml")
        environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        program = str(Path(sys.executable).parent / "ansible-playbook")
        argv = [program, "-i", str(folder / "hosts.yml"), str(book), *options]
        done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.rc, self.text = done.returncode, done.stdout + done.stderr

    def saved(self, folder: Path) -> dict[str, Any]:
        """Return what a task saved as ``result.json``."""
        return dict(json.loads((folder / "result.json").read_text()))


def module_play(folder: Path, provider: dict[str, Any], **arguments: Any) -> list[dict[str, Any]]:
    """A play that calls the module and saves its result; an argument that begins with an underscore is the task's."""
    call = {"providers": [provider], "records": RECORDS, **arguments}
    keep = {"content": "{{ result | to_json }}", "dest": str(folder / "result.json"), "mode": "0600"}
    tasks = [
        {"name": "publish", "dns_records": call, "register": "result", "ignore_errors": True, **TASK},
        {"name": "keep", "ansible.builtin.copy": keep, **TASK, "check_mode": False, "diff": False},
    ]
    return [{"hosts": "edges", "gather_facts": False, "tasks": tasks}]


def role_play(
    provider: dict[str, Any], verified: dict[str, bool], failed: Optional[str] = None, **variables: Any
) -> list[dict[str, Any]]:
    """A play of the role on two sites, of which some count as verified."""
    host = {"backend": "prosody", "active": True}
    model = {
        "records": RECORDS,
        "pools": {LONDON: {"members": ["edge1.london"]}, TOKYO: {"members": ["edge1.tokyo"]}},
        "hosts": {"edge1.london": {**host, "pool": LONDON}, "edge1.tokyo": {**host, "pool": TOKYO}},
    }
    tasks = [
        {
            "ansible.builtin.set_fact": {"federation_verified": "{{ verified[inventory_hostname] }}"},
            "when": "inventory_hostname in verified",
        },
        {"ansible.builtin.fail": {"msg": "down"}, "when": f"inventory_hostname == '{failed}'"},
    ]
    given = {"federation_dns_provider": provider, "federation_model": model, "verified": verified, **variables}
    after = [{"name": "After", "ansible.builtin.debug": {"msg": "{{ inventory_hostname }} went on"}}]
    return [
        {
            "hosts": "edges",
            "gather_facts": False,
            "vars": given,
            "pre_tasks": tasks,
            "roles": ["dns_srv"],
            "post_tasks": after,
        }
    ]


def changes_of(result: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(change["action"], change["kind"], change["name"]) for change in result["plan"]}


def test_check_mode_is_exact_and_the_second_run_is_empty(bind: Bind, root: Path, tmp_path: Path) -> None:
    bind.edit("contoso.example", ("add", "old.contoso.example", "60", "A", "192.0.2.9"))
    bind.edit("contoso.example", ("add", LONDON, "60", "A", "192.0.2.9"))
    before = bind.everything("contoso.example")
    play = module_play(tmp_path, bind.provider())
    checked = Run(root, tmp_path, play, "--check", "--diff")
    planned = checked.saved(tmp_path)
    assert checked.rc == 0 and planned["changed"] and bind.everything("contoso.example") == before
    assert "rrset edge.london.contoso.example A" in checked.text and "192.0.2.10" in checked.text
    done = Run(root, tmp_path, play).saved(tmp_path)
    assert changes_of(done) == changes_of(planned) and done["plan_digest"] == planned["plan_digest"]
    assert changes_of(done) == {
        ("create", "rrset", f"{SRV} SRV"),
        ("update", "rrset", f"{LONDON} A"),
        ("create", "rrset", f"{TOKYO} A"),
        ("delete", "rrset", "old.contoso.example A"),
    }
    assert done["providers"]["rfc2136"]["zones"]["contoso.example"]["messages"] == 1
    again = Run(root, tmp_path, play).saved(tmp_path)
    assert not again["changed"] and again["plan"] == [] and again["pending"] == []


def test_expect_plan(bind: Bind, root: Path, tmp_path: Path) -> None:
    digest = Run(root, tmp_path, module_play(tmp_path, bind.provider()), "--check").saved(tmp_path)["plan_digest"]
    bind.edit("contoso.example", ("add", LONDON, "60", "A", "192.0.2.9"))
    result = Run(root, tmp_path, module_play(tmp_path, bind.provider(), expect_plan=digest)).saved(tmp_path)
    assert result["failed"] and result["error"] == "WorldMoved" and bind.look(SRV, "SRV") is None


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"tsig_secret": "c29tZXRoaW5nIHdyb25n"}, "Refused", "BADSIG"),
        ({"tsig_secret": "%% no secret %%"}, "InvalidValue", "is not base64"),
        ({"server": "127.0.0.1", "port": 1}, "Unreachable", "does not answer over TCP"),
        ({"server": None}, None, "kind is rfc2136 but all of the following are missing: server"),
    ],
)
def test_errors_are_clear_and_show_no_secret(
    bind: Bind, root: Path, tmp_path: Path, options: dict[str, Any], error: Optional[str], says: str
) -> None:
    provider = {key: value for key, value in bind.provider(**options).items() if value is not None}
    run = Run(root, tmp_path, module_play(tmp_path, provider), "-vvvv")
    result = run.saved(tmp_path)
    assert result["failed"] and result.get("error") == error and says in result["msg"]
    assert provider["tsig_secret"] not in run.text


def test_a_python_without_dnspython(bind: Bind, root: Path, tmp_path: Path) -> None:
    play = module_play(tmp_path, bind.provider())
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    play[0]["tasks"][0]["vars"] = {"ansible_python_interpreter": str(bare / "bin" / "python")}
    result = Run(root, tmp_path, play).saved(tmp_path)
    assert result["error"] == "MissingDependency"
    assert all(word in result["msg"] for word in ("dnspython", "requirements.txt", "ansible_playbook_python"))


def test_the_role_publishes_what_was_verified(bind: Bind, root: Path, tmp_path: Path) -> None:
    run = Run(root, tmp_path, role_play(bind.provider(), {"edge1.london": True, "edge1.tokyo": True}), "-vvvv")
    assert run.rc == 0, run.text
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})
    assert KEYS["fedgate"][1] not in run.text
    second = Run(root, tmp_path, role_play(bind.provider(), {"edge1.london": True, "edge1.tokyo": True}))
    assert "changed=0" in second.text and "changed=1" not in second.text


@pytest.mark.parametrize("options", [["--limit", "edge1.london"], []])
def test_the_role_leaves_other_sites_alone(bind: Bind, root: Path, tmp_path: Path, options: list[str]) -> None:
    theirs = f"30 0 5269 {TOKYO}."
    bind.edit("contoso.example", ("add", SRV, "300", "SRV", theirs), ("add", TOKYO, "60", "A", "192.0.2.99"))
    run = Run(root, tmp_path, role_play(bind.provider(), {"edge1.london": True}), *options)
    assert run.rc == 0, run.text
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", theirs})
    assert bind.look(TOKYO, "A") == (60, {"192.0.2.99"})
    assert f"stay as they are: {TOKYO}" in run.text


def test_the_role_runs_when_the_first_host_has_failed(bind: Bind, root: Path, tmp_path: Path) -> None:
    both = {"edge1.london": True, "edge1.tokyo": True}
    run = Run(root, tmp_path, role_play(bind.provider(), both, failed="edge1.london"))
    assert run.rc == 2 and "edge1.tokyo went on" in run.text
    assert bind.look(SRV, "SRV") == (300, {f"20 0 5269 {TOKYO}."})
    assert bind.look(LONDON, "A") is None


def test_the_role_takes_pools_that_count_as_verified(bind: Bind, root: Path, tmp_path: Path) -> None:
    run = Run(root, tmp_path, role_play(bind.provider(), {}, dns_srv_verified_pools=[LONDON]))
    assert run.rc == 0, run.text
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}."})


def test_the_role_takes_a_list_of_providers_and_retires_a_domain_once_it_is_confirmed(
    bind: Bind, root: Path, tmp_path: Path
) -> None:
    providers = [
        {**bind.provider(), "name": "outside", "zones": ["contoso.example"]},
        {**bind.provider(), "name": "inside", "view": "internal", "zones": ["contoso-asia.example"]},
    ]
    both = {"edge1.london": True, "edge1.tokyo": True}
    play = role_play(bind.provider(), both, federation_dns_provider=None, federation_dns_providers=providers)
    inside = {"name": SRV.replace("contoso", "contoso-asia"), "view": "internal"}
    play[0]["vars"]["federation_model"]["records"] = [*RECORDS, {**RECORDS[0], **inside}]
    run = Run(root, tmp_path, play)
    assert run.rc == 0, run.text
    assert bind.look(inside["name"], "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})
    play[0]["vars"]["federation_model"]["records"] = [{"name": SRV, "type": "SRV", "ttl": 300, "state": "retired"}]
    run = Run(root, tmp_path, play)
    assert run.rc == 2 and f"the last SRV record of {SRV} would go" in run.text and "dns_srv_force" in run.text
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})
    run = Run(root, tmp_path, play, "-e", '{"dns_srv_force": true}')
    assert run.rc == 0, run.text
    assert bind.look(SRV, "SRV") == (300, {"0 0 0 ."})


def test_the_role_fails_each_host_with_the_reason(bind: Bind, root: Path, tmp_path: Path) -> None:
    wrong = bind.provider(tsig_secret="c29tZXRoaW5nIHdyb25n")
    run = Run(root, tmp_path, role_play(wrong, {"edge1.london": True, "edge1.tokyo": True}), "-vvvv")
    assert run.rc == 2 and "went on" not in run.text and "BADSIG" in run.text
    assert run.text.count("failed=1") == 2 and wrong["tsig_secret"] not in run.text
