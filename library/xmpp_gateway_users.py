#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_gateway_users
short_description: Manages accounts in the store of an XMPP gateway
version_added: "0.1.0"
author: Fedgate authors
description:
  - Creates accounts, and gives them the listed passwords. Whether a password is right is seen from the keys in the
    store (SCRAM, RFC 5802), so a second run changes nothing.
  - Accounts that are not listed are left alone.
  - Passwords reach the server through its administration socket; no program gets one as an argument.
  - For servers that keep their users themselves (C(internal_hashed)), not for those that ask a directory.
extends_documentation_fragment: [fedgate]
options:
  server:
    description: Kind of gateway.
    type: str
    choices: [prosody]
    default: prosody
  users:
    description: The accounts.
    type: list
    elements: dict
    required: true
    suboptions:
      jid:
        description: Address, C(user@domain), lower case.
        type: str
        required: true
      password:
        description: Its password; needed unless O(users[].state=absent).
        type: str
      state:
        description: V(absent) removes the account with all its data.
        type: str
        choices: [present, absent]
        default: present
  data_path:
    description: The server's data folder.
    type: path
    default: /var/lib/prosody
requirements:
  - a gateway made by M(xmpp_gateway), running
seealso:
  - module: xmpp_gateway
"""

EXAMPLES = r"""
- name: Give Alice an account
  xmpp_gateway_users:
    users:
      - jid: alice@contoso.example
        password: "{{ vault_alice_password }}"

- name: Remove one that is not used any more
  xmpp_gateway_users:
    users:
      - jid: carol@contoso.example
        state: absent
"""

RETURN = r"""
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

from ansible.module_utils.fedgate.gateway.accounts import Accounts
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "server": {"type": "str", "choices": ["prosody"], "default": "prosody"},
    "users": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "jid": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    "data_path": {"type": "path", "default": "/var/lib/prosody"},
}


def main() -> None:
    """Run the module."""
    run(Accounts, ARGUMENTS)


if __name__ == "__main__":
    main()
