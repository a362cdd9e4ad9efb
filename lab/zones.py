"""The DNS of the lab: BIND's configuration and zones, as texts. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .identity import HOST_DOMAIN, HOSTS
from .resolver import Outside

#: Domain → further labels below it that Fedgate may manage: sites (with the pools below them), components, hosts.
DYNAMIC = {
    "contoso.example": ("london", "tokyo", "paris", "conference", "edge", "www", "xmpp-test"),
    "contoso-asia.example": ("london", "tokyo", "conference", "edge", "xmpp-test"),
}
#: Zones of ours that others host, on this machine: zone → key of ``hosted`` in the lab's state.
HOSTED = {"contoso-cloud.example": "route53", "contoso-power.example": "powerdns"}
#: Peers' zones, which only their owners change: domain → host that serves it.
PEERS = {"fabrikam.example": "partner", "stranger.example": "stranger"}
#: A zone of somebody else on the same server: updates are refused.
FOREIGN = "other.example"
SERVICES = ("_xmpp-server", "_xmpp-client", "_xmpps-server", "_xmpps-client")
MANAGED_TYPES = "SRV A AAAA CNAME TXT CAA TLSA"
FOLDER = "/var/lib/bind"
#: Where the part lives that follows the controller's own network, and may change while the lab is up.
OUTSIDE_FILE = "/etc/bind/outside.conf"


def head(serial: int = 1, server: str = HOSTS["dns"].fqdn) -> str:
    """Return SOA and NS of a zone; negative answers live 5 s, so that a record that just appeared is soon seen."""
    return f"$TTL 60\n@ SOA {server}. hostmaster.{HOST_DOMAIN}. {serial} 3600 600 86400 5\n@ NS {server}.\n"


def files(state: Mapping[str, Any]) -> dict[str, str]:
    """Return path → text of all that does not depend on the world outside the lab."""
    addresses = state["addresses"]
    found = {"/etc/bind/named.conf": named_conf(state), f"{FOLDER}/{HOST_DOMAIN}": hosts_zone(addresses)}
    found |= {f"{FOLDER}/{domain}": head() for domain in DYNAMIC}
    found |= {f"{FOLDER}/{domain}": peer_zone(addresses[host]) for domain, host in PEERS.items()}
    found[f"{FOLDER}/{FOREIGN}"] = head() + f"@ A {addresses['stranger']}\nedge A {addresses['stranger']}\n"
    return found


def named_conf(state: Mapping[str, Any]) -> str:
    """Return ``named.conf``: zones, the update keys and what each may update."""
    tsig, acme = state["tsig"], state["acme"]["tsig"]
    static = (HOST_DOMAIN, *PEERS, FOREIGN)
    return f"""// The lab's only resolver: it knows all of the lab, and of the world only the package mirrors.
options {{
    directory "/var/cache/bind";
    listen-on {{ any; }};
    listen-on-v6 {{ none; }};
    recursion yes;
    allow-query {{ any; }};
    allow-recursion {{ {state["subnet"]}; localhost; }};
    allow-transfer {{ key "{tsig["name"]}"; }};
    dnssec-validation no;
    empty-zones-enable no;
    max-cache-size 16m;
    max-ncache-ttl 5;
    notify no;
}};
{_key(tsig)}{_key(acme)}{"".join(_static(domain) for domain in static)}\
{"".join(_dynamic(domain, tsig["name"], acme["name"]) for domain in DYNAMIC)}\
{"".join(_hosted(domain, state["hosted"][host]) for domain, host in HOSTED.items())}\
include "{OUTSIDE_FILE}";
"""


def _key(tsig: Mapping[str, str]) -> str:
    return f'key "{tsig["name"]}" {{ algorithm {tsig["algorithm"]}; secret "{tsig["secret"]}"; }};\n'


def _static(domain: str) -> str:
    return f'zone "{domain}" {{ type primary; file "{FOLDER}/{domain}"; }};\n'


def _hosted(domain: str, host: Mapping[str, Any]) -> str:
    """Return a zone that is asked for where it is hosted."""
    server = f"{host['address']} port {host['dns_port']}"
    return f'zone "{domain}" {{ type forward; forward only; forwarders {{ {server}; }}; }};\n'


def _dynamic(domain: str, key: str, acme: str) -> str:
    """Return a zone that the key may update, in the names that are Fedgate's to manage and in no others.

    :param acme: the key that may answer challenges for the domain and its components, and nothing else.
    """
    grants = [f"grant {key} name {service}._tcp.{domain}. SRV TXT CNAME;" for service in SERVICES]
    grants += [f"grant {key} subdomain {label}.{domain}. {MANAGED_TYPES};" for label in DYNAMIC[domain]]
    grants += [f"grant {key} subdomain _acme-challenge.{domain}. TXT CNAME;"]
    grants += [f"grant {acme} name _acme-challenge.{name}. TXT;" for name in (domain, f"conference.{domain}")]
    rules = "".join(f"        {grant}\n" for grant in grants)
    return (
        f'zone "{domain}" {{\n    type primary; file "{FOLDER}/{domain}";\n    update-policy {{\n{rules}    }};\n}};\n'
    )


def hosts_zone(addresses: Mapping[str, str]) -> str:
    """Return the zone of the hosts' own names."""
    return head() + "".join(f"{host} A {address}\n" for host, address in addresses.items())


def peer_zone(address: str) -> str:
    """Return the zone of a peer: it federates by SRV, like everybody."""
    return head() + (
        f"@ A {address}\nxmpp A {address}\n_xmpp-server._tcp SRV 0 5 5269 xmpp\n_xmpp-client._tcp SRV 0 5 5222 xmpp\n"
    )


def outside_files(outside: Outside, dns: str) -> dict[str, str]:
    """Return path → text of the root zone and of the few names that lead out.

    The root is ours, so that an unknown name fails at once. A forwarded name is delegated there, or BIND would deny it
    from its own root instead of asking.

    :param dns: the lab's name server; a zone must name one that has an address in it.
    """
    serial = int(hashlib.sha256(repr(outside).encode()).hexdigest()[:7], 16)
    root = head(serial, "server.invalid") + f"server.invalid. A {dns}\n"
    root += "".join(f"{name}. NS server.invalid.\n" for name in (*HOSTED, *outside.forwarded))
    configuration = [f'zone "." {{ type primary; file "{FOLDER}/root"; }};']
    forwarders = " ".join(f"{address};" for address in outside.forwarders)
    configuration += [
        f'zone "{name}" {{ type forward; forward only; forwarders {{ {forwarders} }}; }};' for name in outside.forwarded
    ]
    found = {}
    for name, addresses in outside.pinned.items():
        configuration.append(_static(name).rstrip())
        found[f"{FOLDER}/{name}"] = head() + "".join(f"@ A {address}\n" for address in addresses)
    return {f"{FOLDER}/root": root, OUTSIDE_FILE: "\n".join(configuration) + "\n", **found}
