"""The pure parts of the benchmarks: medians, the table, the JSON, the verdicts, and what the sides are given."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import certificates, cli, command, fleet, playbook, report, sides  # noqa: E402 - the path comes first
from bench.errors import BenchError  # noqa: E402
from bench.progress import Progress  # noqa: E402

STATE: dict[str, Any] = {
    "addresses": {"dns": "192.0.2.2"},
    "tsig": {"name": "fedgate.", "algorithm": "hmac-sha256", "secret": "c2VjcmV0"},
    "acme": {"directory_url": "https://192.0.2.24/dir", "ca_file": "/lab/ca.pem", "root_file": "/lab/root.pem"},
}
PYTHONS = Path("/ours/bin/python"), Path("/peer/bin/python")


def lines(title: str, ours: float, peer: float) -> list[report.Comparison]:
    return report.compare("certificates", title, [{"wall": ours}], [{"wall": peer}], "other 1.0")


def test_medians_are_taken_over_the_runs_of_each_side() -> None:
    ours = [{"wall": 2.0}, {"wall": 90.0}, {"wall": 3.0}]
    peer = [{"wall": 6.0, "sent per host": 1.0}, {"wall": 5.0, "sent per host": 1.0}]
    found = report.compare("certificates", "private CA, 1 host, first run", ours, peer, "other 1.0")
    assert [(line.metric, line.unit, line.ours, line.peer) for line in found] == [("wall", "s", 3.0, 5.5)]


def test_the_json_has_the_documented_keys() -> None:
    found = json.loads(report.as_json(lines("ACME, 1 host, first run", 1.0, 2.0)))
    assert found == [
        {
            "suite": "certificates",
            "case": "ACME, 1 host, first run",
            "metric": "wall",
            "unit": "s",
            "ours": 1.0,
            "peer": 2.0,
            "peer_name": "other 1.0",
        }
    ]
    assert json.loads(report.as_json([])) == []


def test_the_table_names_case_metric_both_values_and_their_ratio() -> None:
    text = report.table([*lines("case A", 1.0, 4.0), *lines("case B", 1.0, 0.0)])
    assert [line.split() for line in text.splitlines() if "wall" in line] == [
        ["wall", "1.00", "4.00", "0.25", "s"],
        ["wall", "1.00", "0.00", "-", "s"],
    ]
    assert text.index("case A") < text.index("case B")
    assert "other 1.0" in text


@pytest.mark.parametrize(
    ("title", "ours", "verdicts"),
    [
        ("private CA, 10 hosts, nothing to do", 5.0, [True]),
        ("private CA, 10 hosts, nothing to do", 5.1, [False]),
        ("private CA, 50 hosts, nothing to do", 9.9, []),
        ("private CA, 50 hosts, first run", 10.0, [True]),
        ("ACME, 1 host, first run", 10.1, [False]),
    ],
)
def test_targets_are_held_against_the_cases_that_they_are_about(title: str, ours: float, verdicts: list[bool]) -> None:
    found = report.judge(lines(title, ours, 10.0), certificates.TARGETS)
    assert [verdict.met for verdict in found] == verdicts
    assert all(title in verdict.text for verdict in found)


@pytest.mark.parametrize(("ours", "code", "word"), [(5.0, 0, "met"), (5.1, 1, "MISSED")])
def test_a_missed_target_is_named_and_ends_with_1(
    ours: float, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lines("ACME, 10 hosts, nothing to do", ours, 10.0)
    assert cli.conclude(report.Outcome(found, list(certificates.TARGETS))) == code
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(word)
    assert "at most 0.50 is wanted" in last


def test_a_case_with_one_host_is_not_taken_for_ten() -> None:
    titles = [case.title for case in certificates.cases(["private-ca"], [110, 10, 1])]
    assert titles == ["private CA, 1 host", "private CA, 10 hosts"]


def test_acme_is_measured_for_few_hosts_only() -> None:
    found = certificates.cases(list(sides.ISSUERS), [50, 1, 1])
    assert [(case.issuer, case.hosts) for case in found] == [("private-ca", 1), ("private-ca", 50), ("acme", 1)]


def test_figures_are_counted_per_host() -> None:
    counted = [
        {"task": "Make the key", "host": "a", "changed": True},
        {"task": "Make the key", "host": "b", "changed": False},
        {"module": "command", "on_host": True},
        {"module": "command", "on_host": True},
        {"module": "sign", "on_host": False},
        {"sent": 3000},
        {"sent": 1000},
    ]
    found = playbook.tally({"wall": 2.0, "cpu": 1.5}, counted, 2)
    assert found.changed == ("a: Make the key",)
    assert found.figures == {
        "wall": 2.0,
        "controller CPU": 1.5,
        "tasks per host": 1.0,
        "modules per host": 1.0,
        "modules on the controller": 1.0,
        "sent per host": 2.0,
    }
    assert {*found.figures, "hosts CPU"} == set(report.METRICS)


def test_how_far_a_run_has_come_is_said_in_words() -> None:
    counted = [
        {"task": "Make the key", "host": "a"},
        {"sent": 1},
        {"task": "Sign", "host": "a"},
        {"task": "Sign", "host": "b"},
    ]
    assert playbook.how_far(counted, 50) == "Sign, on 2 of 50 hosts"
    assert playbook.how_far([{"sent": 1}], 50) == "connecting"


def test_progress_counts_the_runs(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(24)
    for _ in range(2):
        progress.begin("ACME, 1 host, ours, first run")
    progress.underway("Sign, on 2 of 50 hosts")
    progress.done(3.14159)
    said = [line.partition("s  ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == [
        f"run 2 of 24: ACME, 1 host, ours, first run: {text}" for text in ("… Sign, on 2 of 50 hosts", "3.1 s")
    ]


@pytest.mark.parametrize("issuer", sides.ISSUERS)
def test_both_sides_get_the_same_but_their_folders(issuer: str, tmp_path: Path) -> None:
    pair = sides.sides(sides.ISSUERS[issuer], *PYTHONS)
    given = [sides.variables(STATE, ["fleet01", "fleet02"], side, issuer, tmp_path) for side in pair]
    assert [values.pop("chain").rsplit("/", 1)[1] for values in given] == ["chain.pem", "chain.pem"]
    assert given[0] == given[1]
    assert given[0]["federation_certificate"]["key"] == {"type": "rsa", "size": 2048}
    hosts = given[0]["federation_model"]["hosts"]
    assert not set(hosts["fleet01"]["certificate_names"]) & set(hosts["fleet02"]["certificate_names"])


@pytest.mark.parametrize("name", ["peer_private_ca.yml", "peer_acme.yml"])
def test_the_peer_makes_the_kind_of_key_that_ours_makes(name: str) -> None:
    (play,) = yaml.safe_load((playbook.PLAYBOOKS / name).read_text())
    (key,) = [task for task in play["tasks"] if task["name"] == "Make the private key"]
    arguments = key["community.crypto.openssl_privatekey"]
    assert (arguments["type"], arguments["size"]) == ("RSA", 2048)


def test_only_the_authority_is_left_before_a_first_run(tmp_path: Path) -> None:
    authority, folder = tmp_path / "authority", tmp_path / "ours"
    (authority / "issued").mkdir(parents=True)
    for name in sides.CA_FILES:
        (authority / name).write_text(name)
    (folder / "issued").mkdir(parents=True)
    sides.empty(folder, authority)
    assert sorted(path.name for path in folder.iterdir()) == sorted(sides.CA_FILES)


@pytest.mark.parametrize(
    ("file", "content", "seconds"),
    [
        ("cpuacct/x/y/cpuacct.usage", "2500000000\n", 2.5),
        ("x/y/cpu.stat", "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n", 1.5),
    ],
)
def test_cpu_time_of_hosts_is_read_from_either_version(tmp_path: Path, file: str, content: str, seconds: float) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(content)
    assert fleet.used([fleet.meter("/x/y", tmp_path)]) == seconds


def test_hosts_without_a_meter_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no CPU time is counted for /x/y"):
        fleet.meter("/x/y", tmp_path)


def test_the_command_ends_with_its_measurement(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    arguments = [
        str(tmp_path / "result"),
        str(tmp_path / "control"),
        str(tmp_path / "log"),
        "sh",
        "-c",
        "echo $$; exec sleep 60",
    ]
    measured = subprocess.Popen([sys.executable, str(command.MEASURED), *arguments])
    while not (said := (tmp_path / "log").read_text() if (tmp_path / "log").exists() else "").endswith("\n"):
        time.sleep(0.02)
    measured.terminate()
    measured.wait()
    end = time.monotonic() + 10
    while Path(f"/proc/{said.strip()}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{said.strip()}").exists()


def test_children_that_go_on_in_the_background_are_measured_too(tmp_path: Path) -> None:
    """As ssh's connection masters do: they leave their parent, and use CPU time after it has ended."""
    busy = "import os, time\nif os.fork() == 0:\n os.setsid()\n while time.process_time() < 0.3: pass\n"
    (tmp_path / "control").mkdir()
    arguments = [str(tmp_path / "result"), str(tmp_path / "control"), str(tmp_path / "log"), sys.executable, "-c", busy]
    subprocess.run([sys.executable, str(command.MEASURED), *arguments], check=True)
    used = json.loads((tmp_path / "result").read_text())
    assert used["code"] == 0
    assert used["cpu"] >= 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["routing"], "invalid choice: 'routing'"),
        (["certificates", "--hosts", "1,x"], "'x': use a whole number from 1 on"),
        (["certificates", "--hosts", "51"], "51 hosts: the fleet has at most 50"),
        (["certificates", "--repeat", "0"], "'0': use a whole number from 1 on"),
        (["certificates", "--issuers", "manual"], "no such issuer: manual; there are private-ca, acme"),
    ],
)
def test_usage_errors_end_with_2(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "missing/out.json"])
def test_a_file_that_cannot_be_written_is_said_before_the_work(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["certificates", "--json", str(tmp_path / place)]) == 2
    assert "that file cannot be written" in capsys.readouterr().err


