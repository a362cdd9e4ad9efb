#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_access_edge
short_description: Sets whether the Access Edge of Lync Server or Skype for Business Server lets anybody federate
version_added: "0.1.0"
author: Fedgate authors
description:
  - C(AllowFederatedUsers) of the one global Access Edge configuration (C(Get-), C(Set-CsAccessEdgeConfiguration)).
    Without it nobody federates, whatever partners and policies say.
  - It opens federation by SIP as well as by XMPP. So where it is off, it is turned on only with O(open_sip_federation).
  - All other settings are left as they are.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  allow_federated_users:
    description: Whether users of the deployment may communicate with those of other organisations.
    type: bool
    required: true
  open_sip_federation:
    description: Agrees that turning it on opens federation by SIP too. Where it is on already, this is not needed.
    type: bool
    default: false
seealso:
  - module: lync_external_access_policy
"""

EXAMPLES = r"""
- name: Let users federate, by XMPP and SIP
  lync_access_edge:
    allow_federated_users: true
    open_sip_federation: true
"""

RETURN = r"""
configuration:
  description:
    - RV(configuration.allow_federated_users), C(allow_outside_users), C(allow_anonymous_users) and
      C(partner_discovery) as they are now; the last is null where requests are routed to one server.
  type: dict
  returned: success
  contains:
    allow_federated_users:
      description: Whether anybody may federate.
      type: bool
      returned: success
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
plan:
  description: Changes, each action, kind, name, before, after. There is one at most.
  type: list
  elements: dict
  returned: success
plan_digest:
  description: Digest of the plan, for O(expect_plan).
  type: str
  returned: success
pending:
  description: What someone else must finish; always empty here.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.lync.access_edge import ARGUMENTS, AccessEdge
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(AccessEdge, ARGUMENTS)


if __name__ == "__main__":
    main()
