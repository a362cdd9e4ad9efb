"""How much a partner may use: its own limits, and those of all partners."""

from __future__ import annotations

from ..model.limits import DEFAULTS
from .inventory import Entry, Inventory, Said

VARIABLE = "federation_limits"
#: All limits; a bool is whether.
NAMES: tuple[str, ...] = tuple(DEFAULTS.as_facts())
#: What lets more pass when it is higher.
WIDER = tuple(name for name in NAMES if not name.startswith("keepalive"))
#: Limits that a partner may have of its own, with the name of what holds otherwise.
OF_A_PARTNER = {
    "connection_limit": "partner_connection_limit",
    "stanza_rate": "stanza_rate",
    "stanza_size": "stanza_size",
}


def limit_of_all(inventory: Inventory, name: str) -> Said:
    """Return a limit of all partners, and where it stands."""
    return inventory.said_in(VARIABLE, name, getattr(inventory.deployment.limits, name))


def limit_of(entry: Entry, key: str) -> Said:
    """Return a partner's limit: its own, else what holds for those who say nothing."""
    said = entry.said(key)
    return said if said.value is not None else limit_of_all(entry.inventory, OF_A_PARTNER[key])


def limits_for(inventory: Inventory, entry: Entry) -> list[Said]:
    """Return all limits that hold for a partner, each with the line that says so."""
    own = [limit_of(entry, key) for key in OF_A_PARTNER]
    keepalive = entry.said("keepalive")
    if keepalive.value:
        keepalive = limit_of_all(inventory, "keepalive")
    rest = ("keepalive_interval", "stream_establishment_timeout", "stream_inactivity_timeout", "connection_limit")
    for_all = [limit_of_all(inventory, name) for name in rest]
    return [*own, keepalive, *for_all[:-1], for_all[-1].called("connection_limit of all partners together")]
