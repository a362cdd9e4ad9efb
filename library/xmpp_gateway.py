#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_gateway
short_description: Puts the configuration of an XMPP gateway live as one transaction
version_added: "0.1.0"
author: Fedgate authors
description:
  - Takes all files of a gateway at once. They are staged beside the live ones, checked (by Prosody's own check and by
    checks of ours, as Prosody's exit codes cannot be trusted), swapped, and loaded; then the running server is asked
    whether it does what the files say. When it does not, files and service go back to what they were.
  - Restarts only for what a server reads at its start; a renewed certificate takes a reload.
  - What the running server does is looked at in each run, so that a run that was killed, or a server that was stopped
    by hand, is mended by the next one.
  - An untouched configuration file of the server's package counts as absent, so its replacement is a creation.
extends_documentation_fragment: [fedgate]
options:
  server:
    description: Kind of gateway.
    type: str
    choices: [prosody]
    default: prosody
  mode:
    description:
      - V(full) makes the whole server ours.
      - V(policy_only) adds our part to a server that somebody else configured, and rewrites nothing. The server's
        configuration must already include the added file; a server that is stopped stays stopped.
    type: str
    choices: [full, policy_only]
    default: full
  state:
    description: V(absent), with O(mode=policy_only), takes our part away without trace.
    type: str
    choices: [present, absent]
    default: present
  active:
    description: Whether this host serves. A standby is configured and runs; it answers its own host only.
    type: bool
    default: true
  files:
    description: Files as they have to be.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: Text.
        type: str
        required: true
      mode:
        description: Mode in octal digits.
        type: str
        default: "0644"
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      confidential:
        description: Whether the content is a secret, which no diff may show.
        type: bool
        default: false
      effect:
        description: What the service needs when this file changes.
        type: str
        choices: [restart, reload, none]
        default: restart
  directories:
    description: Folders of ours; with O(state=absent) they go when nothing else is in them.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      mode:
        description: Mode in octal digits.
        type: str
        default: "0755"
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
  absent:
    description: Paths of files that must not be there.
    type: list
    elements: path
    default: []
  certificates:
    description: Certificate folders, as M(edge_certificate) keeps them, that the server has to be able to read.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Folder of one pool; its live generation is the link C(current) in it.
        type: path
        required: true
  certificate_pending:
    description:
      - Whether a certificate that is missing is one that somebody is about to issue. Then nothing is done, and the
        gateway is reported as pending; otherwise a missing certificate is an error.
    type: bool
    default: false
  certificate_changes:
    description:
      - For check mode only, where a certificate that an earlier step would install is not there to be seen. Says that
        the server would find a new one.
    type: bool
    default: false
  expected:
    description: What the running server is held against, with O(mode=full).
    type: dict
    default: {}
    suboptions:
      domains:
        description: Domains that it serves.
        type: list
        elements: str
      addresses:
        description: Addresses that it listens on; C(*) is all of IPv4, C(::) all of IPv6.
        type: list
        elements: str
      ports:
        description: Ports that it listens on, on each of those addresses and on no other.
        type: list
        elements: int
      certificate:
        description: Folder of the certificate that it has to show for each domain.
        type: path
  directory:
    description: The directory that knows the users; logged in to before anything is changed.
    type: dict
    suboptions:
      uri:
        description: Where it is, C(ldap://host) or C(ldaps://host).
        type: str
        required: true
      base:
        description: Where in it the users are.
        type: str
        required: true
      starttls:
        description: Whether TLS is negotiated on an C(ldap://) connection.
        type: bool
        default: false
      bind_dn:
        description: Who looks users up; empty for anonymous.
        type: str
      bind_password:
        description: That one's password.
        type: str
      ca:
        description: File on the host with the authorities that the directory's certificate may chain to.
        type: path
  firewall:
    description: What to open in the host's nftables; nothing is looked at without it.
    type: dict
    suboptions:
      chain:
        description: Family, table and chain that filter incoming packets, such as C(inet filter input).
        type: str
        required: true
      ports:
        description: TCP ports to open in it.
        type: list
        elements: int
        default: []
  config_path:
    description: The server's main configuration file.
    type: path
    default: /etc/prosody/prosody.cfg.lua
  status_path:
    description: The file in which our modules in the server report.
    type: path
    default: /run/prosody/fedgate.json
  timeout:
    description: Seconds that the server has for showing that it does what its files say.
    type: int
    default: 20
requirements:
  - systemd on the host
seealso:
  - module: edge_certificate
  - module: xmpp_partner_policy
"""

EXAMPLES = r"""
- name: Add the partner policy to a Prosody that is configured by hand
  xmpp_gateway:
    mode: policy_only
    directories:
      - path: /usr/local/lib/fedgate
      - path: /usr/local/lib/fedgate/prosody
    files: "{{ gateway_policy_files }}"

- name: Take it away again
  xmpp_gateway:
    mode: policy_only
    state: absent
    directories:
      - path: /usr/local/lib/fedgate
      - path: /usr/local/lib/fedgate/prosody
    files: "{{ gateway_policy_files }}"
    absent: [/etc/prosody/fedgate/policy.json]
"""

RETURN = r"""
running:
  description: Whether the service runs.
  type: bool
  returned: success
modules:
  description: Version of our modules in the running server; null when they are not loaded.
  type: str
  returned: success
federation:
  description: V(enforcing) or V(closed), as the running server says; null when it says nothing.
  type: str
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

from ansible.module_utils.fedgate.gateway.gateway import Gateway
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "server": {"type": "str", "choices": ["prosody"], "default": "prosody"},
    "mode": {"type": "str", "choices": ["full", "policy_only"], "default": "full"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "active": {"type": "bool", "default": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            # Never in a log: some of these texts hold passwords.
            "content": {"type": "str", "required": True, "no_log": True},
            "mode": {"type": "str", "default": "0644"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "confidential": {"type": "bool", "default": False},
            "effect": {"type": "str", "choices": ["restart", "reload", "none"], "default": "restart"},
        },
    },
    "directories": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "mode": {"type": "str", "default": "0755"},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
        },
    },
    "absent": {"type": "list", "elements": "path", "default": []},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"path": {"type": "path", "required": True}},
    },
    "certificate_pending": {"type": "bool", "default": False},
    "certificate_changes": {"type": "bool", "default": False},
    "expected": {
        "type": "dict",
        "default": {},
        "options": {
            "domains": {"type": "list", "elements": "str"},
            "addresses": {"type": "list", "elements": "str"},
            "ports": {"type": "list", "elements": "int"},
            "certificate": {"type": "path"},
        },
    },
    "directory": {
        "type": "dict",
        "options": {
            "uri": {"type": "str", "required": True},
            "base": {"type": "str", "required": True},
            "starttls": {"type": "bool", "default": False},
            "bind_dn": {"type": "str"},
            "bind_password": {"type": "str", "no_log": True},
            "ca": {"type": "path"},
        },
    },
    "firewall": {
        "type": "dict",
        "options": {
            "chain": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "default": []},
        },
    },
    "config_path": {"type": "path", "default": "/etc/prosody/prosody.cfg.lua"},
    "status_path": {"type": "path", "default": "/run/prosody/fedgate.json"},
    "timeout": {"type": "int", "default": 20},
}


def main() -> None:
    """Run the module."""
    run(Gateway, ARGUMENTS)


if __name__ == "__main__":
    main()
