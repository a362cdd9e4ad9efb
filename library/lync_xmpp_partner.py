#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_xmpp_partner
short_description: Brings the XMPP allowed partners of Lync Server or Skype for Business Server into line
version_added: "0.1.0"
author: Fedgate authors
description:
  - Reads the global list of XMPP allowed partners once, and calls one cmdlet for each partner that differs
    (C(New-), C(Set-), C(Remove-CsXmppAllowedPartner)).
  - Additional domains are added and removed one by one, so that domains which somebody else has added meanwhile are
    neither lost nor overwritten. Of other settings only those are written that differ.
  - Partners on the server that are not listed are left alone and reported, unless O(purge) is set.
  - Domains that M(lync_xmpp_block) has shut out are not let in, whatever O(partners) says, and are taken away where
    somebody has let them in by hand. A partner whose primary domain is among them is kept under the first of its
    others.
  - A partner on the server whose domains all belong to one listed partner is taken for that partner under a former
    primary domain, and replaced by it.
  - When a change fails, those before it are kept and named in RV(applied); a second run does the rest.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  partners:
    description: The partners as M(federation_model) publishes them.
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
        description: A note.
        type: str
      type:
        description: How far the partner's users are trusted (PartnerType).
        type: str
        choices: [federated, public_verified, public_unverified]
        default: public_unverified
      tls:
        description: TlsNegotiation.
        type: str
        choices: [required, optional, not_supported]
        default: required
      sasl:
        description: SaslNegotiation.
        type: str
        choices: [required, optional, not_supported]
        default: required
      dialback:
        description: SupportDialbackNegotiation.
        type: bool
        default: true
      keepalive:
        description: EnableKeepAlive.
        type: bool
        default: true
      connection_limit:
        description: ConnectionLimit; without it, what the server has stays.
        type: int
      proxy_fqdn:
        description: The partner's server, in place of what its SRV record names (ProxyFqdn).
        type: str
      dialback_certificate:
        description: V(valid) is no setting of these products, and refused unless it is waived.
        type: str
        choices: [any, valid]
        default: any
      stanza_rate:
        description: Stanzas a second; no setting of these products, and refused unless it is waived.
        type: int
      stanza_size:
        description: Bytes in a stanza; no setting of these products, and refused unless it is waived.
        type: int
      waive:
        description: Rules that somebody has agreed to do without, by their names.
        type: list
        elements: str
        default: []
      allow_plaintext:
        description: The model has checked it; not used.
        type: raw
      echo_address:
        description: For probes; not used.
        type: raw
      expires:
        description: The model has checked it; not used.
        type: raw
      methods:
        description: Methods of authentication that are left; the model has worked them out; not used.
        type: raw
      verdict:
        description: The model's verdict on the combination; not used.
        type: raw
  purge:
    description: Whether to remove partners that are not listed.
    type: bool
    default: false
seealso:
  - module: lync_xmpp_block
  - module: xmpp_partner_policy
"""

EXAMPLES = r"""
- name: Allow Fabrikam, authenticated by certificates only
  lync_xmpp_partner:
    partners:
      - domain: fabrikam.example
        additional_domains: [emea.fabrikam.example]
        type: federated
        dialback: false

- name: Allow exactly the partners of the inventory
  lync_xmpp_partner:
    partners: "{{ federation_model.partners }}"
    purge: true
"""

RETURN = r"""
unmanaged:
  description: Primary domains of partners on the server that are not listed.
  type: list
  elements: str
  returned: success
as_listed:
  description: Primary domains of the listed partners whom the server had exactly so before this run. In the run after
    one that broke off, what that one did is among them.
  type: list
  elements: str
  returned: success
blocked:
  description: Who is blocked, each domain, since (seconds since the epoch), reason, by, subdomains.
  type: list
  elements: dict
  returned: success
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
applied:
  description: The changes that were made before the one that failed.
  type: list
  elements: str
  returned: when a change failed
left:
  description: The change that failed, and those after it.
  type: list
  elements: str
  returned: when a change failed
plan:
  description: Changes, each action, kind, name, before, after. Kind is V(xmpp_partner), name its primary domain.
  type: list
  elements: dict
  returned: success
plan_digest:
  description: Digest of the plan, for O(expect_plan).
  type: str
  returned: success
pending:
  description: What someone else must finish; always empty here.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.lync.partners import ARGUMENTS, XmppPartners
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(XmppPartners, ARGUMENTS)


if __name__ == "__main__":
    main()
