"""bin/lab against a real podman: hosts that work, repeat, repair, side by side, and nothing left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "bin" / "lab"
#: How often a run is killed; FEDGATE_REPEAT says which part of the full number.
KILLS = max(2, round(20 * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Lab:
    """A lab of this test's own, told from others by its name."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LAB_NAME": self.name}

    @property
    def directory(self) -> Path:
        return ROOT / "lab" / ".state" / self.name

    def __call__(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(LAB), *arguments],
            env=self.environment,
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=900,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(LAB), *arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def values(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.directory / "lab.json").read_text())
        return loaded

    def inspect(self, host: str, what: str) -> str:
        return podman("inspect", "--format", f"{{{{{what}}}}}", self.values()["prefix"] + host)


def podman(*arguments: str) -> str:
    return subprocess.run(["podman", *arguments], text=True, capture_output=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    one = Lab(f"test-{os.getpid()}-a")
    try:
        one("up", "edge1.tokyo")
        yield one
    finally:
        one("down", check=False)


def new_hosts(done: subprocess.CompletedProcess[str]) -> int:
    return int(done.stdout.strip().splitlines()[-1].split(" of them new")[0].split()[-1])


def is_well(lab: Lab) -> bool:
    said = lab("ssh", "edge1.tokyo", "getent hosts dns.lab.example && sudo -n id -un").stdout.split()
    return said[0] == lab.values()["addresses"]["dns"] and said[-1] == "root"


def test_a_second_up_changes_nothing(lab: Lab) -> None:
    before = [lab.inspect(host, ".Id") for host in ("dns", "edge1.tokyo")]
    assert new_hosts(lab("up", "edge1.tokyo")) == 0
    assert [lab.inspect(host, ".Id") for host in ("dns", "edge1.tokyo")] == before


def test_status_names_each_host_and_its_condition(lab: Lab) -> None:
    lines = lab("status").stdout.splitlines()
    conditions = {line.split()[0]: line.split()[2] for line in lines[1:]}
    assert conditions["dns"] == conditions["edge1.tokyo"] == "up"
    assert conditions["partner"] == "-"


def test_admin_logs_in_by_ssh_with_a_known_host_key_and_may_sudo(lab: Lab) -> None:
    said = lab("ssh", "edge1.tokyo", "id -un; sudo -n id -un; hostname -f; systemctl is-system-running").stdout.split()
    assert said == ["admin", "root", "edge1.tokyo.lab.example", "running"]


def test_an_edge_is_bare(lab: Lab) -> None:
    asked = "for p in prosody python3-cryptography python3-apt; do dpkg -s $p 2>/dev/null; done; ls /etc/ssh/*_key"
    assert lab("exec", "edge1.tokyo", "sh", "-c", asked).stdout.split() == ["/etc/ssh/ssh_host_ed25519_key"]


def test_secrets_are_for_root_only(lab: Lab) -> None:
    assert lab.directory.stat().st_mode & 0o77 == 0
    for name in ("lab.json", "ssh/id_ed25519", "ca/ca-key.pem"):
        assert (lab.directory / name).stat().st_mode & 0o777 == 0o600, name


def test_ansible_reaches_the_edge_and_becomes_root(lab: Lab) -> None:
    line = ["ansible", "-i", "inventories/lab", "edge1.tokyo", "--become", "-m", "command", "-a", "id -un", "-vvvv"]
    done = subprocess.run(line, cwd=ROOT, env=lab.environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "root" in done.stdout.split()
    # Pipelined: the module never becomes a file on the host.
    assert "AnsiballZ_command.py" not in "".join(line for line in done.stdout.splitlines() if "PUT" in line)


def test_a_missing_lab_is_one_clear_sentence_in_ansible() -> None:
    line = ["ansible", "-i", "inventories/lab", "edges", "-m", "ping"]
    environment = {**os.environ, "LAB_NAME": "never-made"}
    done = subprocess.run(line, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode != 0
    assert 'the lab "never-made" is not up. Run: bin/lab up' in done.stdout + done.stderr


# The name server


def dig(lab: Lab, *words: str) -> str:
    return lab("exec", "dns", "dig", "+tries=1", "+time=3", "@127.0.0.1", *words).stdout


def update(lab: Lab, *lines: str, signed: bool = True, tsig: dict[str, str] | None = None) -> str:
    """Send one UPDATE; return what nsupdate says, nothing when it was accepted. The key goes by standard input."""
    tsig = tsig or lab.values()["tsig"]
    key = [f"key {tsig['algorithm']}:{tsig['name']} {tsig['secret']}"] if signed else []
    script = "\n".join(["server 127.0.0.1", *key, *lines, "send", ""])
    done = lab("exec", "dns", "nsupdate", stdin=script, check=False)
    return (done.stdout + done.stderr).strip()


def test_unknown_names_fail_at_once_and_peers_are_found(lab: Lab) -> None:
    began = time.monotonic()
    assert "NXDOMAIN" in dig(lab, "www.unknown.test")
    assert time.monotonic() - began < 3
    assert dig(lab, "+short", "_xmpp-server._tcp.fabrikam.example", "SRV").strip() == "0 5 5269 xmpp.fabrikam.example."
    partner = lab.values()["addresses"]["partner"]
    assert dig(lab, "+short", "xmpp.fabrikam.example").strip() == partner


@pytest.mark.parametrize(
    ("zone", "record"),
    [
        ("contoso.example", "_xmpp-server._tcp.contoso.example 60 SRV 10 0 5269 edge.london.contoso.example."),
        ("contoso.example", "_xmpp-client._tcp.contoso.example 60 SRV 10 0 5222 edge.london.contoso.example."),
        ("contoso.example", "edge.london.contoso.example 60 A 192.0.2.1"),
        ("contoso.example", "_acme-challenge.contoso.example 60 TXT token"),
        ("contoso-asia.example", "_xmpp-server._tcp.contoso-asia.example 60 SRV 10 0 5269 edge.tokyo.contoso.example."),
    ],
)
def test_names_of_ours_can_be_updated_and_outlive_a_restart(lab: Lab, zone: str, record: str) -> None:
    name, _, kind = record.split()[:3]
    assert update(lab, f"zone {zone}", f"update add {record}") == ""
    # Forget the restarts before: systemd refuses the sixth within ten seconds.
    lab("exec", "dns", "sh", "-c", "systemctl reset-failed named; systemctl restart named")
    assert dig(lab, "+short", name, kind).split(), record
    assert update(lab, f"zone {zone}", f"update delete {name} {kind}") == ""


@pytest.mark.parametrize(
    ("zone", "record"),
    [
        ("contoso.example", "contoso.example 60 A 192.0.2.1"),
        ("contoso.example", "_sipfederationtls._tcp.contoso.example 60 SRV 0 0 5061 sip.contoso.example."),
        ("fabrikam.example", "_xmpp-server._tcp.fabrikam.example 60 SRV 0 0 5269 edge.london.contoso.example."),
        ("other.example", "_xmpp-server._tcp.other.example 60 SRV 0 0 5269 edge.london.contoso.example."),
    ],
)
def test_names_of_others_are_refused(lab: Lab, zone: str, record: str) -> None:
    assert "REFUSED" in update(lab, f"zone {zone}", f"update add {record}")


def test_an_unsigned_update_and_an_unsigned_transfer_are_refused(lab: Lab) -> None:
    assert "REFUSED" in update(
        lab, "zone contoso.example", "update add edge.london.contoso.example 60 A 1.1.1.1", signed=False
    )
    assert "Transfer failed" in dig(lab, "contoso.example", "AXFR")


# Repair


def kill(*pids: str) -> None:
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)


def wreck_conmon(lab: Lab) -> None:
    kill(lab.inspect("edge1.tokyo", ".State.ConmonPid"))


def wreck_everything(lab: Lab) -> None:
    for host in ("dns", "edge1.tokyo"):
        conmon, first = lab.inspect(host, ".State.ConmonPid"), lab.inspect(host, ".State.Pid")
        kill(conmon, first)  # as after a power cut: podman goes on to list them


def wreck_container(lab: Lab) -> None:
    podman("kill", lab.values()["prefix"] + "edge1.tokyo")


def wreck_network(lab: Lab) -> None:
    values = lab.values()
    file = Path("/etc/cni/net.d") / f"{values['network']}.conflist"
    if file.exists():
        file.write_bytes(file.read_bytes()[:60])
    else:
        podman("network", "rm", "--force", "--time", "0", values["network"])


def wreck_state(lab: Lab) -> None:
    (lab.directory / "lab.json").write_text('{"name": ')
    (lab.directory / "known_hosts").unlink()


def wreck_marker(lab: Lab) -> None:
    lab("exec", "edge1.tokyo", "rm", "/var/lib/fedgate-lab/marker.json")


def wreck_sshd(lab: Lab) -> None:
    lab("exec", "edge1.tokyo", "systemctl", "disable", "--now", "--quiet", "ssh")


@pytest.mark.parametrize(
    "wreck",
    [wreck_conmon, wreck_everything, wreck_container, wreck_network, wreck_state, wreck_marker, wreck_sshd],
    ids=lambda wreck: wreck.__name__.removeprefix("wreck_"),
)
def test_up_repairs_a_wreck(lab: Lab, wreck: Any) -> None:
    wreck(lab)
    assert new_hosts(lab("up", "edge1.tokyo")) >= 1
    assert is_well(lab)
    assert new_hosts(lab("up", "edge1.tokyo")) == 0


def test_a_lost_host_key_comes_back_without_a_new_host(lab: Lab) -> None:
    (lab.directory / "known_hosts").write_text("")
    assert new_hosts(lab("up", "edge1.tokyo")) == 0
    assert is_well(lab)


def test_two_at_once_wait_for_each_other(lab: Lab) -> None:
    wreck_container(lab)
    runs = [lab.start("up", "edge1.tokyo") for _ in range(2)]
    assert [run.wait(600) for run in runs] == [0, 0]
    assert is_well(lab)


@pytest.mark.soak
def test_up_after_being_killed_at_any_moment(lab: Lab) -> None:
    lab("down")
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for _ in range(KILLS):
        run = lab.start("up", "edge1.tokyo")
        time.sleep(moments.uniform(0.2, 6))
        run.kill()
        run.wait()
    lab("up", "edge1.tokyo")
    assert is_well(lab), f"seed {seed}"
    assert new_hosts(lab("up", "edge1.tokyo")) == 0


# Many


def test_a_fleet_grows_shrinks_and_is_reached_by_its_inventory(lab: Lab) -> None:
    lab("fleet", "3")
    assert new_hosts(lab("up", "fleet01", "fleet02", "fleet03")) == 0
    ids = [lab.inspect(host, ".Id") for host in ("fleet01", "fleet02")]
    lab("fleet", "2")
    assert [lab.inspect(host, ".Id") for host in ("fleet01", "fleet02")] == ids
    asked = [line.split()[0] for line in lab("status").stdout.splitlines() if line.startswith("fleet")]
    assert asked == ["fleet01", "fleet02"]
    line = ["ansible", "-i", str(lab.directory / "fleet.yml"), "fleet", "--become", "-m", "command"]
    line += ["-a", "/usr/bin/python3 -c 'import cryptography, os; print(\"uid\", os.getuid())'"]
    done = subprocess.run(line, cwd=ROOT, env=lab.environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("uid 0") == 2
    lab("fleet", "0")
    assert "fleet" not in lab("status").stdout


# Neighbours, and the end


def test_two_labs_side_by_side(lab: Lab) -> None:
    other = Lab(lab.name[:-1] + "b")
    try:
        other("up", "dns")
        ours, theirs = lab.values(), other.values()
        assert ours["subnet"] != theirs["subnet"]
        assert ours["prefix"] != theirs["prefix"]
        assert ours["tsig"]["secret"] != theirs["tsig"]["secret"]
        assert dig(other, "+short", "dns.lab.example").strip() == theirs["addresses"]["dns"]
    finally:
        other("down")
    assert is_well(lab)


def test_down_leaves_nothing(lab: Lab) -> None:
    values = lab.values()
    gateway = values["subnet"].replace(".0/24", ".1/24")
    lab("down")
    assert not lab.directory.exists()
    assert values["prefix"] not in podman("ps", "--all", "--format", "{{.Names}}")
    assert values["network"] not in podman("network", "ls", "--format", "{{.Name}}")
    assert gateway not in subprocess.run(["ip", "address"], text=True, capture_output=True, check=True).stdout
    left = [
        f for place in ("/etc/cni/net.d", "/var/lib/cni/networks") for f in Path(place).glob(f"{values['network']}*")
    ]
    left += list(Path("/run/lock").glob(f"*{values['hash']}*"))
    assert left == []
    assert lab("down").returncode == 0, "a second one is harmless"
    assert lab("status", check=False).returncode == 1


# Said in one line


def one_line(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, text=True, capture_output=True, check=False, cwd="/"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_missing_programs_are_named_with_the_line_that_installs_them(tmp_path: Path) -> None:
    for program in ("ssh", "ssh-keygen", "openssl", "tar", "ip", "unshare", "setpriv", "iptables"):
        (tmp_path / program).symlink_to("/bin/true")
    python = subprocess.run(
        ["python3", "-c", "import sys; print(sys.executable)"], text=True, capture_output=True, check=True
    )
    said = one_line(python.stdout.strip(), str(LAB), "up", PATH=str(tmp_path))
    assert "missing:" in said
    assert "podman" in said
    assert "apt-get install" in said


def test_without_root_it_says_why() -> None:
    with tempfile.TemporaryDirectory() as folder:  # the checkout itself may be closed to others
        Path(folder).chmod(0o755)
        without_state = shutil.ignore_patterns(".state", "__pycache__")
        for part in ("bin", "lab"):
            shutil.copytree(ROOT / part, Path(folder, part), ignore=without_state)
        said = one_line("setpriv", "--reuid", "65534", "--clear-groups", "python3", f"{folder}/bin/lab", "up")
    assert "needs root" in said
    assert "sudo" in said


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (("up", "edge9.paris"), {}, "no such host: edge9.paris; hosts are dns,"),
        (("up",), {"LAB_NAME": "../x"}, "LAB_NAME='../x'"),
        (("up",), {"LAB_SUITE": "buster"}, "use one of trixie, bookworm"),
        (("up",), {"LAB_MIRROR": "mirror.example"}, "give the http or https address"),
        (("fleet", "51"), {}, "fleet 51: use 0 to 50"),
        (("ssh", "dns"), {"LAB_NAME": "never-made"}, "run: bin/lab up"),
    ],
)
def test_bad_input_is_told_in_one_line(words: tuple[str, ...], environment: dict[str, str], expected: str) -> None:
    assert expected in one_line(str(LAB), *words, **environment)
