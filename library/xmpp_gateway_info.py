#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmpp_gateway_info
short_description: Reports what an XMPP gateway runs, enforces and serves
version_added: "0.1.0"
author: Fedgate authors
description:
  - Reads the state of the service, the server's version, and what our modules in the running server report.
  - Changes nothing, and works where nothing is installed.
extends_documentation_fragment: [fedgate.info]
options:
  server:
    description: Kind of gateway.
    type: str
    choices: [prosody]
    default: prosody
  status_path:
    description: The file in which our modules in the server report.
    type: path
    default: /run/prosody/fedgate.json
  blocked_path:
    description: The block list.
    type: path
    default: /etc/prosody/fedgate/blocked.json
seealso:
  - module: xmpp_gateway
"""

EXAMPLES = r"""
- name: Look at the gateway
  xmpp_gateway_info:
  register: gateway
"""

RETURN = r"""
unit:
  description: The service (exists, active, enabled, pid).
  type: dict
  returned: success
version:
  description: Version of the installed server, null when there is none.
  type: str
  returned: success
  sample: 13.0.1
status:
  description:
    - What the running server reports (state, generation, digest, hosts, alarm, faults, blocking, sessions with their
      methods, refused, partners with their counters, totals); docs/watching.md describes each.
    - Null when it does not run, or runs without our modules.
  type: dict
  returned: success
blocked:
  description:
    - Who is blocked, each domain, since, reason, by, subdomains. The running server's list; without one, what the next
      start reads.
    - Null when the file is no block list, with which the next start would federate with nobody.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.gateway.info import look_at_gateway
from ansible.module_utils.fedgate.module import report

ARGUMENTS = {
    "server": {"type": "str", "choices": ["prosody"], "default": "prosody"},
    "status_path": {"type": "path", "default": "/run/prosody/fedgate.json"},
    "blocked_path": {"type": "path", "default": "/etc/prosody/fedgate/blocked.json"},
}


def main() -> None:
    """Run the module."""
    report(look_at_gateway, ARGUMENTS)


if __name__ == "__main__":
    main()
