"""Small inventories as plain values, right unless a test changes them."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import SeveralErrors
from ansible.module_utils.fedgate.model.deployment import Deployment, read_deployment

TODAY = date(2026, 11, 23)
Hosts = dict[str, dict[str, Any]]

SHARED: dict[str, Any] = {
    "federation_xmpp_domains": ["contoso.example", "contoso-asia.example"],
    "federation_xmpp_components": [{"domain": "conference.contoso.example", "kind": "muc", "federated": True}],
    "federation_partners": [{"domain": "fabrikam.example", "type": "federated"}],
    "federation_certificate": {
        "issuer": "local_ca",
        "ca_directory": "/srv/ca",
        "ca_passphrase": "canary-passphrase",
        "country": "GB",
        "key": {"type": "ecdsa", "curve": "p256"},
    },
    "federation_dns_provider": {
        "kind": "rfc2136",
        "server": "192.0.2.53",
        "tsig_name": "fedgate.",
        "tsig_secret": "Y2FuYXJ5LXRzaWc=",
    },
}
LONDON = {"edge_pool_fqdn": "edge.london.contoso.example", "edge_pool_xmpp_domains": ["contoso.example"]}
TOKYO = {
    "edge_pool_fqdn": "edge.tokyo.contoso.example",
    "edge_pool_xmpp_domains": ["contoso-asia.example"],
    "edge_pool_priority": 20,
}


def two_sites(**shared: Any) -> Hosts:
    """London with two hosts, Tokyo with one; ``shared`` replaces or adds variables of all hosts."""
    hosts: Hosts = {
        "edge1.london": {**LONDON, "edge_published_addresses": ["192.0.2.11", "2001:db8::11"]},
        "edge2.london": {**LONDON, "edge_published_addresses": ["192.0.2.12"]},
        "edge1.tokyo": {**TOKYO, "edge_published_addresses": ["192.0.2.21"]},
    }
    return {name: deepcopy({**SHARED, **shared, **variables}) for name, variables in hosts.items()}


def lync_site(**shared: Any) -> Hosts:
    """One Lync pool with two hosts."""
    own = {
        "edge_pool_fqdn": "access.contoso.example",
        "edge_pool_backend": "lync",
        "edge_pool_webconf_fqdn": "webconf.contoso.example",
        "federation_sip_domains": ["contoso.example", "corp.contoso.example"],
        "federation_xmpp_domains": ["contoso.example"],
        "federation_xmpp_components": [],
        "federation_certificate": {"issuer": "manual", "requests_directory": "requests"},
        "federation_lync": {
            "front_end": "pool1.contoso.example",
            "username": "CONTOSO\\admin",
            "password": "canary-password",
            "dialback_passphrase": "canary-passphrase",
        },
    }
    hosts: Hosts = {
        "lync1": {**own, "edge_published_addresses": ["192.0.2.31"]},
        "lync2": {**own, "edge_published_addresses": ["192.0.2.32"]},
    }
    return {name: deepcopy({**SHARED, **variables, **shared}) for name, variables in hosts.items()}


def partners(*values: dict[str, Any]) -> dict[str, Any]:
    """The variable ``federation_partners`` with these partners, federated unless they say otherwise."""
    return {"federation_partners": [{"type": "federated", **value} for value in values]}


def read(hosts: Hosts) -> Deployment:
    """Read an inventory that is right."""
    return read_deployment(hosts, today=TODAY)


def errors_of(hosts: Hosts) -> list[str]:
    """Read an inventory that is wrong; return each error as users see it."""
    with pytest.raises(SeveralErrors) as caught:
        read(hosts)
    return [str(error) for error in caught.value.errors]


def only_error_of(hosts: Hosts) -> str:
    """Read an inventory with one mistake: one error, and nothing that merely follows from it."""
    errors = errors_of(hosts)
    assert len(errors) == 1, errors
    return errors[0]
