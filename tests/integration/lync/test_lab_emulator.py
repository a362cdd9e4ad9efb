"""The emulator as ``bin/lab up --with-lync`` runs it: a process of its own, at an address of the loopback here."""

from __future__ import annotations

import json
import os
import random
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.info import ARGUMENTS, look
from ansible.module_utils.fedgate.lync.service import ARGUMENTS as SERVICE_ARGUMENTS
from ansible.module_utils.fedgate.lync.service import WindowsServices
from ansible.module_utils.fedgate.module import report_here, run_here

from lab.errors import LabError
from lab.identity import Identity
from lab.lync import process
from lab.state import LYNC_SECRETS, State

from ...emulators.lync import deployment

DOMAIN = "contoso.example"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """A lab without hosts, its emulator running."""
    subnet = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.0/24"
    made = State.prepare(Identity("lab", "trixie", tmp_path), subnet)
    assert process.ensure(made) is True
    yield made
    process.stop(made.identity)


def front_end(state: State, **more: Any) -> dict[str, Any]:
    lync = state.values["lync"]
    return {
        "host": lync["address"], "port": lync["port"], "endpoint": "front_end", "authentication": "ntlm",
        "username": lync["username"], "password": lync["password"], "ca_file": lync["ca_file"], **more,
    }  # fmt: skip


def edge(state: State, name: str) -> dict[str, Any]:
    lync = state.values["lync"]
    account = {"username": lync["edge_username"], "password": lync["edge_password"]}
    return front_end(state, endpoint="edge", port=lync["edge_ports"][name], **account)


def record(state: State) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state.identity.directory / "lync" / "process.json").read_text())
    return found


def shown(state: State) -> dict[str, Any] | None:
    """What a partner is shown on port 5269 after STARTTLS, verified; None when the connection is closed at once."""
    with socket.create_connection((state.values["lync"]["address"], process.XMPP_PORT), timeout=10) as connection:
        connection.sendall(b"<stream:stream to='contoso.example' version='1.0' xml:lang='en'>")
        try:
            said = connection.recv(4096)
        except ConnectionResetError:  # closed before it read what we sent
            return None
        if not said:
            return None
        connection.sendall(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        while b"<proceed" not in said:
            said += connection.recv(4096)
        context = ssl.create_default_context(cafile=state.values["ca_certificate"])
        with context.wrap_socket(connection, server_hostname=DOMAIN) as secured:
            return dict(secured.getpeercert() or {})


def test_is_prepared_reached_and_started_once(state: State) -> None:
    pid = record(state)["pid"]
    assert process.ensure(state) is False and record(state)["pid"] == pid
    said = report_here(
        look, ARGUMENTS, {**front_end(state), "parts": ["partners", "sites", "access_edge_configuration"]}
    )
    assert said["partners"] == [] and said["sites"]["London"]["xmpp_route"] == "edgepool.london.contoso.example"
    assert said["access_edge_configuration"]["allow_federated_users"] is True
    for name in state.values["lync"]["edge_ports"]:
        assert report_here(look, ARGUMENTS, {**edge(state, name), "parts": ["listening"]})["listening"] == [5269, 23456]


def test_partners_meet_it_while_a_service_runs(state: State) -> None:
    met = shown(state)
    assert met and ("DNS", DOMAIN) in met["subjectAltName"]
    for name in state.values["lync"]["edge_ports"]:
        assert shown(state)
        stopped = run_here(WindowsServices, SERVICE_ARGUMENTS, {**edge(state, name), "state": "stopped"}, False)
        assert not stopped.get("failed"), stopped
    assert shown(state) is None


def test_only_this_labs_passwords_open_it(state: State) -> None:
    refused = report_here(look, ARGUMENTS, front_end(state, password=deployment.PASSWORD))
    assert "refuses the login" in refused["msg"]


def test_secrets_are_where_only_their_owner_reads_them(state: State) -> None:
    line = Path(f"/proc/{record(state)['pid']}/cmdline").read_text()
    folder = state.identity.directory
    holders = set()
    for name in LYNC_SECRETS:
        secret = state.values["lync"][name]
        assert secret not in line
        holders |= {path for path in folder.rglob("*") if path.is_file() and secret in path.read_text()}
    assert {path.name for path in holders} == {"lab.json", "ntlm-accounts"}
    keys = {path for path in folder.rglob("*") if path.is_file() and "PRIVATE KEY" in path.read_text()}
    assert keys and {stat.S_IMODE(path.stat().st_mode) for path in holders | keys} == {0o600}


def test_is_ended_with_all_that_it_held(state: State) -> None:
    pid = record(state)["pid"]
    assert process.stop(state.identity) is True and process.describe(state) == "-"
    assert process._started(pid) is None
    assert not (state.identity.directory / "lync").exists()
    with pytest.raises(ConnectionRefusedError):
        shown(state)


def test_one_that_was_killed_is_named_and_started_anew(state: State) -> None:
    os.kill(record(state)["pid"], 9)
    os.waitpid(record(state)["pid"], 0)
    assert process.describe(state).startswith("gone; bin/lab up --with-lync")
    assert process.ensure(state) is True and process.describe(state) == "up"


def test_what_keeps_it_from_starting_is_said(state: State) -> None:
    process.stop(state.identity)
    lync = state.values["lync"]
    with socket.create_server((lync["address"], lync["port"])), pytest.raises(LabError) as error:
        process.ensure(state)
    assert "the emulator of Lync Server does not run" in str(error.value) and "in use" in str(error.value)
