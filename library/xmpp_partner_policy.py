#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_partner_policy
short_description: Makes a running XMPP gateway federate with the listed partners and nobody else
version_added: "0.1.0"
author: Fedgate authors
description:
  - Compiles the partners to the policy of the gateway's server, writes it, and lets the running server load it without
    a restart; streams of partners whose rules stay are not interrupted.
  - Done only when the running server reports that it enforces this very policy. When it does not, or not within
    O(timeout), the former policy is put back.
  - The policy is whole. A partner that is not listed has no access; an empty list closes the gateway to all.
  - A policy file that is not as it was written (edited by hand, cut short, with other rights) is a difference, and is
    replaced. So is an alarm that the running server raises; the server is told to load the policy again.
  - What the server cannot honour of a partner's rules stops the run before anything is changed, unless that partner
    waives it by the rule's name. Everything that is lost, waived or not, is in RV(loss).
  - With O(server=ejabberd), on an ejabberd of your own that includes O(path), only the list of partners and the demand
    for TLS are enforced. Where a partner goes, all streams with other servers are closed, and open again by themselves.
extends_documentation_fragment: [fedgate]
options:
  server:
    description:
      - Kind of gateway. V(prosody) is one made by M(xmpp_gateway); V(ejabberd) one that you keep yourself, prepared as
        docs/ejabberd-policy.md says.
    type: str
    choices: [prosody, ejabberd]
    default: prosody
  partners:
    description:
      - The partners as M(federation_model) publishes them, at most 100,000 domains in all. Defaults are the model's,
        and so those of C(New-CsXmppAllowedPartner) of Lync Server 2013.
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description: Primary domain.
        type: str
        required: true
      additional_domains:
        description: Further domains of the same partner.
        type: list
        elements: str
        default: []
      description:
        description: For people; not used.
        type: str
      type:
        description:
          - How far the partner's users are trusted. V(federated) may reach ours unasked and see all of their presence,
            V(public_verified) not what is private; V(public_unverified) reaches only users who have added the contact.
        type: str
        choices: [federated, public_verified, public_unverified]
        default: public_unverified
      tls:
        description: Whether streams must be encrypted.
        type: str
        choices: [required, optional, not_supported]
        default: required
      sasl:
        description: Whether the partner authenticates by its certificate (SASL EXTERNAL).
        type: str
        choices: [required, optional, not_supported]
        default: required
      dialback:
        description: Whether server dialback is accepted and used.
        type: bool
        default: true
      dialback_certificate:
        description: V(valid) demands that a partner who uses dialback has a valid certificate all the same.
        type: str
        choices: [any, valid]
        default: any
      keepalive:
        description: Whether idle connections with the partner get signs of life; without it as in O(limits).
        type: raw
      connection_limit:
        description: Connections with the partner, 1 to 4294967295; without it as in O(limits).
        type: raw
      stanza_rate:
        description: Stanzas a second that are read from the partner, 1 to 1000000; without it as in O(limits).
        type: raw
      stanza_size:
        description: Bytes of its largest stanza, 10000 to 16777216; without it as in O(limits).
        type: raw
      proxy_fqdn:
        description:
          - Name under which the partner's server is found, in place of its domain. The name in its certificate stays
            the domain.
        type: str
      allow_plaintext:
        description:
          - The waiver for plaintext. Without it nothing goes unencrypted, and a combination that leaves unencrypted
            dialback is refused.
        type: bool
        default: false
      waive:
        description:
          - Rules that this partner gives up where the server cannot honour them. V(auto_approval), V(consent),
            V(private) and V(host) are parts of O(partners[].type); further V(components), V(tls), V(sasl), V(dialback),
            V(dialback_certificate), V(keepalive), V(connection_limit), V(stanza_rate), V(stanza_size), V(proxy_fqdn),
            V(limits) and V(scope).
          - A rule that is named here and honoured is a warning.
        type: list
        elements: str
      echo_address:
        description: For probes; not used.
        type: str
      expires:
        description: The model has checked it; not used.
        type: raw
      methods:
        description: Methods of authentication that are left; the model has worked them out; not used.
        type: list
        elements: str
      verdict:
        description: The model's verdict on the combination; not used.
        type: str
  local_hosts:
    description: Our domains and components that may federate.
    type: list
    elements: str
    required: true
  components:
    description:
      - Our components, as M(federation_model) publishes them. One that is in O(local_hosts) is open to the types of
        partners that are named here, and closed to all others.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description: The component's name.
        type: str
        required: true
      kind:
        description: What it is; not used.
        type: str
      federated:
        description: V(true) is federated partners, V(false) nobody; or a list of types of partners.
        type: raw
        default: false
  limits:
    description:
      - What holds for all partners that say nothing else, as M(federation_model) publishes it. Keys are those of the
        inventory's C(federation_limits) - C(connection_limit), C(partner_connection_limit), C(keepalive),
        C(keepalive_interval), C(stream_establishment_timeout), C(stream_inactivity_timeout), C(stanza_rate),
        C(stanza_size) - and so are the defaults of those that are missing.
      - Without the option, the limits of Lync Server hold, which has no stanza rate, and a stanza may have as many
        bytes as the server says; with O(server=ejabberd) nothing is asked for.
    type: dict
  scope:
    description:
      - Who of our own users may federate, as M(federation_model) publishes it for a host. Without it everybody may.
      - What is nearest to a user counts, in the order users, groups, hosts. Of several groups of a user, one that
        refuses counts. Users of a host that is not named may not federate.
    type: dict
    suboptions:
      policies:
        description: Policies by name, each V(true) or V(false).
        type: dict
        default: {}
      hosts:
        description: For our domains, the name of the policy of their users.
        type: dict
        default: {}
      users:
        description: For addresses, the name of the policy that is granted to the user.
        type: dict
        default: {}
      groups:
        description: For distinguished names of groups in the gateway's directory, the name of the policy granted to it.
        type: dict
        default: {}
  directory:
    description: Whether the gateway's users are in a directory (LDAP). Without one, nothing can be granted to groups.
    type: bool
    default: false
  path:
    description:
      - The policy file. Unless given, V(/etc/prosody/fedgate/policy.json) for V(prosody) and
        V(/etc/ejabberd/fedgate.yml) for V(ejabberd).
    type: path
  status_path:
    description: The file in which our modules in Prosody report; not used for V(ejabberd), which is asked.
    type: path
    default: /run/prosody/fedgate.json
  timeout:
    description: Seconds that Prosody has for loading the policy; C(ejabberdctl) waits for ejabberd by itself.
    type: int
    default: 20
