#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/contacts and module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_gateway_contacts
short_description: Carries users' contacts from Lync Server into the rosters of an XMPP gateway
version_added: "0.1.0"
author: Fedgate authors
description:
  - Puts the contacts that users had on Lync Server 2013 or Skype for Business Server 2015 into their rosters on a
    Prosody gateway, with the subscriptions, names and groups that they had there. For a partner of the type public
    unverified that is the consent without which nothing passes. Whom a user blocked is blocked.
  - Only contacts of XMPP partners are carried, for users of the gateway's domains; all others are counted in
    RV(left_out).
  - Each contact is carried once. The gateway remembers it, so that what a user removes, denies or unblocks later does
    not come back. A contact that a user has in the roster already, or has refused, is left as it is. Nothing is ever
    removed.
  - The running server does it itself, asked through its administration socket, for accounts in its own store and for
    those in a directory. Users who are online are told by it, and so are their contacts.
  - O(archives) are read on the controller, and stay there. No document type, entity or oversized part of them is taken.
extends_documentation_fragment: [fedgate]
options:
  archives:
    description:
      - What C(Export-CsUserData) wrote, on the controller, one file for each pool; also a document by itself, unpacked
        or as C(-LegacyFormat) and C(dbimpexp.exe) write it.
      - O(partners) and O(domains) are needed with it.
    type: list
    elements: path
    default: []
  partners:
    description: Domains of the XMPP partners, all of them.
    type: list
    elements: str
    default: []
  domains:
    description: Domains of ours that this gateway serves.
    type: list
    elements: str
    default: []
  users:
    description: The users and what they bring along, where they do not come from O(archives).
    type: list
    elements: dict
    default: []
    suboptions:
      jid:
        description: Address of the user.
        type: str
        required: true
      contacts:
        description:
          - A list of mappings with C(jid), and where they are known C(name), C(groups) (a list) and C(subscription).
          - C(subscription) is V(both) (by default) or V(none), which leaves each side to ask for the other's presence.
        type: raw
        default: []
      blocked:
        description: Addresses, and domains as a whole, that the user blocks.
        type: list
        elements: str
        default: []
  socket:
    description: The server's administration socket.
    type: path
    default: /var/lib/prosody/prosody.sock
requirements:
  - a gateway made by M(xmpp_gateway), running, with mod_admin_socket (mod_admin_shell loads it) and mod_blocklist
notes:
  - No run with an archive of a real server has been made. What of its format is published, and what is guessed, stands
    in module_utils/fedgate/contacts.
  - Users whose contacts were moved to Exchange (unified contact store) have none in the archive; roll them back first
    with C(Invoke-CsUcsRollback).
seealso:
  - module: xmpp_gateway
  - module: xmpp_gateway_users
"""

EXAMPLES = r"""
- name: Carry what Alice had on Lync Server
  xmpp_gateway_contacts:
    users:
      - jid: alice@contoso.example
        contacts:
          - jid: bob@partner.example
            name: Bob Ross
            groups: [Suppliers]
        blocked: [mallory@partner.example]
"""

RETURN = r"""
contacts:
  description: How many contacts the plan carries.
  type: int
  returned: success
blocks:
  description: How many blocks it carries.
  type: int
  returned: success
left:
  description: >-
    How many contacts and blocks were left as they are: C(there) (by the user's own doing), C(refused) by the user,
    C(carried) before, C(invalid) (no address for this server), C(impossible) (a block, without mod_blocklist).
  type: dict
  returned: success
missing_users:
  description: Users who have no account here. They wait, a later run carries their contacts.
  type: list
  elements: str
  returned: success
read_users:
  description: How many users the archives have.
  type: int
  returned: with O(archives)
empty_users:
  description: How many of them have neither contacts nor blocks there, such as those whose contacts are in Exchange.
  type: int
  returned: with O(archives)
left_out:
  description: What of the archives is not carried, each C(what) (contacts, blocks, users), C(domain), C(why), C(count).
  type: list
  elements: dict
  returned: with O(archives)
plan:
  description: Changes, each action, kind, name, before, after. Kind is V(roster), name the user's address.
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

from ansible.module_utils.fedgate.gateway.contacts import ARGUMENTS, Contacts
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(Contacts, ARGUMENTS, large=["users"])


if __name__ == "__main__":
    main()
