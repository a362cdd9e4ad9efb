"""What is read from a host: systemd, the kernel's tables, nftables, Prosody's configuration and accounts."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.errors import CheckFailed, InvalidValue
from ansible.module_utils.fedgate.gateway import scram
from ansible.module_utils.fedgate.gateway.accounts import encode, lua_string, wanted_accounts
from ansible.module_utils.fedgate.gateway.files import Wanted
from ansible.module_utils.fedgate.gateway.firewall import parse_rules
from ansible.module_utils.fedgate.gateway.prosody_check import (
    check_contents,
    includes,
    scrub,
    secret_words,
    virtual_hosts,
)
from ansible.module_utils.fedgate.gateway.status import alarm_of, is_current, is_gated, read_status, reason_of
from ansible.module_utils.fedgate.host.listening import expected_endpoints, parse_table, reachable_address
from ansible.module_utils.fedgate.host.starttls import leaf_of
from ansible.module_utils.fedgate.host.systemd import parse_state
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge

CONFIG = "/etc/prosody/prosody.cfg.lua"


def file(text: str, path: str = CONFIG, *, secret: bool = False) -> Wanted:
    return Wanted(path, text.encode(), 0o640, "root", "prosody", secret)


def test_unit_that_runs() -> None:
    text = (
        "LoadState=loaded\nActiveState=active\nMainPID=42\nNeedDaemonReload=yes\nUnitFileState=enabled\n"
        "ExecMainStartTimestampMonotonic=5000000\n"
    )
    state = parse_state(text, monotonic=15.0, now=1000.0)
    assert (state.exists, state.active, state.enabled, state.pid, state.stale, state.started) == (
        True, True, True, 42, True, 990.0,
    )  # fmt: skip


def test_unit_that_does_not_exist() -> None:
    state = parse_state("LoadState=not-found\nActiveState=inactive\nMainPID=0\nUnitFileState=\n", monotonic=1, now=1)
    assert (state.exists, state.active, state.enabled, state.pid, state.started) == (False, False, False, None, None)


def test_unit_that_failed() -> None:
    state = parse_state("LoadState=loaded\nActiveState=failed\nMainPID=0\n", monotonic=1, now=1)
    assert state.failed and not state.active


def test_kernel_tables() -> None:
    four = (
        "  sl  local_address rem_address st\n"
        "   0: 0100007F:1495 00000000:0000 0A 00000000:00000000 00:00000000 00000000 100 0 777 1\n"
        "   1: 00000000:1466 00000000:0000 0A 00000000:00000000 00:00000000 00000000 100 0 778 1\n"
        "   2: 0100007F:1495 0100007F:D431 01 00000000:00000000 00:00000000 00000000 100 0 779 1\n"
    )
    assert parse_table(four, socket.AF_INET) == {"777": ("127.0.0.1", 5269), "778": ("0.0.0.0", 5222)}
    six = f"  sl\n   0: {'0' * 24}01000000:1495 {'0' * 32}:0000 0A 0:0 0:0 0 100 0 780 1\n"
    assert parse_table(six, socket.AF_INET6) == {"780": ("::1", 5269)}


def test_expected_endpoints() -> None:
    assert expected_endpoints(["*"], [5222, 5269]) == {("0.0.0.0", 5222), ("0.0.0.0", 5269)}
    assert expected_endpoints(["10.0.0.5"], [5269]) == {("10.0.0.5", 5269)}
    assert expected_endpoints(["10.0.0.5"], []) == set()


@pytest.mark.parametrize(
    ("addresses", "asked"), [(["*", "::"], "127.0.0.1"), (["::"], "::1"), (["fd00::1", "10.0.0.5"], "10.0.0.5")]
)
def test_where_to_ask(addresses: list[str], asked: str) -> None:
    assert reachable_address(addresses) == asked


def test_firewall_rules_are_known_by_their_comment() -> None:
    def rule(handle: int, comment: str | None, right: object) -> dict[str, object]:
        match = {"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "op": "==", "right": right}
        return {"rule": {"handle": handle, "comment": comment, "expr": [{"match": match}, {"accept": None}]}}

    text = json.dumps({"nftables": [{"metainfo": {}}, rule(7, "fedgate", {"set": [5222, 5269]}), rule(8, None, 22)]})
    rules = parse_rules(text)
    assert rules.handles == (7,) and rules.ports == {5222, 5269}
    assert parse_rules(json.dumps({"nftables": [rule(9, "fedgate", 5269)]})).ports == {5269}
    assert parse_rules('{"nftables": []}').handles == ()


def test_virtual_hosts_are_found_outside_comments() -> None:
    text = (
        'VirtualHost "a.example"\n-- VirtualHost "b.example"\n--[[\nVirtualHost "c.example"\n]]\n'
        " VirtualHost ('d.example')\n"
    )
    assert virtual_hosts(text) == ["a.example", "d.example"]


def test_components_alone_are_refused() -> None:
    with pytest.raises(CheckFailed, match="no VirtualHost"):
        check_contents([file('Component "conference.a.example" "muc"\n')], ["a.example"], CONFIG)


def test_empty_files_are_refused() -> None:
    with pytest.raises(CheckFailed, match="would be empty"):
        check_contents([file("\n", "/etc/prosody/fedgate/trust.pem")], [], CONFIG)


def test_the_domains_are_those_expected() -> None:
    check_contents([file('VirtualHost "a.example"\n')], ["a.example"], CONFIG)
    with pytest.raises(CheckFailed, match=r"serves a\.example, expected b\.example"):
        check_contents([file('VirtualHost "a.example"\n')], ["b.example"], CONFIG)


def test_includes_are_followed(tmp_path: Path) -> None:
    main, more = tmp_path / "prosody.cfg.lua", tmp_path / "more.cfg.lua"
    (tmp_path / "conf.d").mkdir()
    wanted = str(tmp_path / "conf.d" / "fedgate.cfg.lua")
    main.write_text('-- Include "conf.d/*.cfg.lua"\n')
    assert not includes(str(main), wanted)
    main.write_text('Include "more.cfg.lua"\n')
    more.write_text('Include "prosody.cfg.lua"\nInclude "conf.d/*.cfg.lua"\n')
    assert includes(str(main), wanted)
    more.write_text(f'Include "{wanted}"\n')
    assert includes(str(main), wanted)
    more.write_text('Include "*.cfg.lua"\n')
    assert not includes(str(main), wanted)


def test_secrets_are_taken_out_of_messages() -> None:
    words = secret_words([file('ldap_password = "canary \\"1"\n', secret=True), file('VirtualHost "a.example"\n')])
    assert scrub('near canary \\"1, a.example', words) == "near ********, a.example"


def test_scram_matches_what_prosody_0_12_stored() -> None:
    # Written by Prosody 0.12.3 for the password "secret pw".
    account = scram.parse_account(
        'return {\n\t["stored_key"] = "b1b9aa61a6947647d00fa44b18cba890ed8d034a";\n\t["iteration_count"] = 10000;\n'
        '\t["server_key"] = "a1783346fa7572597fc4591ff00e2bb088a893fa";\n'
        '\t["salt"] = "fd8319cb-1c1e-437b-a6c7-1e475a640e99";\n};\n'
    )
    assert scram.fits(account, "secret pw")
    assert not scram.fits(account, "secret pw ")


def test_scram_matches_what_prosody_13_stored() -> None:
    # Written by Prosody 13.0.1 for the password "secret pw".
    account = scram.parse_account(
        'return {\n\t["updated"] = 1795414307;\n\t["stored_key"] = "a3bfce00705fbe47e5a66528462ad5e843d8a754";\n'
        '\t["salt"] = "8f07e0a5-196d-40d6-81e0-eded12869abe";\n'
        '\t["server_key"] = "107ec98a61a7e3fa3b2e7eced46eb4389aeb221b";\n'
        '\t["created"] = 1795414307;\n\t["iteration_count"] = 10000;\n};\n'
    )
    assert scram.fits(account, "secret pw")


def test_an_account_of_another_shape_never_fits() -> None:
    assert not scram.fits({}, "x")
    assert not scram.fits(scram.parse_account('return {\n\t["password"] = "x";\n};'), "x")


def test_passwords_are_prepared_as_saslprep_says() -> None:
    # The examples of RFC 4013, section 3.
    assert scram.prepared("I\u00adX") == "IX"
    assert scram.prepared("\u00aa") == "a"
    assert scram.prepared("\u2168") == "IX"
    with pytest.raises(InvalidValue, match="control"):
        scram.prepared("\u0007")
    with pytest.raises(InvalidValue, match="empty"):
        scram.prepared("")


@pytest.mark.parametrize("jid", ["alice", "@contoso.example", "Alice@contoso.example", "a b@contoso.example", "a@b/c"])
def test_addresses_that_are_none(jid: str) -> None:
    with pytest.raises(InvalidValue, match=r"users\[0\]\.jid"):
        wanted_accounts([{"jid": jid, "password": "x", "state": "present"}])


def test_accounts_need_a_password_and_are_listed_once() -> None:
    alice = {"jid": "alice@contoso.example", "password": "x", "state": "present"}
    with pytest.raises(InvalidValue, match="listed twice"):
        wanted_accounts([alice, alice])
    with pytest.raises(InvalidValue, match="has no password"):
        wanted_accounts([{**alice, "password": None}])
    assert wanted_accounts([{**alice, "password": None, "state": "absent"}])[0].password is None


@given(st.text())
def test_lua_strings_cannot_be_broken_out_of(text: str) -> None:
    literal = lua_string(text.encode("utf-8", "replace").decode())
    inner = literal[1:-1]
    assert literal.isascii() and literal[0] == literal[-1] == '"'
    assert all(char.isalnum() or char == "\\" for char in inner)


def test_names_in_the_store() -> None:
    assert encode("contoso.example") == "contoso%2eexample"
    assert encode("bob_x") == "bob%5fx"


def test_status_of_another_process_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "fedgate.json"
    assert read_status(str(path)) is None
    path.write_text("{")
    assert read_status(str(path)) is None
    path.write_text('{"format": 1, "pid": 7, "state": "closed", "reason": "no policy"}')
    status = read_status(str(path))
    assert is_current(status, 7) and not is_current(status, 8)
    assert reason_of(status, 7) == "no policy"
    assert alarm_of(status, 7) is None and alarm_of(None, 7) is None
    alarmed = {**(status or {}), "alarm": {"kind": "policy", "reason": "edited", "since": 5}}
    assert alarm_of(alarmed, 7) == {"kind": "policy", "reason": "edited", "since": 5}
    assert alarm_of(alarmed, 8) is None
    assert is_gated(status, 7) and not is_gated(status, 8)
    assert not is_gated({**(status or {}), "reason": "the policy module is not loaded"}, 7)
    assert "not loaded" in reason_of(status, 8)
    assert "does not run" in reason_of(status, None)


def test_a_chain_without_a_certificate() -> None:
    with pytest.raises(ValueError, match="no certificate"):
        leaf_of("")
