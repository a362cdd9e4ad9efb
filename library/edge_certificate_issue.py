#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_issue
short_description: Has the requests of all edge hosts signed, in one call on the controller
version_added: "0.1.0"
author: Fedgate authors
description:
  - Checks that each request asks for exactly the names that the inventory gives its pool, has it signed by the
    issuer, and verifies the chain that comes back - key, dates, names, strength, purpose, and the way to a trust
    anchor.
  - A request that fails never stops the others, and never fails the task; look at RV(certificates).
  - With O(issuers[].kind=manual) the requests are laid into a folder and the answers are picked up from there by a
    later run.
extends_documentation_fragment: [fedgate]
options:
  issuers:
    description: Who signs; one for all requests, or several that requests name.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What O(requests[].issuer) calls it; need not be given when there is one issuer only.
        type: str
        default: default
      kind:
        description:
          - V(local_ca) is a private authority on the controller. It takes nothing but the public key from a request.
          - V(manual) is an authority that people ask by hand.
        type: str
        choices: [local_ca, manual]
        required: true
      directory:
        description:
          - Folder of the private authority, with C(ca.pem), C(ca-key.pem) and C(issued/).
          - Required with O(issuers[].kind=local_ca). Keep it outside of any repository.
        type: path
      create:
        description: Create the private authority when there is none.
        type: bool
        default: false
      passphrase:
        description: Passphrase of the private authority's key.
        type: str
      organization:
        description: Organisation in the name of an authority that is created.
        type: str
      validity_days:
        description: Days for which the private authority signs.
        type: int
        default: 90
      client_auth:
        description: Whether the private authority certifies clientAuth, for requests that do not say so themselves.
        type: bool
        default: false
      requests_directory:
        description:
          - Folder for requests C(<name>.csr.pem), their summaries C(<name>.txt), and the answers.
          - An answer is any PEM file there that ends in C(.pem), C(.crt) or C(.cer) and has a certificate for that
            key; call it C(<name>.crt.pem). Required with O(issuers[].kind=manual).
        type: path
      trust_anchors:
        description:
          - PEM files with the roots that answers must lead to; the controller's own trust anchors when there are
            none.
        type: list
        elements: path
        default: []
  requests:
    description: Requests of those hosts that need a certificate.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Whose request it is; unique, and used for file names. The inventory name of the host.
        type: str
        required: true
      pool:
        description: FQDN of its pool.
        type: str
        required: true
      names:
        description: Names of that pool by the inventory; the request must ask for exactly these.
        type: list
        elements: str
        required: true
      csr:
        description: The request as PEM. May be empty in check mode only, meaning that it is made in the run.
        type: str
      client_auth:
        description: Whether to certify clientAuth for this one; the issuer's when not given.
        type: bool
      issuer:
        description: Name of the issuer that signs this one, of O(issuers); not needed when there is one only.
        type: str
      replaces:
        description:
          - Serial number, hexadecimal, of the certificate that serves now. That one is never the answer again, also
            where the key stays the same.
        type: str
requirements:
  - cryptography 42 or later on the controller (requirements.txt)
seealso:
  - module: edge_certificate_request
  - module: edge_certificate
"""

EXAMPLES = r"""
- name: Prepare a request
  edge_certificate_request:
    name: edge.london.contoso.example
    names: [edge.london.contoso.example, contoso.example]
  register: request

- name: Have it signed by a private authority on the controller
  edge_certificate_issue:
    issuers:
      - kind: local_ca
        directory: "{{ federation_certificate.ca_directory }}"
        create: true
        organization: Contoso Ltd
        validity_days: 90
    requests:
      - name: edge1.london
        pool: edge.london.contoso.example
        names: [edge.london.contoso.example, contoso.example]
        csr: "{{ request.csr }}"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
certificates:
  description:
    - How each request stands, by its name - status (V(issued), V(pending), V(planned) or V(failed)), chain, error,
      and names, issuer, serial, not_after of the certificate.
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

from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.module import run

ISSUER = {
    "name": {"type": "str", "default": "default"},
    "kind": {"type": "str", "choices": ["local_ca", "manual"], "required": True},
    "directory": {"type": "path"},
    "create": {"type": "bool", "default": False},
    "passphrase": {"type": "str", "no_log": True},
    "organization": {"type": "str"},
    "validity_days": {"type": "int", "default": 90},
    "client_auth": {"type": "bool", "default": False},
    "requests_directory": {"type": "path"},
    "trust_anchors": {"type": "list", "elements": "path", "default": []},
}

REQUEST = {
    "name": {"type": "str", "required": True},
    "pool": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "csr": {"type": "str"},
    "client_auth": {"type": "bool"},
    "issuer": {"type": "str"},
    "replaces": {"type": "str"},
}

ARGUMENTS = {
    "issuers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ISSUER,
        "required_if": [["kind", "local_ca", ["directory"]], ["kind", "manual", ["requests_directory"]]],
    },
    "requests": {"type": "list", "elements": "dict", "required": True, "options": REQUEST},
}


def main() -> None:
    """Run the module."""
    run(IssueReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
