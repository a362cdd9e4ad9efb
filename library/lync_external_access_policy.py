#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""Ansible module; all logic is in module_utils/fedgate/lync."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lync_external_access_policy
short_description: Brings external access policies of Lync Server or Skype for Business Server into line
version_added: "0.1.0"
author: Fedgate authors
description:
  - Says who of the deployment's own users may federate by XMPP. Reads all policies (C(Get-CsExternalAccessPolicy)) and
    all grants (C(Get-CsUser)) once, and calls one cmdlet for each policy or user that differs
    (C(New-), C(Set-), C(Remove-), C(Grant-CsExternalAccessPolicy)).
  - XMPP needs C(EnableXmppAccess) and C(EnableFederationAccess), so O(policies[].xmpp_access=true) sets both;
    O(policies[].xmpp_access=false) takes C(EnableXmppAccess) away and leaves federation by SIP as it is.
  - Settings that are not given stay as they are. In a new policy they are those of the global one, so that whoever is
    granted it for XMPP does not lose access from outside, which the product's own defaults would take away.
  - The global policy cannot be made or removed; unless it is listed it is left alone.
  - Users and sites are looked for before anything is changed. One that is not there is an error.
  - Policies and grants that are not listed are left alone and reported, unless O(purge) is set.
  - When a change fails, those before it are kept and named in RV(applied); a second run does the rest.
extends_documentation_fragment: [fedgate, fedgate.lync]
options:
  policies:
    description: The policies as M(federation_model) publishes them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: V(global), V(site:) and the name of a site, or a name of its own to grant to users.
        type: str
        required: true
      xmpp_access:
        description: Whether those concerned may federate by XMPP.
        type: bool
        required: true
      description:
        description: A note; without it, what the server has stays.
        type: str
      users:
        description: SIP addresses of those to whom it is granted, without C(sip:). A user has at most one policy.
        type: list
        elements: str
        default: []
      groups:
        description: Groups to whom it is granted; these products grant to users only, see O(ignore_groups).
        type: list
        elements: str
        default: []
      federation_access:
        description: EnableFederationAccess, federation by SIP and XMPP. Cannot be false where XMPP is allowed.
        type: bool
      public_cloud_access:
        description: EnablePublicCloudAccess.
        type: bool
      public_cloud_audio_video_access:
        description: EnablePublicCloudAudioVideoAccess.
        type: bool
      outside_access:
        description: EnableOutsideAccess, whether those concerned may log in from the Internet.
        type: bool
  ignore_groups:
    description:
      - Whether grants to groups are left out. Nobody gets access by a group then, and nobody loses it either.
      - Without it they are an error.
    type: bool
    default: false
  grant_timeout:
    description: Seconds until a new policy must be known where it is granted.
    type: int
    default: 120
  purge:
    description:
      - Whether to remove policies for sites and users that are not listed, and take back grants that are not listed.
      - Those policies may have been made for other things than XMPP, such as access from outside.
    type: bool
    default: false
seealso:
  - module: lync_access_edge
  - module: lync_xmpp_partner
"""

EXAMPLES = r"""
- name: Let sales federate by XMPP, and nobody else
  lync_external_access_policy:
    policies:
      - name: global
        xmpp_access: false
      - name: sales
        description: Whoever talks to customers
        xmpp_access: true
        users: [alice@contoso.example]

- name: Have exactly the policies of the inventory
  lync_external_access_policy:
    policies: "{{ federation_model.access_policies }}"
    purge: true
"""

RETURN = r"""
unmanaged:
  description: Policies for sites and users that are on the server and not listed.
  type: list
  elements: str
  returned: success
unmanaged_grants:
  description: Users with a policy that is not granted to them in the list; address to the policy's name.
  type: dict
  returned: success
calls:
  description: How many cmdlets were called.
  type: int
  returned: success
applied:
  description: The changes that were made before the one that failed.
  type: list
  elements: str
  returned: when a change failed
left:
  description: The change that failed, and those after it.
  type: list
  elements: str
  returned: when a change failed
plan:
  description:
    - Changes, each action, kind, name, before, after.
    - Kind is V(external_access_policy) with the policy's name, or V(external_access_grant) with the user's address.
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

from ansible.module_utils.fedgate.lync.access_policies import ARGUMENTS, ExternalAccessPolicies
from ansible.module_utils.fedgate.module import run


def main() -> None:
    """Run the module."""
    run(ExternalAccessPolicies, ARGUMENTS)


if __name__ == "__main__":
    main()
