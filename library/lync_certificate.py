#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_certificate
short_description: Takes the steps of the certificate wizard on the Edge Servers of a pool
version_added: "0.1.0"
author: Fedgate authors
description:
  - Brings the certificates of an Edge Server, or of all members of an Edge pool, into line with what is wanted, in one
    call. Each run goes as far as it can - it asks for a certificate, waits for the authority, imports the answer,
    copies certificate and key to the other members, and assigns it to its uses.
  - A certificate in use that fits is left alone. Another one is asked for where there is none, where names or the kind
    of key differ, where it has expired, or where two thirds of its life are gone. The one in use serves until the next
    one is assigned.
  - The key is made on the first member (C(Request-CsCertificate)). What is taken is verified on the controller before
    it is imported - the key of the present request, dates, all names, strength, purpose, the way to a root. An answer
    to another request is an error. What fits and lies in the store already, after a run that was killed or an import
    by hand, is assigned.
  - A certificate that is assigned takes effect when the services are started the next time, which is left to
    M(lync_service). RV(reassigned) names the members that need it, RV(previous) what to go back to.
  - What was assigned before is noted on each member until M(lync_service) has seen the services serve. A certificate
    with which they did not start is noted too, and is not assigned there again; people have to look first.
  - V(AudioVideoAuthentication) should have a certificate of its own that lives long, since media tokens are signed with
    it. A warning says where it shares one that lives less than 180 days.
  - To the other members of a pool the key goes as PKCS#12 (C(Export-PfxCertificate)) under a random password that
    serves once. The controller holds the file in memory; on the members it is removed as soon as it is imported.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  name:
    description: What the first member is called in plans and results; O(host) by default.
    type: str
  members:
    description:
      - The other members of the pool. What one leaves out is as for the first.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name of the server, which its certificate for remote management must carry.
        type: str
        required: true
      name:
        description: What it is called in plans and results; O(members[].host) by default.
        type: str
      port:
        description: TCP port.
        type: int
      username:
        description: Account.
        type: str
      password:
        description: Its password.
        type: str
      authentication:
        description: How to log in.
        type: str
        choices: [negotiate, ntlm, kerberos, basic, certificate]
      ca_file:
        description: PEM file on the controller with the authorities that may have signed the server's certificate.
        type: path
      client_certificate:
        description: PEM file on the controller with the certificate for V(certificate).
        type: path
      client_key:
        description: PEM file on the controller with its private key.
        type: path
  certificates:
    description: The certificates, each for other uses. Needed, unless O(restore) or O(take_back) is given.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Which one; unique, and part of the names of files on the server.
        type: str
        required: true
      uses:
        description: What it is assigned to. Each use has one certificate.
        type: list
        elements: str
        choices: [AccessEdgeExternal, DataEdgeExternal, AudioVideoAuthentication, Internal]
        default: [AccessEdgeExternal, DataEdgeExternal]
      names:
        description:
          - All names to certify, the Access Edge FQDN first, at most 100; international names become IDNA A-labels.
          - Request-CsCertificate adds the names that it finds in the topology. A request for other names than these is
            taken back, and is an error.
        type: list
        elements: str
        default: []
      subject:
        description: Who asks. An empty field is left out.
        type: dict
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
        suboptions:
          type:
            description: Algorithm of the key.
            type: str
            choices: [rsa, ecdsa]
            default: rsa
          size:
            description: Bits of an RSA key, 2048 unless given.
            type: int
            choices: [2048, 4096]
          curve:
            description: Curve of an ECDSA key, P-256 unless given.
            type: str
            choices: [p256, p384, p521]
      friendly_name:
        description:
          - A name for people, which Windows shows. C(Fedgate) and O(certificates[].name) by default.
          - A request at an enterprise CA is found again by it. Another one alone is no reason for a new certificate.
        type: str
        default: ""
      exportable:
        description: Whether the private key may leave the server. The members of a pool need that.
        type: bool
        default: true
      template:
        description: Name (not the display name) of the certificate template; the cmdlet's own, WebServer, when empty.
        type: str
        default: ""
      client_auth:
        description: Ask for the purpose clientAuth beside serverAuth.
        type: bool
        default: false
      all_sip_domains:
        description: Let the server add C(sip.<domain>) for each SIP domain of its topology (C(-AllSipDomain)).
        type: bool
        default: false
      computer_fqdn:
        description:
          - FQDN of the computer in the topology. With it, the cmdlet connects to the Central Management Store, which an
            Edge Server usually cannot reach.
        type: str
      renew_before_days:
        description:
          - Ask for a new certificate when the one in use has at most so many days left, though never before two thirds
            of its life are gone. Without it, that is the moment.
        type: int
      force:
        description:
          - Ask for a new certificate whatever the age of the one in use. A newer one that lies ready is used. Set it
            for as long as it takes to have that one assigned.
        type: bool
        default: false
      request_file:
        description: File on the controller into which the request is written, PEM.
        type: path
      answer:
        description:
          - File on the controller with the answer of the authority - PEM, DER, PKCS#7, or PKCS#12 with a key of its
            own. As long as it is not there, the certificate is C(pending).
        type: path
      chain:
        description: The answer itself, PEM, as M(edge_certificate_issue) returns it.
        type: str
      signed_now:
        description:
          - The request is signed in the same run, by M(edge_certificate_issue), and another call of this module gets
            O(certificates[].chain). So nobody is waited for, and check mode plans what follows as well.
        type: bool
        default: false
      pkcs12_password:
        description: Password of an O(certificates[].answer) that is PKCS#12. It does not leave the controller.
        type: str
      trust_anchors:
        description:
          - PEM files on the controller with the roots that the certificate may lead to. By default those of the
            controller's system, with O(certificates[].ca) those of the server.
        type: list
        elements: path
        default: []
      ca:
        description:
          - An enterprise CA that is asked at once, C(host\name) as C(certutil) shows it. A first run asks, a later one
            fetches what was granted, and assigns it.
        type: str
      ca_account:
        description: Account that asks, C(DOMAIN\name); that of the session by default.
        type: str
      ca_password:
        description:
          - Its password. The cmdlet takes it as plain text, so it stands in the server's event log where module logging
            of PowerShell is turned on there.
        type: str
      thumbprint:
        description:
          - Assign the certificate with this thumbprint, which is in the store already, and look at nothing else. For
            certificates of other people's making, and to go back to the one before.
        type: str
  restore:
    description:
      - What is to be assigned again, thumbprint by use, by member - RV(previous) of the call that assigned something
        with which the services do not start. Nothing else is done then.
    type: dict
    default: {}
  take_back:
    description:
      - Names of certificates. Where no service has been started yet with what was assigned for one of them, what was
        assigned before is assigned again on each member, as noted there. Nothing else is done then.
    type: list
    elements: str
    default: []
  directory:
    description: Folder on the servers for requests, and for files on their way. It has to be there.
    type: str
    default: C:\Windows\Temp
  handover_directory:
    description:
      - For a server that no remote management reaches. Nothing is connected then. In a folder below this, named like
        the server, a script that is always the same and a task are laid ready for its administrator, and the result
        that comes back there is what the next run works on. Until then it is C(pending).
      - A task holds no secret; so it is for one server, with requests by file, and answers without a key.
    type: path
  handover_restart:
    description:
      - With O(handover_directory), have the same task restart all Lync services of the server where it assigns
        something, gracefully. Every external user of that server is disconnected.
    type: bool
    default: false
