#!/usr/bin/python
"""What DNS servers must allow."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_rights
short_description: Says what BIND and AWS must allow, by name and type, and nothing more
version_added: "0.1.0"
description:
  - Derives from the records that are ours, and from the names of ACME challenges, what the DNS servers' policies must
    say. It asks no server and changes nothing.
  - Records and challenges get rights apart from each other, for two keys or two roles.
  - Records that are absent or retired count too, as they have to be taken away.
author: Fedgate authors
extends_documentation_fragment: [fedgate.info]
options:
  records:
    description:
      - The record sets that are ours, as M(dns_records) takes them. Of each, C(name), C(type) and C(view) count.
    type: list
    elements: dict
    default: []
  view:
    description: The records of which view; the zones are those of that view's servers.
    type: str
    choices: [external, internal]
    default: external
  challenge_names:
    description: Names of the TXT records of challenges, C(_acme-challenge.NAME), or where a CNAME there leads.
    type: list
    elements: str
    default: []
  zones:
    description:
      - The zones, each with the id of its hosted zone in Route 53, or with nothing. A name belongs to the longest zone;
        one that lies in none of them is an error.
      - Where an id is lacking, C(HOSTED-ZONE-ID-OF-contoso.example) stands in its place.
    type: dict
    required: true
  tsig_name:
    description: Name of the TSIG key that changes records. Without it there are no rules of BIND for records.
    type: str
  challenge_tsig_name:
    description: Name of the TSIG key that changes challenges. Without it there are no rules of BIND for challenges.
    type: str
seealso:
  - module: dns_records
"""

EXAMPLES = r"""
- name: Derive what the servers must allow
  dns_rights:
    records:
      - name: _xmpp-server._tcp.contoso.example
        type: SRV
      - name: edge.london.contoso.example
        type: A
    challenge_names: [_acme-challenge.edge.london.contoso.example]
    zones:
      contoso.example: Z0123456789ABCDEFGHIJ
      contoso-asia.example:
    tsig_name: fedgate
    challenge_tsig_name: fedgate-challenge
  run_once: true
  delegate_to: localhost
  become: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

RETURN = r"""
bind:
  description: Zone → the text of its C(update-policy), for its zone statement in the place of C(allow-update).
  type: dict
  returned: success
  sample:
    contoso.example: |
      update-policy {
          // records
          grant fedgate name _xmpp-server._tcp.contoso.example. SRV;
          grant fedgate name edge.london.contoso.example. A AAAA;
          // challenges of ACME
          grant fedgate-challenge name _acme-challenge.edge.london.contoso.example. TXT;
      };
iam:
  description:
    - IAM policy documents, each small enough for a managed policy. All documents of one list belong together.
  type: dict
  returned: success
  contains:
    records:
      description: What the role that changes records needs.
      type: list
      elements: dict
      returned: success
    challenges:
      description: What the role that changes challenges needs.
      type: list
      elements: dict
      returned: success
notes:
  description: What has to be known about the documents, such as ids that are lacking, or that there are several.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.fedgate.dns.rights.report import ARGUMENTS, look
from ansible.module_utils.fedgate.module import report


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
