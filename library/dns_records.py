#!/usr/bin/python
"""DNS record sets at a provider."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Bring DNS record sets into the wanted state, all in one call
version_added: "0.1.0"
description:
  - Creates, changes and removes exactly the record sets (name and type) that it is given; nothing else is touched.
  - All zones are looked at and planned before any is changed. Then each zone is changed by one signed dynamic update
    (RFC 2136), cut only where it exceeds 64 KiB. Each update is atomic, and refused by the server when one of its
    record sets is no longer as it was found, so that nobody's edit is overwritten.
  - Whether the key is accepted is tried on each zone before the first change, in check mode too, by an update that
    holds conditions only and changes nothing.
  - Values are compared as sets, whatever their order, case, trailing dots, or the quoting of TXT data.
  - Runs on the controller; see the example.
requirements:
  - dnspython >= 2.6
notes:
  - A time to live cannot be a condition of an update. Somebody else's edit of nothing but the time to live of one of
    our own record sets, between look and change, is overwritten.
author: Fedgate authors
extends_documentation_fragment: [fedgate]
options:
  provider:
    description: Where the zones are kept.
    type: dict
    required: true
    suboptions:
      kind:
        description: The kind of provider; V(rfc2136) is a server that takes dynamic updates signed with TSIG.
        type: str
        choices: [rfc2136]
        default: rfc2136
      server:
        description: Host name or address of the primary server of all the zones. Needed for V(rfc2136).
        type: str
      port:
        description: Its TCP port.
        type: int
        default: 53
      tsig_name:
        description: Name of the TSIG key. Needed for V(rfc2136).
        type: str
      tsig_algorithm:
        description: Algorithm of the TSIG key.
        type: str
        choices: [hmac-sha256, hmac-sha384, hmac-sha512]
        default: hmac-sha256
      tsig_secret:
        description: The key's secret in base64. Needed for V(rfc2136).
        type: str
      timeout:
        description: Seconds to wait for a connection, and for each answer.
        type: int
        default: 10
  records:
    description: The record sets that are ours, each name and type once.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Owner name, absolute, with or without a trailing dot.
        type: str
        required: true
      type:
        description: Record type.
        type: str
        required: true
        choices: [SRV, A, AAAA, CNAME, TXT]
      ttl:
        description: Time to live in seconds. Needed for O(records[].state=present).
        type: int
      state:
        description: Whether the set shall exist.
        type: str
        choices: [present, absent]
        default: present
      values:
        description:
          - All the values of the set, as text.
          - SRV is C(priority weight port target), TXT plain text or quoted strings.
          - Needed for O(records[].state=present).
        type: list
        elements: str
        default: []
  hold:
    description:
      - Hosts that were not verified. SRV and CNAME records that lead to them, and their own A, AAAA and CNAME records,
        stay as they are found. Nothing is added for them, nothing removed.
      - A record set all of whose wanted values lead to such hosts stays wholly as it is found.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Publish two sites, the second one a standby
  dns_records:
    provider: "{{ federation_dns_provider }}"
    records:
      - name: _xmpp-server._tcp.contoso.example
        type: SRV
        ttl: 300
        values:
          - 10 0 5269 edge.london.contoso.example
          - 20 0 5269 edge.tokyo.contoso.example
      - name: edge.london.contoso.example
        type: A
        ttl: 300
        values: [192.0.2.10]
      - name: edge.tokyo.contoso.example
        type: A
        ttl: 300
        values: [192.0.2.20]
  delegate_to: localhost
  become: false
  run_once: true
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"

- name: Retire a site, and leave alone what leads to one that does not answer
  dns_records:
    provider: "{{ federation_dns_provider }}"
    records:
      - name: _xmpp-server._tcp.contoso.example
        type: SRV
        ttl: 300
        values:
          - 10 0 5269 edge.london.contoso.example
      - name: edge.tokyo.contoso.example
        type: A
        state: absent
    hold: [edge.london.contoso.example]
  delegate_to: localhost
  become: false
  run_once: true
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

RETURN = r"""
plan:
  description: Changes, each action, kind, name, before, after. Kind is V(rrset), name is the owner name and the type.
  type: list
  elements: dict
  returned: success
  sample:
    - action: create
      kind: rrset
      name: _xmpp-server._tcp.contoso.example SRV
      before: null
      after: {ttl: 300, values: [10 0 5269 edge.london.contoso.example]}
plan_digest:
  description: Digest of the plan, for O(expect_plan).
  type: str
  returned: success
pending:
  description: What someone else must finish; always empty here.
  type: list
  elements: dict
  returned: success
zones:
  description: For each zone of the records, its serial number and how many messages changed it.
  type: dict
  returned: success
  sample:
    contoso.example: {messages: 1, serial: 2026112301}
zones_applied:
  description: Zones that were changed before the one that failed.
  type: list
  elements: str
  returned: when a zone could not be changed
zone_failed:
  description: The zone that could not be changed.
  type: str
  returned: when a zone could not be changed
zones_left:
  description: Zones that were not tried.
  type: list
  elements: str
  returned: when a zone could not be changed
"""

from ansible.module_utils.fedgate.dns.reconciler import ARGUMENTS, DnsRecords
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(DnsRecords, ARGUMENTS)


if __name__ == "__main__":
    main()
