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
class World:
    """All that the cmdlets work on. One lock: the Central Management Store takes one writer at a time.

    :ivar partners: by domain in lower case, in the order of creation.
    :ivar roles: RBAC roles by account name in lower case, without its domain.
    :ivar holdings: certificates and files of each computer (``holdings.Holdings``), by FQDN in lower case.
    :ivar authorities: enterprise CAs (``authority.Authority``), by ``host\\name`` in lower case.
    :ivar sip_domains: those of the topology.
    """

    partners: dict[str, XmppPartner] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    gateway: dict[str, Any] = field(default_factory=dict)
    holdings: dict[str, Any] = field(default_factory=dict)
    authorities: dict[str, Any] = field(default_factory=dict)
    sip_domains: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    writes: int = 0

    def written(self) -> None:
        """Note a write to the Central Management Store: replicas are behind from now on."""
        self.writes += 1
