"""Edge Servers without remote management: a task goes there by hand, and a result comes back.

There is no PowerShell here that could run the script. What it does is done by ``carry_out`` below, call by call as
the task says, on an Edge Server of the emulator; and what of the script can be read without PowerShell is read: its
tables of cmdlets, parameters and places, which every task is held against.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.lync.certificates import ARGUMENTS, lync_certificate
from ansible.module_utils.fedgate.module import run_here
from cryptography import x509

from ...emulators.lync.deployment import Deployment
from ..rollout import ROOT
from .by_hand import SCRIPT, allowed, carry_out, demand_allowed, places
from .edges import FIRST, NAMES, PUBLIC, Pool, Result, actions, csr_of, thumbprint


class ByHand:
    """The administrator of the first Edge Server, and the module that hands tasks to them."""

    def __init__(self, lync: Deployment, folder: Path) -> None:
        self.pool = Pool(lync, folder)
        self.directory = folder / "handover"
        self.folder = self.directory / FIRST

    def run(self, *orders: dict[str, Any], check: bool = False, **more: Any) -> Result:
        """Run the module; nothing is connected."""
        given = {
            "host": FIRST,
            "endpoint": "edge",
            "certificates": list(orders or [self.pool.order()]),
            "handover_directory": str(self.directory),
        }
        return run_here(lync_certificate, ARGUMENTS, {**given, **more}, check)

    def task(self) -> dict[str, Any]:
        """Return the task that lies ready."""
        found: dict[str, Any] = json.loads((self.folder / "task.json").read_text(encoding="ascii"))
        return found

    def carry_out(self) -> None:
        """Do what the script does."""
        carry_out(self.pool.lync, self.folder)

    def round(self, *orders: dict[str, Any], **more: Any) -> Result:
        """Run, have the task carried out, run again."""
        asked = self.run(*orders, **more)
        assert asked["handover"]["waiting"], asked
        self.carry_out()
        return self.run(*orders, **more)


@pytest.fixture
def hand(lync: Deployment, tmp_path: Path) -> ByHand:
    """An Edge Server that is reached by hand."""
    return ByHand(lync, tmp_path)


def test_from_the_first_look_to_the_assignment(hand: ByHand) -> None:
    planned, first = hand.run(check=True), hand.run()
    assert actions(planned) == actions(first) == [("create", "handover_task", FIRST)]
    assert first["plan"][0]["after"]["calls"] == ["only looks"] and not hand.task()["actions"]
    assert first["pending"][0]["kind"] == "handover" and "fedgate-handover.ps1" in first["pending"][0]["waiting_for"]
    waiting = hand.run()
    assert not waiting["changed"] and waiting["pending"] == first["pending"]

    hand.carry_out()
    asked = hand.run()
    assert asked["plan"][0]["after"]["does"] == ["create certificate_request external"]
    assert not hand.run()["changed"], "it lies ready"
    hand.carry_out()
    made = hand.run()
    assert not made["changed"] and [item["kind"] for item in made["pending"]] == ["certificate"]
    certificate = hand.pool.sign(csr_of(made))

    planned, laid = hand.run(check=True), hand.run()
    assert planned["plan"] == laid["plan"]
    does = laid["plan"][0]["after"]["does"]
    assert does == [f"create {kind} external on {FIRST}" for kind in ("certificate", "certificate_assignment")]
    hand.carry_out()
    done = hand.run()
    assert not done["changed"] and not done["pending"] and not done["handover"]["waiting"]
    assert done["certificates"]["external"]["thumbprint"] == thumbprint(certificate)
    assert hand.pool.held().assigned == dict.fromkeys(PUBLIC, thumbprint(certificate))
    assert not [path for path in hand.pool.held().files if not path.endswith(".csr")]


def test_the_request_is_laid_on_the_controller(hand: ByHand, tmp_path: Path) -> None:
    order = hand.pool.order(request_file=str(tmp_path / "external.csr.pem"))
    hand.round(order)
    hand.carry_out()
    laid = hand.run(order)
    assert actions(laid) == [("create", "request_file", "external")]
    assert (tmp_path / "external.csr.pem").read_text() == csr_of(laid) and not hand.run(order)["changed"]


def test_every_field_goes_as_a_value(hand: ByHand) -> None:
    order = hand.pool.order(
        subject={"organization": "'; Remove-Item C:\\ #", "city": "Zürich", "country": "CH"},
        key={"type": "ecdsa", "curve": "p384"},
        client_auth=True,
        template="LyncEdge",
        all_sip_domains=True,
        computer_fqdn=FIRST,
    )
    hand.round(order)
    hand.carry_out()
    found = hand.run(order)
    request = x509.load_pem_x509_csr(csr_of(found).encode())
    assert {"'; Remove-Item C:\\ #", "Zürich"} <= {str(each.value) for each in request.subject}
    assert hand.pool.calls("Request-CsCertificate")[0]["AllSipDomain"] is True


def test_services_are_restarted_on_request(hand: ByHand) -> None:
    more = {"handover_restart": True}
    hand.round(**more)
    hand.carry_out()
    hand.pool.sign(csr_of(hand.run(**more)))
    hand.round(**more)
    history = hand.pool.lync.edge(FIRST).machine.history
    assert history[0].startswith("stop") and history[-1].startswith("start")
    assert not hand.run(**more)["changed"]


class TestWhatGoesWrong:
    def test_a_result_of_another_plan(self, hand: ByHand) -> None:
        """The administrator has run what was handed over before the inventory changed."""
        hand.round()
        old = (hand.folder / "task.json").read_text()
        changed = hand.pool.order(names=[*NAMES, "lync.contoso.example"])
        assert hand.run(changed)["plan"][0]["action"] == "update"
        new = (hand.folder / "task.json").read_text()
        (hand.folder / "task.json").write_text(old)
        hand.carry_out()
        (hand.folder / "task.json").write_text(new)
        result = hand.run(changed)
        assert result["failed"] and "result.json belongs to another plan" in result["msg"]
        assert "with the present task.json" in result["msg"]
        hand.carry_out()
        assert not hand.run(changed).get("failed")

    def test_a_result_of_another_server(self, hand: ByHand) -> None:
        hand.run()
        (hand.folder / "result.json").write_text('{"format": 1, "task": "' + "0" * 64 + '", "results": []}')
        result = hand.run()
        assert result["failed"] and "belongs to another plan" in result["msg"]

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2}'])
    def test_a_result_that_cannot_be_read(self, hand: ByHand, content: str) -> None:
        hand.run()
        (hand.folder / "result.json").write_text(content)
        result = hand.run()
        assert result["failed"] and "cannot be read" in result["msg"] and result["error"] == "InvalidValue"

    def test_a_task_that_was_changed(self, hand: ByHand) -> None:
        hand.run()
        path = hand.folder / "task.json"
        path.write_text(path.read_text().replace("LocalMachine\\\\My", "LocalMachine\\\\Root"))
        result = hand.run()
        assert result["failed"] and "is not as it was written" in result["msg"]

    def test_a_script_that_was_changed(self, hand: ByHand) -> None:
        hand.run()
        (hand.folder / "fedgate-handover.ps1").write_text("Remove-Item C:\\ -Recurse")
        assert actions(hand.run()) == [("update", "handover_task", FIRST)]
        assert (hand.folder / "fedgate-handover.ps1").read_text() == SCRIPT

    def test_a_cmdlet_that_fails_there(self, hand: ByHand) -> None:
        hand.round()
        task = hand.task()
        hand.carry_out()
        path = hand.folder / "result.json"
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        entry = next(each for each in content["results"] if each["id"] == task["actions"][0]["id"])
        entry.update({"ok": False, "error": "The RPC server is unavailable.", "error_id": "X,Y"})
        path.write_text(json.dumps(content))
        result = hand.run()
        assert result["failed"] and "by hand: Request-CsCertificate: The RPC server is unavailable" in result["msg"]
        assert "run fedgate-handover.ps1 again with the same task.json" in result["msg"]

    def test_a_server_that_asks_for_more(self, hand: ByHand) -> None:
        """It would do so again and again."""
        hand.pool.held().names += ("secret.contoso.example",)
        hand.round()
        hand.carry_out()
        result = hand.run()
        assert result["failed"] and "carried out by hand" in result["msg"] and "topology" in result["msg"]

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            ({"members": [{"host": "edge2"}]}, "members cannot be handed over"),
            ({"restore": {FIRST: {}}, "certificates": []}, "restore cannot be handed over"),
            ({"name": "../edge1"}, "cannot name a folder"),
        ],
    )
    def test_what_cannot_be_handed_over(self, hand: ByHand, more: dict[str, Any], told: str) -> None:
        result = hand.run(**more)
        assert result["failed"] and told in result["msg"] and not hand.directory.exists()

    def test_an_enterprise_ca(self, hand: ByHand) -> None:
        result = hand.run({"name": "external", "names": NAMES, "ca": "ca1.contoso.example\\Contoso CA"})
        assert result["failed"] and "certificates[0].ca" in result["msg"]


class TestScript:
    def test_it_holds_no_value(self) -> None:
        """Nothing in it is made from an inventory: it is the same file for everybody."""
        assert "contoso" not in SCRIPT.lower() and "{{" not in SCRIPT
        for forbidden in (
            "Invoke-Expression",
            "iex ",
            "ScriptBlock",
            "Add-Type",
            "Invoke-WebRequest",
            "-EncodedCommand",
        ):
            assert forbidden not in SCRIPT

    def test_the_documentation_names_its_digest(self) -> None:
        digest = hashlib.sha256(SCRIPT.encode()).hexdigest()
        assert digest in (ROOT / "docs" / "lync-operations.md").read_text()

    def test_it_is_ascii_with_closed_brackets(self) -> None:
        assert SCRIPT.isascii()
        bare = re.sub(r"#.*|'[^'\n]*'|\"[^\"\n]*\"", "", SCRIPT)
        for opening, closing in ("()", "{}", "[]"):
            assert bare.count(opening) == bare.count(closing), opening

    def test_its_tables(self) -> None:
        assert set(allowed()) >= {"Request-CsCertificate", "Set-CsCertificate", "Get-ChildItem"}
        assert not set(allowed()) & {"Invoke-Command", "Export-PfxCertificate", "Set-CsSite"}
        for place in places():
            cmdlet, _, parameter = place.partition("/")
            assert parameter in allowed()[cmdlet]
        for cmdlet, parameters in allowed().items():
            named = [name for name in parameters if name in ("Path", "FilePath", "Output", "CertStoreLocation")]
            assert all(f"{cmdlet}/{name}" in places() for name in named), "each place is looked at"

    @pytest.mark.parametrize(
        ("cmdlet", "parameters"),
        [
            ("Remove-Item", {"Path": "C:\\Windows\\win.ini"}),
            ("Remove-Item", {"Path": "Cert:\\LocalMachine\\My\\" + "0" * 40}),
            ("Remove-Item", {"Path": "C:\\Windows\\Temp\\fedgate-x", "Recurse": True}),
            ("Set-Content", {"Path": "C:\\Users\\a\\profile.ps1"}),
            ("Import-Certificate", {"CertStoreLocation": "Cert:\\LocalMachine\\Root"}),
            ("Invoke-Expression", {"Command": "x"}),
        ],
    )
    def test_what_it_refuses(self, cmdlet: str, parameters: dict[str, Any]) -> None:
        with pytest.raises(AssertionError):
            demand_allowed({"cmdlet": cmdlet, "parameters": parameters})
