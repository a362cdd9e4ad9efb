#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_xmpp_block
short_description: Shuts domains out of Lync Server or Skype for Business Server, until they are released
version_added: "0.1.0"
author: Fedgate authors
description:
  - Takes blocked domains from the list of XMPP allowed partners, and keeps M(lync_xmpp_partner) from letting them in
    again, whoever runs it and from where.
  - The products have no list of blocked XMPP domains, so blocks are kept in the list of partners itself, as partners
    with names that nobody can have, the domain and C(.blocked.invalid). Their descriptions say since when, why and by
    whom.
  - Exactly the domains that are named go. An entry of the list has the name of its primary domain, so a partner whose
    primary domain is blocked is removed and made anew under the first of its other domains, with the same settings.
    Whoever shall be shut out as a whole is named with all domains; a warning says which are left.
  - A domain need not be a partner. What is released is let in again at once when O(partners) is given, and else by the
    next run of M(lync_xmpp_partner).
  - It holds where the change has been replicated to, see M(lync_replication).
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  domains:
    description:
      - Domains of others, in Unicode or A-labels. What else is blocked stays so.
    type: list
    elements: str
    required: true
  state:
    description: Whether the domains are blocked.
    type: str
    choices: [blocked, released]
    default: blocked
  reason:
    description:
      - Why, in one line of at most 500 characters, for those who find the block later; the other side is not told.
      - Required with O(state=blocked). Another reason for a domain that is blocked already takes the place of the
        former one.
    type: str
  subdomains:
    description:
      - Whether all domains below these are blocked as well; they are released together. When not given, a domain that
        is blocked already stays as it is, and a new one is blocked alone.
    type: bool
  by:
    description: Who blocks; the user on the controller when not given.
    type: str
  local_hosts:
    description: Our own domains, which cannot be blocked.
    type: list
    elements: str
    default: []
  partners:
    description:
      - The partners as M(federation_model) publishes them, for O(state=released). Those of them who have a domain that
        is released are brought to what is said here, domains and settings, as far as no other block stands; a
        connection limit that is left open stays what it is there.
      - With O(state=blocked) nobody is let in by them.
    type: list
    elements: dict
    default: []
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
seealso:
  - module: lync_xmpp_partner
  - module: federation_block
"""

EXAMPLES = r"""
- name: Shut out a partner whose server was taken over
  lync_xmpp_block:
    domains: [fabrikam.example]
    reason: "INC-4711: their server sends malware"

- name: Shut out another one with all that is below it
  lync_xmpp_block:
    domains: [adatum.example]
    subdomains: true
    reason: "INC-4712: spam"

- name: Let in again who is in the inventory
  lync_xmpp_block:
    domains: [fabrikam.example, adatum.example]
    state: released
    partners: "{{ federation_model.partners }}"
"""

RETURN = r"""
blocked:
  description: Who is blocked now, each domain, since (seconds since the epoch), reason, by, subdomains.
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
  description:
    - Changes, each action, kind, name, before, after. Kind is V(xmpp_partner) with its primary domain for who loses
      domains, goes on under another one or is let in again, or V(block) with the blocked domain.
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

from ansible.module_utils.fedgate.lync.block import ARGUMENTS, XmppBlock
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(XmppBlock, ARGUMENTS)


if __name__ == "__main__":
    main()
