"""The summary at the end of a run: who is missing, what waits, what no gateway honours."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from .model.inventories import read, two_sites

PLUGIN = Path(__file__).resolve().parents[2] / "callback_plugins" / "fedgate_summary.py"


@pytest.fixture(scope="module")
def summary() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fedgate_summary", PLUGIN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def host(**fields: Any) -> dict[str, Any]:
    return {"changed": 0, "failed": [], "unreachable": None, "plans": [], "tasks_changed": [], **fields}


def test_a_missing_host_is_named_and_the_others_are_finished(summary: ModuleType) -> None:
    hosts = {"edge1.london": host(), "edge1.tokyo": host(unreachable="Connection refused\nmore")}
    lines = summary.summary_lines(hosts)
    assert "  edge1.tokyo: UNREACHABLE, 0 changes" in lines
    assert "    missing: Connection refused; run the same playbook again when it answers" in lines
    assert lines[-1] == "  NOT DONE: edge1.tokyo. All other hosts are finished."


def test_nobody_is_finished_when_all_failed(summary: ModuleType) -> None:
    failed = host(failed=[{"task": "Install", "msg": "broken\nlong"}])
    lines = summary.summary_lines({"edge1.london": failed})
    assert '    failed at "Install": broken' in lines
    assert lines[-1] == "  NOT DONE: edge1.london. No host is finished."


def test_what_waits_is_named(summary: ModuleType) -> None:
    waiting = {"kind": "certificate", "name": "edge1.london", "waiting_for": "the CA"}
    plan = [{"action": "create", "kind": "request_file", "name": "edge1.london", "before": None, "after": {}}]
    lines = summary.summary_lines({"edge1.london": host(plans=[{"plan": plan, "pending": [waiting]}])})
    assert lines[1:] == ["  edge1.london: done, 1 change", "    waiting: edge1.london: the CA"]


def test_what_is_not_honoured_is_said_once_for_each_rule(summary: ModuleType) -> None:
    partners = {f"p{number}.example" for number in range(5)}
    lines = summary.loss_lines({("proxy_fqdn", "The route is not used."): partners})
    assert lines[1] == "    p0.example, p1.example, p2.example and 2 more: proxy_fqdn: The route is not used."
    assert summary.loss_lines({}) == []


def test_how_certificates_stand(summary: ModuleType) -> None:
    found: dict[str, dict[str, Any]] = {}
    fresh = {"pool": "b", "expires": "2027-01-23 11:47:50Z", "days_left": 59, "renewed_from": "2027-01-03 11:47:50Z"}
    nothing = {"pool": "b", "expires": None, "days_left": None, "renewed_from": None}
    for standing in (nothing, fresh, nothing, {**nothing, "pool": "a"}):
        summary._note_certificate(found, {"standing": standing})
    assert summary.certificate_lines(found) == [
        "  CERTIFICATES",
        "    a: none yet",
        "    b: 59 days left, until 2027-01-23 11:47:50Z; is renewed from 2027-01-03 11:47:50Z",
    ]
    assert summary.certificate_lines({}) == []


def test_caa_records_on_offer(summary: ModuleType) -> None:
    value = '0 issue "ca.example; accounturi=https://ca.example/1"'
    lines = summary.caa_lines({("contoso.example", value)})
    assert lines[1] == f"    contoso.example. CAA {value}"
    wish = yaml.safe_load(lines[2].partition("to publish them: ")[2].partition(" (")[0])
    deployment = read(two_sites(**wish))
    assert {record.values for record in deployment.records() if record.type == "CAA"} == {(value,)}
    assert summary.caa_lines(set()) == []


def test_who_is_blocked_is_said_once_for_each_domain(summary: ModuleType) -> None:
    block = {"domain": "fabrikam.example", "since": 1, "reason": "spam", "by": "dora", "subdomains": False}
    found: dict[tuple[str, str], set[str]] = {}
    for name in ("edge1.tokyo", "edge1.london", "edge2.london"):
        summary._note_blocked(
            found, name, {"blocked": [block, {**block, "domain": "adatum.example", "subdomains": True}]}
        )
    summary._note_blocked(found, "edge2.london", {"blocked": []})  # released by a later task
    summary._note_blocked(found, "edge1.london", {"changed": False})
    assert summary.blocked_lines(found)[1:] == [
        "    adatum.example and all below it at edge1.london, edge1.tokyo: spam (dora)",
        "    fabrikam.example at edge1.london, edge1.tokyo: spam (dora)",
    ]
    assert summary.blocked_lines({}) == []
