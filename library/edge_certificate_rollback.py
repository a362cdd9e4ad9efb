#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_rollback
short_description: Lets an earlier certificate of an edge host serve again
version_added: "0.1.0"
author: Fedgate authors
description:
  - Checks that the earlier generation can still serve (key and certificate belong together, dates, names), lets
    C(current) lead there, reloads the gateway and looks at what it serves. If that is not the earlier certificate,
    what served before serves on, and the task fails.
  - What was gone back from is marked. A renewal never uses it again by itself; naming its number in O(to) takes the
    mark away.
  - A second run with V(previous) goes no further back.
extends_documentation_fragment: [fedgate, fedgate.gateway]
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
  to:
    description: V(previous), or the number of a generation; M(edge_certificate_info) lists them.
    type: str
    default: previous
requirements:
  - python3-cryptography 36 or later on the host
seealso:
  - module: edge_certificate
  - module: edge_certificate_info
"""

EXAMPLES = r"""
- name: Let the first certificate serve again
  edge_certificate_rollback:
    name: edge.london.contoso.example
    names: [contoso.example]
    to: "1"
    gateway:
      domains: [contoso.example]
"""

RETURN = r"""
generation:
  description: The generation that serves after the run.
  type: int
  returned: success
names:
  description: Names that its certificate carries.
  type: list
  elements: str
  returned: success
issuer:
  description: Who issued it, as a distinguished name.
  type: str
  returned: success
serial:
  description: Its serial number, hexadecimal.
  type: str
  returned: success
not_after:
  description: When it expires.
  type: str
  returned: success
  sample: 2027-02-21 06:00:00Z
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

from ansible.module_utils.fedgate.certificates.rollback import RollbackReconciler
from ansible.module_utils.fedgate.certificates.serving import ARGUMENT as GATEWAY
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "names": {"type": "list", "elements": "str", "required": True},
    "to": {"type": "str", "default": "previous"},
    "gateway": GATEWAY,
}


def main() -> None:
    """Run the module."""
    run(RollbackReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
