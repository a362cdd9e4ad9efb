#!/usr/bin/python
"""DNS record sets at a provider."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Bring DNS record sets into the wanted state, all in one call
version_added: "0.1.0"
description:
  - Creates, changes and removes exactly the record sets (name and type) that it is given; nothing else is touched.
  - All zones at all providers are looked at and planned before any is changed. Then each zone is changed in as few
    requests as the provider's interface allows, atomically where the provider is.
  - A change is refused when its record set is no longer as it was found. That set then stays as somebody else left it,
    everything else is done, and the task fails and names it.
  - Servers that take dynamic updates (RFC 2136) get one signed message a zone, cut only where it exceeds 64 KiB. Of
    several servers the first one that answers is used for the whole run, for looking and for changing.
    Whether the key is accepted is tried on each zone before the first change, in check mode too, by an update that
    holds conditions only and changes nothing.
  - Route 53 gets change batches as large as it allows, and is waited for until all of its name servers have them.
    Alias records, and record sets with a routing policy, are somebody else's work and never touched; the task fails
    and says so if one of ours would have to take their place.
  - Values are compared as sets, whatever their order, case, trailing dots, or the quoting of TXT data.
  - What looks like a mistake needs O(force). What is allowed and yet will not work as it is meant is warned of - equal
    priorities of different hosts, SRV records that lead to an alias or to no address, unsound times to live.
  - Runs on the controller; see the example.
requirements:
  - dnspython >= 2.6 (V(rfc2136), and O(wait=authoritative))
  - boto3 >= 1.35 (V(route53))
  - octodns >= 1.9 and the package of its provider (V(octodns))
notes:
  - A time to live cannot be a condition of a dynamic update (RFC 2136). Somebody else's edit of nothing but the time to
    live of one of our own record sets, between look and change, is overwritten.
  - Services that are reached through octoDNS know no conditions. Each zone is read once more right before it is
    changed. An edit in the moment between that look and the change is overwritten. C(docs/dns-providers.md) tells the
    limits.
author: Fedgate authors
extends_documentation_fragment: [fedgate, fedgate.providers]
options:
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
        choices: [SRV, A, AAAA, CNAME, TXT, CAA, TLSA]
      ttl:
        description: Time to live in seconds. Needed unless O(records[].state=absent).
        type: int
      state:
        description:
          - Whether the set shall exist.
          - With V(retired), an SRV set says that there is decidedly no such service (the target C(.), RFC 2782). It is
            left out where its zone is none of the provider's any more.
        type: str
        choices: [present, absent, retired]
        default: present
      view:
        description: Which providers it is for.
        type: str
        choices: [external, internal]
        default: external
      values:
        description:
          - All the values of the set, as text.
          - SRV is C(priority weight port target), TXT plain text or quoted strings, CAA C(flags tag "value"), TLSA
            C(usage selector matching-type data).
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
  force:
    description:
      - Whether to go on when more than 30 % of the record sets of ours that exist at a provider (and more than two)
        would be changed or deleted, or when the last SRV record of a domain would go.
      - In check mode such a plan is shown with a warning.
    type: bool
    default: false
  wait:
    description:
      - Until when to wait after a change. With V(provider), until the provider says that it is done.
      - With V(authoritative), until every authoritative name server of the zones answers with exactly the new data.
        Zones of the view V(internal) are not waited for.
    type: str
    choices: [provider, authoritative]
    default: provider
  wait_timeout:
    description: Seconds to wait for the authoritative name servers; the task fails then, and names those that lag.
    type: int
    default: 120
  caa_identities:
    description:
      - Certificate names, each with a list of what its authority calls itself in CAA records.
      - With it, CAA records that are in the way are looked for, at these names and above, in the zones of the records,
        and warned of. The authority is expected to validate by dns-01.
    type: dict
    default: {}
  tlsa_keys:
    description:
      - Names of TLSA records, each with a list of SHA-256 digests (hexadecimal) of public keys - of the key that serves
        there, and of the one that is to serve next. Where such records exist and do not match, there is a warning.
    type: dict
    default: {}
  resolvers:
    description: Addresses of resolvers that tell the zones' name servers; the controller's own by default.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Publish two sites, the second one a standby
  dns_records:
    providers: ["{{ federation_dns_provider }}"]
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
    providers: ["{{ federation_dns_provider }}"]
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
providers:
  description:
    - For each provider by its name, its zones and how many requests of each kind were sent to it.
    - A zone has the number of requests that changed it (C(messages)), and what the provider says about it.
    - With V(rfc2136) that is the server that was used, the zone's C(serial) there, whether it was C(read_by) V(queries)
      or V(transfer), and under C(transfer) why a transfer that was tried was of no use.
  type: dict
  returned: success
  sample:
    rfc2136:
      zones:
        contoso.example: {messages: 1, serial: 2026112301, server: ns1.contoso.example, read_by: queries}
      requests: {QUERY: 4, UPDATE: 2}
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
moved:
  description: Names whose records somebody else changed between look and change. Their edits stand.
  type: list
  elements: str
  returned: when that happened
lagging:
  description: For each record set (name and type) the name servers that do not answer with it, and how.
  type: dict
  returned: when not every authoritative name server answers in time
"""

from ansible.module_utils.fedgate.dns.reconciler import ARGUMENTS, DnsRecords
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(DnsRecords, ARGUMENTS)


if __name__ == "__main__":
    main()