requirements:
  - "for V(prosody): systemd on the host, and a gateway made by M(xmpp_gateway)"
  - "for V(ejabberd): a running ejabberd with C(ejabberdctl), without C(mod_s2s_bidi)"
seealso:
  - module: xmpp_gateway
  - module: federation_block
"""

EXAMPLES = r"""
- name: Federate with Fabrikam, encrypted and authenticated by certificates
  xmpp_partner_policy:
    local_hosts: [contoso.example]
    partners:
      - domain: fabrikam.example
        sasl: required
        dialback: false

- name: Let federated partners into chat rooms, too
  xmpp_partner_policy:
    local_hosts: [contoso.example, conference.contoso.example]
    components:
      - domain: conference.contoso.example
        federated: true
    partners:
      - domain: fabrikam.example
        type: federated

- name: Federate from an ejabberd of one's own, with all that it cannot honour waived by the partner concerned
  xmpp_partner_policy:
    server: ejabberd
    local_hosts: [contoso.example]
    partners:
      - domain: fabrikam.example
        type: federated
        sasl: optional
        waive: [auto_approval, host]

- name: Give a partner more connections than the others, and find its server at another name
  xmpp_partner_policy:
    local_hosts: [contoso.example]
    limits:
      partner_connection_limit: 10
      stream_inactivity_timeout: 300
    partners:
      - domain: fabrikam.example
        connection_limit: 50
        proxy_fqdn: xmpp.hosting.example

