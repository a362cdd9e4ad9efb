#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_adopt
short_description: Takes in a certificate and key that an edge host has already
version_added: "0.1.0"
author: Fedgate authors
description:
  - Copies a pair that somebody or something else made (certbot, a wizard, a hand) into the first generation, so that it
    serves on until it is due, and is renewed from then on like any other. The files themselves are not touched.
  - Checks first that key and certificate belong together, the dates, that all names are covered, strength and purpose.
    Whether its chain leads to a trust anchor is not asked; it serves already.
  - Does nothing on a host that has a generation.
extends_documentation_fragment: [fedgate]
options:
  name:
    description: FQDN of the pool; the folder below O(directory).
    type: str
    required: true
  directory:
    description: The folder of all certificates on the host.
    type: path
    default: /etc/fedgate/certificates
  names:
    description: Names that the certificate has to cover.
    type: list
    elements: str
    required: true
  key:
    description: The private key on the host, PEM.
    type: path
    required: true
  key_passphrase:
    description: Its passphrase, where it has one. The copy has none; its file is root's, as every other.
    type: str
  chain:
    description: The certificate and its intermediates on the host, PEM, in any order.
    type: path
    required: true
  friendly_name:
    description: A name for people, kept beside the key.
    type: str
    default: ""
  subject:
    description:
      - Who asks, as in M(edge_certificate_request). With the same values there, the adopted certificate is no reason
        for a new one.
    type: dict
    default: {}
  client_auth:
    description: As in M(edge_certificate_request), for the same reason.
    type: bool
    default: false
requirements:
  - python3-cryptography 36 or later on the host
seealso:
  - module: edge_certificate_request
"""

EXAMPLES = r"""
- name: Go on with what certbot made
  edge_certificate_adopt:
    name: edge.london.contoso.example
    names: [contoso.example]
    key: /etc/letsencrypt/live/contoso.example/privkey.pem
    chain: /etc/letsencrypt/live/contoso.example/fullchain.pem
"""

RETURN = r"""
adopted:
  description: Whether this run took it in, or would.
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

from ansible.module_utils.fedgate.certificates.adopt import AdoptReconciler
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "names": {"type": "list", "elements": "str", "required": True},
    "key": {"type": "path", "required": True, "no_log": False},
    "key_passphrase": {"type": "str", "no_log": True},
    "chain": {"type": "path", "required": True},
    "friendly_name": {"type": "str", "default": ""},
    "subject": {"type": "dict", "default": {}},
    "client_auth": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run(AdoptReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
