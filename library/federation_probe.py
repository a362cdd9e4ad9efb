#!/usr/bin/python
"""Ansible module ``federation_probe``; the logic is in ``module_utils/fedgate/probe``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: federation_probe
short_description: See an XMPP domain as the servers of its partners see it
version_added: "0.1.0"
description:
  - Takes the steps that a partner's server takes towards an XMPP domain, and reports each of them as data and as a
    readable sentence.
  - The steps are C(srv), C(address) (RFC 6120 section 3.2), C(tcp), C(stream), C(starttls), C(certificate) (chain and
    identity as RFC 6120 section 13.7 and RFC 9525 want it), and C(features) (SASL mechanisms and dialback that are
    offered after TLS).
  - Changes nothing, authenticates as nobody and sends no message. What it finds never makes the task fail; look at
    RV(ok).
  - Runs anywhere, mostly on the controller (C(delegate_to=localhost)), for all domains in one call.
options:
  targets:
    description: The domains to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name that comes back with the result. The domain, if not given.
        type: str
      domain:
        description: The XMPP domain.
        type: str
        required: true
      address:
        description:
          - IP address to connect to without asking DNS, for a gateway that DNS does not know yet.
          - The steps C(srv) and C(address) are then skipped and count as passed.
        type: str
      port:
        description: TCP port used with O(targets[].address), or when there is no SRV record.
        type: int
        default: 5269
      expect_target:
        description:
          - Host name that the SRV records must lead to. The step C(srv) fails when none of them does; only this host
            is looked at then.
        type: str
      expect_addresses:
        description: Addresses that the server's host name must have. The step C(address) fails when one is missing.
        type: list
        elements: str
        default: []
      found_at:
        description:
          - Name at which the SRV records are looked up instead of O(targets[].domain), for a gateway that is known by a
            test name until the domain's own records lead to it. The stream and the certificate are still the domain's.
          - The step C(srv) fails when there is no record at that name.
        type: str
  resolvers:
    description: IP addresses of the DNS servers to ask. The system's, if empty.
    type: list
    elements: str
    default: []
  dns_port:
    description: Port of the O(resolvers).
    type: int
    default: 53
  trust_anchors:
    description:
      - Certificate authorities trusted beside those of the system where the probe runs.
      - Each is the path of a PEM file there, or PEM text.
    type: list
    elements: str
    default: []
  from_domain:
    description:
      - The domain that the probe claims to come from in its stream header, such as one of the partners.
      - Without it no domain is named; a server with an allow-list may then end the stream after TLS, which counts as
        passed.
    type: str
  timeout:
    description: Seconds for one look at one target, all steps together.
    type: float
    default: 20
  wait:
    description:
      - Seconds during which a target that fails in C(srv), C(address), C(tcp) or C(stream) is looked at again every two
        seconds.
      - For records that were published, or a gateway that was started, just before. Counts for all targets together.
    type: float
    default: 0
requirements:
  - dnspython, unless each target has an O(targets[].address)
  - cryptography 36 or later
extends_documentation_fragment: [fedgate.info]
author: Fedgate authors
"""

EXAMPLES = r"""
- name: Look at a partner as our own gateway would
  federation_probe:
    targets:
      - domain: fabrikam.example
    from_domain: contoso.example
  register: partner
  delegate_to: localhost

- name: Look at a gateway that DNS does not know yet
  federation_probe:
    targets:
      - name: edge1.london
        domain: contoso.example
        address: 192.0.2.10
    timeout: 5
  register: gateway
  delegate_to: localhost

- name: Show the first step that failed
  ansible.builtin.debug:
    msg: "{{ gateway.results | map(attribute='message') }}"

- name: Wait until DNS leads to the gateway
  federation_probe:
    targets:
      - domain: contoso.example
        expect_target: edge.london.contoso.example
    trust_anchors: []
    wait: 4
  delegate_to: localhost
"""

RETURN = r"""
ok:
  description: Whether every step passed for every target.
  returned: success
  type: bool
  sample: true
results:
  description: One entry for each target, in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: >-
        The target's name.
      type: str
    domain:
      description: >-
        The XMPP domain.
      type: str
    ok:
      description: >-
        Whether every step passed.
      type: bool
    failed_step:
      description: >-
        The first step that failed, or null.
      type: str
    message:
      description: >-
        One sentence; what failed first, or what is good.
      type: str
    steps:
      description: >-
        The steps in order, each with C(step), C(ok), C(skipped), C(detail) (a sentence) and what was seen. Steps
        that were never reached are skipped and not ok; a bad certificate does not keep the step C(features) from
        being taken.
      type: list
      elements: dict
    findings:
      description: >-
        What works but should be mended.
      type: list
      elements: str
    server:
      description: >-
        C(host), C(address) and C(port) that answered, or null.
      type: dict
    certificate:
      description: >-
        What the served certificate says, or null; C(subject), C(issuer), C(names) (dNSName), C(srv_names),
        C(xmpp_addresses), C(not_before), C(not_after), C(days_left), C(expired), C(not_yet_valid), C(key),
        C(signature_algorithm), C(server_auth), C(client_auth), C(self_signed), C(serial), C(sha256).
      type: dict
    tls_version:
      description: >-
        Such as TLSv1.3.
      type: str
    tls_cipher:
      description: >-
        The cipher suite.
      type: str
    mechanisms:
      description: >-
        SASL mechanisms offered after TLS. Prosody offers EXTERNAL only to a peer with a valid certificate.
      type: list
      elements: str
    dialback:
      description: >-
        Whether dialback is offered after TLS.
      type: bool
    looks:
      description: >-
        How often the target was looked at.
      type: int
"""

from ansible.module_utils.fedgate.module import report
from ansible.module_utils.fedgate.probe.run import report as look

TARGET = {
    "name": {"type": "str"},
    "domain": {"type": "str", "required": True},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 5269},
    "expect_target": {"type": "str"},
    "expect_addresses": {"type": "list", "elements": "str", "default": []},
    "found_at": {"type": "str"},
}
ARGUMENTS = {
    "targets": {"type": "list", "elements": "dict", "required": True, "options": TARGET},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "dns_port": {"type": "int", "default": 53},
    "trust_anchors": {"type": "list", "elements": "str", "default": []},
    "from_domain": {"type": "str"},
    "timeout": {"type": "float", "default": 20},
    "wait": {"type": "float", "default": 0},
}


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
