#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_federation_route
short_description: Sets through which Edge pool XMPP federation goes
version_added: "0.1.0"
author: Fedgate authors
description:
  - The XMPP route is a property of a site (C(Set-CsSite)). One Edge pool at a time carries XMPP, so all sites that have
    a route are led through the same pool.
  - Moving the route is the middle of a failover only. The services of the new pool are stopped before and started
    after it, those of the former pool are stopped after replication, and DNS has to lead to the new pool.
  - Microsoft names the parameter C(XmppFederationRoute) in the reference of the cmdlet and
    C(XmppExternalFederationRoute) in the procedure for failover. The one that the server shows in C(Get-CsSite) is
    used, and the other one if that does not bind.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  edge_pool:
    description: The Edge pool, by its internal FQDN in Topology Builder or by its Access Edge FQDN.
    type: str
    required: true
  sites:
    description:
      - Names of the sites whose route is set; by default, those that have one and the site of the pool.
      - It is an error when another site keeps a route through another pool.
    type: list
    elements: str
    default: []
seealso:
  - module: lync_replication
  - module: lync_service
"""

EXAMPLES = r"""
- name: Lead XMPP federation through Tokyo
  lync_federation_route:
    edge_pool: edge.tokyo.contoso.example
"""

RETURN = r"""
routes:
  description: Internal FQDN of the Edge pool that each site leads to, null where it has no route.
  type: dict
  returned: success
left:
  description: Internal FQDN of the pools that the route leaves.
  type: list
  elements: str
  returned: success
calls:
  description: How many cmdlets were called.
  type: int
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
  description: What someone else must finish; always empty here.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.lync.federation_route import ARGUMENTS, FederationRoute
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(FederationRoute, ARGUMENTS)


if __name__ == "__main__":
    main()
