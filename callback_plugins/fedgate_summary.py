"""End-of-run summary: what each host got, what still waits, and who is missing; as text and, if asked, as JSON."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fedgate_summary
type: aggregate
short_description: Say at the end what was changed on which host, what waits for somebody, and which host is missing
description:
  - Collects the C(plan) and C(pending) values that Fedgate's modules return and prints a short summary after the recap.
  - Writes the same as JSON to the file named by E(FEDGATE_RESULTS_FILE), for pipelines and tests.
  - Shows names of things only, never their values; results of tasks with C(no_log) count but are not read.
options:
  results_file:
    description: File that receives the results as JSON. Nothing is written without it.
    type: path
    env:
      - name: FEDGATE_RESULTS_FILE
requirements:
  - enabled in C(callbacks_enabled)
author: Fedgate authors
"""

import json
import os
import tempfile
from typing import Any

from ansible.plugins.callback import CallbackBase

#: Partners that are named for a rule; of the others only the number is said.
MENTIONED = 3


class CallbackModule(CallbackBase):
    """Listen to results, say the sum."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "fedgate_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._hosts: dict[str, dict[str, Any]] = {}
        #: (rule, what it means) → partners for whom a gateway does not honour it
        self._losses: dict[tuple[str, str], set[str]] = {}
        #: (blocked domain, why) → hosts that shut it out
        self._blocked: dict[tuple[str, str], set[str]] = {}
        #: pool → how its certificate stands
        self._certificates: dict[str, dict[str, Any]] = {}
        #: name and value of CAA records that issuers offer
        self._caa: set[tuple[str, str]] = set()

    def _host(self, name: str) -> dict[str, Any]:
        return self._hosts.setdefault(
            name, {"changed": 0, "failed": [], "unreachable": None, "plans": [], "tasks_changed": []}
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note what a task changed or would change, and what it waits for."""
        host = self._host(result.host.get_name())
        data = result.result
        if data.get("changed"):
            host["changed"] += 1
        for loss in data.get("loss") or []:
            self._losses.setdefault((loss["rule"], loss["meaning"]), set()).add(loss["partner"])
        _note_blocked(self._blocked, result.host.get_name(), data)
        _note_certificate(self._certificates, data)
        self._caa |= {(record["name"], record["value"]) for record in data.get("caa") or []}
        plan, pending = data.get("plan") or [], data.get("pending") or []
        if isinstance(plan, list) and (plan or pending):
            host["plans"].append(
                {"task": result.task.get_name(), "module": result.task.action, "plan": plan, "pending": pending}
            )
        elif data.get("changed"):
            host["tasks_changed"].append(result.task.get_name())

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a failure, unless the playbook said that it does not matter."""
        if not ignore_errors:
            message = str(result.result.get("msg", "failed"))
            self._host(result.host.get_name())["failed"].append({"task": result.task.get_name(), "msg": message})

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that does not answer."""
        message = str(result.result.get("msg", "unreachable")).strip()
        self._host(result.host.get_name())["unreachable"] = message

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the summary and write the file."""
        certificates = [*certificate_lines(self._certificates), *caa_lines(self._caa)]
        rules = [*loss_lines(self._losses), *blocked_lines(self._blocked)]
        for line in [*summary_lines(self._hosts), *certificates, *rules]:
            self._display.display(line)
        path = self.get_option("results_file")
        if path:
            _write(path, {"hosts": self._hosts, "certificates": self._certificates})


def summary_lines(hosts: dict[str, dict[str, Any]]) -> list[str]:
    """Render the results, one host a line, followed by what it waits for or why it is missing."""
    lines = ["FEDGATE SUMMARY"]
    for name in sorted(hosts):
        host = hosts[name]
        changes = sum(len(entry["plan"]) for entry in host["plans"]) + len(host["tasks_changed"])
        lines.append(f"  {name}: {_state(host)}, {changes} change{'' if changes == 1 else 's'}")
        for entry in host["plans"]:
            lines.extend(f"    waiting: {item['name']}: {item['waiting_for']}" for item in entry["pending"])
        for failure in host["failed"]:
            lines.append(f'    failed at "{failure["task"]}": {_first_line(failure["msg"])}')
        if host["unreachable"]:
            lines.append(
                f"    missing: {_first_line(host['unreachable'])}; run the same playbook again when it answers"
            )
    missing = sorted(name for name, host in hosts.items() if host["unreachable"] or host["failed"])
    if missing:
        others = "All other hosts are finished." if len(missing) < len(hosts) else "No host is finished."
        lines.append(f"  NOT DONE: {', '.join(missing)}. {others}")
    return lines


def _note_certificate(certificates: dict[str, dict[str, Any]], data: dict[str, Any]) -> None:
    """Keep what ``edge_certificate_request`` says of a pool; what ``edge_certificate`` installed then counts more."""
    standing = data.get("standing")
    if not isinstance(standing, dict):
        return
    known = certificates.setdefault(standing["pool"], {})
    # A member that still has none must not hide that another one serves.
    if standing.get("expires") or not known.get("expires"):
        known.update({key: value for key, value in standing.items() if value is not None})


def certificate_lines(certificates: dict[str, dict[str, Any]]) -> list[str]:
    """Render how each pool's certificate stands, one a line."""
    lines = []
    for pool, standing in sorted(certificates.items()):
        if not standing.get("expires"):
            lines.append(f"    {pool}: none yet")
            continue
        lines.append(
            f"    {pool}: {standing['days_left']} days left, until {standing['expires']}; "
            f"is renewed from {standing['renewed_from']}"
        )
    return ["  CERTIFICATES", *lines] if lines else []


