"""What the inventory is said to mean, for partners of a test's own."""

from __future__ import annotations

from datetime import date
from typing import Any

from ansible.module_utils.fedgate.explain.inventory import Inventory
from ansible.module_utils.fedgate.explain.pair import explain_pair

from .office import HOST, ROOMS


def inventory(partners: list[dict[str, Any]], types: list[str], **more: Any) -> Inventory:
    """Return an inventory with one gateway, whose rooms are open to these types of partners, and ``more`` variables."""
    variables: dict[str, Any] = {
        "federation_xmpp_domains": [HOST],
        "federation_xmpp_components": [{"domain": ROOMS, "kind": "muc", "federated": types}],
        "federation_partners": partners,
        "federation_certificate": {"issuer": "local_ca", "ca_directory": "/srv/ca"},
        "edge_pool_fqdn": "edge.contoso.example",
        "edge_published_addresses": ["192.0.2.11"],
        "edge_pool_direct_tls_server_port": 5270,
        **more,
    }
    return Inventory({"edge1": variables}, origin_of=lambda _host, _steps: None, today=date(2026, 11, 27))


def rights(known: Inventory, who: str, whom: str) -> dict[tuple[str, str], str]:
    """Return the verdict on each kind of thing, by direction."""
    return {(item["what"], item["direction"]): item["verdict"] for item in explain_pair(known, who, whom)["rights"]}
