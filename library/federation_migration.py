#!/usr/bin/python
"""Ansible module ``federation_migration``; the logic is in ``module_utils/fedgate/migration``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: federation_migration
short_description: Keep the notes of a move from one gateway to another, and say where it stands
version_added: "0.1.0"
author: Fedgate authors
description:
  - Looks up at the DNS providers what is published, at the zones' own name servers how long others may remember it,
    and in a file on the controller what was noted before.
  - With O(step=note) each record set that the move changes is noted as it is, with its values and its time to live. A
    set that somebody changed since, or whose time to live was raised again, is noted anew. When some of them are moved
    already, nothing is noted and the task fails, since what is published then is not what was there before.
  - With O(step=lowered) the time is noted since when all name servers give a time to live of at most O(ttl). The task
    waits for that, and fails where some do not get there.
  - Address records are not moved; they belong to the new gateway. Where one would change, the name is somebody else's
    too, such as an Access Edge FQDN, and that is a problem (RV(problems)).
  - Changes nothing in DNS. RV(before_low) and RV(before) are for M(dns_records), which does. Runs on the controller.
requirements:
  - dnspython >= 2.6
  - what M(dns_records) needs for the kinds of provider that are used
extends_documentation_fragment: [fedgate, fedgate.providers]
options:
  records:
    description: The record sets as they shall be after the move, as for M(dns_records). Without them, only the way back
      is known.
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
      ttl:
        description: Time to live in seconds. Needed unless O(records[].state=absent).
        type: int
      state:
        description: Whether the set shall exist; V(retired) says that there is decidedly no such service.
        type: str
        choices: [present, absent, retired]
        default: present
      view:
        description: Which providers it is for.
        type: str
        choices: [external, internal]
        default: external
      values:
        description: All the values of the set, as text.
        type: list
        elements: str
        default: []
  path:
    description: The file with the notes. It holds no secret; keep it with the inventory. It is written whole.
    type: path
    required: true
  step:
    description: What to note, if anything.
    type: str
    choices: [look, note, lowered]
    default: look
  ttl:
    description: The time to live, in seconds, that counts as low.
    type: int
    default: 60
  wait:
    description: With O(step=lowered), seconds to wait for the name servers.
    type: int
    default: 120
  resolvers:
    description: Addresses of resolvers that tell the zones' name servers; the controller's own by default.
    type: list
    elements: str
    default: []
seealso:
  - module: dns_records
"""

EXAMPLES = r"""
- name: Note what is published
  federation_migration:
    providers: ["{{ federation_dns_provider }}"]
    records:
      - name: _xmpp-server._tcp.contoso.example
        type: SRV
        ttl: 3600
        values: [10 0 5269 xmpp.london.contoso.example]
    path: "{{ inventory_dir }}.migration.json"
    step: note
    resolvers: "{{ federation_dns_resolvers }}"
  delegate_to: localhost
  become: false
  run_once: true
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  register: migration

- name: Lower its time to live
  dns_records:
    providers: ["{{ federation_dns_provider }}"]
    records: "{{ migration.before_low }}"
    force: true
  delegate_to: localhost
  become: false
  run_once: true
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

RETURN = r"""
plan:
  description: Changes of the notes, each action, kind, name, before, after. Kind is V(migration_note).
  type: list
  elements: dict
  returned: success
  sample:
    - action: create
      kind: migration_note
      name: _xmpp-server._tcp.contoso.example SRV
      before: null
      after: {values: [5 0 5269 edge.london.contoso.example], ttl: 3600, cached: 3600, low_since: null}
plan_digest:
  description: Digest of the plan, for O(expect_plan).
  type: str
  returned: success
pending:
  description: What someone else must finish; always empty here.
  type: list
  elements: dict
  returned: success
state:
  description: V(nothing) is noted, all is as V(before), all is V(moved), or it is V(between).
  type: str
  returned: success
sets:
  description: >-
    One entry for each record set, C(name), C(type), C(view), C(state) (V(same), V(before), V(moved), V(other),
    V(unnoted)), what it is C(now), C(before) as noted, C(after) (values).
  type: list
  elements: dict
  returned: success
problems:
  description: What must be mended before anything is moved.
  type: list
  elements: str
  returned: success
too_early:
  description: Why nothing may be moved now that could be later.
  type: list
  elements: str
  returned: success
move_at:
  description: Since when, or from when on, nobody remembers the former times to live; null while that is not known.
  type: str
  returned: success
  sample: "2026-11-27T22:00:00Z"
before:
  description: The record sets exactly as they were, for M(dns_records).
  type: list
  elements: dict
  returned: success
before_low:
  description: The same with times to live of at most O(ttl), where the set changes in the move.
  type: list
  elements: dict
  returned: success
text:
  description: All of it for people, and what comes next.
  type: str
  returned: success
"""

from ansible.module_utils.fedgate.migration.reconciler import ARGUMENTS, Migration
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(Migration, ARGUMENTS)


if __name__ == "__main__":
    main()
