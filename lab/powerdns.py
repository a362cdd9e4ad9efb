"""A real PowerDNS of one's own: its zones in an SQLite file of a folder, changed through its HTTP interface."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from . import servers
from .errors import LabError

#: Debian's package pdns-server; the backend is pdns-backend-sqlite3.
SERVER = shutil.which("pdns_server") or "/usr/sbin/pdns_server"
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")

_CONFIG = """\
launch=gsqlite3
gsqlite3-database={folder}/zones.sqlite3
gsqlite3-pragma-synchronous=0
local-address={address}
local-port={port}
socket-dir={folder}
webserver=yes
webserver-address={address}
webserver-port={api_port}
webserver-allow-from={clients}
api=yes
api-key={api_key}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
version-string=anonymous
disable-syslog=yes
daemon=no
guardian=no
security-poll-suffix=
"""


class PowerDns:
    """One ``pdns_server`` process.

    :param folder: where its configuration (0600, it holds the key), zones and log are; kept from start to start.
    :param address: where it listens, for DNS and for its interface.
    :param clients: networks that may use the interface; this machine alone by default.
    :ivar port: of DNS, UDP and TCP.
    :ivar api_port: of the interface, plain HTTP.
    :ivar api_key: opens the interface.
    """

    def __init__(
        self,
        folder: Path,
        address: str = servers.LOOPBACK,
        *,
        port: int = 0,
        api_port: int = 0,
        clients: str = "",
        api_key: str = "",
    ) -> None:
        self.folder, self.address, self.clients = folder, address, clients or f"127.0.0.0/8,{address}"
        self.port = port or servers.free_port(address)
        self.api_port = api_port or servers.free_port(address)
        self.api_key = api_key or secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        """Tell whether the server and its backend are on this machine."""
        return Path(SERVER).exists() and SCHEMA.exists()

    def start(self) -> None:
        """Write the configuration, start, and wait until it answers. :raises LabError: it does not."""
        ipaddress.ip_address(self.address)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._prepare()
        with (self.folder / "pdns.log").open("ab") as log:
            self._process = self._run(log)
        if not servers.comes_up(self._process, self._answers):
            self.stop()
            raise LabError(f"pdns_server does not run:\n{(self.folder / 'pdns.log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End the process, and wait until it is gone."""
        servers.end(self._process)
        self._process = None

    def provider(self, *zones: str, **options: Any) -> dict[str, Any]:
        """Return an item of the module's option ``providers``; what is given replaces whole options."""
        return {
            "kind": "octodns",
            "service": "powerdns",
            "zones": list(zones),
            "settings": {"host": self.address, "port": self.api_port},
            "secrets": {"api_key": self.api_key},
            "timeout": 10,
            **options,
        }

    def make_zone(self, zone: str, *records: tuple[str, int, str, str]) -> None:
        """Make a zone that holds these records (name, TTL, type, data) beside its SOA and NS."""
        self._ask("POST", "/zones", {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns.{zone}."]})
        if records:
            self.edit(zone, *(("replace", name, ttl, rtype, data) for name, ttl, rtype, data in records))

    def drop_zone(self, zone: str) -> None:
        """Remove a zone."""
        self._ask("DELETE", f"/zones/{zone}.")

    def edit(self, zone: str, *edits: Sequence[Any]) -> None:
        """Change sets as somebody else: ``("replace", name, ttl, type, data…)`` or ``("delete", name, type)``."""
        sets = []
        for what, name, *rest in edits:
            if what == "delete":
                sets.append({"name": f"{name}.", "type": rest[0], "changetype": "DELETE"})
                continue
            ttl, rtype, *data = rest
            contents = [{"content": one, "disabled": False} for one in data]
            sets.append({"name": f"{name}.", "type": rtype, "ttl": ttl, "changetype": "REPLACE", "records": contents})
        self._ask("PATCH", f"/zones/{zone}.", {"rrsets": sets})

    def look(self, name: str, rtype: str) -> tuple[int, set[str]] | None:
        """Return TTL and data of a set as DNS gives it, or None."""
        import dns.message
        import dns.query
        import dns.rdatatype

        answer = dns.query.tcp(dns.message.make_query(name, rtype), self.address, port=self.port, timeout=10)
        for rrset in answer.answer:
            if dns.rdatatype.to_text(rrset.rdtype) == rtype:
                return int(rrset.ttl), {rdata.to_text() for rdata in rrset}
        return None

    def everything(self, zone: str) -> set[str]:
        """Return all records of a zone but its SOA, as text, with what is kept beside them (disabled, comments)."""
        found = set()
        for rrset in self._ask("GET", f"/zones/{zone}.")["rrsets"]:
            if rrset["type"] == "SOA":
                continue
            beside = "".join(f" ; {comment['content']}" for comment in rrset.get("comments", []))
            for record in rrset["records"]:
                off = " disabled" if record["disabled"] else ""
                found.add(f"{rrset['name']} {rrset['ttl']} {rrset['type']} {record['content']}{off}{beside}")
        return found

    def _prepare(self) -> None:
        values = {name: getattr(self, name) for name in ("folder", "address", "port", "api_port", "api_key", "clients")}
        path = self.folder / "pdns.conf"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(_CONFIG.format(**values))
        database = self.folder / "zones.sqlite3"
        if not database.exists():
            connection = sqlite3.connect(database)
            connection.executescript(SCHEMA.read_text())
            connection.close()

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([SERVER, f"--config-dir={self.folder}"], stdout=log, stderr=log, cwd=self.folder)

    def _answers(self) -> bool:
        try:
            self._ask("GET", "")
        except (LabError, OSError):
            return False
        return True

    def _ask(self, method: str, path: str, data: Any = None) -> Any:
        """Ask the interface as its administrator. :raises LabError: it refuses; its own words."""
        url = f"http://{_in_url(self.address)}:{self.api_port}/api/v1/servers/localhost{path}"
        request = urllib.request.Request(url, method=method, headers={"X-API-Key": self.api_key})
        if data is not None:
            request.data = json.dumps(data).encode()
            request.add_header("Content-Type", "application/json")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=10) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            raise LabError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(body) if body else None


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
