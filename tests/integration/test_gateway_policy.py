"""The partner policy of a running gateway, and the policy on a Prosody that somebody else configured."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .gateway_host import HOST, lab, play, run_module, send_modules, shell

pytestmark = pytest.mark.lab

POLICY = "/etc/prosody/fedgate/policy.json"
INSTALL = (
    "apt-get update -qq && "
    "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prosody lua-unbound >/dev/null 2>&1"
)
BY_HAND = """
modules_enabled = { "roster", "saslauth", "tls", "dialback", "disco", "ping" }
authentication = "internal_hashed"
pidfile = "/run/prosody/prosody.pid"
log = { info = "/var/log/prosody/prosody.log" }
VirtualHost "contoso.example"
Component "conference.contoso.example" "muc"
Include "conf.d/*.cfg.lua"
"""


@pytest.fixture(scope="module", autouse=True)
def by_hand() -> Iterator[None]:
    """A host with a Prosody that was configured by hand."""
    lab("up", HOST)
    lab("reset", HOST)
    shell(INSTALL)
    shell(f"cat > /etc/prosody/prosody.cfg.lua <<'END'\n{BY_HAND}END")
    shell("rm -f /etc/prosody/conf.d/*; systemctl restart prosody")
    yield
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


def everything() -> str:
    """Return all of Prosody's surroundings: names, rights, dates and contents of files; names of folders."""
    places = "/etc/prosody /etc/systemd/system /etc/logrotate.d /usr/local/lib"
    files = f"find {places} -type f | sort | xargs"
    folders = f"find {places} -type d | sort | xargs stat -c '%n %a %U %G'"
    notes = "ls -A /run/fedgate 2>&1"
    return shell(f"{files} ls -l --time-style=full-iso; {files} sha256sum; {folders}; {notes}", check=False)


def loaded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell("cat /run/prosody/fedgate.json"))
    return found


def partner(domain: str, **fields: Any) -> dict[str, Any]:
    return {"domain": domain, **fields}


def policy(*partners: dict[str, Any], check: bool = False, **more: Any) -> Any:
    params = {"partners": list(partners), "local_hosts": ["contoso.example"], **more}
    return run_module("xmpp_partner_policy", params, check=check)


def test_the_policy_is_added_loaded_and_removed_without_trace() -> None:
    before = everything()
    checked = play("gateway.yml", "--check", xmpp_gateway_mode="policy_only")
    added = play("gateway.yml", xmpp_gateway_mode="policy_only")
    assert added.code == 0, added.output[-3000:]
    assert checked.named_changes() == added.named_changes()
    assert play("gateway.yml", xmpp_gateway_mode="policy_only").changed() == {HOST: 0}
    theirs = shell("sha256sum /etc/prosody/prosody.cfg.lua")
    assert theirs.split()[0] in before
    assert loaded()["state"] == "closed"
    check_policies()
    removed = play("gateway.yml", xmpp_gateway_mode="policy_only", xmpp_gateway_state="absent")
    assert removed.code == 0, removed.output[-3000:]
    assert play("gateway.yml", xmpp_gateway_mode="policy_only", xmpp_gateway_state="absent").changed() == {HOST: 0}
    shell("rm -rf /root/fedgate-test")
    assert everything() == before
    assert shell("systemctl is-active prosody").strip() == "active"
    assert not shell("ls /run/prosody/fedgate.json", check=False)


def reload_and_see(kind: str | None) -> None:
    """Reload the server; wait until its report has this kind of alarm."""
    shell("systemctl reload prosody")
    for _ in range(100):
        if ((loaded()["alarm"] or {}).get("kind")) == kind:
            return
        time.sleep(0.1)
    raise AssertionError(f"no alarm of kind {kind}: {loaded()['alarm']}")


