"""The emulator's answers have the shape of Windows' own, as pypsrp's published recordings show them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypsrp.powershell
import pytest
from ansible.module_utils.fedgate.lync.connection import Connection
from ansible.module_utils.fedgate.lync.faults import CmdletFailed, NotUnderstood
from ansible.module_utils.fedgate.lync.shell import Shell

from ...emulators.lync.deployment import Deployment
from ...emulators.lync.shape import OF_OURS, Shapes, of_answers

WINDOWS: dict[str, Any] = json.loads(Path(__file__).with_name("data").joinpath("windows_answers.json").read_text())
#: Code of the fault.
TIMED_OUT = b'Code="2150858793"'
RECORD, INFO = "Obj/MS", "Obj/MS/Obj[InvocationInfo]/Props"
#: Where ours differ, because psrpcore writes these messages: kind → (what is missing, beginnings of what is too much).
#: Nothing of it is read by our modules.
KNOWN: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "message ErrorRecord": (
        {f"{RECORD}/B[writeErrorStream]", f"{RECORD}/Nil[PSMessageDetails]", f"{INFO}/S[CommandOrigin]"},
        (
            f"{RECORD}/Nil[PipelineIterationInfo]",
            f"{INFO}/Obj[CommandOrigin]",
            f"{RECORD}/Obj[InvocationInfo_BoundParameters]/",
            f"{RECORD}/Obj[InvocationInfo_UnboundArguments]/",
        ),
    ),
    "message WarningRecord": ({"Obj/ToString"}, ()),
}


@pytest.fixture
def said(lync: Deployment, connect: Callable[..., Connection]) -> Shapes:
    """The shapes of all kinds of answers that the emulator gives."""
    answers: list[bytes] = []
    lync.front_end.said = answers.append
    with Shell(connect(operation_timeout=1)) as shell:
        large = {"Identity": "a.example", "Description": "x" * 600_000}
        shell.call("New-CsXmppAllowedPartner", large)
        shell.call("Get-CsXmppAllowedPartner")
        shell.call("Remove-CsExternalAccessPolicy", {"Identity": "global"})  # warns
        with pytest.raises(CmdletFailed):
            shell.call("Get-CsXmppAllowedPartner", {"Identity": "nowhere.example"})
        _fail_and_go_on(shell)
        _wait_too_long(lync, shell, answers)
    with pytest.raises(NotUnderstood), Shell(connect()) as shell:
        lync.shells.open.clear()
        shell.call("Get-CsXmppAllowedPartner")
    return of_answers(answers)


def _fail_and_go_on(shell: Shell) -> None:
    """An error that ends nothing, and a signal at the end."""
    pipeline = pypsrp.powershell.PowerShell(shell._pool)
    pipeline.add_cmdlet("Get-CsXmppAllowedPartner").add_parameter("Identity", "nowhere.example")
    pipeline.begin_invoke()
    pipeline.end_invoke()
    pipeline = pypsrp.powershell.PowerShell(shell._pool)
    pipeline.add_cmdlet("Get-CsXmppAllowedPartner").begin_invoke()
    pipeline.stop()


def _wait_too_long(lync: Deployment, shell: Shell, answers: list[bytes]) -> None:
    """Keep a cmdlet waiting until the server has said that nothing came in time."""
    end = time.monotonic() + 60
    with lync.world.lock:
        asking = threading.Thread(target=lambda: shell.call("Get-CsXmppAllowedPartner"))
        asking.start()
        while not any(TIMED_OUT in answer for answer in answers) and time.monotonic() < end:
            time.sleep(0.05)
    asking.join()


def test_nothing_is_missing_and_nothing_invented(said: Shapes) -> None:
    assert set(WINDOWS["kinds"]) == OF_OURS
    assert {kind for kind in OF_OURS if kind not in said.kinds} == set(), "each kind is given here"
    for kind, windows in WINDOWS["kinds"].items():
        ours = said.kinds[kind]
        missing, more = KNOWN.get(kind, (set(), ()))
        always = set(windows["always"])
        assert always - ours.always == missing, kind
        invented = ours.ever - always - set(windows["ever"])
        assert {path for path in invented if not path.startswith(more or ("\0",))} == set(), kind
        assert all(any(path.startswith(known) for path in invented) for known in more), f"{kind}: no longer different"


def test_the_comparison_can_fail() -> None:
    answer = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><other/></s:Body></s:Envelope>'
    (shape,) = of_answers([answer]).kinds.values()
    windows = WINDOWS["kinds"]["CommandResponse"]
    assert set(windows["always"]) - shape.always and shape.ever - set(windows["always"]) - set(windows["ever"])