def caa_lines(records: set[tuple[str, str]]) -> list[str]:
    """Render the CAA records on offer: with them in DNS, nobody else's account gets certificates for these names."""
    lines = [f"    {name}. CAA {value}" for name, value in sorted(records)]
    issuers = sorted({json.dumps(value.removeprefix('0 issue "').removesuffix('"')) for _name, value in records})
    # YAML reads JSON's quotation marks as its own.
    wish = f"    to publish them: federation_caa: {{issuers: [{', '.join(issuers)}]}} (a main domain only in its names)"
    return ["  CAA records on offer (RFC 8657):", *lines, wish] if lines else []


def loss_lines(losses: dict[tuple[str, str], set[str]]) -> list[str]:
    """Render what gateways do not enforce, one rule a line, so that nobody believes in it."""
    lines = []
    for (rule, meaning), partners in sorted(losses.items()):
        names = sorted(partners)
        more = f" and {len(names) - MENTIONED} more" if len(names) > MENTIONED else ""
        lines.append(f"    {', '.join(names[:MENTIONED])}{more}: {rule}: {meaning}")
    return ["  NOT HONOURED by the gateways:", *lines] if lines else []


def _note_blocked(blocked: dict[tuple[str, str], set[str]], host: str, data: dict[str, Any]) -> None:
    """Keep whom a gateway says that it shuts out; what a later task of the same host says takes its place."""
    if not isinstance(data.get("blocked"), list):
        return
    for hosts in blocked.values():
        hosts.discard(host)
    for block in data["blocked"]:
        name = f"{block['domain']} and all below it" if block["subdomains"] else block["domain"]
        blocked.setdefault((name, f"{block['reason']} ({block['by']})"), set()).add(host)


def blocked_lines(blocked: dict[tuple[str, str], set[str]]) -> list[str]:
    """Render who is shut out, why and where, one domain a line, so that a block is not forgotten."""
    lines = [
        f"    {name} at {', '.join(sorted(hosts))}: {why}" for (name, why), hosts in sorted(blocked.items()) if hosts
    ]
    return ["  BLOCKED until released (playbooks/block.yml):", *lines] if lines else []


def _state(host: dict[str, Any]) -> str:
    if host["unreachable"]:
        return "UNREACHABLE"
    return "FAILED" if host["failed"] else "done"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"


def _write(path: str, data: dict[str, Any]) -> None:
    """Write JSON beside the file and swap it in, readable by its owner only."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, sort_keys=True, default=str)
    os.replace(temporary, path)