def check_mending() -> None:
    """A policy file that somebody edited is reported with what the edit touched, and written anew."""
    present = policy(partner("adatum.example"))
    good = shell(f"cat {POLICY}")
    for edit, rows in (
        (f"sed -i s/adatum.example/evil.example/ {POLICY}", {("create", "partner", "adatum.example"),
                                                            ("delete", "partner", "evil.example")}),
        (f"sed -i 's/\"required\"/\"optional\"/' {POLICY}", {("update", "partner", "adatum.example")}),
        (f"truncate -s 100 {POLICY}", {("create", "partner", "adatum.example")}),
        (f"chmod 0666 {POLICY}", set()),
    ):  # fmt: skip
        shell(edit)
        reload_and_see("policy")
        assert loaded()["state"] == "enforcing" and loaded()["digest"] == present.result["digest"]
        checked = policy(partner("adatum.example"), check=True)
        assert checked.plan() == {*rows, ("run", "policy", POLICY)}
        whole = next(change for change in checked.result["plan"] if change["kind"] == "policy")
        assert "policy.json" in whole["before"]["alarm"] and whole["after"]["alarm"] is None
        mended = policy(partner("adatum.example"))
        assert mended.plan() == checked.plan() and mended.result["digest"] == present.result["digest"]
        assert loaded()["alarm"] is None and shell(f"cat {POLICY}") == good
        assert policy(partner("adatum.example")).plan() == set()


def check_audit() -> None:
    """Who is refused stands in the journal."""
    knock = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
    knock += " from='knocker.example' to='contoso.example'>"
    shell(f'exec 3<>/dev/tcp/127.0.0.1/5269; printf %s "{knock}" >&3; timeout 5 cat <&3 || true')
    said = shell("journalctl --unit prosody --output cat --grep '^fedgate_audit: ' --no-pager")
    facts = [json.loads(line.removeprefix("fedgate_audit: ")) for line in said.splitlines()]
    assert ("refused", "knocker.example", "not-a-partner") in [
        (item["verdict"], item.get("remote"), item.get("reason")) for item in facts
    ]


def check_policies() -> None:
    """Add, change and remove partners; break the loading."""
    send_modules()
    process = shell("cat /run/prosody/prosody.pid")
    checked = policy(partner("fabrikam.example"), check=True)
    first = policy(partner("fabrikam.example"))
    assert checked.plan() == first.plan() == {("create", "partner", "fabrikam.example"), ("run", "policy", POLICY)}
    assert first.result["generation"] == 1 and first.result["loaded"]["digest"] == first.result["digest"]
    assert loaded()["state"] == "enforcing"
    assert policy(partner("fabrikam.example")).plan() == set()

    second = policy(partner("fabrikam.example", sasl="optional"), partner("adatum.example"))
    assert second.plan() == {
        ("update", "partner", "fabrikam.example"), ("create", "partner", "adatum.example"), ("run", "policy", POLICY),
    }  # fmt: skip
    assert second.result["generation"] == 2

    refused = policy(partner("fabrikam.example", tls="optional"))
    assert refused.result["failed"] and "partner fabrikam.example" in refused.result["msg"]
    assert loaded()["generation"] == 2

    check_scope(partner("fabrikam.example", sasl="optional"), partner("adatum.example"))

    # A server that hears nothing: the file goes back to what it was.
    before = shell(f"cat {POLICY}")
    shell("kill -STOP $(cat /run/prosody/prosody.pid)")
    try:
        stuck = policy(timeout=2)
    finally:
        shell("kill -CONT $(cat /run/prosody/prosody.pid)")
    assert stuck.result["failed"] and "did not load the new policy" in stuck.result["msg"], stuck
    assert shell(f"cat {POLICY}") == before

    check_forgotten_signal()

    # Written but not loaded, as after a kill between the two: the next run loads it.
    died_at = next(step for step in range(4, 40) if killed_before_loading(step))
    assert died_at
    repaired = policy(partner("adatum.example"))
    assert ("run", "policy", POLICY) in repaired.plan()
    assert loaded()["digest"] == repaired.result["digest"]

    check_mending()
    check_audit()

    nobody = policy()
    assert ("delete", "partner", "adatum.example") in nobody.plan()
    assert loaded()["state"] == "enforcing" and policy().plan() == set()
    assert shell("cat /run/prosody/prosody.pid") == process, "the server was restarted"