def test_nothing_left_to_measure_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certificates", "--issuers", "acme", "--hosts", "50"]) == 2
    assert "ACME is measured for at most 10 hosts" in capsys.readouterr().err


def test_a_peer_that_is_not_installed_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="community.crypto is not installed"):
        certificates.peer_name(tmp_path / "python")


def test_a_playbook_that_fails_is_shown(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"fleet": {"hosts": {"a": {"ansible_connection": "local"}}}}))
    with pytest.raises(BenchError, match=r"(?s)check\.yml failed \(\d\).*chain"):
        playbook.run(Path(sys.executable), "check.yml", inventory, 1, tmp_path / "log")


def test_tasks_and_modules_are_counted_as_they_run(tmp_path: Path) -> None:
    """Skipped tasks do nothing; an action plug-in that starts two modules counts twice; a local host is no host."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "inventory.yml").write_text(json.dumps({"fleet": {"hosts": {"a": local, "b": local}}}))
    (tmp_path / "play.yml").write_text(f"""
- hosts: fleet
  gather_facts: false
  tasks:
    - ansible.builtin.command: 'true'
    - ansible.builtin.debug: {{msg: said}}
    - ansible.builtin.command: 'true'
      when: false
    - ansible.builtin.copy: {{content: x, dest: "{tmp_path}/{{{{ inventory_hostname }}}}", mode: '0600'}}
""")
    found = playbook.run(
        Path(sys.executable), str(tmp_path / "play.yml"), tmp_path / "inventory.yml", 2, tmp_path / "log"
    )
    assert found.figures["tasks per host"] == 3
    assert found.figures["modules on the controller"] == 2 * (1 + 2)
    assert found.figures["modules per host"] == found.figures["sent per host"] == 0
    assert sorted(found.changed) == [
        "a: ansible.builtin.command",
        "a: ansible.builtin.copy",
        "b: ansible.builtin.command",
        "b: ansible.builtin.copy",
    ]
