#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_xmpp_gateway
short_description: Sets the XMPP gateway configuration of Lync Server or Skype for Business Server
version_added: "0.1.0"
author: Fedgate authors
description:
  - Reads the one global configuration (C(Get-CsXmppGatewayConfiguration)) and writes what differs, in one call.
  - Options that are not given stay as they are on the server.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  connection_limit:
    description: Connections of all partners together; 1000 in a new deployment.
    type: int
  partner_connection_limit:
    description: Connections to one partner; 20 in a new deployment.
    type: int
  keepalive_interval:
    description: Seconds between two signs of life; 300 in a new deployment.
    type: int
  stream_establishment_timeout:
    description: Seconds within which a stream must be established; 60 in a new deployment.
    type: int
  stream_inactivity_timeout:
    description: Seconds without traffic after which a stream is closed; 600 in a new deployment.
    type: int
  subscription_refresh_interval:
    description: Seconds after which subscriptions are renewed; 28800 in a new deployment.
    type: int
  log_message_bodies:
    description: Whether the bodies of all messages are logged. They are private data.
    type: bool
  dialback_passphrase:
    description:
      - Secret that dialback keys are made from. It is written where there is none yet.
      - It is never read back, so whether the one on the server is the same cannot be told.
    type: str
  rekey:
    description: Whether to write O(dialback_passphrase) though there is one already. Set it for one run only.
    type: bool
    default: false
seealso:
  - module: lync_xmpp_partner
"""

EXAMPLES = r"""
- name: Allow more connections
  lync_xmpp_gateway:
    connection_limit: 2000
    partner_connection_limit: 50
    dialback_passphrase: "{{ vault_dialback_passphrase }}"
"""

RETURN = r"""
configuration:
  description: All settings as they are now. C(dialback_passphrase) is C(secret) where there is one, else null.
  type: dict
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

from ansible.module_utils.fedgate.lync.gateway import ARGUMENTS, XmppGateway
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(XmppGateway, ARGUMENTS)


if __name__ == "__main__":
    main()