def check_forgotten_signal() -> None:
    """A server that was not told, as Prosody 0.12 may forget a signal, is told again."""
    folder, sign = "/run/systemd/system/prosody.service.d", "/run/prosody/forget"
    reload = f"/bin/sh -c 'rm {sign} 2>/dev/null || kill -HUP $MAINPID'"
    shell(
        f"mkdir -p {folder}; touch {sign}; cat > {folder}/forget.conf <<'END'\n"
        f"[Service]\nExecReload=\nExecReload={reload}\nEND\nsystemctl daemon-reload"
    )
    try:
        told = policy(partner("adatum.example"), partner("forgotten.example"))
        assert not shell(f"ls {sign}", check=False), "no signal was forgotten"
        assert ("create", "partner", "forgotten.example") in told.plan() and loaded()["digest"] == told.result["digest"]
    finally:
        shell(f"rm -rf {folder}; systemctl daemon-reload")
    policy(partner("fabrikam.example", sasl="optional"), partner("adatum.example"))


def check_scope(*partners: dict[str, Any]) -> None:
    """Take access away from all users but one, and give it back; the partners stay as they are."""
    scope = {
        "policies": {"global": False, "sales": True},
        "hosts": {"contoso.example": "global"},
        "users": {"alice@contoso.example": "sales"},
        "groups": {},
    }
    checked, done = (policy(*partners, scope=scope, check=check) for check in (True, False))
    assert checked.plan() == done.plan() == {("run", "policy", POLICY)}
    (change,) = done.result["plan"]
    assert (change["before"]["scope"], change["after"]["scope"]) == (None, scope)
    assert checked.result["diff"] == done.result["diff"] and "alice@contoso.example" in json.dumps(done.result["diff"])
    assert json.loads(shell(f"cat {POLICY}"))["scope"] == scope
    assert policy(*partners, scope=scope).plan() == set()
    group = {"cn=sales,dc=contoso,dc=example": "sales"}
    refused = policy(*partners, scope={**scope, "groups": group})
    assert refused.result["failed"] and "cn=sales,dc=contoso,dc=example" in refused.result["msg"]
    assert "asks no directory" in refused.result["msg"]
    (change,) = policy(*partners).result["plan"]
    assert (change["before"]["scope"], change["after"]["scope"]) == (scope, None)


def killed_before_loading(step: int) -> bool:
    """Kill a change of the policy at a step; whether the file was new by then and the server's policy old."""
    run_module(
        "xmpp_partner_policy",
        {"partners": [partner("adatum.example")], "local_hosts": ["contoso.example"]},
        die_at=step,
    )
    return "fabrikam" not in shell(f"cat {POLICY}") and loaded()["digest"] not in shell(f"sha256sum {POLICY}")


def test_a_configuration_that_includes_nothing_is_left_alone() -> None:
    shell("sed -i '/^Include/d' /etc/prosody/prosody.cfg.lua")
    before = everything()
    refused = play("gateway.yml", xmpp_gateway_mode="policy_only")
    assert refused.code != 0
    assert 'Include "/etc/prosody/conf.d/fedgate.cfg.lua"' in refused.output
    assert everything() == before
    shell("echo 'Include \"conf.d/*.cfg.lua\"' >> /etc/prosody/prosody.cfg.lua")


def test_policy_needs_a_running_gateway() -> None:
    send_modules()
    shell("systemctl stop prosody")
    stopped = policy(partner("fabrikam.example"))
    assert stopped.result["failed"] and "does not run on this host" in stopped.result["msg"]
    shell("systemctl start prosody")


def test_info_reports_what_there_is() -> None:
    send_modules()
    info = run_module("xmpp_gateway_info", {}).result
    assert info and info["unit"]["active"] and info["version"] and info["status"] is None
