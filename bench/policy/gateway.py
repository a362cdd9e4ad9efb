"""The gateway: made by our own playbooks on a host of the lab, then run with our modules and without."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import authority
from lab.runtime import podman

from .. import command, fleet, playbook
from ..command import ROOT
from ..errors import BenchError
from . import cases
from .cases import OURS

NAME = "edge1.london"
CONFIGURATION = "/etc/prosody/prosody.cfg.lua"
#: Where the gateway finds the partners' addresses, in the manner of /etc/hosts.
NAMES = "/etc/prosody/partners.hosts"
STATUS = "/run/prosody/fedgate.json"
#: The servers' users; the host exists for as long as the suite runs.
PASSWORD = "correct-horse-battery"  # noqa: S105
START_SECONDS, PAUSE = 30.0, 0.05
_OURS = '"fedgate_guard"; "fedgate_policy";'
_LIMITS = '; "limits";'
_FIRST = "admins = {}\n"
_PARTNERS = f'unbound = {{ hoststxt = "{NAMES}" }}\n'
_DISABLED = 'modules_disabled = { "s2s" }'


def configurations(text: str) -> dict[str, str]:
    """Return the configuration of each side, from the one that our role wrote. They differ in our modules alone.

    Without a limit of the rate the gateway can be saturated; without a store for users who are offline, messages to
    them are refused by both sides.

    :raises BenchError: when it is not what it is known to be.
    """
    for part in (_OURS, _LIMITS, _DISABLED, _FIRST, ' "offline";'):
        if text.count(part) != 1:
            raise BenchError(f"{CONFIGURATION} does not have {part!r} once: this suite knows another template")
    text = text.replace(_LIMITS, ";").replace(' "offline";', "").replace(_FIRST, _FIRST + _PARTNERS)
    return {
        OURS: text.replace(_DISABLED, 'modules_disabled = { "s2s"; "offline" }'),
        cases.PLAIN: text.replace(_OURS, "").replace(_DISABLED, 'modules_disabled = { "offline" }'),
    }


class Gateway:
    """The host, with a gateway on it.

    :ivar address: its address; :ivar near: this machine's on the same network, which the partners have.
    """

    def __init__(self, hosts: fleet.Fleet, folder: Path) -> None:
        self._hosts, self._folder, self._log = hosts, folder, folder / "log"
        self._container = hosts.identity.container(NAME)
        self.address: str = hosts.state["addresses"][NAME]
        self.near = self.address.rpartition(".")[0] + ".1"
        self._sides: dict[str, str] = {}

    # Making it ----------------------------------------------------------------------------------------------------

    def make(self, tell: Callable[[], object]) -> None:
        """Make the gateway, and let it find the partners at this machine."""
        users = [{"jid": jid, "password": PASSWORD} for jid in (cases.ALICE, cases.DORA)]
        for name in ("certificates.yml", "gateway.yml"):
            self.play(name, {"xmpp_gateway_users": users}, tell)
        # A line for each: libunbound reads no more than 1024 bytes of one.
        self.write(NAMES, "".join(f"{self.near} {name}\n" for name in cases.connected(cases.MOST_STREAMS)))
        self._sides = configurations(self.shell(f"cat {CONFIGURATION}"))

    def play(self, name: str, variables: Mapping[str, Any], tell: Callable[[], object]) -> list[dict[str, Any]]:
        """Run a playbook of the project for this host; return the lines of the callback ``fedgate_bench``."""
        python = Path(sys.executable)
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            given, counts = Path(place, "variables.json"), Path(place, "counts")
            given.write_text(json.dumps(variables))
            argv = [
                str(python.with_name("ansible-playbook")), "-i", str(ROOT / "inventories" / "lab"),
                str(ROOT / "playbooks" / name), "--limit", NAME, "-e", f"@{given}",
            ]  # fmt: skip
            environment = {**playbook.settings(), "FEDGATE_BENCH_COUNTS": str(counts)}
            command.run(name, argv, environment, self._log, tell)
            return playbook.lines(counts)

    def contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return TLS contexts as a client and as a server, with a certificate of the lab's CA for all partners."""
        names = cases.connected(cases.MOST_STREAMS)
        last = cases.domain(cases.MOST_PARTNERS)
        store = Path(self._hosts.state["ca_directory"])
        chain, key = authority.ensure_certificate(store, names[0], (*names[1:], last))
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            file = Path(place, "all.pem")
            file.write_bytes(key + chain)
            for context in (client, server):
                context.load_cert_chain(file)
        return client, server

    # Running it ---------------------------------------------------------------------------------------------------

    def start(self, side: str) -> None:
        """Restart the server as one side, and wait until it listens."""
        self.write(CONFIGURATION, self._sides[side])
        listens = "ss -Hltn | grep -q ':5269 ' && ss -Hltn | grep -q ':5222 '"
        tries = int(START_SECONDS / PAUSE)
        self.shell(
            f"systemctl restart prosody; for i in $(seq {tries}); do {listens} && exit 0; sleep {PAUSE}; done; exit 1"
        )

    def meter(self) -> Callable[[], float]:
        """Return what reads the CPU seconds of the host's control group: the server, and a systemd that sleeps."""
        meters = self._hosts.meters([NAME])
        return lambda: fleet.used(meters)

    def memory(self) -> float:
        """Return how much memory of its own the server has, in MB."""
        pid = self.shell("systemctl show --property MainPID --value prosody").strip()
        return resident(self.shell(f"cat /proc/{pid}/status"))

    def status(self) -> dict[str, Any]:
        """Return what our modules report."""
        found: dict[str, Any] = json.loads(self.shell(f"cat {STATUS}"))
        return found

    def write(self, path: str, text: str) -> None:
        """Write a file of the host, keeping its owner and mode."""
        self.shell(f"cat >{path}", text)

    def shell(self, script: str, given: str = "") -> str:
        """Run a script on the host. :raises BenchError: when it fails."""
        argv = podman("exec", "-i", self._container, "sh", "-c", script)
        done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{NAME}: {script!r} failed ({done.returncode}): {done.stderr[-500:]}{done.stdout[-500:]}")
        return done.stdout


def resident(status: str) -> float:
    """Read ``VmRSS`` of a file /proc/PID/status, as MB (10⁶ bytes). :raises BenchError: when it is not there."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024 / 1e6
    raise BenchError("the server has no VmRSS in its /proc/PID/status; does it run?")


@contextmanager
def gateway(folder: Path, tell: Callable[[], object]) -> Iterator[Gateway]:
    """Give a gateway that is made; its lab is gone afterwards unless FEDGATE_KEEP_LAB is set."""
    with fleet.fleet(0, [NAME]) as hosts:
        found = Gateway(hosts, folder)
        found.make(tell)
        yield found
