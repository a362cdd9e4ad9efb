# Documentation only: the action plug-in of the same name does the work, on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_compare
short_description: Compares what Lync Server lets through with what the inventory gives to a Linux gateway
version_added: "0.1.0"
description:
  - Takes what M(lync_info) has read, and compares it with the inventory of the run, row by row. The rows of the Linux
    gateway are those that M(xmpp_partner_policy) would write; what opens or closes something is judged as by
    M(federation_explain).
  - Users are compared by what counts for them, the policy granted to them, their site's, the global one; on Lync Server
    the site is that of a user's pool, on Linux that of the domain's gateway.
  - Changes nothing. Runs on the controller only.
options:
  deployment:
    description: The results of M(lync_info) on a Front End Server.
    type: dict
    required: true
  accepted:
    description:
      - Differences that somebody has looked at and agreed to, each as RV(differences) names it, word for word. One that
        comes with another reason is another difference.
    type: list
    elements: str
    default: []
  group:
    description: Group of all gateways.
    type: str
    default: edges
attributes:
  check_mode:
    support: full
    description: It changes nothing in either mode.
  diff_mode:
    support: none
    description: There is nothing to change.
author: Fedgate authors
seealso:
  - module: federation_import
  - module: federation_explain
"""

EXAMPLES = r"""
- name: Compare what was read with the inventory
  federation_compare:
    deployment: "{{ deployment }}"
  run_once: true
  register: compared

- name: Show it
  ansible.builtin.debug:
    msg: "{{ compared.text }}"
  run_once: true
"""

RETURN = r"""
same:
  description: Whether nothing is gained, lost or unclear.
  type: bool
  returned: success
counts:
  description: How many rows and other things have which verdict.
  type: dict
  returned: success
rows:
  description:
    - One for each domain of a partner, C(domain), C(partner), C(lync), C(linux), C(verdict), C(because).
    - The verdict is V(same), V(other) (done otherwise, and the same passes), V(gained), V(lost), V(both), or V(unclear)
      (the model refuses what the server has).
  type: list
  elements: dict
  returned: success
others:
  description: Limits of all partners and users of ours for whom something changes, C(name), C(verdict), C(because).
  type: list
  elements: dict
  returned: success
notes:
  description: What one of the two has no counterpart of.
  type: list
  elements: str
  returned: success
differences:
  description: What is gained, lost or unclear, one line each, with the reason.
  type: list
  elements: str
  returned: success
  sample: ["gained partner2.example: its type becomes federated, from public_unverified"]
unaccepted:
  description: Those of them that O(accepted) does not name.
  type: list
  elements: str
  returned: success
accepted_in_vain:
  description: Those of O(accepted) that are no difference, or no more.
  type: list
  elements: str
  returned: success
text:
  description: All of it for people.
  type: str
  returned: success
"""
