#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_replication
short_description: Waits until the copies of the Central Management Store are up to date
version_added: "0.1.0"
author: Fedgate authors
description:
  - What is written on a Front End is copied to each server. An Edge Server that is restarted before its copy is up to
    date starts with the former configuration.
  - Waits until the copies are up to date (C(Get-CsManagementStoreReplicationStatus)). Those that are not by then are
    forced once (C(Invoke-CsManagementStoreReplication)) and waited for again. One that is not up to date even then is
    an error that names it.
  - Waiting changes nothing, so check mode waits as well, and then names those that would be forced. Every 30 seconds a
    line says what is being waited for.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  replicas:
    description: FQDN of the servers whose copies are waited for; all servers of the deployment by default.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait, before and once more after forcing; 0 to 3600.
    type: int
    default: 300
  force:
    description: Whether to force what does not come by itself; otherwise that is an error at once.
    type: bool
    default: true
  interval:
    description: Seconds between two looks while something is waited for, 0.05 to 60.
    type: float
    default: 5.0
seealso:
  - module: lync_service
"""

EXAMPLES = r"""
- name: Wait for the Edge Servers before they are restarted
  lync_replication:
    replicas: [edge1.london.contoso.example, edge2.london.contoso.example]
    timeout: 600

- name: Wait for all servers
  lync_replication:
"""

RETURN = r"""
replicas:
  description: State of each replica that was looked at, by FQDN.
  type: dict
  returned: success
  contains:
    up_to_date:
      description: Whether it has all that was written.
      type: bool
      returned: success
    last_status_report:
      description: When it last reported, as the server says it.
      type: str
      returned: success
    product_version:
      description: Version of the product on that server.
      type: str
      returned: success
forced:
  description: FQDN of those that were forced.
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

from ansible.module_utils.fedgate.lync.replication import ARGUMENTS, Replication
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(Replication, ARGUMENTS)


if __name__ == "__main__":
    main()
