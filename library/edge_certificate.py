#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate
short_description: Installs an issued certificate on an edge host, and sees it served
version_added: "0.1.0"
author: Fedgate authors
description:
  - Checks an issued chain (it is for a key that M(edge_certificate_request) made on this host, it is valid now, it
    covers all names), puts it into the generation of that key, and lets C(current) lead there in one step.
  - When a check fails, what serves goes on serving, untouched.
  - Lets the gateway reload (never stop), and looks at the certificate that it serves then. If that is not the new one,
    C(current) leads back to the generation before, which is served again, and the task fails.
  - Keeps some earlier generations for M(edge_certificate_rollback); older ones, and keys whose request was never
    answered, go.
  - Whether the chain leads to a trust anchor was checked on the controller, by M(edge_certificate_issue).
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
  chain:
    description:
      - The issued certificate and its intermediates as PEM, in any order, with any line ends.
      - May be empty in check mode only, meaning that it is known after the run.
    type: str
  names:
    description: Names that the certificate has to cover.
    type: list
    elements: str
    required: true
  request:
    description:
      - The request (PEM) that was answered. Needed only where several generations have the same key.
    type: str
  keep:
    description: How many generations are kept, the one that serves among them; at least 2.
    type: int
    default: 3
requirements:
  - python3-cryptography 36 or later on the host; check mode works without it where there is no certificate yet
seealso:
  - module: edge_certificate_request
  - module: edge_certificate_issue
  - module: edge_certificate_rollback
"""

EXAMPLES = r"""
- name: Ask for a certificate when one is needed
  edge_certificate_request:
    name: edge.london.contoso.example
    names: [edge.london.contoso.example, contoso.example]
  register: request

- name: Have it signed on the controller
  edge_certificate_issue:
    issuers:
      - kind: local_ca
        directory: "{{ federation_certificate.ca_directory }}"
        create: true
        organization: Contoso Ltd
    requests:
      - name: edge1.london
        pool: edge.london.contoso.example
        names: [edge.london.contoso.example, contoso.example]
        csr: "{{ request.csr }}"
  delegate_to: localhost
  become: false
  when: request.needed
  register: answer

- name: Install it
  edge_certificate:
    name: edge.london.contoso.example
    chain: "{{ answer.certificates['edge1.london'].chain }}"
    names: [edge.london.contoso.example, contoso.example]
    gateway:
      domains: [contoso.example]
  when: request.needed
"""

RETURN = r"""
generation:
  description: The generation that serves after the run; C(known after apply) in check mode without a chain.
  type: raw
  returned: success
names:
  description: Names that the certificate carries.
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
standing:
  description: How the pool's certificate stands - pool, expires, days_left, renewed_from (when it becomes due).
  type: dict
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

from ansible.module_utils.fedgate.certificates.install import InstallReconciler
from ansible.module_utils.fedgate.certificates.serving import ARGUMENT as GATEWAY
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "chain": {"type": "str"},
    "names": {"type": "list", "elements": "str", "required": True},
    "request": {"type": "str"},
    "keep": {"type": "int", "default": 3},
    "gateway": GATEWAY,
}


def main() -> None:
    """Run the module."""
    run(InstallReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
