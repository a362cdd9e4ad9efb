"""A Prosody with the policy module, in a container, for tests: its files lie in a folder that both sides see."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

from ansible.module_utils.fedgate.gateway.policy import digest_of, text_of

from lab import runtime

from ..pki import Served
from .wire import CLIENT, Stream

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "roles" / "xmpp_gateway" / "files" / "prosody"
#: Label of our containers: the process that made them.
OWNER = "fedgate.policy.owner"
HOSTS = ["contoso.example", "contoso-asia.example"]

CONFIGURATION = """
modules_enabled = { "roster", "saslauth", "tls", "dialback", "disco", "ping", "posix", "s2s_bidi",
  "admin_shell", %(modules)s }
modules_disabled = { %(disabled)s }
plugin_paths = { "/fedgate/modules" }
fedgate_policy_file = "/fedgate/policy.json"
fedgate_policy_check = 0.3
fedgate_blocked_file = "/fedgate/blocked.json"
fedgate_status_file = "/fedgate/status.json"
fedgate_status_interval = 0.3
fedgate_metrics_file = "/fedgate/fedgate.prom"
fedgate_audit = "/fedgate/audit.log"
fedgate_load_s2s = %(load_s2s)s
admin_socket = "/fedgate/prosody.sock"
s2s_require_encryption = %(strict)s
s2s_secure_auth = %(strict)s
s2s_direct_tls_ports = { 5270 }
s2s_timeout = 15
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
ssl = { cafile = "/fedgate/trust.pem", key = "/fedgate/key.pem", certificate = "/fedgate/chain.pem" }
s2s_direct_tls_ssl = { key = "/fedgate/key.pem", certificate = "/fedgate/chain.pem", cafile = "/fedgate/trust.pem" }
pidfile = "/run/prosody/prosody.pid"
log = { debug = "/fedgate/prosody.log" }
VirtualHost "contoso.example"
VirtualHost "contoso-asia.example"
Component "conference.contoso.example" "muc"
"""

LUA = """
package.path = "/usr/lib/prosody/?.lua;" .. package.path
package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath
pcall(require, "loader") -- 13.0 requires its own files by another name
local json = require "util.json"
"""


def podman(*arguments: str, check: bool = True, stdin: Optional[str] = None) -> str:
    """Run podman; return its output."""
    done = subprocess.run(runtime.podman(*arguments), input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"podman {' '.join(arguments)}: {done.stderr or done.stdout}")
    return done.stdout


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 10) -> Any:
    """Wait until a condition holds; return what it gave. :raises AssertionError: when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found = condition()
            if found:
                return found
        time.sleep(0.05)
    raise AssertionError(f"in {seconds} s it did not come to pass: {what}")


def row(
    tls: str = "required",
    sasl: str = "optional",
    dialback: bool = True,
    certificate: str = "any",
    kind: str = "federated",
    plaintext: bool = False,
) -> dict[str, Any]:
    """Return a partner's row as the policy file has it."""
    return {
        "type": kind,
        "tls": tls,
        "sasl": sasl,
        "dialback": dialback,
        "dialback_certificate": certificate,
        "allow_plaintext": plaintext,
    }


