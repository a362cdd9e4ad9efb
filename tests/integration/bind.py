"""A real BIND of a test's own: on a high port of the loopback, in a folder of its own, gone afterwards."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Optional

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update

from lab import servers

NAMED = shutil.which("named") or "/usr/sbin/named"
ADDRESS = "127.0.0.1"
#: Key name → (algorithm, secret). ``fedgate`` may change our names only, ``limited`` only addresses, ``challenge`` only
#: the TXT records of ACME challenges.
KEYS = {
    "fedgate": ("hmac-sha256", base64.b64encode(b"the secret of the key fedgate...").decode()),
    "strong": ("hmac-sha512", base64.b64encode(b"the secret of the key strong" * 2).decode()),
    "limited": ("hmac-sha384", base64.b64encode(b"the secret of the key limited").decode()),
    "editor": ("hmac-sha256", base64.b64encode(b"somebody else's secret").decode()),
    "challenge": ("hmac-sha256", base64.b64encode(b"the secret of the key challenge.").decode()),
    # May transfer zones, and nothing else.
    "transfer": ("hmac-sha512", base64.b64encode(b"the secret of the key transfer").decode()),
}
#: What the policy of a zone grants to ``challenge``, which may change nothing else: docs/certificates.md.
CHALLENGE_NAMES = ("", "conference.", "edge.", "edge2.", "many.")
_POLICY = """update-policy {{
    grant editor zonesub ANY;
    grant strong zonesub ANY;
    grant limited zonesub A AAAA;
    grant fedgate zonesub SRV A AAAA CNAME TXT;
    {challenges}
    deny * subdomain {zone}.;
}};"""
#: The zones that take updates. ``deep`` stands below another one, at the same server.
DYNAMIC = ("contoso.example", "contoso-asia.example", "deep.contoso.example")
STATIC = "static.example"
#: A zone that ``fedgate`` may not change at all.
CLOSED = "closed.example"
#: A zone that cannot be loaded.
BROKEN = "broken.example"


class Bind:
    """One ``named`` process.

    :param root: whether it keeps a root zone of its own too.
    :param address: of the loopback network, where it listens; its zones name it as their name server.
    :param recursion: whether it is a resolver too, which follows an alias from one of its zones to another.
    :param nameservers: what its zones name as their servers; the first as the primary one (MNAME) too.
    :param transfers: who may transfer zones, as in ``allow-transfer``.
    :param records: lines of a zone file that each of its zones has besides.
    :param secondary_of: the server that it copies its first zone from, and answers for; it takes no changes then.
    :ivar port: where it listens, UDP and TCP.
    """

    def __init__(
        self,
        folder: Path,
        root: bool = False,
        address: str = ADDRESS,
        port: int = 0,
        recursion: bool = False,
        *,
        nameservers: Sequence[str] = ("ns",),
        transfers: str = "any",
        records: Iterable[str] = (),
        secondary_of: Optional[Bind] = None,
    ) -> None:
        self._root = root
        self._recursion = recursion
        self._nameservers = nameservers
        self._transfers = transfers
        self._records = "".join(f"{line}\n" for line in records)
        self._secondary_of = secondary_of
        self.folder = folder
        self.address = address
        self.port = port or servers.free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration, start, and wait until it answers."""
        self._configure()
        log = (self.folder / "named.log").open("ab")
        argv = [NAMED, "-g", "-n", "1", "-c", str(self.folder / "named.conf")]
        self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)
        if not servers.comes_up(self._process, self._answers):
            self.stop()
            raise RuntimeError(f"named does not run:\n{(self.folder / 'named.log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End the process, and wait until it is gone."""
        servers.end(self._process)
        self._process = None

    def provider(self, key: str = "fedgate", **options: Any) -> dict[str, Any]:
        """Return the module's ``provider`` option."""
        return {**self.options(self.port, key), "server": self.address, **options}

    @staticmethod
    def options(port: int, key: str = "fedgate") -> dict[str, Any]:
        """Return the module's ``provider`` option for any port of the loopback."""
        algorithm, secret = KEYS[key]
        return {
            "kind": "rfc2136",
            "server": ADDRESS,
            "port": port,
            "tsig_name": key,
            "tsig_algorithm": algorithm,
            "tsig_secret": secret,
            "timeout": 10,
        }

    def edit(self, zone: str, *edits: tuple[str, ...]) -> None:
        """Change records as somebody else: ``("add", name, ttl, type, data)`` or ``("delete", name[, type])``."""
        algorithm, secret = KEYS["editor"]
        message = dns.update.UpdateMessage(zone)
        message.use_tsig(dns.tsigkeyring.from_text({"editor": (algorithm, secret)}))
        for what, name, *rest in edits:
            getattr(message, what)(dns.name.from_text(name), *rest)
        answer = dns.query.tcp(message, self.address, port=self.port, timeout=10)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())

    def look(self, name: str, rtype: str) -> tuple[int, set[str]] | None:
        """Return TTL and data of a set as the server gives it, or None."""
        answer = dns.query.tcp(dns.message.make_query(name, rtype), self.address, port=self.port, timeout=10)
        for rrset in answer.answer:
            if dns.rdatatype.to_text(rrset.rdtype) == rtype:
                return rrset.ttl, {rdata.to_text() for rdata in rrset}
        return None

    def everything(self, zone: str) -> set[str]:
        """Return all records of a zone but its SOA, as text."""
        records = set()
        for message in dns.query.xfr(self.address, zone, port=self.port, lifetime=30):
            for rrset in message.answer:
                if rrset.rdtype != dns.rdatatype.SOA:
                    records.update(f"{rrset.name}.{zone} {rrset.ttl} {rrset.rdtype.name} {rdata}" for rdata in rrset)
        return records

    def _answers(self) -> bool:
        try:
            query = dns.message.make_query(DYNAMIC[0], "SOA")
            answer = dns.query.tcp(query, self.address, port=self.port, timeout=1)
        except (OSError, dns.exception.DNSException):
            return False
        return self._secondary_of is None or bool(answer.answer)  # a copy comes a little later

    def _configure(self) -> None:
        zones = [self._zone(zone, _policy(zone)) for zone in DYNAMIC]
        if self._secondary_of is not None:
            zones[0] = self._copy(DYNAMIC[0], self._secondary_of)
        zones.append(self._zone(STATIC, ""))
        zones.append(self._zone(CLOSED, "update-policy { grant editor zonesub ANY; };"))
        zones.append(f'zone "{BROKEN}" {{ type primary; file "{self.folder}/there-is-none.zone"; }};')
        if self._root:
            zones.append(self._zone(".", ""))
        keys = [
            f'key "{name}" {{ algorithm {algorithm}; secret "{secret}"; }};'
            for name, (algorithm, secret) in KEYS.items()
        ]
        recursion = "yes" if self._recursion else "no"
        options = (
            f'options {{ directory "{self.folder}"; pid-file none; session-keyfile none; lock-file none;\n'
            f"recursion {recursion}; listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};\n"
            f"dnssec-validation no; notify no; allow-transfer {{ {self._transfers}; }}; max-journal-size 1m; }};\n"
            "controls { };\n"
        )
        (self.folder / "named.conf").write_text(options + "\n".join(keys + zones) + "\n")
        os.chmod(self.folder / "named.conf", 0o600)

    @staticmethod
    def _copy(zone: str, primary: Bind) -> str:
        return f'zone "{zone}" {{ type secondary; primaries {{ {primary.address} port {primary.port}; }}; }};'

    def _zone(self, zone: str, policy: str) -> str:
        path = self.folder / f"{'root' if zone == '.' else zone}.zone"
        path.write_text(
            f"$TTL 300\n@ SOA {self._nameservers[0]} hostmaster 1 3600 600 86400 60\n"
            + "".join(f"@ NS {server}\n" for server in self._nameservers)
            + f"ns A {self.address}\nwww A 192.0.2.80\n_other._tcp SRV 1 2 3 www\n{self._records}"
        )
        return f'zone "{zone}" {{ type primary; file "{path}"; {policy} }};'


def _policy(zone: str) -> str:
    names = [f"_acme-challenge.{name}{zone}." for name in CHALLENGE_NAMES] + [f"delegated.{zone}."]
    return _POLICY.format(zone=zone, challenges="\n    ".join(f"grant challenge name {name} TXT;" for name in names))
