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
extends_documentation_fragment: [fedgate, fedgate.issuers]
options:
  requests:
    description: Requests of those hosts that need a certificate.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Whose request it is; unique, and used for file names. The FQDN of the pool, or a host's name.
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
      template:
        description: Template that the request must name; none when empty.
        type: str
        default: ""
      recipients:
        description:
          - Public keys, base64, of the hosts that need the private key where an answer brings one, by host. Without
            any, such an answer has the status V(key_brought); call again with them.
        type: dict
        default: {}
      issuer:
        description: Name of the issuer that signs this one, of O(issuers); not needed when there is one only.
        type: str
      replaces:
        description:
          - Serial number, hexadecimal, of the certificate that serves now. That one is never the answer again, also
            where the key stays the same.
        type: str
  partners:
    description:
      - The partners, each C(domain), C(tls), C(sasl), C(dialback), as the model gives them. When a certificate that is
        issued lacks clientAuth, one warning names those whose settings then leave no method with a strict server.
    type: list
    elements: dict
    default: []
requirements:
  - cryptography 42 or later on the controller (requirements.txt)
  - the Python library acme on the controller for O(issuers[].kind=acme) (requirements/acme.txt)
seealso:
  - module: edge_certificate_renewal_info
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

- name: Have it signed by a public authority
  edge_certificate_issue:
    issuers:
      - kind: acme
        acme:
          directory_url: https://acme-v02.api.letsencrypt.org/directory
          state_directory: ~/.local/state/fedgate/letsencrypt
          contact: [hostmaster@contoso.example]
          agree_to_terms: true
          profile: tlsserver
          dns_provider: "{{ federation_dns_provider }}"
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
    - How each request stands, by its name - status (V(issued), V(pending), V(planned), V(failed) or V(key_brought)),
      chain, error, csr, key_fingerprint, sealed_keys, and names, issuer, serial, not_after of the certificate.
    - V(key_brought) means that the answer came with a private key of its own, and that RV(certificates) has no
      sealed_keys for want of O(requests[].recipients). With sealed_keys, the private key sealed to each recipient
      (RFC 9180), csr is empty, since the certificate answers no request of ours.
  type: dict
  returned: success
caa:
  description:
    - CAA records that let nobody but this account at this authority certify the names (RFC 8657), each name and value,
      ready for DNS, such as C(0 issue "ca.example; accounturi=https://…; validationmethods=dns-01").
    - Of the names that were asked for, those that lie below another one need none of their own. Empty for authorities
      other than V(acme), for those that name no CAA identity, and before the account is known.
  type: list
  elements: dict
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
from ansible.module_utils.fedgate.certificates.issuer_options import ISSUERS
from ansible.module_utils.fedgate.module import run

REQUEST = {
    "name": {"type": "str", "required": True},
    "pool": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "csr": {"type": "str"},
    "client_auth": {"type": "bool"},
    "template": {"type": "str", "default": ""},
    "recipients": {"type": "dict", "default": {}},
    "issuer": {"type": "str"},
    "replaces": {"type": "str"},
}

ARGUMENTS = {
    "issuers": ISSUERS,
    "requests": {"type": "list", "elements": "dict", "required": True, "options": REQUEST},
    "partners": {"type": "list", "elements": "dict", "default": []},
}


def main() -> None:
    """Run the module."""
    run(IssueReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
