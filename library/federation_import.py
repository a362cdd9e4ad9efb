#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/importing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: federation_import
short_description: Writes an inventory that says what a deployment of Lync Server has
version_added: "0.1.0"
author: Fedgate authors
description:
  - Makes the files of an inventory of what M(lync_info) has read, and of the SRV records and addresses that resolvers
    give. Nothing but these files is written; the deployment and DNS are only looked at. The playbook C(import_lync.yml)
    reads and writes in one go.
  - What the model refuses is written commented out with the model's reason, and returned in RV(left_out). Comments say
    what was guessed. No secret is written; passwords are names of variables of a vault.
  - A file that is there already is never overwritten. One that says something else is an error before anything is
    written.
  - Runs on the controller only.
extends_documentation_fragment: [fedgate]
options:
  deployment:
    description: The results of M(lync_info) on a Front End Server.
    type: dict
    required: true
  servers:
    description: The results of M(lync_info) on Edge Servers, by FQDN; of those that are missing nothing is known.
    type: dict
    default: {}
  way:
    description: How the Front End is reached, with the keys of C(federation_lync). Its secrets are not used.
    type: dict
    default: {}
  login:
    description: How Edge Servers are reached, with the keys of C(edge_pool_lync), and C(username).
    type: dict
    default: {}
  addresses:
    description: Addresses of Edge Servers by FQDN, where their names do not lead there.
    type: dict
    default: {}
  resolvers:
    description: Addresses of the resolvers that are asked for SRV records and addresses; by default the controller's.
    type: list
    elements: str
    default: []
  dest:
    description: Folder of the new inventory on the controller.
    type: path
    required: true
seealso:
  - module: lync_info
  - module: federation_compare
  - module: dns_records_info
"""

EXAMPLES = r"""
- name: Read the deployment, reached by federation_lync
  lync_info:
  register: deployment

- name: Write the inventory that says the same
  federation_import:
    deployment: "{{ deployment }}"
    way:
      front_end: pool1.corp.contoso.example
      username: CONTOSO\fedgate
    dest: "{{ playbook_dir }}/imported"
"""

RETURN = r"""
files:
  description: Paths of the files.
  type: list
  elements: str
  returned: success
left_out:
  description: What is written commented out, each C(what) and C(why).
  type: list
  elements: dict
  returned: success
open:
  description: Why the model does not accept the inventory yet, such as an address that DNS does not tell; mostly empty.
  type: list
  elements: str
  returned: success
notes:
  description: What else somebody has to look at.
  type: list
  elements: str
  returned: success
partners:
  description: How many partners were written, without those that are left out.
  type: int
  returned: success
plan:
  description: Changes, each action, kind, name, before, after. Kind is V(file), name its path in the inventory.
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

from ansible.module_utils.fedgate.importing.writer import ARGUMENTS, ImportedInventory
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(ImportedInventory, ARGUMENTS)


if __name__ == "__main__":
    main()
