"""Test-CsXmppIM: one of our users sends an instant message across the gateway.

Source: the cmdlet's reference, and *Testing XMPP capability* in the operations guide of Lync Server 2013, which shows
what success and failure look like. What the errors say is guessed, but for the one about a pool that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psrpcore.types import PSDuration

from .binder import Cmdlet, Parameter, number, one_of, switch, text
from .console import CmdletError, decorated

if TYPE_CHECKING:
    from .engine import Call
    from .topology import Pool
    from .world import World

TYPE = "Microsoft.Rtc.SyntheticTransactions.TaskOutput"  # guessed
_NO_PORT = (
    "Failed to read Registrar port number for the given fully qualified domain name (FQDN). Using default Registrar "
    "port number."
)
_NO_ANSWER = (
    "10060, A connection attempt failed because the connected party did not properly respond after a period of time, "
    "or established connection failed because connected host has failed to respond"
)


def _test(world: World, call: Call) -> Iterator[Any]:
    error, diagnosis = _tried(world, call)
    yield decorated(
        [TYPE, "System.Object"],
        {
            "TargetFqdn": call["TargetFqdn"],
            "Result": "Failure" if error else "Success",
            "Latency": PSDuration(timedelta(milliseconds=0 if error else 250)),
            "Error": error,
            "Diagnosis": diagnosis,
        },
        TYPE,
    )


def _tried(world: World, call: Call) -> tuple[str, str]:
    """Return what went wrong and why; empty texts when the message arrived."""
    pool = str(call["TargetFqdn"]).lower()
    found = world.topology.pools.get(pool)
    if found is None or found.role != "Registrar":
        call.console.warnings.append(_NO_PORT)
        return _NO_ANSWER, ""
    if pool not in world.test_users and "UserSipAddress" not in call:
        # The guide: without test users the command fails, as it does not know whom to log in as.
        raise CmdletError(f'Test users are not configured for the pool "{pool}".', "NoTestUsers", target=pool)
    domain = str(call["Receiver"]).lower().removeprefix("sip:").partition("@")[2]
    carrying = _carrying(world)
    if carrying is None:
        return "504, Server time-out", "No site has a route for XMPP federation."
    partners = _allowed(world, carrying)
    if domain not in partners:
        return "404, Not Found", f"{domain} is no allowed XMPP partner."
    if not _runs(world, found) or not _runs(world, carrying):
        return "504, Server time-out", "The XMPP Translating Gateway did not answer."
    return "", ""


def _carrying(world: World) -> Pool | None:
    routes = {site.xmpp_route for site in world.topology.sites.values()}
    return next((pool for pool in world.topology.pools.values() if pool.service in routes), None)


def _allowed(world: World, carrying: Pool) -> set[str]:
    """What the Edge Servers know by their own copies: any of them may carry the message."""
    known = [
        {name.lower() for partner in seen.partners.values() for name in (partner.domain, *partner.additional_domains)}
        for seen in map(world.seen_by, carrying.computers)
    ]
    return set.intersection(*known)


def _runs(world: World, pool: Pool) -> bool:
    machines = [world.machines[name.lower()] for name in pool.computers]
    return any("XMPP" in one.display_name and one.settle().status == "Running" for machine in machines
               for one in machine.services.values())  # fmt: skip


_AUTHENTICATIONS = ("TrustedServer", "Negotiate", "ClientCertificate", "LiveID")
CMDLETS = (
    Cmdlet(
        "Test-CsXmppIM",
        {
            "TargetFqdn": Parameter(text, mandatory=True),
            "Receiver": Parameter(text, mandatory=True),
            "UserSipAddress": Parameter(text),
            "Authentication": Parameter(one_of(*_AUTHENTICATIONS)),
            "RegistrarPort": Parameter(number(1, 65535)),
            "Force": Parameter(switch),
            "OutLoggerVariable": Parameter(text),
            "OutVerboseVariable": Parameter(text),
        },
        _test,
        frozenset({"CsAdministrator", "CsServerAdministrator"}),
        where=frozenset({"front_end"}),
    ),
)