class Gateway:
    """One Prosody in one container.

    :param name: of the container.
    :param folder: a folder that the container sees as /fedgate.
    :param address: its address.
    """

    def __init__(self, name: str, folder: Path, address: str) -> None:
        self.name, self.folder, self.address = name, folder, address
        self.generation = 0

    # Files ------------------------------------------------------------------------------------------------------

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(text)
        temporary.chmod(0o644)
        temporary.replace(path)

    def furnish(self, served: Served, trust: str) -> None:
        """Put certificate, trust anchors and our modules in place."""
        self.folder.chmod(0o777)
        self.write("key.pem", served.key)
        self.write("chain.pem", served.chain)
        self.write("trust.pem", trust)
        self.restore_modules()

    def restore_modules(self) -> None:
        """Put our modules in place as they are in the project."""
        for file in MODULES.glob("*.lua"):
            self.write(f"modules/{file.name}", file.read_text())

    def configure(
        self,
        strict: bool = True,
        load_s2s: bool = True,
        policy: bool = True,
        extra: str = "",
        modules: tuple[str, ...] = (),
    ) -> None:
        """Write the configuration; ``modules`` are Prosody's, beside those that are always there."""
        ours = ("fedgate_guard", "fedgate_policy") if policy else ("fedgate_guard",)
        text = CONFIGURATION % {
            "modules": ", ".join(f'"{name}"' for name in (*modules, *ours)),
            "disabled": '"s2s"' if load_s2s else "",
            "load_s2s": "true" if load_s2s else "false",
            "strict": "true" if strict else "false",
        }
        self.write("prosody.cfg.lua", text + extra)

    # The policy -------------------------------------------------------------------------------------------------

    def policy(self, partners: dict[str, dict[str, Any]], hosts: Optional[list[str]] = None, **more: object) -> str:
        """Write a policy of the next generation, with ``more`` keys at its top; return its digest."""
        self.generation += 1
        content = {
            "local_hosts": HOSTS if hosts is None else hosts,
            "partners": {name: {"partner": name, **rules} for name, rules in partners.items()},
            **more,
        }
        text = text_of(content, self.generation)
        self.write("policy.json", text)
        return digest_of(text)

    def status(self) -> dict[str, Any]:
        """Return the status file's content."""
        content: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        return content

    def hangup(self, loaded: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Let Prosody read its files again; return the first status that shows that they are ``loaded``."""

        def look() -> Optional[dict[str, Any]]:
            status = self.status()
            return status if loaded(status) else None

        self.run("sh", "-c", "kill -HUP $(cat /run/prosody/prosody.pid)")
        return wait_until(look, "the status shows what was loaded")  # type: ignore[no-any-return]

    def enforce(self, partners: dict[str, dict[str, Any]], hosts: Optional[list[str]] = None, **more: object) -> None:
        """Write a policy and load it."""
        digest = self.policy(partners, hosts, **more)
        status = self.hangup(lambda status: status["digest"] == digest)
        assert (status["state"], status["reason"]) == ("enforcing", None), status

    def sessions(self, remote: str) -> list[dict[str, Any]]:
        """Return the authenticated streams with a domain."""
        return [item for item in self.status()["sessions"] if item["remote"] == remote]

    def session(self, remote: str, direction: str) -> dict[str, Any]:
        """Wait for a stream with a domain; return it."""

        def look() -> list[dict[str, Any]]:
            return [item for item in self.sessions(remote) if item["direction"] == direction]

        return wait_until(look, f"{direction} stream with {remote}")[0]  # type: ignore[no-any-return]

    def refusal(self, remote: str, direction: str, reason: str, host: str = "contoso.example") -> dict[str, Any]:
        """Wait until a refusal of a domain for a reason is counted; return its counter."""
        wanted = (remote, direction, reason, host)

        def look() -> list[dict[str, Any]]:
            counters = self.status()["refused"]
            return [i for i in counters if (i["remote"], i["direction"], i["reason"], i["local"]) == wanted]

        return wait_until(look, f"refused: {wanted}")[0]  # type: ignore[no-any-return]

    # The server -------------------------------------------------------------------------------------------------

    def run(self, *argv: str, check: bool = True, stdin: Optional[str] = None) -> str:
        """Run a program in the container."""
        return podman("exec", "-i", self.name, *argv, check=check, stdin=stdin)

    def lua(self, script: str, given: str = "") -> str:
        """Run a script in the Lua that Prosody runs on, with our modules and Prosody's own ``json`` in reach."""
        self.folder.chmod(0o777)
        self.restore_modules()
        self.write("script.lua", LUA + script)
        return self.run("lua5.4", "/fedgate/script.lua", stdin=given)

    def shell(self, command: str) -> str:
        """Run a command in Prosody's own shell."""
        return self.run("prosodyctl", "--config", "/fedgate/prosody.cfg.lua", "shell", command, check=False)

    def start(self, config: str = "/fedgate/prosody.cfg.lua") -> None:
        """Start Prosody and wait until it answers clients, which it does when all is loaded."""
        for name in ("status.json", "prosody.log"):
            (self.folder / name).unlink(missing_ok=True)
        self.run("install", "-d", "-o", "prosody", "-g", "prosody", "/run/prosody")
        podman("exec", "-d", "-u", "prosody", self.name, "prosody", "-F", "--config", config)
        wait_until(self._answers, "it answers")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, 5222), 5) as connection:
            stream = Stream(connection, CLIENT)
            stream.open(to="contoso.example")
            stream.read_header()
            return True
        return False

    def stop(self) -> None:
        """End Prosody and wait until it is gone."""
        script = "p=$(cat /run/prosody/prosody.pid) && kill $p; while kill -0 $p 2>/dev/null; do sleep 0.05; done"
        self.run("sh", "-c", f"{script}; rm -f /run/prosody/prosody.pid", check=False)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def user(self, address: str, password: str) -> None:
        """Create a user, Prosody stopped or not."""
        user, domain = address.split("@")
        self.run("su", "-s", "/bin/sh", "prosody", "-c",
                 f"prosodyctl --config /fedgate/prosody.cfg.lua register {user} {domain} {password}")  # fmt: skip

    def log(self) -> str:
        """Return the log."""
        return (self.folder / "prosody.log").read_text(errors="replace")


def remove_orphans() -> None:
    """Remove containers of test runs that were killed."""
    listed = json.loads(podman("ps", "-a", "--filter", f"label={OWNER}", "--format", "json") or "[]")
    for item in listed:
        if not Path(f"/proc/{item['Labels'][OWNER]}").exists():
            podman("rm", "-f", "-t", "0", item["Names"][0], check=False)


@contextlib.contextmanager
def container(name: str, image: str, network: str, address: str, resolver: str, folder: Path) -> Iterator[str]:
    """Run a container that does nothing by itself; it is gone afterwards."""
    podman("rm", "-f", "-t", "0", name, check=False)
    podman(
        "run", "-d", "--rm", "--name", name, "--label", f"{OWNER}={os.getpid()}",
        "--network", network, "--ip", address, "--dns", resolver, "--dns-search", ".",
        *runtime.limit_options(),
        # A shell that waits buries what killed programs leave behind: the dead count towards the container's limit.
        "-v", f"{folder}:/fedgate", image, "sh", "-c", "sleep infinity & wait",
    )  # fmt: skip
    try:
        yield name
    finally:
        podman("rm", "-f", "-t", "0", name, check=False)
