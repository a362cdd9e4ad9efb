"""The demonstration: a lab, one rollout, and two organisations that talk; ends with a table of what was checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lab import chat  # noqa: E402 - the checkout has to be on the path first

OURS, THEIRS, UNLISTED = "alice@contoso.example", "bob@fabrikam.example", "mallory@stranger.example"
EDGE, DOMAIN, PARTNER = "edge1.london", "contoso.example", "fabrikam.example"


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    what: str
    passed: bool
    detail: str


class Progress:
    """Say what is being done and how long everything took so far."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def step(self, text: str) -> None:
        """Announce the next step."""
        print(f"\n=== [{self.seconds:5.1f} s] {text}", flush=True)


def main() -> int:
    """Run the demonstration. :returns: 0 all checks passed, 1 some failed, 2 it could not be run."""
    progress = Progress()
    progress.step("Starting the lab: two bare edges, a partner, a stranger, a DNS server")
    if shown("bin/lab", "up"):
        return 2
    progress.step("Building the federation with playbooks/site.yml")
    code, hosts = rollout()
    checks = [rollout_check("rollout by site.yml", code, hosts)]
    if code == 0:
        checks += seen(progress, EDGE, DOMAIN, OURS)
    print_table(checks)
    _print_next_steps(progress.seconds)
    return 0 if all(check.passed for check in checks) else 1


def seen(progress: Progress, edge: str, domain: str, user: str) -> list[Check]:
    """Return what is seen of the lab once it was rolled out.

    :param edge: the gateway whose sessions with the partner are looked at; it serves ``domain``, and ``user`` is there.
    """
    state = lab_state()
    progress.step("Exchanging messages")
    checks = messages(state, user)
    checks += authentication(edge, domain)
    progress.step("Looking from outside, as a partner does")
    return checks + outside(state)


def lab_state() -> dict[str, Any]:
    """Return what ``bin/lab up`` wrote about the running lab."""
    path = ROOT / "lab" / ".state" / os.environ.get("LAB_NAME", "lab") / "lab.json"
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return state


def rollout(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run ``site.yml`` on the lab, visibly.

    :param arguments: further ones of ``ansible-playbook``. :returns: (exit code, results by host).
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        code = shown(
            str(Path(sys.executable).parent / "ansible-playbook"),
            "-i", "inventories/lab", *arguments, "playbooks/site.yml",
            env={"FEDGATE_RESULTS_FILE": str(results)},
        )  # fmt: skip
        hosts = json.loads(results.read_text(encoding="utf-8"))["hosts"] if results.exists() else {}
    return code, hosts


def messages(state: dict[str, Any], user: str) -> list[Check]:
    """Send a message each way between a user of ours and the partner's, and try the same with the unlisted domain."""
    try:
        return [*_partners_talk(state, user), *_strangers_do_not(state, user)]
    except chat.ChatError as error:
        return [Check("messages", False, str(error))]


def _partners_talk(state: dict[str, Any], user: str) -> list[Check]:
    checks = []
    for sender, receiver in ((user, THEIRS), (THEIRS, user)):
        result = chat.deliver(state, sender, receiver)
        detail = f"delivered in {result.seconds:.2f} s" if result.delivered else f"not delivered: {result.error}"
        checks.append(Check(f"{sender} → {receiver}", result.delivered, detail))
    return checks


def _strangers_do_not(state: dict[str, Any], user: str) -> list[Check]:
    checks = []
    for sender, receiver in ((UNLISTED, user), (user, UNLISTED)):
        result = chat.deliver(state, sender, receiver)
        detail = f"refused: {result.error}" if result.error else "refused" if not result.delivered else "DELIVERED"
        checks.append(Check(f"{sender} → {receiver}", not result.delivered, detail))
    return checks


def authentication(edge: str, domain: str) -> list[Check]:
    """Return how each direction between the partners was authenticated, as the gateway saw it."""
    sessions = _gateway_status(edge)["sessions"]
    return [_session_check(sessions, domain, direction) for direction in ("outgoing", "incoming")]


def outside(state: dict[str, Any]) -> list[Check]:
    """Probe every domain by DNS, from outside."""
    sys.path.insert(0, str(ROOT / "module_utils"))
    from fedgate.probe import Target, probe  # the package needs no Ansible here

    targets = [Target(name=domain, domain=domain) for domain in (DOMAIN, "contoso-asia.example")]
    trust = Path(state["ca_certificate"]).read_text(encoding="utf-8")
    results = probe(targets, resolvers=[state["addresses"]["dns"]], trust_anchors=[trust])
    return [check for result in results for check in _probe_checks(result)]


def _probe_checks(result: dict[str, Any]) -> list[Check]:
    failed = [step for step in result["steps"] if not step["ok"]]
    detail = failed[0]["detail"] if failed else f"SRV, TCP 5269, STARTTLS ({result['tls_version']}) in order"
    checks = [Check(f"{result['domain']} from outside", result["ok"], detail)]
    certificate = result.get("certificate")
    if certificate:
        names = ", ".join(certificate["names"])
        text = f"{names}; by {certificate['issuer']}; until {certificate['not_after']}"
        checks.append(Check(f"{result['domain']} certificate", result["ok"], text))
    return checks


def _session_check(sessions: list[dict[str, Any]], domain: str, direction: str) -> Check:
    what = f"authentication, {direction} ({domain}, {PARTNER})"
    for session in sessions:
        if (session["direction"], session["local"], session["remote"]) == (direction, domain, PARTNER):
            method = {"external": "SASL EXTERNAL", "dialback": "dialback"}.get(session["method"], session["method"])
            strong = session["method"] == "external" and session["tls"] == "TLSv1.3"
            return Check(what, strong, f"{method} over {session['tls'] or 'plain TCP'}")
    return Check(what, False, "no such session")


def _gateway_status(edge: str) -> dict[str, Any]:
    command = [str(ROOT / "bin" / "lab"), "exec", edge, "cat", "/run/prosody/fedgate.json"]
    time.sleep(1.5)  # the gateway writes its status at most one second after a session event
    status: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return status


def changes(hosts: dict[str, Any]) -> int:
    """Return how many changes a run made, by the results of its hosts."""
    return sum(
        len(host["tasks_changed"]) + sum(len(entry["plan"]) for entry in host["plans"]) for host in hosts.values()
    )


def rollout_check(what: str, code: int, hosts: dict[str, Any]) -> Check:
    """Return the line about a run."""
    detail = f"{changes(hosts)} changes on {', '.join(sorted(hosts))}" if code == 0 else f"exit code {code}"
    return Check(what, code == 0, detail)


def shown(*command: str, env: dict[str, str] | None = None) -> int:
    """Run a command from the checkout, its output visible. :returns: its exit code."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}, check=False).returncode


def print_table(checks: list[Check]) -> None:
    """Print the table."""
    width = max(len(check.what) for check in checks)
    print("\n" + "=" * (width + 50))
    for check in checks:
        print(f"{'ok    ' if check.passed else 'FAILED'}  {check.what:<{width}}  {check.detail}")
    print("=" * (width + 50))


def _print_next_steps(seconds: float) -> None:
    print(f"""
Done in {seconds:.0f} s. The lab is still running. Go on:
  bin/lab status                       what runs, and where
  bin/lab ssh edge1.london             log in to a gateway
  edit inventories/lab/group_vars/all/, then
  .venv/bin/ansible-playbook -i inventories/lab playbooks/partners.yml --check --diff
                                       see what a change of a partner would do; without --check, do it
  bin/demo                             run everything again: nothing is left to change
  bin/lab down                         remove the lab""")


if __name__ == "__main__":
    sys.exit(main())
