#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_share
short_description: Carries the private key of a pool's certificate from one member to another
version_added: "0.1.0"
author: Fedgate authors
description:
  - The members of a pool share one certificate. Its private key is made on one of them, the holder, and reaches each
    other member in three steps. The member offers a public key (O(step=offer)), the holder seals the private key to
    it (O(step=seal)), the member opens it and prepares a generation with it (O(step=receive)).
  - The controller that carries the values from step to step sees ciphertext only (HPKE, RFC 9180, with X25519 and
    ChaCha20-Poly1305). Sealed for one pool, a key cannot be opened as that of another.
  - The private half of an offer lies in memory, below O(offers_directory), and serves once. O(step=receive) removes
    it, whatever comes of the transfer; the next offer removes what killed runs left.
  - Only O(step=receive) changes a host. It adds a generation beside those that exist; M(edge_certificate) lets it
    serve.
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
  offers_directory:
    description: The folder of offers, on a file system in memory.
    type: path
    default: /run/fedgate/offers
  step:
    description: What to do on this host.
    type: str
    choices: [offer, seal, receive]
    required: true
  request:
    description:
      - For O(step=seal) and O(step=receive), the certificate request as PEM. It says which generation is meant.
      - For O(step=receive), absent when there is none because the key came from the authority, in a PKCS#12 file. A
        request is then made from the key and O(description).
      - May be absent in check mode, meaning that it is known after the run.
    type: str
  recipients:
    description: For O(step=seal), RV(public_key) of each member that shall have the key, by host.
    type: dict
    default: {}
  sealed:
    description:
      - For O(step=receive), the key as sealed to this host.
      - May be empty in check mode, and where the host has the key already.
    type: str
  description:
    description:
      - For O(step=receive), RV(description) as the holder returned it.
      - Without O(request), what is certified - names (a list, required then), subject, client_auth and the like, named
        as the options of M(edge_certificate_request).
    type: dict
    default: {}
  chain:
    description:
      - For O(step=receive), the issued certificate and its intermediates as PEM, where it is issued already. One for
        another key is left out, with a warning.
      - Required without O(request). The key must then fit its first certificate.
    type: str
  key_fingerprint:
    description:
      - For O(step=receive), the SHA-256 (hex) of the public key that is expected.
      - Not needed; where it is given, another key is refused.
    type: str
requirements:
  - python3-cryptography 36 or later on the host; check mode works without it where there is no certificate yet
seealso:
  - module: edge_certificate_request
  - module: edge_certificate
"""

EXAMPLES = r"""
- name: Prepare key and request on the holder
  edge_certificate_request:
    name: edge.london.contoso.example
    names: [edge.london.contoso.example, contoso.example]
  register: request

- name: Offer a key for the transfer, on each other member
  edge_certificate_share:
    name: edge.london.contoso.example
    step: offer
  register: offer

- name: Seal the private key to them, on the holder
  edge_certificate_share:
    name: edge.london.contoso.example
    step: seal
    request: "{{ request.csr }}"
    recipients: "{{ {inventory_hostname: offer.public_key} }}"
  register: holder

- name: Open it, on each other member
  edge_certificate_share:
    name: edge.london.contoso.example
    step: receive
    request: "{{ request.csr }}"
    sealed: "{{ holder.sealed[inventory_hostname] | default('') }}"
    description: "{{ holder.description | default({}, true) }}"
    chain: "{{ holder.chain }}"
"""

RETURN = r"""
public_key:
  description: For O(step=offer), the public half, base64 of 32 bytes; none in check mode, in which nothing is made.
  type: str
  returned: O(step=offer)
sealed:
  description: For O(step=seal), the sealed key for each of O(recipients); empty in check mode.
  type: dict
  returned: O(step=seal)
description:
  description: What is written about the generation; none in check mode where there is no such generation yet.
  type: dict
  returned: O(step=seal)
chain:
  description: The chain of the generation as PEM; none where it is not issued.
  type: str
  returned: O(step=seal)
generation:
  description: The generation that has the key; none in check mode when it would be made.
  type: int
  returned: O(step=receive)
key_fingerprint:
  description: SHA-256 (hex) of its public key; none where check mode cannot know it.
  type: str
  returned: O(step=receive)
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

from ansible.module_utils.fedgate.certificates.share import reconciler
from ansible.module_utils.fedgate.module import run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "offers_directory": {"type": "path", "default": "/run/fedgate/offers"},
    "step": {"type": "str", "choices": ["offer", "seal", "receive"], "required": True},
    "request": {"type": "str"},
    "recipients": {"type": "dict", "default": {}},
    "sealed": {"type": "str", "no_log": True},
    "description": {"type": "dict", "default": {}},
    "chain": {"type": "str"},
    "key_fingerprint": {"type": "str", "no_log": False},
}


def main() -> None:
    """Run the module."""
    run(reconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
