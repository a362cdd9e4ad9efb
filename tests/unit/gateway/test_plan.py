"""The plan of a gateway: one function of what is wanted and what was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.gateway.files import ABSENT, Seen
from ansible.module_utils.fedgate.gateway.firewall import Rules
from ansible.module_utils.fedgate.gateway.gateway_plan import plan_gateway
from ansible.module_utils.fedgate.gateway.wanted import Observed, Settings, settings_of
from ansible.module_utils.fedgate.host.systemd import UnitState

pytestmark = pytest.mark.edge

RUNNING = UnitState(True, True, False, True, 42, False, 100.0)
MISSING = UnitState(False, False, False, False, None, False, None)
STOPPED = UnitState(True, False, False, True, None, False, None)
MAIN, SECRETS, LOGS = "/etc/prosody/prosody.cfg.lua", "/etc/prosody/fedgate/secrets.cfg.lua", "/etc/logrotate.d/prosody"
POOL = "/etc/fedgate/certificates/edge.london.contoso.example"


def entry(path: str, content: str, effect: str = "restart", *, confidential: bool = False) -> dict[str, Any]:
    return {
        "path": path, "content": content, "mode": "0640", "owner": "root", "group": "prosody",
        "confidential": confidential, "effect": effect,
    }  # fmt: skip


def settings(**changes: Any) -> Settings:
    params: dict[str, Any] = {
        "mode": "full", "state": "present", "active": True, "absent": [], "directories": [],
        "files": [entry(MAIN, "main"), entry(SECRETS, "canary", confidential=True), entry(LOGS, "logs", "none")],
        "certificates": [{"path": POOL}], "certificate_pending": False, "certificate_changes": False,
        "expected": {}, "config_path": MAIN, "status_path": "/run/prosody/fedgate.json", "timeout": 20,
        "firewall": None,
    }  # fmt: skip
    return settings_of({**params, **changes})


def present(text: str) -> Seen:
    return Seen("file", text.encode(), 0o640, "root", "prosody", 50.0)


def right(**changes: Any) -> Observed:
    files = {MAIN: present("main"), SECRETS: present("canary"), LOGS: present("logs")}
    return replace(Observed(files, {POOL: True}, (), RUNNING), **changes)


def names(wanted: Settings, seen: Observed, *, check: bool = False) -> list[str]:
    plan = plan_gateway(wanted, seen, "prosody.service", check_mode=check)
    shown = []
    for change in plan.changes:
        operation = f" {change.after['operation']}" if change.kind == "service" and change.after else ""
        shown.append(f"{change.action} {change.kind} {change.name}{operation}")
    return shown


def test_nothing_to_do() -> None:
    assert names(settings(), right()) == []


def test_a_bare_host_plans_what_the_run_after_the_packages_does() -> None:
    bare = right(
        files={MAIN: ABSENT, SECRETS: ABSENT, LOGS: ABSENT}, grants={POOL: False}, missing=(POOL,), unit=MISSING
    )
    sample = replace(present("the package's"), sample=True)
    installed = replace(bare, files={MAIN: sample, SECRETS: ABSENT, LOGS: sample}, missing=(), unit=STOPPED)
    checked = names(settings(), bare, check=True)
    assert checked == names(settings(), installed)
    assert checked[-1] == "run service prosody.service start"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unit": STOPPED}, ["run service prosody.service start"]),
        ({"unit": replace(RUNNING, stale=True)}, ["run service prosody.service restart"]),
        ({"outdated": True}, ["run service prosody.service restart"]),
        ({"interrupted": "reload"}, ["run service prosody.service reload"]),
        ({"fault": ("another certificate", "reload")}, ["run service prosody.service reload"]),
        ({"fault": ("x", "reload"), "outdated": True}, ["run service prosody.service restart"]),
        ({"grants": {POOL: False}}, [f"update permissions {POOL}"]),
        ({"unit": replace(RUNNING, enabled=False)}, ["update unit prosody.service"]),
    ],
)
def test_what_the_service_is_told(changes: dict[str, Any], expected: list[str]) -> None:
    assert names(settings(), right(**changes)) == expected


def test_a_file_decides_what_its_change_takes() -> None:
    files = right().files
    assert names(settings(), right(files={**files, LOGS: present("old")})) == [f"update file {LOGS}"]
    assert names(settings(), right(files={**files, MAIN: present("old")})) == [
        f"update file {MAIN}",
        "run service prosody.service restart",
    ]


def test_rights_alone_restart_nothing() -> None:
    files = {**right().files, MAIN: replace(present("main"), mode=0o644)}
    assert names(settings(), right(files=files)) == [f"update file {MAIN}"]


def test_a_secret_is_never_shown() -> None:
    seen = right(files={**right().files, SECRETS: present("canary-old")})
    plan = plan_gateway(settings(), seen, "prosody.service", check_mode=False)
    assert "changed (secret)" in str(plan.as_list())
    assert "canary" not in str(plan.as_list()) + str(plan.as_diff())
    assert names(settings(), seen)[-1] == "run service prosody.service restart"


def test_a_certificate_to_come_is_waited_for() -> None:
    waiting = settings(certificate_pending=True)
    plan = plan_gateway(waiting, right(missing=(POOL,), unit=STOPPED), "prosody.service", check_mode=False)
    assert not plan.changes and plan.pending[0].name == POOL
    assert names(replace(waiting, certificate_changes=True), right(missing=(POOL,), unit=STOPPED), check=True)


def test_the_reload_for_a_new_certificate_is_the_certificates_own() -> None:
    assert names(settings(certificate_changes=True), right(), check=True) == []


def test_somebody_elses_stopped_server_stays_stopped() -> None:
    assert names(settings(mode="policy_only"), right(unit=STOPPED)) == []


def test_removal_takes_our_folders_only_when_nothing_else_is_in_them() -> None:
    top, inner = "/usr/local/lib/fedgate", "/usr/local/lib/fedgate/prosody"
    module = f"{inner}/mod_fedgate_guard.lua"
    wanted = settings(
        mode="policy_only", state="absent", files=[entry(module, "code")], certificates=[],
        directories=[{"path": path, "mode": "0755", "owner": "root", "group": "root"} for path in (top, inner)],
    )  # fmt: skip

    def seen(*others: str) -> Observed:
        folder = Seen("directory", mode=0o755, owner="root", group="root")
        files = {
            module: present("code"),
            top: replace(folder, entries=("prosody",)),
            inner: replace(folder, entries=("mod_fedgate_guard.lua", *others)),
        }
        return Observed(files, {}, (), RUNNING)

    service = "run service prosody.service restart"
    assert names(wanted, seen()) == [
        f"delete file {module}", f"delete directory {inner}", f"delete directory {top}", service,
    ]  # fmt: skip
    assert names(wanted, seen("theirs")) == [f"delete file {module}", service]


def test_the_firewall_follows_the_ports() -> None:
    chain = "inet filter input"
    wanted = settings(firewall={"chain": chain, "ports": [5222, 5269]})
    assert names(wanted, right(rules=Rules((), frozenset()))) == [f"update firewall {chain}"]
    assert names(wanted, right(rules=Rules((7,), frozenset({5222, 5269})))) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": "absent"}, "needs mode policy_only"),
        ({"files": [{**entry(MAIN, "x"), "mode": "rw"}]}, r"files\[0\]\.mode: 'rw' is not a mode"),
        ({"files": [entry("prosody.cfg.lua", "x")]}, "not an absolute path"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        settings(**changes)
