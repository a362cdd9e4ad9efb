#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: federation_block
short_description: Shuts domains out of a running XMPP gateway, until they are released
version_added: "0.1.0"
author: Fedgate authors
description:
  - Writes the block list of a gateway, and lets the running server read it without a restart. Streams of a blocked
    domain are closed in both directions, and nothing passes to or from it any more; other domains on the same streams
    go on.
  - Done only when the running server reports that it holds this very list. When it does not within O(timeout), the
    former list is put back.
  - The block list is a file of its own, which no policy touches. M(xmpp_partner_policy) does not let a blocked domain
    in again, nor does a restart.
  - It works whatever state the policy, the inventory or the server's configuration are in. Where the server does not
    run, the list is written, and holds from the next start.
  - A domain need not be a partner.
extends_documentation_fragment: [fedgate]
options:
  server:
    description: Kind of gateway.
    type: str
    choices: [prosody]
    default: prosody
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
    description:
      - Our own domains, which cannot be blocked, beside those that the gateway itself knows as such.
    type: list
    elements: str
    default: []
  path:
    description: The block list.
    type: path
    default: /etc/prosody/fedgate/blocked.json
  policy_path:
    description: The policy file, read for our own domains only.
    type: path
    default: /etc/prosody/fedgate/policy.json
  status_path:
    description: The file in which our modules in the server report.
    type: path
    default: /run/prosody/fedgate.json
  timeout:
    description: Seconds that the server has for taking the list.
    type: int
    default: 20
requirements:
  - systemd on the host
  - a gateway made by M(xmpp_gateway)
seealso:
  - module: xmpp_partner_policy
  - module: xmpp_gateway_info
"""

EXAMPLES = r"""
- name: Shut out a partner whose server was taken over
  federation_block:
    domains: [fabrikam.example]
    reason: "INC-4711: their server sends malware"

- name: Shut out another one with all that is below it
  federation_block:
    domains: [adatum.example]
    subdomains: true
    reason: "INC-4712: spam"

- name: Let them in again, as far as the policy lets them
  federation_block:
    domains: [fabrikam.example, adatum.example]
    state: released
"""

RETURN = r"""
blocked:
  description: Who is blocked now, each domain, since (seconds since the epoch), reason, by, subdomains.
  type: list
  elements: dict
  returned: success
in_force:
  description:
    - Whether the running server reports that it holds this list. False where none runs, and before the change in check
      mode.
  type: bool
  returned: success
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

from ansible.module_utils.fedgate.gateway.block import FederationBlock
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "server": {"type": "str", "choices": ["prosody"], "default": "prosody"},
    "domains": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["blocked", "released"], "default": "blocked"},
    "reason": {"type": "str"},
    "subdomains": {"type": "bool"},
    "by": {"type": "str"},
    "local_hosts": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "path", "default": "/etc/prosody/fedgate/blocked.json"},
    "policy_path": {"type": "path", "default": "/etc/prosody/fedgate/policy.json"},
    "status_path": {"type": "path", "default": "/run/prosody/fedgate.json"},
    "timeout": {"type": "int", "default": 20},
}


def main() -> None:
    """Run the module."""
    run(FederationBlock, ARGUMENTS)


if __name__ == "__main__":
    main()
