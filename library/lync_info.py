#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_info
short_description: Reads what a deployment of Lync Server has, and changes nothing
version_added: "0.1.0"
author: Fedgate authors
description:
  - Reads the topology, the state of replication, partners, gateway configuration, access policies with their grants,
    services, and on an Edge Server ports and certificates, in one session.
  - What the account may not read is named in RV(unreadable), and the rest is read. No secret is returned.
extends_documentation_fragment: [fedgate.info, fedgate.lync]
options:
  parts:
    description: What is read; all that this kind of server has by default.
    type: list
    elements: str
    choices:
      - access_edge_configuration
      - access_grants
      - access_homes
      - access_policies
      - certificates
      - edge_names
      - edge_pools
      - front_end_pools
      - gateway_configuration
      - listening
      - partners
      - replicas
      - services
      - sip_domains
      - sites
    default: []
seealso:
  - module: lync_preflight
"""

EXAMPLES = r"""
- name: Read everything
  lync_info:

- name: Read the topology only
  lync_info:
    parts: [sites, edge_pools]

- name: Read the services and ports of an Edge Server
  lync_info:
    endpoint: edge
"""

RETURN = r"""
sites:
  description: By name, C(xmpp_route), the internal FQDN of the Edge pool, null without one. Front End.
  type: dict
  returned: when it was asked for and can be read
edge_pools:
  description:
    - By internal FQDN, C(site), C(external_fqdn) (the Access Edge FQDN), C(version), C(product), C(has_xmpp) (whether
      that product has the XMPP gateway), C(computers).
    - Front End.
  type: dict
  returned: when it was asked for and can be read
front_end_pools:
  description: The same of the pools that users are homed on. Front End.
  type: dict
  returned: when it was asked for and can be read
replicas:
  description: By FQDN, C(up_to_date), C(last_status_report), C(product_version). Front End.
  type: dict
  returned: when it was asked for and can be read
partners:
  description: XMPP allowed partners, with the keys of the model. Front End.
  type: list
  elements: dict
  returned: when it was asked for and can be read
gateway_configuration:
  description: With the options of M(lync_xmpp_gateway); of the passphrase only whether there is one. Front End.
  type: dict
  returned: when it was asked for and can be read
access_policies:
  description: External access policies, with the options of M(lync_external_access_policy). Front End.
  type: list
  elements: dict
  returned: when it was asked for and can be read
access_grants:
  description: Address of each user who has been granted a policy, and its name. Front End.
  type: dict
  returned: when it was asked for and can be read
access_homes:
  description: Address of each user who has been granted a policy, and the FQDN of the user's pool. Front End.
  type: dict
  returned: when it was asked for and can be read
sip_domains:
  description: SIP domains, the default one first. Front End.
  type: list
  elements: str
  returned: when it was asked for and can be read
edge_names:
  description: By internal FQDN of an Edge pool, C(access) and C(webconf), its external names. Front End.
  type: dict
  returned: when it was asked for and can be read
access_edge_configuration:
  description: With the results of M(lync_access_edge). Front End.
  type: dict
  returned: when it was asked for and can be read
services:
  description: By short name, C(display_name) and C(status), of the product on this server. Both.
  type: dict
  returned: when it was asked for and can be read
listening:
  description: Which of 5269 and 23456 are listened on; null where the server cannot tell. Edge Server.
  type: list
  elements: int
  returned: when it was asked for and can be read
certificates:
  description:
    - By use, such as C(AccessEdgeExternal), what is assigned, C(thumbprint), C(names), C(subject), C(issuer),
      C(not_after) (ISO 8601), C(friendly_name), C(has_key). Edge Server.
  type: dict
  returned: when it was asked for and can be read
unreadable:
  description: What could not be read, and why; most often the account has no such cmdlet.
  type: dict
  returned: success
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
"""

from ansible.module_utils.fedgate.lync.info import ARGUMENTS, look
from ansible.module_utils.fedgate.module import report


def main() -> None:
    """Run the module."""
    report(look, ARGUMENTS)


if __name__ == "__main__":
    main()
