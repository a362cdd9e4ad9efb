#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/certificates."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_info
short_description: Shows the certificates of an edge host, or what a host shows to others
version_added: "0.1.0"
author: Fedgate authors
description:
  - Lists the generations of each pool's certificate on a host - names, days left, issuer, key, what was gone back
    from, what cannot be used and why - whether the gateway serves the present one, and the history.
  - Says for each partner which methods its settings allow, and which are left when its server looks at the purposes
    of our certificate (clientAuth).
  - With O(remote), asks hosts from where the module runs, by STARTTLS, as any server would. Nothing of Fedgate is
    needed there; to look from outside, delegate to the controller.
extends_documentation_fragment: [fedgate.info, fedgate.gateway]
options:
  name:
    description: FQDN of a pool; all pools of the host when it is not given. None when only O(remote) is given.
    type: str
  directory:
    description: The folder of all certificates on the host.
    type: path
    default: /etc/fedgate/certificates
  partners:
    description: Partners, each C(domain), C(tls), C(sasl), C(dialback), as C(federation_model.partners) has them.
    type: list
    elements: dict
    default: []
  remote:
    description: Hosts to ask from outside.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description: The XMPP domain whose certificate is asked for.
        type: str
        required: true
      address:
        description: Address or name of the host; the domain itself when not given. SRV records are not followed.
        type: str
      port:
        description: TCP port.
        type: int
        default: 5269
      timeout:
        description: Seconds for each step.
        type: int
        default: 10
requirements:
  - python3-cryptography 36 or later where it runs
seealso:
  - module: edge_certificate_rollback
  - module: federation_probe
"""

EXAMPLES = r"""
- name: Look at the certificates of this host
  edge_certificate_info:
    partners:
      - domain: fabrikam.example
        tls: required
        sasl: required
        dialback: false
  register: found

- name: Say how many days are left
  ansible.builtin.debug:
    msg: "{{ found.certificates | dict2items | map(attribute='value.generations') | list }}"

- name: Look from outside
  edge_certificate_info:
    remote:
      - domain: contoso.example
        address: "{{ ansible_host }}"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
certificates:
  description:
    - By pool, current (number of the generation that serves), served (whether the gateway shows it; none where it shows
      nothing, or not ours), generations, history, and partners with the methods that are left with each.
  type: dict
  returned: success
  contains:
    generations:
      description:
        - Each with generation, key, key_fingerprint, friendly_name, exportable, rejected, problem, and certificate with
          names, issuer, serial, subject, not_before, not_after, days_left, renewed_from, server_auth, client_auth,
          fingerprint.
      type: list
      elements: dict
      returned: success
    partners:
      description: Each with partner, methods (allowed by its settings) and with_strict_server (left with a strict one).
      type: list
      elements: dict
      returned: when partners are given
remote:
  description: Each host that was asked, with domain, address, port, certificate and partners.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.certificates.info import inspect
from ansible.module_utils.fedgate.certificates.serving import ARGUMENT as GATEWAY
from ansible.module_utils.fedgate.module import report

REMOTE = {
    "domain": {"type": "str", "required": True},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 5269},
    "timeout": {"type": "int", "default": 10},
}

ARGUMENTS = {
    "name": {"type": "str"},
    "directory": {"type": "path", "default": "/etc/fedgate/certificates"},
    "partners": {"type": "list", "elements": "dict", "default": []},
    "remote": {"type": "list", "elements": "dict", "default": [], "options": REMOTE},
    "gateway": GATEWAY,
}


def main() -> None:
    """Run the module."""
    report(inspect, ARGUMENTS)


if __name__ == "__main__":
    main()
