"""The demonstration with London on Lync Server, which is emulated, and Tokyo on a Linux gateway; ends with a table."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import demo
from lab.demo import Check

INVENTORY = ("-i", "inventories/lab-lync")
#: The hosts that are needed: London has none in containers.
HOSTS = ("dns", "edge1.tokyo", "partner", "stranger")
EDGE, DOMAIN, OURS = "edge1.tokyo", "contoso-asia.example", "akira@contoso-asia.example"
NO_REAL_SERVER = """
London is an EMULATOR of Lync Server 2013 (tests/emulators/lync). It answers the cmdlets of PowerShell remoting as
Microsoft documents them, and as was guessed where nothing is documented. No message passes through it: no user of
London takes part in the conversations, and Test-CsXmppIM only says what its configuration would let through.
No run against a real Lync server has been made."""


def main() -> int:
    """Run the demonstration. :returns: 0 all checks passed, 1 some failed, 2 it could not be run."""
    progress = demo.Progress()
    print(NO_REAL_SERVER)
    progress.step("Starting the lab: London emulated and prepared, Tokyo bare, a partner, a stranger, a DNS server")
    if demo.shown("bin/lab", "up", "--with-lync", *HOSTS):
        return 2
    checks = build(progress)
    if all(check.passed for check in checks):
        checks += demo.seen(progress, EDGE, DOMAIN, OURS)
        checks += on_lync()
    demo.print_table(checks)
    print(NO_REAL_SERVER)
    _print_next_steps(progress.seconds)
    return 0 if all(check.passed for check in checks) else 1


def build(progress: demo.Progress) -> list[Check]:
    """Roll out until nothing is left to change. :returns: a line for each run; the first that fails is the last."""
    progress.step("Building the federation with playbooks/site.yml, on both sites in one run")
    code, hosts = demo.rollout(*INVENTORY)
    checks = [demo.rollout_check("rollout by site.yml", code, hosts)]
    request = _unanswered(demo.lab_state())
    if code == 0 and request is not None:
        progress.step("Signing the request that waits, as the company's authority does, and going on in London")
        if demo.shown("bin/lab", "sign", str(request)):
            return [*checks, Check("the certificate's request signed", False, "see above")]
        code, hosts = demo.rollout(*INVENTORY, "--limit", "london")
        checks.append(demo.rollout_check("certificate taken, services restarted", code, hosts))
    if code == 0:
        progress.step("Running it again: nothing must be left to change")
        code, hosts = demo.rollout(*INVENTORY)
        changed = demo.changes(hosts)
        checks.append(Check("run again", code == 0 and changed == 0, f"exit code {code}, {changed} changes"))
    return checks


def on_lync() -> list[Check]:
    """Return what the emulated Front End and an Edge Server say when they are asked."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "look.json"
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventories/lab", *INVENTORY]
        given = ["lab/lync/look.yml", "-e", f"look_file={file}"]
        done = subprocess.run([*command, *given], cwd=demo.ROOT, capture_output=True, text=True, check=False)
        if not file.exists():
            return [Check("London (emulated)", False, done.stdout.strip()[-300:])]
        said = json.loads(file.read_text(encoding="utf-8"))
    return london_checks(said["front_end"], said["edge"])


def london_checks(front_end: dict[str, Any], edge: dict[str, Any]) -> list[Check]:
    """Return the lines about London, by what ``lync_info`` read there."""
    partners = sorted(partner["domain"] for partner in front_end.get("partners", []))
    listening = edge.get("listening") or []
    assigned = edge.get("certificates", {}).get("AccessEdgeExternal") or {}
    ours = "Fedgate lab CA" in assigned.get("issuer", "") and assigned.get("has_key") is True
    detail = f"{', '.join(assigned['names'])}; by {assigned['issuer']}" if assigned else "none is assigned"
    return [
        Check("London (emulated): partners", partners == [demo.PARTNER], ", ".join(partners) or "none"),
        Check("London (emulated): ports", listening == [5269, 23456], ", ".join(map(str, listening)) or "none"),
        Check("London (emulated): certificate", ours, detail),
    ]


def _unanswered(state: dict[str, Any]) -> Path | None:
    """Return the request that waits for an authority, if there is one."""
    lync = state["lync"]
    request = Path(lync["requests_directory"]) / f"{lync['edge_pool']}.csr.pem"
    return request if request.exists() and not request.with_name(f"{lync['edge_pool']}.cer").exists() else None


def _print_next_steps(seconds: float) -> None:
    print(f"""
Done in {seconds:.0f} s. The lab is still running. Go on:
  bin/lab status                       what runs, and where
  edit inventories/lab-lync/group_vars/all/, then
  .venv/bin/ansible-playbook -i inventories/lab -i inventories/lab-lync playbooks/partners.yml --check --diff
                                       see what a change of a partner would do on both; without --check, do it
  .venv/bin/ansible -i inventories/lab -i inventories/lab-lync edge1.london -m lync_info
                                       what the emulated Front End says
  bin/demo --lync                      run everything again: nothing is left to change
  bin/lab down                         remove the lab, the emulator with it""")


if __name__ == "__main__":
    sys.exit(main())
