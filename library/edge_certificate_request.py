#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_request
short_description: Prepares a private key and a certificate request for an edge host
version_added: "0.1.0"
author: Fedgate authors
description:
  - Looks at the certificate that serves and says whether another one is needed - there is none, its names, subject,
    purposes or key settings differ from what is wanted, it has expired or soon will.
  - On a host where nothing is managed yet, it can take in a pair that is there already (O(adopt)).
  - When one is needed, makes a private key and a request in a new generation beside the live one, which goes on
    serving until M(edge_certificate) installs the answer.
  - A generation that was prepared earlier and still fits is used again, so a second run, or one after a kill,
    changes nothing.
  - The private key stays on the host, with mode 0600 (or readable by the group that may read the live one), and is
    never returned.
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
    description:
      - Names to certify, each as a dNSName, at most 100; international names become IDNA A-labels.
      - The first one is the common name too, where it has at most 64 characters.
    type: list
    elements: str
    required: true
  subject:
    description: Who asks. An empty field is left out of the request.
    type: dict
    default: {}
    suboptions:
      organization:
        description: Organisation, at most 64 characters.
        type: str
      organizational_unit:
        description: Organisational unit, at most 64 characters.
        type: str
      city:
        description: City or locality, at most 128 characters.
        type: str
      state:
        description: State or province, at most 128 characters.
        type: str
      country:
        description: Country as two letters (ISO 3166-1 alpha-2).
        type: str
  key:
    description: The kind of private key.
    type: dict
    default: {}
    suboptions:
      type:
        description: Algorithm of the key.
        type: str
        choices: [rsa, ecdsa]
        default: rsa
      size:
        description: Bits of an RSA key, 2048 unless given.
        type: int
        choices: [2048, 3072, 4096]
      curve:
        description: Curve of an ECDSA key, P-256 unless given. Hardly any public authority takes V(p521).
        type: str
        choices: [p256, p384, p521]
  friendly_name:
    description:
      - A name for people. Kept beside the key and shown in summaries, never part of the request.
      - Another one alone is no reason for a new certificate; it is kept with the next.
    type: str
    default: ""
  exportable:
    description:
      - Whether the private key may leave the host later. A note beside the key for those who manage it, as the
        friendly name is; never part of the request, and no reason for a new certificate.
    type: bool
    default: true
  template:
    description:
      - Name of the certificate template of a Microsoft authority, such as V(WebServer). Part of the request
        (extension 1.3.6.1.4.1.311.20.2) only when given; public authorities have no templates.
    type: str
    default: ""
  client_auth:
    description:
      - Ask for the purpose clientAuth beside serverAuth.
      - Public authorities no longer grant it; strict partners want it for SASL EXTERNAL.
    type: bool
    default: false
  renew_before_days:
    description:
      - Ask for a new certificate when the live one has at most so many days left, though never before two thirds of
        its life are gone. Without it, that is the moment.
    type: int
  due:
    description:
      - Serial numbers (hexadecimal) of certificates that their issuer wants renewed now, each with the reason, as
        C(edge_certificate_renewal_info) returns them.
    type: dict
    default: {}
  force:
    description: Ask for a new certificate whatever the age of the live one. What is prepared already is used.
    type: bool
    default: false
  reuse_key:
    description:
      - Make the new request with the key of the live certificate, where that is of the wanted kind; otherwise every
        certificate gets a key of its own.
    type: bool
    default: false
  make:
    description:
      - Make key and request when a certificate is needed and none is prepared. V(false) only looks, for the members
        of a pool, of which one makes the key for all.
    type: bool
    default: true
  adopt:
    description:
      - A pair on the host that somebody or something else made (certbot, a wizard, a hand). Where none of
        ours serves yet, it is copied into a generation, serves on until it is due, and is renewed from then on like any
        other. Its files themselves are not touched.
      - Key and certificate must belong together, and the dates, all names, strength and purpose must be right. Whether
        the chain leads to a trust anchor is not asked; it serves already.
      - It is renewed at once where its key is of another kind than O(key).
    type: dict
    suboptions:
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
  report_missing_library:
    description:
      - Return RV(library) false, and do nothing, where python3-cryptography is not installed; otherwise that is an
        error.
    type: bool
    default: false
