#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_preflight
short_description: Looks whether a server is prepared for XMPP federation
version_added: "0.1.0"
author: Fedgate authors
description:
  - XMPP federation is set up in Topology Builder and by setup, and by nothing that works remotely. This module names
    each of these manual steps that is missing, and fails with the list. It changes nothing.
  - On a Front End, whether the account has the cmdlets that the other modules call, whether a site has an XMPP route,
    whether the service XMPP Translating Gateway is installed, whether anybody may federate, and whether users are homed
    on pools that do not reach the gateway.
  - On an Edge Server, whether the product's PowerShell module is there and whether the service XMPP Translating Gateway
    Proxy is installed. Whether it runs is M(lync_service)'s.
extends_documentation_fragment: [fedgate.info, fedgate.lync]
options:
  cmdlets:
    description: What the account must be able to call on a Front End; all that these modules call by default.
    type: list
    elements: str
    default: []
  users:
    description:
      - SIP addresses of the users who shall reach partners; everybody by default. They must be homed on a pool of Lync
        Server 2013 or Skype for Business Server 2015.
    type: list
    elements: str
    default: []
  ignore_pools:
    description: Internal FQDN of pools whose users need not reach partners.
    type: list
    elements: str
    default: []
  federation:
    description: Whether federation must be on (C(AllowFederatedUsers)); false where this run is to turn it on.
    type: bool
    default: true
seealso:
  - module: lync_info
  - module: lync_access_edge
"""

EXAMPLES = r"""
- name: Stop here when manual steps are missing on a Front End
  lync_preflight:
    federation: false

- name: Stop here when manual steps are missing on an Edge Server
  lync_preflight:
    endpoint: edge
"""

RETURN = r"""
findings:
  description: Steps that are missing, each C(check), C(told), C(to_do); a list that is not empty comes with a failure.
  type: list
  elements: dict
  returned: always
checks:
  description: What was looked at.
  type: list
  elements: str
  returned: success
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
"""

from ansible.module_utils.fedgate.lync.preflight import ARGUMENTS, look
from ansible.module_utils.fedgate.module import report


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
