"""Two gateways that differ in our modules alone, made by our own playbooks, each on a host of its own."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import authority
from lab.runtime import podman

from .. import fleet
from ..errors import BenchError
from . import cases
from .cases import OURS, PLAIN
from .gateway import CONFIGURATION, Gateway

HOSTS = {OURS: "edge1.london", PLAIN: "edge1.tokyo"}
#: Where the gateways find the partners' addresses, in the manner of /etc/hosts.
NAMES = "/etc/prosody/partners.hosts"
#: Configuration, certificates, accounts: what one gateway is told, below /.
TOLD = ("etc/prosody", "etc/fedgate", "var/lib/prosody")
#: The users'; the hosts exist for as long as the suite runs.
PASSWORD = "correct-horse-battery"  # noqa: S105
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
        PLAIN: text.replace(_OURS, "").replace(_DISABLED, 'modules_disabled = { "offline" }'),
    }


@contextmanager
def gateways(folder: Path, tell: Callable[[], object]) -> Iterator[dict[str, Gateway]]:
    """Give both gateways, made; their lab is gone afterwards unless FEDGATE_KEEP_LAB is set."""
    with fleet.fleet(0, list(HOSTS.values())) as hosts:
        found = {side: Gateway(hosts, name, folder) for side, name in HOSTS.items()}
        _make(found, tell)
        yield found


def _make(sides: dict[str, Gateway], tell: Callable[[], object]) -> None:
    ours, plain = sides[OURS], sides[PLAIN]
    users = [{"jid": jid, "password": PASSWORD} for jid in (cases.ALICE, cases.DORA)]
    variables = {"xmpp_gateway_users": f"{{{{ {users} if inventory_hostname == '{ours.name}' else [] }}}}"}
    for name in ("certificates.yml", "gateway.yml"):
        ours.play(name, variables, tell, plain.name)
    # A line for each: libunbound reads no more than 1024 bytes of one.
    ours.write(NAMES, "".join(f"{ours.near} {name}\n" for name in cases.connected(cases.MOST_STREAMS)))
    _copy(ours, plain)
    for side, text in configurations(ours.shell(f"cat {CONFIGURATION}")).items():
        sides[side].write(CONFIGURATION, text)


def _copy(source: Gateway, target: Gateway) -> None:
    """Have one gateway told what another one is: names, keys and users are the same. :raises BenchError: if not."""
    target.shell("systemctl stop prosody; rm -rf " + " ".join(f"/{each}" for each in TOLD))
    taken = subprocess.run(
        podman("exec", source.container, "tar", "-C", "/", "-cf", "-", *TOLD), capture_output=True, check=False
    )
    given = subprocess.run(
        podman("exec", "-i", target.container, "tar", "-C", "/", "-xpf", "-"),
        input=taken.stdout, capture_output=True, check=False,
    )  # fmt: skip
    if taken.returncode or given.returncode:
        raise BenchError(f"{target.name} cannot be made like {source.name}: {(taken.stderr + given.stderr).decode()}")


def contexts(hosts: fleet.Fleet, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS contexts as a client and as a server, with a certificate of the lab's CA for all partners."""
    names = cases.connected(cases.MOST_STREAMS)
    last = cases.domain(cases.MOST_PARTNERS)
    chain, key = authority.ensure_certificate(Path(hosts.state["ca_directory"]), names[0], (*names[1:], last))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file = Path(place, "all.pem")
        file.write_bytes(key + chain)
        for context in (client, server):
            context.load_cert_chain(file)
    return client, server
