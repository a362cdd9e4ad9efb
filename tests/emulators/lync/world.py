"""The deployment that the emulator plays: its Central Management Store, topology, accounts and roles.

Sources: the project's facts about Lync Server 2013 (docs/lync-facts.md), named at each behaviour; what nobody could
look up is marked *guessed*.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .authority import Authority
from .machines import Machine
from .machines import usual as usual_machines
from .replication import Replication
from .topology import Topology
from .topology import usual as usual_topology

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


def _enterprise_ca() -> dict[str, Any]:
    authority = Authority("ca1.contoso.example\\Contoso CA")
    return {authority.name.lower(): authority}


@dataclass
class World:
    """All that the cmdlets work on. One lock: the Central Management Store takes one writer at a time.

    :ivar partners: by domain in lower case, in the order of creation.
    :ivar access_policies: by identity in lower case; :ivar users: by SIP address in lower case.
    :ivar access_edge: what was set of the Access Edge configuration.
    :ivar roles: RBAC roles by account name in lower case, without its domain.
    :ivar test_users: pools that have test users (New-CsHealthMonitoringConfiguration).
    :ivar machines: computers by FQDN in lower case; ``topology`` says which there are.
    :ivar holdings: certificates and files of each computer (``holdings.Holdings``), by FQDN in lower case.
    :ivar authorities: enterprise CAs (``authority.Authority``), by ``host\\name`` in lower case.
    :ivar sip_domains: those of the topology, the primary one first.
    :cvar STORED: the fields that the Central Management Store holds: replicas have copies of these.
    """

    STORED: ClassVar[tuple[str, ...]] = ("partners", "gateway", "access_policies", "access_edge", "topology")

    partners: dict[str, XmppPartner] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    gateway: dict[str, Any] = field(default_factory=dict)
    holdings: dict[str, Any] = field(default_factory=dict)
    authorities: dict[str, Any] = field(default_factory=_enterprise_ca)
    sip_domains: list[str] = field(default_factory=lambda: ["contoso.example"])
    access_policies: dict[str, AccessPolicy] = field(default_factory=_global_policy)
    users: dict[str, User] = field(default_factory=dict)
    access_edge: dict[str, Any] = field(default_factory=dict)
    test_users: set[str] = field(default_factory=lambda: {"pool1.contoso.example"})
    lock: threading.RLock = field(default_factory=threading.RLock)
    topology: Topology = field(default_factory=usual_topology)
    machines: dict[str, Machine] = field(default_factory=dict)
    writes: int = 0

    def __post_init__(self) -> None:
        if not self.machines:
            self.machines = usual_machines(self.topology)
        self.replication = Replication(self)

    def written(self) -> None:
        """Note a write to the Central Management Store: replicas are behind from now on."""
        self.writes += 1
        self.replication.written()

    def stored(self) -> dict[str, Any]:
        """Return a copy of what is in the Central Management Store."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self.STORED}

    def seen_by(self, computer: str) -> World:
        """Return the deployment as a computer's own copy of the store shows it."""
        held = self.replication.content(computer)
        if held is None:
            return self
        seen = copy.copy(self)
        vars(seen).update(held)
        return seen

    def granted(self) -> None:
        """Note a write to Active Directory: what is granted to users is kept there, not in the store."""
        self.writes += 1
