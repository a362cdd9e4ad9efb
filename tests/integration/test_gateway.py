"""The gateway as a transaction, on a real host with a real Prosody: built, repeated, broken, killed, renewed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from .gateway_host import HOST, Outcome, lab, login, play, run_module, send_modules, shell, state

pytestmark = pytest.mark.lab

CONFIG = "/etc/prosody/prosody.cfg.lua"
MODULES = "/usr/local/lib/fedgate/prosody"
POOL = "/etc/fedgate/certificates/edge.london.contoso.example"
FIREWALL = """flush ruleset
table inet filter {
  chain input { type filter hook input priority filter; policy accept; tcp dport 1 drop; }
}
"""
#: Every how manyeth step a run is killed at; 1 is all of them, some hundred.
KILL_EVERY = int(os.environ.get("FEDGATE_KILL_EVERY", "11"))


@pytest.fixture(scope="module", autouse=True)
def own_lab() -> Iterator[None]:
    """A lab with one bare gateway host, and nothing of it left afterwards."""
    lab("up", HOST, "directory")
    lab("reset", HOST)
    yield
    if not os.environ.get("FEDGATE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="module")
def built(own_lab: None) -> dict[str, Any]:
    """The first run on a bare host, and the check before it."""
    checked = play("gateway.yml", "--check", "--diff")
    certified = play("certificates.yml")
    assert certified.code == 0, certified.output[-3000:]
    done = play("gateway.yml")
    return {"checked": checked, "done": done}


def present() -> dict[str, Any]:
    """Return what a gateway is, for comparing: its files, process and open ports."""
    files = "find /etc/prosody /usr/local/lib/fedgate /etc/systemd/system/prosody.service.d /etc/logrotate.d -type f"
    return {
        "files": shell(f"{files} | sort | xargs ls -l --time-style=+ && {files} | sort | xargs sha256sum"),
        "served": served(),
        "active": shell("systemctl is-active prosody", check=False).strip(),
    }


def served() -> str:
    """Return the fingerprint of the certificate that clients are shown."""
    return shell(
        "openssl s_client -connect 127.0.0.1:5222 -starttls xmpp -xmpphost contoso.example </dev/null 2>/dev/null"
        " | openssl x509 -noout -fingerprint -sha256",
        check=False,
    ).strip()


def pid() -> str:
    return shell("systemctl show --property MainPID --value prosody").strip()


def failed(done: Any) -> str:
    assert done.code != 0
    text: str = done.output
    return text


def test_what_is_missing_is_said_in_one_message(own_lab: None) -> None:
    """Comes first, on the bare host."""
    text = failed(play("gateway.yml", ansible_become=False))
    assert "needs administrator rights" in text and text.count("FAILED!") == 1
    pin = "/etc/apt/preferences.d/broken"
    shell(f"printf 'Package: prosody\nPin: release *\nPin-Priority: -1\n' > {pin}")
    text = failed(play("gateway.yml"))
    assert "could not be installed on edge1.london" in text and text.count("FAILED!") == 1
    shell(f"rm {pin}")
    assert not shell("ls /etc/prosody /usr/local/lib/fedgate", check=False)


def test_a_bare_host_is_built_as_check_mode_said(built: dict[str, Any]) -> None:
    checked, done = built["checked"], built["done"]
    assert checked.code == 0 and done.code == 0, done.output[-4000:]
    assert checked.named_changes() == done.named_changes()
    assert (HOST, "service", "prosody.service", "run") in done.named_changes()


def test_a_second_run_does_nothing(built: dict[str, Any]) -> None:
    before = pid()
    again = play("gateway.yml")
    assert again.code == 0 and again.changed() == {HOST: 0}, again.output[-3000:]
    assert pid() == before


def test_users_log_in_and_the_gateway_is_closed_to_servers(built: dict[str, Any]) -> None:
    users = state()["users"]
    assert login("alice@contoso.example", users["alice@contoso.example"]) == "ok"
    assert login("alice@contoso.example", "wrong") == "refused"
    status = json.loads(shell("cat /run/prosody/fedgate.json"))
    assert status["state"] == "closed"


def test_passwords_are_in_no_log_and_no_leftover(built: dict[str, Any]) -> None:
    password = state()["users"]["alice@contoso.example"]
    assert not shell(f"grep -rlF -- '{password}' /var/log /etc /run /tmp /root /home /var/lib/prosody", check=False)
    assert password not in shell("journalctl --no-pager")


def test_a_password_is_changed(built: dict[str, Any]) -> None:
    awkward = "n\u00e4chste\"s [[pw]] \\n'"
    users = [{"jid": "alice@contoso.example", "password": awkward}]
    changed = play("gateway.yml", xmpp_gateway_users=users)
    assert changed.changed() == {HOST: 1}, changed.output[-3000:]
    assert login("alice@contoso.example", awkward) == "ok"
    assert play("gateway.yml", xmpp_gateway_users=users).changed() == {HOST: 0}
    gone = [{"jid": "alice@contoso.example", "state": "absent"}]
    assert play("gateway.yml", xmpp_gateway_users=gone).changed() == {HOST: 1}
    assert login("alice@contoso.example", awkward) == "refused"
    assert play("gateway.yml").changed() == {HOST: 1}


def test_what_was_stopped_by_hand_is_started(built: dict[str, Any]) -> None:
    shell("systemctl stop prosody")
    assert play("gateway.yml", "--check").changed() == {HOST: 1}
    assert play("gateway.yml").changed() == {HOST: 1}
    assert shell("systemctl is-active prosody").strip() == "active"


def test_a_foreign_address_is_refused_before_anything_changes(built: dict[str, Any]) -> None:
    before, process = present(), pid()
    text = failed(play("gateway.yml", edge_listen_addresses=["10.9.9.9"]))
    assert "10.9.9.9 is no address of this host" in text and "nothing was changed" in text
    assert present() == before and pid() == process


def test_a_server_that_does_not_come_up_is_rolled_back(built: dict[str, Any]) -> None:
    params = parameters()
    before = present()
    # Both pass every check before the swap.
    for path, old, new, message in (
        (
            "/etc/systemd/system/prosody.service.d/fedgate.conf",
            "ReadWritePaths=",
            "ReadWritePaths=/no/such ",
            "ended right",
        ),
        (CONFIG, "c2s_ports = { 5222 }", "c2s_ports = { 5223 }", "does not listen on"),
        (
            f"{MODULES}/mod_fedgate_policy.lua",
            "module:set_global();",
            'error("canary");',
            "the policy module is not loaded",
        ),
    ):
        files = [
            {**file, "content": file["content"].replace(old, new)} if file["path"] == path else file
            for file in params["files"]
        ]
        outcome = run_module("xmpp_gateway", {**params, "files": files, "timeout": 4})
        assert outcome.result and outcome.result.get("failed"), outcome
        assert message in outcome.result["msg"], outcome.result["msg"]
        assert "What was there before is back, and the service runs" in outcome.result["msg"]
        assert present() == before
        assert run_module("xmpp_gateway", params, check=True).plan() == set()
    assert play("gateway.yml").changed() == {HOST: 0}


def test_a_broken_configuration_is_refused_before_anything_changes(built: dict[str, Any]) -> None:
    params = parameters()
    main = next(file for file in params["files"] if file["path"] == CONFIG)
    before, process = present(), pid()
    for content, message in (
        ('Component "conference.contoso.example" "muc"\n', "has no VirtualHost"),
        (main["content"] + "\nthis is no Lua\n", "is not valid Lua"),
        (main["content"].replace("contoso.example", "fabrikam.example"), "serves fabrikam.example"),
        ("", "would be empty"),
    ):
        broken = {
            **params,
            "files": [{**file, "content": content} if file is main else file for file in params["files"]],
        }
        outcome = run_module("xmpp_gateway", broken)
        assert outcome.result and outcome.result["failed"] and message in outcome.result["msg"], outcome
        assert "nothing was changed" in outcome.result["msg"]
    assert present() == before and pid() == process


def test_a_renewed_certificate_is_served_after_a_reload(built: dict[str, Any]) -> None:
    before, process = served(), pid()
    done = play("certificates.yml", edge_certificate_key={"type": "ecdsa", "curve": "p256"})
    assert done.code == 0, done.output[-3000:]
    assert served() != before and pid() == process
    assert play("gateway.yml").changed() == {HOST: 0}


def test_a_standby_answers_its_own_host_only(built: dict[str, Any]) -> None:
    standby = play("gateway.yml", xmpp_gateway_active=False)
    assert standby.code == 0, standby.output[-3000:]
    assert shell("systemctl is-active prosody").strip() == "active"
    open_ports = shell("ss -Hltn | awk '{print $4}' | grep -E ':(5222|5269)$'", check=False).split()
    assert open_ports == ["127.0.0.1:5269"]
    assert play("gateway.yml", xmpp_gateway_active=False).changed() == {HOST: 0}
    assert play("gateway.yml").changed() == {HOST: 1}
    assert shell("ss -ltn | grep -cE ':(5222|5269) '").strip() == "4"


def test_direct_tls_on_the_ports_that_are_asked_for(built: dict[str, Any]) -> None:
    ports = {"xmpp_gateway_direct_tls_server_port": 5270, "xmpp_gateway_direct_tls_client_port": 443}
    done = play("gateway.yml", **ports)
    assert done.code == 0, done.output[-3000:]
    for port in ports.values():
        connect = f"openssl s_client -connect 127.0.0.1:{port} -servername contoso.example </dev/null 2>/dev/null"
        assert shell(f"{connect} | openssl x509 -noout -fingerprint -sha256", check=False).strip() == served()
    assert play("gateway.yml", **ports).changed() == {HOST: 0}
    assert play("gateway.yml").code == 0
    assert shell("ss -Hltn | grep -cE ':(5270|443) '", check=False).strip() == "0"


def test_the_firewall_is_opened_where_there_is_one(built: dict[str, Any]) -> None:
    shell("apt-get install -y -qq nftables >/dev/null 2>&1")
    shell(f"cat > /etc/nftables.conf <<'END'\n{FIREWALL}END\nsystemctl enable --quiet --now nftables")
    checked = play("gateway.yml", "--check")
    done = play("gateway.yml")
    assert done.code == 0 and checked.named_changes() == done.named_changes(), done.output[-3000:]
    assert "dport { 5222, 5269 } accept" in shell("nft list chain inet filter input")
    assert play("gateway.yml").changed() == {HOST: 0}
    shell("systemctl restart nftables")
    assert "dport { 5222, 5269 } accept" in shell("nft list chain inet filter input")
    assert play("gateway.yml").changed() == {HOST: 0}
    text = failed(play("gateway.yml", xmpp_gateway_nftables_chain="inet nowhere input"))
    assert "xmpp_gateway_nftables_chain" in text
    shell("systemctl disable --quiet --now nftables; rm -rf /etc/nftables.d; nft flush ruleset")


def test_a_run_killed_at_any_step_is_completed_by_the_next(built: dict[str, Any]) -> None:
    params = parameters()
    step, outcome = 1, None
    while outcome is None or outcome.result is None:
        wanted = with_marks(params, step)
        outcome = run_module("xmpp_gateway", wanted, die_at=step)
        assert shell("systemctl is-active prosody").strip() == "active", f"killed at step {step}"
        repaired = run_module("xmpp_gateway", wanted)
        assert repaired.result and not repaired.result.get("failed"), f"killed at step {step}: {repaired}"
        again = run_module("xmpp_gateway", wanted, check=True)
        assert again.plan() == set(), f"killed at step {step}"
        assert leftovers() == "", f"killed at step {step}"
        step += KILL_EVERY
    assert step > 60, "the run was never killed in the middle"
    assert play("gateway.yml").code == 0


def parameters() -> dict[str, Any]:
    """Return the arguments with which the role calls the module, as the host's present files say."""
    send_modules()
    listed = shell(
        f"ls /usr/local/lib/fedgate/prosody/*.lua {CONFIG} /etc/systemd/system/prosody.service.d/fedgate.conf"
    )
    files = []
    for path in listed.split():
        mode, group = shell(f"stat -c '0%a %G' {path}").split()
        files.append({"path": path, "content": shell(f"cat {path}"), "mode": mode, "group": group})
    return {
        "files": files,
        "certificates": [{"path": POOL}],
        "expected": {
            "domains": ["contoso.example"],
            "addresses": ["*", "::"],
            "ports": [5222, 5269],
            "certificate": f"{POOL}/current",
        },
    }


def with_marks(params: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the arguments with three files changed: the main configuration, a module, the unit."""
    marks = {CONFIG: "--", "/usr/local/lib/fedgate/prosody/fedgate_rules.lib.lua": "--"}
    marks["/etc/systemd/system/prosody.service.d/fedgate.conf"] = "#"
    files = [
        {**file, "content": f"{file['content']}{marks[file['path']]} {number}\n"} if file["path"] in marks else file
        for file in params["files"]
    ]
    return {**params, "files": files}


def leftovers() -> str:
    places = "/run/fedgate /etc/prosody /etc/prosody/fedgate /usr/local/lib/fedgate/prosody"
    listed = f"ls -A {places} /etc/systemd/system/prosody.service.d"
    return shell(f"{listed} | grep -E 'owed|dpkg-new|check-'", check=False).strip()


def test_outcomes_have_plans() -> None:
    assert Outcome(0, {"plan": [{"action": "run", "kind": "service", "name": "x"}]}, "").plan() == {
        ("run", "service", "x")
    }
