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
          - V(acme) is any authority that speaks ACME (RFC 8555); it is asked by dns-01.
        type: str
        choices: [acme, local_ca, manual]
        required: true
      directory:
        description:
          - Folder of the private authority, with C(ca.pem), C(ca-key.pem) and C(issued/); with an intermediate also
            C(intermediate.pem) and C(intermediate-key.pem), with a revocation list C(crl.der).
          - Required with O(issuers[].kind=local_ca). Keep it outside of any repository.
        type: path
      create:
        description: Create the private authority when there is none.
        type: bool
        default: false
      passphrase:
        description: Passphrase of the private authority's keys.
        type: str
      intermediate:
        description:
          - Let the private authority sign by an intermediate, made once and signed by its root. Then the root's key
            C(ca-key.pem) may be kept offline.
          - A root that was made without an intermediate does not allow one.
        type: bool
        default: false
      crl_url:
        description:
          - Address (http) at which you publish C(crl.der) of O(issuers[].directory). It is written into certificates
            of the private authority, and the list is kept up for 30 days.
          - An intermediate that is made then names C(ca-crl.der) beside it, the list of the root.
        type: str
      revoked:
        description:
          - Serial numbers, hexadecimal, of certificates of the private authority that are revoked. They are put onto
            the list, and are never the answer to a request again.
        type: list
        elements: str
        default: []
      organization:
        description: Organisation in the name of an authority that is created.
        type: str
      validity_days:
        description:
          - Days for which the private authority signs, 90 when not given. For V(manual), the wish in the text that is
            ready to send; as long as the authority grants when not given.
        type: int
      client_auth:
        description: Whether the private authority certifies clientAuth, for requests that do not say so themselves.
        type: bool
        default: false
      requests_directory:
        description:
          - Folder for requests C(<name>.csr.pem), each with a text C(<name>.txt) that is ready to send, for
            C(WAITING.txt), which lists what is waited for, and for the answers.
          - An answer is any file there, whatever its name, with a certificate for that key, as PEM, DER, PKCS#7 or
            PKCS#12. Required with O(issuers[].kind=manual).
        type: path
      request_file:
        description:
          - Where the request is laid instead of C(<name>.csr.pem), absolute or relative to
            O(issuers[].requests_directory); the text is beside it, with the ending C(.txt). For one request only.
        type: path
      pkcs12_password:
        description:
          - Password of answers that are PKCS#12. They are opened in memory.
          - If one brings a private key of its own, it is taken for a request with exactly its names, with a warning,
            and the key is returned sealed to O(requests[].recipients) only.
        type: str
      trust_anchors:
        description:
          - PEM files with the roots that answers must lead to; the controller's own trust anchors when there are
            none.
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

from ansible.module_utils.fedgate.certificates.acme.arguments import ACME
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler
from ansible.module_utils.fedgate.module import run

ISSUER = {
    "name": {"type": "str", "default": "default"},
    "kind": {"type": "str", "choices": ["acme", "local_ca", "manual"], "required": True},
    "directory": {"type": "path"},
    "create": {"type": "bool", "default": False},
    "passphrase": {"type": "str", "no_log": True},
    "intermediate": {"type": "bool", "default": False},
    "crl_url": {"type": "str"},
    "revoked": {"type": "list", "elements": "str", "default": []},
    "organization": {"type": "str"},
    "validity_days": {"type": "int"},
    "client_auth": {"type": "bool", "default": False},
    "requests_directory": {"type": "path"},
    "request_file": {"type": "path"},
    "pkcs12_password": {"type": "str", "no_log": True},
    "trust_anchors": {"type": "list", "elements": "path", "default": []},
    "acme": {"type": "dict", "options": ACME},
}

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
    "issuers": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ISSUER,
        "required_if": [
            ["kind", "acme", ["acme"]],
            ["kind", "local_ca", ["directory"]],
            ["kind", "manual", ["requests_directory"]],
        ],
    },
    "requests": {"type": "list", "elements": "dict", "required": True, "options": REQUEST},
    "partners": {"type": "list", "elements": "dict", "default": []},
}


def main() -> None:
    """Run the module."""
    run(IssueReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
