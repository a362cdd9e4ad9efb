#!/usr/bin/python
"""What DNS providers hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records_info
short_description: Shows DNS record sets at providers, and what an inventory would say of them
version_added: "0.1.0"
author: Fedgate authors
description:
  - Looks record sets up where the zones are kept, not at resolvers, in as few requests as the provider allows.
  - Of XMPP domains it reads the SRV and CAA records, and the addresses, CAA and TLSA records of the hosts that they
    lead to, and returns the variables of an inventory that say the same; the playbook C(import_dns.yml) writes them.
  - Changes nothing. Runs on the controller; see the example.
requirements:
  - what M(dns_records) needs for the kinds of provider that are used
extends_documentation_fragment: [fedgate.info, fedgate.providers]
options:
  records:
    description: Record sets to show.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Owner name, absolute, with or without a trailing dot.
        type: str
        required: true
      type:
        description: Record type.
        type: str
        required: true
        choices: [SRV, A, AAAA, CNAME, TXT, CAA, TLSA]
      view:
        description: Which providers are asked.
        type: str
        choices: [external, internal]
        default: external
  domains:
    description: XMPP domains to show, and to return RV(inventory) for.
    type: list
    elements: str
    default: []
seealso:
  - module: dns_records
"""

EXAMPLES = r"""
- name: Read what is published of a domain
  dns_records_info:
    providers: ["{{ federation_dns_provider }}"]
    domains: [contoso.example]
  delegate_to: localhost
  become: false
  run_once: true
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: published

- name: Show it as an inventory would say it
  ansible.builtin.debug:
    msg: "{{ published.inventory }}"
  run_once: true
"""

RETURN = r"""
records:
  description: The record sets that exist, with the provider, its view, and the zone where each was found.
  type: list
  elements: dict
  returned: success
  sample:
    - provider: rfc2136
      view: external
      zone: contoso.example
      name: _xmpp-server._tcp.contoso.example
      type: SRV
      ttl: 300
      values: [10 0 5269 edge.london.contoso.example]
unknown:
  description: Names that lie in no zone of the providers.
  type: list
  elements: str
  returned: success
requests:
  description: For each provider by its name, how many requests of each kind were sent.
  type: dict
  returned: success
inventory:
  description:
    - Variables for the whole deployment (C(all)), for each pool by its FQDN (C(pools)), and C(notes) on what the
      records say and no variable does.
  type: dict
  returned: when domains were given
  sample:
    all:
      federation_xmpp_domains: [contoso.example]
      federation_publish_xmpp_client: true
      federation_dns_ttl: 300
    pools:
      edge.london.contoso.example:
        edge_pool_fqdn: edge.london.contoso.example
        edge_pool_priority: 10
        edge_pool_weight: 0
        edge_published_addresses: [192.0.2.10]
    notes: []
"""

from ansible.module_utils.fedgate.dns.found import ARGUMENTS, look
from ansible.module_utils.fedgate.module import report


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
