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
extends_documentation_fragment: [fedgate.info, fedgate.issuers]
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

from ansible.module_utils.fedgate.certificates.acme.renewal import look
from ansible.module_utils.fedgate.certificates.issuer_options import ISSUERS
from ansible.module_utils.fedgate.module import report

ARGUMENTS = {"issuers": ISSUERS}


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