requirements:
  - python3-cryptography 36 or later on the host; check mode works without it where there is no certificate yet
seealso:
  - module: edge_certificate_issue
  - module: edge_certificate
"""

EXAMPLES = r"""
- name: Prepare a request for the pool in London
  edge_certificate_request:
    name: edge.london.contoso.example
    names:
      - edge.london.contoso.example
      - contoso.example
      - conference.contoso.example
    subject:
      organization: Contoso Ltd
      organizational_unit: Messaging
      city: London
      country: GB
    key:
      type: ecdsa
      curve: p256
    friendly_name: XMPP federation London
  register: request

- name: Go on with what certbot made, on a host where nothing is managed yet
  edge_certificate_request:
    name: edge.london.contoso.example
    names: [contoso.example]
    adopt:
      key: /etc/letsencrypt/live/contoso.example/privkey.pem
      chain: /etc/letsencrypt/live/contoso.example/fullchain.pem
  register: adopted

- name: Show what would be sent to the authority
  ansible.builtin.debug:
    msg: "{{ request.summary.text }}"
"""

RETURN = r"""
needed:
  description: Whether a certificate has to be issued.
  type: bool
  returned: success
generation:
  description:
    - The prepared generation when a certificate is needed (none in check mode when it would be made), else the live
      one.
  type: int
  returned: success
csr:
  description: The request of that generation as PEM; none in check mode when it would be made.
  type: str
  returned: success
key_fingerprint:
  description: SHA-256 (hex) of the public key of that generation.
  type: str
  returned: success
chain:
  description: The chain that serves now, as PEM.
  type: str
  returned: success
serial:
  description: Serial number of the certificate that serves now, hexadecimal.
  type: str
  returned: success
served:
  description: Whether the gateway shows that certificate; none where nothing is shown, or not ours.
  type: bool
  returned: success
library:
  description: Whether python3-cryptography is there; see O(report_missing_library).
  type: bool
  returned: success
holdings:
  description:
    - What the members of a pool compare - request (SHA-256 of the one that this host goes on with), whether it is
      issued, not_before, requests (of all keys that are held here) and rejected (those that somebody went back from).
  type: dict
  returned: success
standing:
  description: How the pool's certificate stands - pool, expires, days_left, renewed_from (when it becomes due).
  type: dict
  returned: success
summary:
  description:
    - What is asked for and why - names, key, subject, purposes, template, friendly_name, exportable, because,
      expires, and text, the review for people with all that the request says.
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

from ansible.module_utils.fedgate.certificates.prepare import RequestReconciler
from ansible.module_utils.fedgate.certificates.serving import ARGUMENT as GATEWAY
from ansible.module_utils.fedgate.module import run

SUBJECT = {field: {"type": "str"} for field in ("organization", "organizational_unit", "city", "state", "country")}

KEY = {
    "type": {"type": "str", "choices": ["rsa", "ecdsa"], "default": "rsa"},
    "size": {"type": "int", "choices": [2048, 3072, 4096]},
    "curve": {"type": "str", "choices": ["p256", "p384", "p521"]},
}

ADOPT = {
    "key": {"type": "path", "required": True, "no_log": False},
    "key_passphrase": {"type": "str", "no_log": True},
    "chain": {"type": "path", "required": True},
}

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "names": {"type": "list", "elements": "str", "required": True},
    "subject": {"type": "dict", "default": {}, "options": SUBJECT},
    "key": {"type": "dict", "default": {}, "options": KEY, "no_log": False},
    "friendly_name": {"type": "str", "default": ""},
    "exportable": {"type": "bool", "default": True},
    "template": {"type": "str", "default": ""},
    "client_auth": {"type": "bool", "default": False},
    "renew_before_days": {"type": "int"},
    "due": {"type": "dict", "default": {}},
    "force": {"type": "bool", "default": False},
    "reuse_key": {"type": "bool", "default": False, "no_log": False},
    "make": {"type": "bool", "default": True},
    "adopt": {"type": "dict", "options": ADOPT, "no_log": False},
    "report_missing_library": {"type": "bool", "default": False},
    "gateway": GATEWAY,
}


def main() -> None:
    """Run the module."""
    run(RequestReconciler, ARGUMENTS)


if __name__ == "__main__":
    main()
