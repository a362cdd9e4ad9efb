#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates/acme."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_renewal_info
short_description: Asks authorities when they want certificates renewed
version_added: "0.1.0"
author: Fedgate authors
description:
  - Asks each authority of kind V(acme) for the renewal information (ARI, RFC 9773) of the certificates that it issued
    and that are still valid, the newest of each request. An authority that will revoke certificates says so here first.
  - Within the window that the authority gives, each certificate has a moment of its own, which is always the same; a
    certificate is due when that moment comes within a day. Run it daily.
  - It never fails for an authority's sake - one that gives no such information, or does not answer, is warned about.
extends_documentation_fragment: [fedgate.info]
options:
  issuers:
    description: Who signs, as for M(edge_certificate_issue). Only those of kind V(acme) are asked.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        default: default
      kind:
        description: Its kind.
        type: str
        choices: [acme, local_ca, manual]
        required: true
      directory:
        description: Of another kind; not looked at here.
        type: path
      create:
        description: Of another kind; not looked at here.
        type: bool
        default: false
      passphrase:
        description: Of another kind; not looked at here.
        type: str
      organization:
        description: Of another kind; not looked at here.
        type: str
      validity_days:
        description: Of another kind; not looked at here.
        type: int
        default: 90
      client_auth:
        description: Of another kind; not looked at here.
        type: bool
        default: false
      requests_directory:
        description: Of another kind; not looked at here.
        type: path
      trust_anchors:
        description: Not looked at here.
        type: list
        elements: path
        default: []
      acme:
        description:
          - The settings of a CA that speaks ACME (RFC 8555). Required with O(issuers[].kind=acme).
          - Certificates are ordered by dns-01, all orders of a run together. C(docs/certificates.md) is the guide.
        type: dict
        suboptions:
          directory_url:
            description: The CA's directory, C(https://…); its documentation names it.
            type: str
            required: true
          state_directory:
            description:
              - Folder on the controller, outside of any repository, mode 0700. It holds the account's key and URL, what
                was issued (C(issued/)), and notes of what is under way; keep it from run to run.
            type: path
            required: true
          contact:
            description: Mail addresses that the CA may write to.
            type: list
            elements: str
            default: []
          agree_to_terms:
            description: Must be V(true); otherwise the error shows the address of the CA's terms of service.
            type: bool
            default: false
          account_key:
            description:
              - The account's private key as PEM, from a vault; RSA or ECDSA.
              - Without it C(account-key.pem) in the state directory, made once; refused if others can read it.
            type: str
          eab_kid:
            description: Key id of the external account binding, where the CA demands one.
            type: str
          eab_hmac_key:
            description: Key of the external account binding, base64url as the CA shows it.
            type: str
          profile:
            description: Profile of the certificates, one of those that the CA offers.
            type: str
          preferred_chain:
            description:
              - Common name of the issuer of the chain's last certificate, where the CA offers several chains.
              - The CA's own choice is used, with a warning, when none fits.
            type: str
          dns_provider:
            description:
              - Where the challenge records go; the options are those of O(dns_records#module:provider).
              - Give it credentials of its own, with the right to change TXT at C(_acme-challenge) names only.
            type: dict
            suboptions:
              kind:
                description: Kind of provider.
                type: str
                choices: [rfc2136]
                default: rfc2136
              server:
                description: Primary server of the zones.
                type: str
              port:
                description: TCP port.
                type: int
                default: 53
              tsig_name:
                description: Name of the key that signs.
                type: str
              tsig_algorithm:
                description: Algorithm of that key.
                type: str
                choices: [hmac-sha256, hmac-sha384, hmac-sha512]
                default: hmac-sha256
              tsig_secret:
                description: Secret of that key, base64.
                type: str
              timeout:
                description: Seconds for a connection, and for each answer.
                type: int
                default: 10
          resolvers:
            description:
              - Addresses of resolvers that see the zones as the CA does; the controller's own when there are none.
              - They show where a CNAME at a C(_acme-challenge) name leads, and which name servers a zone has.
            type: list
            elements: str
            default: []
          ca_file:
            description: PEM file with the root of the CA's HTTPS certificate, where that is not a public one.
            type: path
          timeout:
            description: Seconds for all orders of a run.
            type: int
            default: 300
          propagation_timeout:
            description: Seconds until all name servers of a zone must answer with the challenge records.
            type: int
            default: 120
          renewal_info:
            description: Whether M(edge_certificate_renewal_info) asks this CA when it wants certificates renewed.
            type: bool
            default: true
requirements:
  - the Python library acme on the controller (requirements/acme.txt)
seealso:
  - module: edge_certificate_issue
"""

EXAMPLES = r"""
- name: Ask which certificates the authority wants renewed
  edge_certificate_renewal_info:
    issuers:
      - kind: acme
        acme:
          directory_url: https://acme-v02.api.letsencrypt.org/directory
          state_directory: ~/.local/state/fedgate/letsencrypt
  delegate_to: localhost
  become: false
"""

RETURN = r"""
due:
  description: Certificates that are to be renewed now, serial number (hexadecimal) and the reason in words.
  type: dict
  returned: success
"""

from ansible.module_utils.fedgate.certificates.acme.arguments import ACME
from ansible.module_utils.fedgate.certificates.acme.renewal import look
from ansible.module_utils.fedgate.module import report

ISSUER = {
    "name": {"type": "str", "default": "default"},
    "kind": {"type": "str", "choices": ["acme", "local_ca", "manual"], "required": True},
    "directory": {"type": "path"},
    "create": {"type": "bool", "default": False},
    "passphrase": {"type": "str", "no_log": True},
    "organization": {"type": "str"},
    "validity_days": {"type": "int", "default": 90},
    "client_auth": {"type": "bool", "default": False},
    "requests_directory": {"type": "path"},
    "trust_anchors": {"type": "list", "elements": "path", "default": []},
    "acme": {"type": "dict", "options": ACME},
}

ARGUMENTS = {
    "issuers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ISSUER,
        "required_if": [["kind", "acme", ["acme"]]],
    },
}


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
