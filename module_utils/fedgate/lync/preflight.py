"""What ``lync_preflight`` looks for: the manual steps that have to be done before anything here can work.

Sources: *Configuring XMPP federation* (Lync Server 2013); Get-CsAdminRole, Get-CsSite, Get-CsUser (cmdlet reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import FedgateError
from ..module import Context
from . import access_policy, values, windows_service
from .connection import read_connection
from .faults import NotAuthorised
from .reconciler import CONNECTION_ARGUMENTS
from .shell import Shell
from .topology import Pool, read_pools, read_sites

#: What the modules call on a Front End.
CMDLETS = (
    "Get-CsSite", "Set-CsSite", "Get-CsComputer", "Get-CsService", "Get-CsUser",
    "Get-CsManagementStoreReplicationStatus", "Invoke-CsManagementStoreReplication",
    "Get-CsXmppAllowedPartner", "New-CsXmppAllowedPartner", "Set-CsXmppAllowedPartner", "Remove-CsXmppAllowedPartner",
    "Get-CsXmppGatewayConfiguration", "Set-CsXmppGatewayConfiguration",
    "Get-CsExternalAccessPolicy", "New-CsExternalAccessPolicy", "Set-CsExternalAccessPolicy",
    "Remove-CsExternalAccessPolicy", "Grant-CsExternalAccessPolicy",
    "Get-CsAccessEdgeConfiguration", "Get-CsWindowsService", "Test-CsXmppIM",
)  # fmt: skip
ARGUMENTS: dict[str, Any] = {
    **CONNECTION_ARGUMENTS,
    "cmdlets": {"type": "list", "elements": "str", "default": []},
    "users": {"type": "list", "elements": "str", "default": []},
    "ignore_pools": {"type": "list", "elements": "str", "default": []},
    "federation": {"type": "bool", "default": True},
}
#: So many users are named; of more there is the number.
_NAMED = 5


class NotPrepared(FedgateError):
    """Manual steps are missing."""


@dataclass(frozen=True)
class Finding:
    """One step that is missing.

    :ivar check: cmdlets, route, services, federation, users.
    :ivar told: what is so; :ivar to_do: what somebody has to do.
    """

    check: str
    told: str
    to_do: str

    def __str__(self) -> str:
        return f"{self.told}. {self.to_do}"


def look(params: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Look at one server, in one session.

    :returns: ``findings`` (always empty), ``checks`` (names of what was looked at), ``calls``.
    :raises NotPrepared: with all steps that are missing, also as the detail ``findings``.
    """
    connection = read_connection(params)
    with Shell(connection) as shell:
        checks = _Checks(shell, params)
        findings = list(checks.run())
        calls = shell.calls
    if findings:
        lines = "\n".join(f"  - {finding}" for finding in findings)
        steps = "1 manual step is missing" if len(findings) == 1 else f"{len(findings)} manual steps are missing"
        raise NotPrepared(
            f"{connection.host} is not prepared for XMPP federation: {steps}; nothing was changed:\n{lines}",
            details={"findings": [asdict(finding) for finding in findings]},
        )
    return {"findings": [], "checks": checks.done, "calls": calls}


class _Checks:
    """The checks of one server, in the order in which the steps are done by hand."""

    def __init__(self, shell: Shell, params: Mapping[str, Any]) -> None:
        self.shell = shell
        self.params = params
        self.done: list[str] = []
        self.lacking: set[str] = set()

    def run(self) -> Iterator[Finding]:
        """Yield what is missing. What the account may not look at is named once, by the cmdlet that it lacks."""
        edge = self.shell.connection.endpoint == "edge"
        checks = (
            (self._services,) if edge else (self._cmdlets, self._route, self._services, self._federation, self._users)
        )
        for check in checks:
            self.done.append(check.__name__.strip("_"))
            try:
                yield from check()
            except NotAuthorised:
                if not self.lacking:
                    raise

    def _cmdlets(self) -> Iterator[Finding]:
        """RBAC: a session has the cmdlets of its account's roles. Those that are missing are no error here."""
        cmdlets = self.params["cmdlets"] or CMDLETS
        wanted = {"Name": list(cmdlets), "ErrorAction": "SilentlyContinue"}
        found = {str(values.properties(item).get("Name")).lower() for item in self.shell.call("Get-Command", wanted)}
        missing = [name for name in cmdlets if name.lower() not in found]
        self.lacking = set(missing)
        if missing:
            yield Finding(
                "cmdlets",
                f"the roles of {self.shell.connection.username} lack {', '.join(missing)}",
                "Put the account into CsAdministrator, or into a role that has them (Get-CsAdminRole).",
            )

    def _route(self) -> Iterator[Finding]:
        if not any(site.route for site in read_sites(self.shell).values()):
            yield Finding(
                "route",
                "no site has an XMPP federation route",
                "In Topology Builder, turn on XMPP federation for the Edge pool and for the site, and publish the "
                "topology.",
            )

    def _services(self) -> Iterator[Finding]:
        endpoint = self.shell.connection.endpoint
        title = windows_service.TITLES[endpoint]["xmpp"]
        if not any(service.key == "xmpp" for service in windows_service.read_all(self.shell)):
            yield Finding(
                "services",
                f"{self.shell.connection.host} has no service {title}",
                "Run setup again there (Deployment Wizard, step 2), after the topology with the XMPP route was "
                "published.",
            )

    def _federation(self) -> Iterator[Finding]:
        if not self.params["federation"]:
            return
        (item,) = self.shell.call("Get-CsAccessEdgeConfiguration")
        if not values.boolean(values.properties(item).get("AllowFederatedUsers")):
            yield Finding(
                "federation",
                "AllowFederatedUsers is false: nobody may federate, by SIP or XMPP",
                "Decide that SIP federation may be open too, and set it (lync_access_edge with open_sip_federation).",
            )

    def _users(self) -> Iterator[Finding]:
        """Only pools of 2013 and 2015 reach the XMPP gateway; users are asked for only where there are others."""
        ignored = {name.lower() for name in self.params["ignore_pools"]}
        others = {
            name: pool
            for name, pool in read_pools(self.shell, "Registrar").items()
            if not pool.has_xmpp and name not in ignored
        }
        if not others:
            return
        homed: dict[str, list[str]] = {}
        wanted = {name.lower().removeprefix("sip:") for name in self.params["users"]}
        for item in self.shell.call("Get-CsUser"):
            address, _policy = access_policy.read_user(item)
            pool = (values.text(values.properties(item).get("RegistrarPool")) or "").lower()
            if pool in others and (not wanted or address in wanted):
                homed.setdefault(pool, []).append(address)
        for pool, addresses in sorted(homed.items()):
            yield _misplaced(others[pool], sorted(addresses))


def _misplaced(pool: Pool, addresses: Sequence[str]) -> Finding:
    named = ", ".join(addresses[:_NAMED])
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return Finding(
        "users",
        f"users are homed on {pool.fqdn}, which runs {pool.product} and does not reach the XMPP gateway: {named}{more}",
        "Move them to a pool of 2013 or 2015 (Move-CsUser), or name the pool in ignore_pools.",
    )
