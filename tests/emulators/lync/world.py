"""The deployment that the emulator plays: its Central Management Store, topology, accounts and roles.

Sources: the project's facts about Lync Server 2013 (docs/lync-facts.md), named at each behaviour; what nobody could
look up is marked *guessed*.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

GLOBAL = "Global"


@dataclass
class XmppPartner:
    """One item of the global list of XMPP allowed partners, with Microsoft's defaults."""

    domain: str
    additional_domains: list[str] = field(default_factory=list)
    description: str = ""
    partner_type: str = "PublicUnverified"
    tls: str = "Required"
    sasl: str = "Required"
    dialback: bool = True
    keepalive: bool = True
    connection_limit: int | None = None
    proxy_fqdn: str = ""


@dataclass
class AccessPolicy:
    """One external access policy.

    :ivar identity: ``Global``, ``Site:<name>`` or ``Tag:<name>``.
    :ivar settings: by the names of the cmdlets' parameters.
    :ivar unknown_for: how often Grant-CsExternalAccessPolicy does not know it yet.
    """

    identity: str
    settings: dict[str, Any] = field(default_factory=dict)
    unknown_for: int = 0


@dataclass
class User:
    """A user who is enabled for the product.

    :ivar address: SIP address, without ``sip:``.
    :ivar policy: name of the external access policy that is granted, without ``Tag:``.
    """

    address: str
    display_name: str
    registrar_pool: str
    policy: str | None = None


def _global_policy() -> dict[str, AccessPolicy]:
    return {"global": AccessPolicy(GLOBAL)}


@dataclass
class World:
    """All that the cmdlets work on. One lock: the Central Management Store takes one writer at a time.

    :ivar partners: by domain in lower case, in the order of creation.
    :ivar access_policies: by identity in lower case; :ivar users: by SIP address in lower case.
    :ivar access_edge: what was set of the Access Edge configuration.
    :ivar roles: RBAC roles by account name in lower case, without its domain.
    """

    partners: dict[str, XmppPartner] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    gateway: dict[str, Any] = field(default_factory=dict)
    access_policies: dict[str, AccessPolicy] = field(default_factory=_global_policy)
    users: dict[str, User] = field(default_factory=dict)
    access_edge: dict[str, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    writes: int = 0

    def written(self) -> None:
        """Note a write to the Central Management Store: replicas are behind from now on."""
        self.writes += 1

    def granted(self) -> None:
        """Note a write to Active Directory: what is granted to users is kept there, not in the store."""
        self.writes += 1
