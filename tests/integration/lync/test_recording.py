"""A recording of one server, cleaned, makes another endpoint answer as that server did."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.access_policies import ARGUMENTS as POLICY_ARGUMENTS
from ansible.module_utils.fedgate.lync.access_policies import ExternalAccessPolicies
from ansible.module_utils.fedgate.lync.connection import read_connection
from ansible.module_utils.fedgate.lync.gateway import ARGUMENTS as GATEWAY_ARGUMENTS
from ansible.module_utils.fedgate.lync.gateway import XmppGateway
from ansible.module_utils.fedgate.lync.partners import ARGUMENTS, XmppPartners
from ansible.module_utils.fedgate.lync.shell import Shell
from ansible.module_utils.fedgate.module import run_here

from ...emulators.lync import recording
from ...emulators.lync.deployment import ADMIN, PASSWORD, Deployment
from ...emulators.lync.recording import CALLS, Recording
from ...emulators.lync.replay import Replay
from ...emulators.lync.world import AccessPolicy, XmppPartner
from ..rollout import ROOT
from .conftest import Options, options_of

PASSPHRASE = "correct horse battery"
NAMES = {"litware.com": "fabrikam.example", "Ken Myer": "Alice", "kmyer@contoso.example": "alice@contoso.example"}


@pytest.fixture
def original(lync: Deployment) -> Deployment:
    """A server with things of its own."""
    lync.world.partners["litware.com"] = XmppPartner(
        "litware.com", ["emea.litware.com"], "Ask 10.20.30.40", "Federated"
    )
    lync.world.gateway["DialbackPassphrase"] = PASSPHRASE
    lync.world.access_policies["tag:sales"] = AccessPolicy("Tag:Sales", {"EnableXmppAccess": True})
    user = lync.world.users.pop("alice@contoso.example")
    user.address, user.display_name, user.policy = "kmyer@contoso.example", "Ken Myer", "Sales"
    lync.world.users[user.address] = user
    return lync


@pytest.fixture
def made(original: Deployment, options: Options) -> Recording:
    """What was recorded of it."""
    return recording.record(read_connection(options))


@pytest.fixture
def again(made: Recording, tmp_path: Path) -> Iterator[Options]:
    """Options that reach an endpoint which gives the cleaned recording again."""
    folder = tmp_path / "again"
    folder.mkdir()
    deployment = Deployment(folder, protocol=made.protocol)
    deployment.shells.execute = Replay(recording.clean(made, NAMES)).execute
    yield options_of(deployment)
    deployment.stop()


def test_it_only_looks(original: Deployment, made: Recording) -> None:
    assert all(cmdlet.startswith("Get-") for cmdlet, _parameters in CALLS)
    assert original.world.writes == 0 and [call.cmdlet for call in made.calls] == [cmdlet for cmdlet, _given in CALLS]
    assert all(call.messages[-1][0] == "PipelineState" for call in made.calls)


def test_our_modules_read_it(again: Options) -> None:
    wanted = [{
        "domain": "fabrikam.example",
        "additional_domains": ["emea.fabrikam.example"],
        "description": "Ask 192.0.2.1",
        "type": "federated",
    }]  # fmt: skip
    same = run_here(XmppPartners, ARGUMENTS, {**again, "partners": wanted}, True)
    assert same["changed"] is False and same["unmanaged"] == []
    other = run_here(XmppPartners, ARGUMENTS, {**again, "partners": [{"domain": "fabrikam.example"}]}, True)
    assert other["changed"] is True, "what was recorded is compared"
    gateway = run_here(XmppGateway, GATEWAY_ARGUMENTS, again, True)
    assert gateway["configuration"]["dialback_passphrase"] == "secret"
    sales = {"name": "sales", "xmpp_access": True, "users": ["alice@contoso.example"], "federation_access": None}
    access = run_here(ExternalAccessPolicies, POLICY_ARGUMENTS, {**again, "policies": [sales]}, True)
    assert [(item["kind"], item["name"]) for item in access["plan"]] == [("external_access_policy", "Sales")]


def test_errors_are_given_again(again: Options, made: Recording) -> None:
    for cmdlet, given, told in (
        ("Get-CsXmppAllowedPartner", {"Identity": "nowhere.invalid"}, 'Cannot find item "nowhere.invalid"'),
        ("Get-CsXmppAllowedPartner", {"NoSuchParameter": "x"}, "NoSuchParameter"),
        ("Get-CsNoSuchThing", {}, "has no cmdlet Get-CsNoSuchThing"),
        ("Set-CsSite", {}, "not recorded: Set-CsSite"),
    ):
        with Shell(read_connection(again)) as shell, pytest.raises(Exception, match=re.escape(told)):
            shell.call(cmdlet, given)


def test_it_is_given_byte_for_byte(again: Options, made: Recording) -> None:
    cleaned = recording.clean(made, NAMES)
    repeated = recording.record(read_connection(again))
    assert repeated == cleaned


def test_secrets_are_never_kept(made: Recording, tmp_path: Path) -> None:
    made.write(tmp_path / "made.json")
    text = (tmp_path / "made.json").read_text()
    assert "litware.com" in text and PASSPHRASE not in text and json.dumps(PASSWORD)[1:-1] not in text
    assert (tmp_path / "made.json").stat().st_mode & 0o077 == 0


def test_a_passphrase_that_a_server_shows_is_not_kept() -> None:
    shown = '<S N="DialbackPassphrase">correct horse</S><S N="Description">stays</S>'
    message = recording.Message("PipelineOutput", True, shown.encode())
    assert recording._text(message) == '<S N="DialbackPassphrase">secret</S><S N="Description">stays</S>'


def test_what_is_left_is_told(made: Recording) -> None:
    assert {"litware.com", "emea.litware.com"} <= set(recording.left(made))
    cleaned = recording.clean(made, NAMES)
    assert not recording.left(cleaned), "every name is another"
    text = json.dumps([call.messages for call in cleaned.calls])
    for name in (*NAMES, "LITWARE", "10.20.30.40"):
        assert name.lower() not in text.lower()


def test_identifiers_stay_different(made: Recording) -> None:
    call = recording.Recorded("Get-X", {}, [("PipelineOutput", "<S>10.0.0.1 10.0.0.2 10.0.0.1 S-1-5-21-9-8-7-500</S>")])
    cleaned = recording.clean(Recording("2.2", [call]), {})
    assert cleaned.calls[0].messages[0][1] == "<S>192.0.2.1 192.0.2.2 192.0.2.1 S-1-5-21-1-2-3-1</S>"


def test_from_the_command_line(original: Deployment, options: Options, tmp_path: Path) -> None:
    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.emulators.lync.record", *map(str, arguments)]
        environment = {"PATH": "/usr/bin:/bin", "FEDGATE_LYNC_PASSWORD": PASSWORD, "HOME": str(tmp_path)}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    raw, out = tmp_path / "raw.json", tmp_path / "clean.json"
    way = ("--username", ADMIN, "--authentication", "ntlm", "--ca-file", options["ca_file"], "--port", options["port"])
    made = run("make", "localhost", raw, *way)
    assert made.returncode == 0, made.stderr
    assert f"{len(CALLS)} calls in" in made.stdout
    first = run("clean", raw, out, "--name", "kmyer=alice")
    assert first.returncode == 1 and "left: litware.com" in first.stdout and "left: emea.litware.com" in first.stdout
    done = run("clean", raw, out, *(part for pair in NAMES.items() for part in ("--name", "=".join(pair))))
    assert (done.returncode, done.stdout) == (0, "")
    assert Recording.read(out).calls[0].cmdlet == "Get-CsXmppAllowedPartner"
    assert run("clean", raw, out, "--name", "litware.com").returncode == 2
    assert run("make", "127.0.0.1", raw, *way).returncode == 2
