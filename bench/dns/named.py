"""The BIND of the suite: one zone, a key that may update it, a key that may transfer it, behind a wire that counts."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.tsig

from lab import servers

from ..errors import BenchError
from .records import ZONE, Row, others, zone_file
from .wire import ADDRESS, CHANGES, KINDS, Wire

NAMED = shutil.which("named") or "/usr/sbin/named"
ALGORITHM = "hmac-sha256"
UPDATE_KEY, TRANSFER_KEY = "bench-update", "bench-transfer"
_CONF = """options {{
    directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    recursion no; dnssec-validation no; notify no; empty-zones-enable no;
    listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }};
}};
controls {{ }};
key "{update}" {{ algorithm {algorithm}; secret "{update_secret}"; }};
key "{transfer}" {{ algorithm {algorithm}; secret "{transfer_secret}"; }};
zone "{zone}" {{
    type primary; file "{folder}/zone";
    update-policy {{ grant {update} zonesub SRV A AAAA CNAME TXT; }};
    allow-transfer {{ key {update}; key {transfer}; }};
}};
"""
_APEX = f"""$TTL 300
$ORIGIN {ZONE}.
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A {ADDRESS}
im A 192.0.2.10
"""


class Named:
    """A place to publish: see ``suite.Place``."""

    #: Kinds of requests that are counted, and the one that changes something.
    kinds: tuple[str, ...] = KINDS
    changing: str = CHANGES

    def __init__(self, folder: Path) -> None:
        if not os.access(NAMED, os.X_OK):
            raise BenchError("the program named is missing; install the package bind9")
        self._folder = folder
        self._port = servers.free_port()
        self._keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in (UPDATE_KEY, TRANSFER_KEY)}
        self._process: subprocess.Popen[bytes] | None = None
        self._wire = Wire(self._port)
        self._configure()

    def reset(self, count: int, _rate: float | None) -> None:
        """Start anew, with a zone that holds so many other records and nothing else."""
        self._stop()
        for left in self._folder.glob("zone*"):
            left.unlink()
        (self._folder / "zone").write_text(_APEX + zone_file(others(count)))
        self._start()
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        self._wire.clear()

    def counts(self) -> dict[str, int]:
        """Return how many messages of each kind came since ``clear``."""
        return self._wire.counts()

    def rows(self) -> list[Row]:
        """Return all records but those of the zone itself, not counted."""
        key = dns.tsig.Key(TRANSFER_KEY, self._keys[TRANSFER_KEY], ALGORITHM)
        zone = dns.name.from_text(ZONE)
        found = []
        for message in dns.query.xfr(ADDRESS, ZONE, port=self._port, lifetime=60, keyring=key, relativize=False):
            for rrset in message.answer:
                name, rtype = rrset.name.to_text(omit_final_dot=True), rrset.rdtype.name
                if rrset.name != zone and name not in (f"ns.{ZONE}", f"im.{ZONE}"):
                    found += [(name, rtype, int(rrset.ttl), rdata.to_text()) for rdata in rrset]
        return found

    def provider(self) -> dict[str, Any]:
        """Return what ``dns_records`` is given."""
        return {
            "kind": "rfc2136",
            **self.settings(),
            "transfer_tsig_name": TRANSFER_KEY,
            "transfer_tsig_algorithm": ALGORITHM,
            "transfer_tsig_secret": self._keys[TRANSFER_KEY],
        }

    def settings(self) -> dict[str, Any]:
        """Return where the server is, and the key that updates."""
        return {
            "server": ADDRESS,
            "port": self._wire.port,
            "tsig_name": UPDATE_KEY,
            "tsig_algorithm": ALGORITHM,
            "tsig_secret": self._keys[UPDATE_KEY],
        }

    def close(self) -> None:
        """End it."""
        self._wire.close()
        self._stop()

    def _configure(self) -> None:
        self._folder.mkdir(mode=0o700)
        file = self._folder / "named.conf"
        file.touch(0o600)
        file.write_text(
            _CONF.format(
                folder=self._folder, port=self._port, address=ADDRESS, zone=ZONE, algorithm=ALGORITHM,
                update=UPDATE_KEY, transfer=TRANSFER_KEY,
                update_secret=self._keys[UPDATE_KEY], transfer_secret=self._keys[TRANSFER_KEY],
            )
        )  # fmt: skip

    def _start(self) -> None:
        with (self._folder / "named.log").open("ab") as log:
            argv = [NAMED, "-g", "-n", "1", "-c", str(self._folder / "named.conf")]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder)
        if not servers.comes_up(self._process, self._answers):
            self._stop()
            raise BenchError(f"named does not run:\n{(self._folder / 'named.log').read_text()[-2000:]}")

    def _stop(self) -> None:
        servers.end(self._process)
        self._process = None

    def _answers(self) -> bool:
        try:
            answer = dns.query.tcp(dns.message.make_query(ZONE, "SOA"), ADDRESS, port=self._port, timeout=1)
        except (OSError, dns.exception.DNSException):
            return False
        return bool(answer.answer)
