"""The usual way: for each partner a session, a look, and what has to be done. ``usual.py FILE``; needs pypsrp only.

FILE is JSON: ``way`` (host, port, username, password, authentication, ca_file) and ``partners``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

PARAMETERS = {
    "description": "Description",
    "type": "PartnerType",
    "tls": "TlsNegotiation",
    "sasl": "SaslNegotiation",
    "dialback": "SupportDialbackNegotiation",
    "keepalive": "EnableKeepAlive",
    "connection_limit": "ConnectionLimit",
}
ENUMERATIONS = ("type", "tls", "sasl")


def main(arguments: list[str]) -> int:
    """Bring all partners into line."""
    given = json.loads(Path(arguments[0]).read_text())
    for partner in given["partners"]:
        one(given["way"], partner["domain"], wanted(partner))
    return 0


def wanted(partner: dict[str, Any]) -> dict[str, Any]:
    """Return a partner's settings as parameters."""
    found = {}
    for name, parameter in PARAMETERS.items():
        value = partner[name]
        found[parameter] = value.title().replace("_", "") if name in ENUMERATIONS else value
    return found


def one(way: dict[str, Any], domain: str, settings: dict[str, Any]) -> None:
    """Bring one partner into line, in a session of its own."""
    wsman = WSMan(
        way["host"],
        port=way["port"],
        path="OcsPowershell",
        ssl=True,
        auth=way["authentication"],
        username=way["username"],
        password=way["password"],
        cert_validation=way["ca_file"],
    )
    with wsman, RunspacePool(wsman, configuration_name="Microsoft.PowerShell") as pool:
        found = call(pool, "Get-CsXmppAllowedPartner", {"Identity": domain}, missing_is_fine=True)
        if not found:
            call(pool, "New-CsXmppAllowedPartner", {"Identity": domain, **settings})
        elif any(str(found[0].adapted_properties.get(name, found[0].extended_properties.get(name))) != str(value)
                 for name, value in settings.items()):  # fmt: skip
            call(pool, "Set-CsXmppAllowedPartner", {"Identity": domain, **settings})


def call(pool: RunspacePool, cmdlet: str, parameters: dict[str, Any], missing_is_fine: bool = False) -> list[Any]:
    """Call one cmdlet and return its objects."""
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet).add_parameters(parameters)
    output = list(shell.invoke())
    if shell.streams.error and not missing_is_fine:
        raise SystemExit(f"{cmdlet} {parameters['Identity']}: {shell.streams.error[0]}")
    return output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
