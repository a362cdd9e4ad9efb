#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_test_im
short_description: Sends test messages across the XMPP gateway of Lync Server or Skype for Business Server
version_added: "0.1.0"
author: Fedgate authors
description:
  - Has a test user send one instant message to each address (C(Test-CsXmppIM)), all in one session. Changes nothing.
  - The receivers get these messages, also in check mode; take addresses that are there for that.
  - The module succeeds when tests were made; whether messages went through is in RV(results) and RV(ok).
extends_documentation_fragment: [fedgate.info, fedgate.lync]
options:
  pool:
    description:
      - FQDN of the Registrar pool that the message is sent through (C(TargetFqdn)). Without O(sender) it needs test
        users, C(New-CsHealthMonitoringConfiguration).
    type: str
    required: true
  receivers:
    description: Addresses of users of XMPP partners (C(Receiver)). Their domains have to be allowed partners.
    type: list
    elements: str
    required: true
  sender:
    description: SIP address of the user who sends (C(UserSipAddress)), in place of a test user of the pool.
    type: str
seealso:
  - module: federation_probe
  - module: lync_xmpp_partner
"""

EXAMPLES = r"""
- name: Send a message to Fabrikam
  lync_test_im:
    pool: pool1.contoso.example
    receivers: [echo@fabrikam.example]
  register: sent
  failed_when: not sent.ok
"""

RETURN = r"""
ok:
  description: Whether every message went through.
  type: bool
  returned: success
results:
  description: One item for each receiver, in their order.
  type: list
  elements: dict
  returned: success
  contains:
    receiver:
      description: The address.
      type: str
      returned: always
    ok:
      description: Whether the message went through.
      type: bool
      returned: always
    latency:
      description: Seconds that it took; null where the server says none.
      type: float
      returned: always
    error:
      description: What went wrong, as the server says it; else empty.
      type: str
      returned: always
    diagnosis:
      description: What the server says of the cause; else empty.
      type: str
      returned: always
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
"""

from ansible.module_utils.fedgate.lync.im import ARGUMENTS, send
from ansible.module_utils.fedgate.module import report


def main() -> None:
    """Run the module."""
    report(send, ARGUMENTS)


if __name__ == "__main__":
    main()