requirements:
  - cryptography 42 or later on the controller (requirements.txt)
notes:
  - The servers need Windows Server 2012 or later for C(Export-PfxCertificate) and C(Import-Certificate).
seealso:
  - module: edge_certificate_issue
  - module: lync_service
"""

EXAMPLES = r"""
- name: Have the public certificate of the Edge Server asked for, answered and assigned, run by run
  lync_certificate:
    endpoint: edge
    certificates:
      - name: external
        names:
          - edge.london.contoso.example
          - contoso.example
          - sip.contoso.example
        subject:
          organization: Contoso Ltd
          city: London
          country: GB
        friendly_name: External edge
        request_file: "{{ federation_certificate.requests_directory }}/external.csr.pem"
        answer: "{{ federation_certificate.requests_directory }}/external.cer"
  register: asked

- name: Show what to send to the authority
  ansible.builtin.debug:
    msg: "{{ asked.certificates.external.summary }}"

- name: Give audio and video a long-lived certificate of their own from the enterprise CA
  lync_certificate:
    endpoint: edge
    certificates:
      - name: media
        uses: [AudioVideoAuthentication]
        names: [edge.london.contoso.example]
        ca: ca1.contoso.example\Contoso CA
"""

RETURN = r"""
certificates:
  description:
    - How each stands, by its name - step (what is next; V(request), V(wait), V(retrieve), V(import), or V(assign),
      which also means that all is done), because (why another one is needed than that in use), thumbprint (of the one
      that is to be in use), csr, template (that the request names), summary (the request for people), key_fingerprint,
      names, issuer, not_after, serial (of the one in use), standing (pool, expires, days_left, renewed_from).
  type: dict
  returned: success
previous:
  description: What was assigned on each member before, thumbprint by use.
  type: dict
  returned: success
reassigned:
  description: Members on which something was assigned, whose services have to be started again.
  type: list
  elements: str
  returned: success
untried:
  description: Certificates that are assigned and that no service has been started with yet, names by member.
  type: dict
  returned: success
unmanaged:
  description: What else is assigned, and left alone - thumbprint by use, by member.
  type: dict
  returned: success
handover:
  description:
    - With O(handover_directory) - directory of the server, task (digest of the one that waits), and whether it waits.
  type: dict
  returned: when handed over
calls:
  description: How many cmdlets were called on all members.
  type: int
  returned: success
plan:
  description: Changes, each action, kind, name, before, after. Never a key or a password.
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

from ansible.module_utils.fedgate.lync.certificates import ARGUMENTS, lync_certificate
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(lync_certificate, ARGUMENTS)


if __name__ == "__main__":
    main()
