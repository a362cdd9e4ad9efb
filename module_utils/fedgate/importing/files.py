"""The files of an inventory: their texts, with comments that say what was guessed and what somebody has to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .draft import Draft
from .items import Item, counts
from .text import comment, document, variable

_EDGES = "group_vars/edges"
_ALL = "Made from a running deployment of Lync Server. GUESSED, UNKNOWN and LEFT OUT say what to look at."


def files(draft: Draft) -> dict[str, str]:
    """Return the text of each file, by its path inside of the inventory."""
    found = {
        "hosts.yml": _hosts(draft),
        f"{_EDGES}/federation.yml": _federation(draft),
        f"{_EDGES}/partners.yml": _partners(draft),
        f"{_EDGES}/access.yml": _access(draft),
        f"{_EDGES}/lync.yml": _lync(draft),
        f"{_EDGES}/dns.yml": _dns(draft),
        f"{_EDGES}/vault.yml.sample": _vault(draft),
    }
    for place in draft.places:
        found[f"group_vars/{place.group}/pool.yml"] = document(
            [f"The Edge pool {place.internal} of the site {place.site}.", *place.remarks], place.variables.items()
        )
    return found


def _hosts(draft: Draft) -> str:
    head = [_ALL, "Names are those of the topology: they lead to the servers from inside."]
    head += [f"The model is not content yet. {reason}" for reason in draft.open]
    children = {place.group: {"hosts": dict(place.hosts.items())} for place in draft.places}
    return document(head, [("edges", {"children": _without_empty(children)})])


def _without_empty(children: Mapping[str, Any]) -> dict[str, Any]:
    """An empty mapping of a host is written as YAML has it."""
    return {
        name: {"hosts": {host: said or {} for host, said in group["hosts"].items()}} for name, group in children.items()
    }


def _federation(draft: Draft) -> str:
    if draft.dns.trouble:
        said = f"GUESSED: all SIP domains, for DNS could not be asked: {draft.dns.trouble}"
    elif draft.domains_guessed:
        said = "GUESSED: all SIP domains, for none of them has an SRV record _xmpp-server._tcp."
    else:
        said = "The SIP domains that have an SRV record _xmpp-server._tcp."
    return document(
        [_ALL],
        [
            ("federation_xmpp_domains", Item(draft.shared["federation_xmpp_domains"], [said])),
            ("federation_sip_domains", Item(draft.shared["federation_sip_domains"], ["Get-CsSipDomain."])),
            ("federation_limits", Item(draft.shared["federation_limits"], ["Get-CsXmppGatewayConfiguration."])),
        ],
    )


def _partners(draft: Draft) -> str:
    found = draft.shared["federation_partners"]
    out = sum(not counts(item) for item in found)
    head = [f"Get-CsXmppAllowedPartner: {len(found)} partners, {out} of them left out."]
    return document(head, [("federation_partners", found)])


def _access(draft: Draft) -> str:
    edge = draft.deployment["access_edge_configuration"].get("allow_federated_users")
    stands = "on" if edge else "OFF, so that nobody gets through"
    head = [
        "Get-CsExternalAccessPolicy, and whom it is granted to (Get-CsUser); beside a user, the pool of their home.",
        f"Above it stands AllowFederatedUsers of the Access Edge: it is {stands}.",
        "GUESSED for a Linux gateway: a user's site there is that of the domain, here that of the user's pool.",
    ]
    return document(head, [("federation_access_policies", draft.shared["federation_access_policies"])])


def _lync(draft: Draft) -> str:
    head = ["How the Front End was reached. The password belongs into vault.yml, see vault.yml.sample."]
    tail = []
    if draft.deployment["gateway_configuration"].get("dialback_passphrase"):
        tail.append("There is a dialback passphrase; nobody can read it, and it stays as it is.")
    return document(head, [("federation_lync", draft.shared["federation_lync"])], tail)


def _dns(draft: Draft) -> str:
    """Nothing is published before somebody says where: all of it is comments."""
    tail = [
        "Who takes DNS changes is not known: without federation_dns_provider nothing is changed there.",
        *(f"Look at: {note}" for note in draft.notes),
    ]
    lines = ["---", *(line for text in tail for line in comment(text))]
    lines += [
        f"# {line}"
        for line in variable("federation_dns_provider", {"kind": "rfc2136", "server": "ns1.contoso.example"})
    ]
    return "\n".join(lines) + "\n"


def _vault(draft: Draft) -> str:
    head = [
        "Secrets. Copy this file to vault.yml beside it, put in yours, and encrypt it: ansible-vault encrypt vault.yml",
        "Ansible does not read this sample.",
    ]
    names = ["vault_lync_password"]
    if any("ansible_password" in place.variables for place in draft.places):
        names.append("vault_edge_password")
    return document(head, [(name, "placeholder") for name in names])