- name: Let nobody but Alice federate
  xmpp_partner_policy:
    local_hosts: [contoso.example]
    partners:
      - domain: fabrikam.example
    scope:
      policies: {global: false, sales: true}
      hosts:
        contoso.example: global
      users:
        alice@contoso.example: sales

- name: Federate with nobody
  xmpp_partner_policy:
    local_hosts: [contoso.example]
    partners: []
"""

RETURN = r"""
generation:
  description: Number of the policy; each new content is the next one.
  type: int
  returned: success
digest:
  description: SHA-256 of the policy file, hexadecimal.
  type: str
  returned: success
loaded:
  description: What the running server reports (state, generation, digest, reason, alarm).
  type: dict
  returned: success
loss:
  description: Rules that this server does not honour, each partner, rule, meaning. Prosody honours all.
  type: list
  elements: dict
  returned: success, and when something was not waived
blocked:
  description:
    - Blocks of M(federation_block) that shut out partners of the list, each domain, since, reason, by, subdomains. They
      are no difference from the policy, and stay until they are released.
  type: list
  elements: dict
  returned: success, with O(server=prosody)
plan:
  description: Changes, each action, kind, name, before, after.
  type: list
  elements: dict
  returned: success
plan_digest:
  description: Digest of the plan, for O(expect_plan).
  type: str
  returned: success
pending:
  description: What someone else must finish, each kind, name, waiting_for.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.gateway.gates import partner_policy
from ansible.module_utils.fedgate.model.partner import DEFAULTS, TYPES
from ansible.module_utils.fedgate.module import run

LEVELS = ["required", "optional", "not_supported"]
PARTNER = {
    "domain": {"type": "str", "required": True},
    "additional_domains": {"type": "list", "elements": "str", "default": []},
    "description": {"type": "str"},
    "type": {"type": "str", "choices": list(TYPES), "default": DEFAULTS["type"]},
    "tls": {"type": "str", "choices": LEVELS, "default": DEFAULTS["tls"]},
    "sasl": {"type": "str", "choices": LEVELS, "default": DEFAULTS["sasl"]},
    "dialback": {"type": "bool", "default": DEFAULTS["dialback"]},
    "dialback_certificate": {"type": "str", "choices": ["any", "valid"], "default": DEFAULTS["dialback_certificate"]},
    "keepalive": {"type": "raw"},
    "connection_limit": {"type": "raw"},
    "stanza_rate": {"type": "raw"},
    "stanza_size": {"type": "raw"},
    "proxy_fqdn": {"type": "str"},
    "allow_plaintext": {"type": "bool", "default": DEFAULTS["allow_plaintext"]},
    "waive": {"type": "list", "elements": "str"},
    "echo_address": {"type": "str"},
    "expires": {"type": "raw"},
    "methods": {"type": "list", "elements": "str"},
    "verdict": {"type": "str"},
}
COMPONENT = {
    "domain": {"type": "str", "required": True},
    "kind": {"type": "str"},
    "federated": {"type": "raw", "default": False},
}
MAPPING = {"type": "dict", "default": {}}
ARGUMENTS = {
    "server": {"type": "str", "choices": ["prosody", "ejabberd"], "default": "prosody"},
    "partners": {"type": "list", "elements": "dict", "required": True, "options": PARTNER},
    "local_hosts": {"type": "list", "elements": "str", "required": True},
    "components": {"type": "list", "elements": "dict", "default": [], "options": COMPONENT},
    "limits": {"type": "dict"},
    "scope": {"type": "dict", "options": dict.fromkeys(("policies", "hosts", "users", "groups"), MAPPING)},
    "directory": {"type": "bool", "default": False},
    "path": {"type": "path"},
    "status_path": {"type": "path", "default": "/run/prosody/fedgate.json"},
    "timeout": {"type": "int", "default": 20},
}


def main() -> None:
    """Run the module."""
    run(partner_policy, ARGUMENTS, large=["partners"])


if __name__ == "__main__":
    main()
