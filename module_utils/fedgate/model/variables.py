"""The inventory's variables: which there are, who must agree on them, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .problems import Problems, Where
from .suggest import did_you_mean

#: Who must have the same value: all hosts, the hosts of one pool, or nobody.
Scope = Literal["deployment", "pool", "host"]


@dataclass(frozen=True)
class Variable:
    """One variable of the inventory.

    :ivar scope: who must agree on its value.
    :ivar meaning: what it says, in one line.
    :ivar secret: whether the value, or a part of it, must never be shown.
    """

    name: str
    scope: Scope
    meaning: str
    secret: bool = False


_ALL = (
    Variable("federation_xmpp_domains", "deployment", "our XMPP domains: a list of domain names"),
    Variable("federation_sip_domains", "deployment", "our SIP domains (Lync): a list of domain names"),
    Variable("federation_xmpp_components", "deployment", "further services: a list of domain, kind, federated"),
    Variable("federation_partners", "deployment", "who may federate: a list of partners"),
    Variable("federation_access_policies", "deployment", "who of our own users may: a list of policies"),
    Variable("federation_limits", "deployment", "connections, times, stanza rate and size: a mapping"),
    Variable(
        "federation_certificate", "pool", "how edge certificates are requested and issued: a mapping", secret=True
    ),
    Variable(
        "federation_media_certificate", "pool", "likewise, the one for audio and video (Lync): a mapping", secret=True
    ),
    Variable("federation_lync", "deployment", "how Lync's Front End is reached: a mapping", secret=True),
    Variable("federation_trust_anchors", "host", "PEM files on the controller: private CAs of partners"),
    Variable("federation_dns_provider", "deployment", "who takes DNS changes: a mapping", secret=True),
    Variable("federation_dns_providers", "deployment", "likewise, several of them: a list of mappings", secret=True),
    Variable("federation_dns_ttl", "deployment", "seconds that others may keep our records: 60 to 86400"),
    Variable("federation_dns_resolvers", "host", "addresses of resolvers that probes ask"),
    Variable("federation_publish_xmpp_client", "deployment", "whether _xmpp-client records are published"),
    Variable(
        "federation_publish_sip_federation", "deployment", "whether _sipfederationtls records are published (Lync)"
    ),
    Variable("federation_publish_tlsa", "deployment", "whether TLSA records of the gateways' keys are published"),
    Variable("federation_caa", "deployment", "who may certify our names: a mapping"),
    Variable("federation_retired_xmpp_domains", "deployment", "former domains, said to have no service any more"),
    Variable("federation_retired_records", "deployment", "what becomes of their records: no_service or absent"),
    Variable("federation_retired_pools", "deployment", "former pools' names, whose addresses are removed"),
    Variable("federation_proxy_env", "host", "proxy variables for package downloads: a mapping of texts", secret=True),
    Variable("federation_edge_group", "deployment", "name of the group of all gateways, edges by default"),
    Variable("edge_pool_fqdn", "pool", "the pool's name, to which SRV records lead (Access Edge FQDN)"),
    Variable("edge_pool_site", "pool", "the site's name, for people and for access policies"),
    Variable("edge_pool_backend", "pool", "what runs there: prosody or lync"),
    Variable("edge_pool_xmpp_domains", "pool", "the domains that the pool serves; all by default"),
    Variable("edge_pool_priority", "pool", "SRV priority, 0 to 65535; the lowest is asked first"),
    Variable("edge_pool_weight", "pool", "SRV weight, 0 to 65535"),
    Variable("edge_pool_direct_tls_server_port", "pool", "port where servers connect by direct TLS; none by default"),
    Variable("edge_pool_direct_tls_client_port", "pool", "port where clients connect by direct TLS; none by default"),
    Variable("edge_pool_active_member", "pool", "the host that serves; the first by default"),
    Variable("edge_pool_webconf_fqdn", "pool", "web conferencing edge FQDN (Lync)"),
    Variable("edge_pool_lync", "pool", "how the pool's Edge Servers are reached (Lync): a mapping"),
    Variable("edge_pool_additional_names", "pool", "further names for the pool's certificate"),
    Variable("edge_published_addresses", "host", "addresses under which others reach the host"),
    Variable("edge_internal_addresses", "host", "addresses for one's own network, where they are others"),
    Variable("edge_listen_addresses", "host", "addresses on which the gateway listens"),
)
VARIABLES: Mapping[str, Variable] = {variable.name: variable for variable in _ALL}

PARTNERS = "federation_partners"
#: A variable of the role that builds gateways; the model is told only whether a host has it.
DIRECTORY = "xmpp_gateway_directory"
#: Names of roles, of what this product itself sets during a run, and of what playbooks/block.yml is told: not the
#: inventory's.
_NOT_OURS = (
    "federation_model", "federation_verif", "federation_probe", "edge_certificate", "federation_block",
    "federation_release",
)  # fmt: skip


def is_partner_list(name: str) -> bool:
    """Tell whether a variable holds partners: ``federation_partners`` or ``federation_partners_<scope>``."""
    return name == PARTNERS or (name.startswith(f"{PARTNERS}_") and len(name) > len(PARTNERS) + 1)


def concerns_us(name: str) -> bool:
    """Tell whether a variable's name is in our name space, known or not."""
    return name.startswith(("federation_", "edge_")) and not name.startswith(_NOT_OURS)


def place(name: str, host: str) -> Where:
    """Return the place of a host's variable; only what concerns one host names it."""
    return Where((name,), host if name.startswith("edge_") else None, host)


def check_names(hosts: Mapping[str, Mapping[str, Any]], problems: Problems) -> None:
    """Note variables of our name space that nobody reads: mostly a slip of the keyboard."""
    for host, variables in hosts.items():
        for name in variables:
            if concerns_us(name) and name not in VARIABLES and not is_partner_list(name):
                # They have long beginnings in common, which make all of them similar.
                meant = did_you_mean(name, VARIABLES, nearness=0.85)
                hint = f"Did you mean {meant}?" if meant else "Remove it, or give it a name without our prefix."
                problems.error(place(name, host), "no variable of this name is known", hint)
