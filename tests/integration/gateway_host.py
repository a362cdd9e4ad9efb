"""A gateway host of a lab of its own, in which tests may break what they like."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import ansible.module_utils

from .rollout import LAB_NAME, ROOT, Rollout

#: Beside the tests' lab, whose gateways other tests count on.
OWN_LAB = f"{LAB_NAME}-gateway"
HOST = "edge1.london"
_PLACE = "/root/fedgate-test"


@dataclass(frozen=True)
class Outcome:
    """What a module returned: its exit code, its result (None when it was killed), and what else it said."""

    code: int
    result: Optional[dict[str, Any]]
    error: str

    def plan(self) -> set[tuple[str, str, str]]:
        """Return the planned changes: action, kind, name."""
        return {(change["action"], change["kind"], change["name"]) for change in (self.result or {})["plan"]}


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which commands of the checkout run against the own lab."""
    return {**os.environ, "LAB_NAME": OWN_LAB, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **more}


def lab(*arguments: str, stdin: Optional[bytes] = None, check: bool = True) -> str:
    """Run ``bin/lab`` on the own lab. :returns: its standard output."""
    done = subprocess.run(
        [str(ROOT / "bin" / "lab"), *arguments],
        env=environment(),
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"bin/lab {' '.join(arguments)}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


def state() -> dict[str, Any]:
    """Return what the own lab remembers: addresses, users, the CA."""
    found: dict[str, Any] = json.loads((ROOT / "lab" / ".state" / OWN_LAB / "lab.json").read_text(encoding="utf-8"))
    return found


def shell(script: str, *, host: str = HOST, check: bool = True) -> str:
    """Run a shell script on a host as root. :returns: its standard output."""
    return lab("exec", host, "bash", "-c", script, check=check)


def play(
    playbook: str, *arguments: str, limit: str = HOST, inventories: tuple[str, ...] = ("lab",), **variables: Any
) -> Rollout:
    """Run a playbook of ``playbooks/`` for the host, or for those that ``limit`` names."""
    with tempfile.TemporaryDirectory() as folder:
        results, extra = Path(folder) / "results.json", Path(folder) / "variables.json"
        extra.write_text(json.dumps(variables), encoding="utf-8")
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *(f"--inventory=inventories/{name}" for name in inventories), f"playbooks/{playbook}",
            "--limit", limit, "-e", f"@{extra}", *arguments,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=ROOT, env=environment(FEDGATE_RESULTS_FILE=str(results)), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=600,
        )  # fmt: skip
        hosts = json.loads(results.read_text(encoding="utf-8"))["hosts"] if results.exists() else {}
    return Rollout(done.returncode, done.stdout, hosts)


def send_modules() -> None:
    """Bring the package and the runner to the host, as Ansible would."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("ansible/__init__.py"), io.BytesIO())
        archive.add(Path(ansible.module_utils.__path__[0]), "ansible/module_utils")
        archive.add(ROOT / "module_utils" / "fedgate", "ansible/module_utils/fedgate")
        archive.add(ROOT / "tests" / "integration" / "gateway_runner.py", "runner.py")
        archive.add(ROOT / "tests" / "integration" / "swap_runner.py", "swap_runner.py")
    unpack = f"rm -rf {_PLACE} && mkdir {_PLACE} && tar -xf - -C {_PLACE}"
    lab("exec", HOST, "bash", "-c", unpack, stdin=packed.getvalue())


def run_module(name: str, params: dict[str, Any], *, check: bool = False, die_at: int = 0) -> Outcome:
    """Run a module on the host. :param die_at: kill it before its Nth touch of the host; 0: never."""
    source = (ROOT / "library" / f"{name}.py").read_text(encoding="utf-8")
    order = json.dumps({"module": source, "params": params, "check": check, "die_at": die_at})
    done = subprocess.run(
        [str(ROOT / "bin" / "lab"), "exec", HOST, "bash", "-c", f"cd {_PLACE} && exec python3 runner.py"],
        env=environment(), cwd=ROOT, input=order, text=True, capture_output=True, check=False,
    )  # fmt: skip
    result = json.loads(done.stdout) if done.stdout.strip() else None
    return Outcome(done.returncode, result, done.stderr)


def run_swaps(order: dict[str, Any]) -> dict[str, Any]:
    """Let ``swap_runner.py`` kill installs on the host. :returns: its report."""
    source = (ROOT / "library" / "edge_certificate.py").read_text(encoding="utf-8")
    done = subprocess.run(
        [str(ROOT / "bin" / "lab"), "exec", HOST, "bash", "-c", f"cd {_PLACE} && exec python3 swap_runner.py"],
        env=environment(), cwd=ROOT, input=json.dumps({"module": source, **order}), text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def login(jid: str, password: str) -> str:
    """Log in as a client: ``ok``, or why not. The certificate is verified against the lab's CA."""
    done = subprocess.run(
        [sys.executable, "-c", _LOGIN, state()["addresses"][HOST], jid, state()["ca_certificate"]],
        input=password, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr[-2000:]


def bounced(jid: str, password: str, to: str) -> str:
    """Log in and send a message that does not arrive. :returns: the error's condition and text."""
    done = subprocess.run(
        [sys.executable, "-c", _SEND, state()["addresses"][HOST], jid, state()["ca_certificate"], to],
        input=password, text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr[-2000:]


_SEND = """
import asyncio, ssl, sys
import slixmpp

async def main(address, jid, authority, to):
    client = slixmpp.ClientXMPP(jid, sys.stdin.read())
    client.enable_direct_tls = False
    client.ssl_context = ssl.create_default_context(cafile=authority)
    answer = asyncio.get_running_loop().create_future()
    client.add_event_handler("session_start", lambda _: client.send_message(mto=to, mbody="x", mtype="chat"))
    client.add_event_handler("failed_auth", lambda _: answer.set_result("refused"))
    client.add_event_handler(
        "message_error",
        lambda got: answer.done() or answer.set_result(got["error"]["condition"] + ": " + got["error"]["text"]),
    )
    client.connect(address, 5222)
    print(await asyncio.wait_for(answer, 100))
    client.abort()

asyncio.run(main(*sys.argv[1:]))
"""


_LOGIN = """
import asyncio, ssl, sys
import slixmpp

async def main(address, jid, authority):
    client = slixmpp.ClientXMPP(jid, sys.stdin.read())
    client.enable_direct_tls = False
    client.ssl_context = ssl.create_default_context(cafile=authority)
    answer = asyncio.get_running_loop().create_future()
    for event, word in (("session_start", "ok"), ("failed_auth", "refused"), ("connection_failed", "unreachable")):
        client.add_event_handler(event, lambda _, word=word: answer.done() or answer.set_result(word))
    client.connect(address, 5222)
    print(await asyncio.wait_for(answer, 20))
    client.abort()

asyncio.run(main(*sys.argv[1:]))
"""
