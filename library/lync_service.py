#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_service
short_description: Starts, stops and restarts services of Lync Server, and waits until they serve
version_added: "0.1.0"
author: Fedgate authors
description:
  - Works on the services of one server, and on no more of them than are named. They are found by what their display
    names end in, since those begin with the name of the product.
  - Stopping is graceful; a service takes no new conversations and ends with the last one. After a start, the module
    waits until the services run, and, for the XMPP proxy of an Edge Server, until ports 5269 and 23456 are listened
    on. A service that does not start is an error.
  - An Edge Server tells which ports are listened on by C(Get-NetTCPConnection). One that is older than Windows Server
    2012 does not have it; then the controller connects to 5269 of O(external_address) and 23456 of O(host).
  - Servers are worked on one at a time, since no two tasks of this kind run at once on a controller. Let a play stop at
    the first failure by C(serial) 1 and C(max_fail_percentage) 0, so that the next server of the pool is left alone.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  services:
    description:
      - Which services. A route or a partner needs none; a certificate of the Access Edge needs V(access_edge),
        V(web_conferencing_edge) and V(xmpp).
      - On a Front End there is V(xmpp) only, the XMPP Translating Gateway.
    type: list
    elements: str
    choices: [xmpp, access_edge, web_conferencing_edge, av_authentication, av_edge]
    default: [xmpp]
  state:
    description:
      - V(started) starts what does not run. V(stopped) stops what does.
      - V(restarted) stops and starts what runs, each time that it is asked for, or only what O(since) says.
    type: str
    choices: [started, restarted, stopped]
    default: started
  since:
    description:
      - Restart only what was started before this moment, by the clock of that server, such as the moment at which a
        certificate was assigned. So a second run, and one after a run that was cut off, does no more than is needed.
      - By ISO 8601 with a time zone. For O(state=restarted) on an Edge Server.
    type: str
  graceful:
    description: Whether conversations that there are may come to their end before a service stops.
    type: bool
    default: true
  window:
    description:
      - Maintenance window, by the clock of the controller. Outside of it nothing that runs is stopped; that is
        C(pending) instead. Starting what does not run waits for no window.
      - Without it, any time will do.
    type: dict
    suboptions:
      begin:
        description: Time of the day at which it opens, C("22:00").
        type: str
        required: true
      end:
        description: Time of the day at which it closes; of the next day when it is not later than O(window.begin).
        type: str
        required: true
      days:
        description: Days on which it opens.
        type: list
        elements: str
        choices: [mon, tue, wed, thu, fri, sat, sun]
        default: [mon, tue, wed, thu, fri, sat, sun]
      timezone:
        description: Time zone of these times, such as V(Europe/London).
        type: str
        default: UTC
  stop_timeout:
    description: Seconds until the services must have stopped, 1 to 3600.
    type: int
    default: 600
  start_timeout:
    description: Seconds until the services must run, and as many until their ports must be listened on; 1 to 3600.
    type: int
    default: 120
  external_address:
    description: Name or address of the Access Edge interface, for servers that cannot tell their ports themselves.
    type: str
  peers:
    description:
      - Names or addresses of the other members of the pool. Before anything is stopped, one of them must answer on
        port 5269 to the controller.
    type: list
    elements: str
    default: []
  certificates:
    description:
      - Names of certificates of M(lync_certificate) that the services show. When they do not serve, and what is
        assigned has not been served before, what was assigned before is assigned again, as M(lync_certificate) has
        noted on the server, and the services are started with that. It is an error all the same, with RV(went_back)
        and RV(refused).
    type: list
    elements: str
    default: []
  directory:
    description: The folder on the server that M(lync_certificate) was told.
    type: str
    default: C:\Windows\Temp
  interval:
    description: Seconds between two looks while something is waited for, 0.05 to 60.
    type: float
    default: 5.0
seealso:
  - module: lync_replication
"""

EXAMPLES = r"""
- name: See that the XMPP proxy of an Edge Server runs and serves
  lync_service:
    endpoint: edge

- name: Take up another certificate, at night
  lync_service:
    endpoint: edge
    services: [access_edge, web_conferencing_edge, xmpp]
    state: restarted
    window: {begin: "00:00", end: "00:00", timezone: Europe/London}
"""

RETURN = r"""
services:
  description: Display name and status of the services, by their short names.
  type: dict
  returned: success
  contains:
    display_name:
      description: Such as C(Lync Server XMPP Translating Gateway Proxy).
      type: str
      returned: success
    status:
      description: C(Running), C(Stopped), C(StartPending), C(StopPending).
      type: str
      returned: success
listening:
  description: Which of 5269 and 23456 are listened on; null where that was not looked at.
  type: list
  elements: int
  returned: success
went_back:
  description: What was assigned again, thumbprint by use, where the services did not serve with what was assigned.
  type: dict
  returned: failure, with O(certificates)
refused:
  description: Thumbprints of the certificates with which they did not serve.
  type: list
  elements: str
  returned: failure, with O(certificates)
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
  description: What waits for the maintenance window.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.fedgate.lync.service import ARGUMENTS, WindowsServices
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(WindowsServices, ARGUMENTS)


if __name__ == "__main__":
    main()
