# Documentation only: the action plug-in of the same name does the work, on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_model
short_description: Check the whole inventory, and derive what follows from it
version_added: "0.1.0"
description:
  - Reads the C(federation_*) and C(edge_*) variables of every gateway, also of those outside C(--limit), checks them by
    themselves and together, and reports B(all) errors at once, each with its place in the inventory.
  - Publishes what follows from them as the fact C(federation_model), so that names and records are typed once.
  - Only the inventory and C(-e) count; variables of a play (C(vars), C(vars_files)) are not seen, for they would hold
    in that play alone.
  - Runs on the controller only; no host is contacted. Use it with C(run_once) and the tag C(always).
options:
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
    description: There is nothing to compare.
author: Fedgate authors
"""

EXAMPLES = r"""
- name: Check the whole inventory
  federation_model:
  run_once: true
  tags: always
"""

RETURN = r"""
ansible_facts:
  description: The fact C(federation_model). It holds no secret.
  returned: when the inventory is in order
  type: dict
  contains:
    federation_model:
      description: What the inventory says and what follows from it.
      type: dict
      returned: success
      contains:
        xmpp_domains:
          description: Our XMPP domains, as names are compared (lower case, A-labels, no trailing dot).
          type: list
          elements: str
          returned: success
        partners:
          description: Partners with all defaults filled in, the methods that their combination leaves, and the verdict.
          type: list
          elements: dict
          returned: success
        access_policies:
          description: Who of our own users may federate, each name, xmpp_access, description, users, groups.
          type: list
          elements: dict
          returned: success
        limits:
          description: What holds for partners that say nothing else, with all defaults filled in.
          type: dict
          returned: success
        pools:
          description: Pools by FQDN, with members, certificate names and published addresses.
          type: dict
          returned: success
        hosts:
          description:
            - Hosts by inventory name, with what each serves, and whether it is the one that does so now.
            - I(scope) is what the access policies say of its users; null where there are none.
          type: dict
          returned: success
        records:
          description: All RRsets that are owned, with I(state) present or absent.
          type: list
          elements: dict
          returned: success
        warnings:
          description: What is allowed, but doubtful.
          type: list
          elements: str
          returned: success
pools:
  description: Number of pools.
  type: int
  returned: success
partners:
  description: Number of partners.
  type: int
  returned: success
error:
  description: Kind of error, such as C(SeveralErrors).
  type: str
  returned: failure
"""
