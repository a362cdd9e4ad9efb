# Documentation only: the action plug-in of the same name does the work, on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: edge_certificate_pools
short_description: Chooses whose certificate the members of a pool go on with
version_added: "0.1.0"
description:
  - All members of a pool have one certificate, hence one key. It is made on one of them, and handed to the others by
    M(edge_certificate_share).
  - A certificate that serves on a member and may go on serving is everybody's, the latest one. Otherwise a request
    that is prepared on a member is gone on with. Otherwise the active member makes one; when that does not answer, the
    first one that does. What somebody went back from on any member never counts.
  - Runs on the controller only; no host is contacted. Use it with C(run_once).
options:
  found:
    description:
      - By inventory name, in the inventory's order, what M(edge_certificate_request) returned on each reachable member
        of each pool.
    type: dict
    required: true
  pools:
    description: By inventory name, the FQDN of its pool, as the inventory gives it.
    type: dict
    required: true
  active:
    description: Those of them that serve; one of these makes the key where there is none.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: It changes nothing in either mode.
  diff_mode:
    support: none
    description: There is nothing to compare.
seealso:
  - module: edge_certificate_request
  - module: edge_certificate_share
author: Fedgate authors
"""

EXAMPLES = r"""
- name: Look at the member's certificate
  edge_certificate_request:
    name: edge.london.contoso.example
    names: [contoso.example]
    make: false
  register: request

- name: Choose who makes the key
  edge_certificate_pools:
    found:
      edge1.london: "{{ request }}"
    pools:
      edge1.london: edge.london.contoso.example
    active: [edge1.london]
  register: pools
"""

RETURN = r"""
pools:
  description:
    - By pool, holder (the member whose key and certificate all shall have), make (whether it first has to make key and
      request), needed (whether a certificate has to be issued), receivers (members that lack the holder's key) and
      outdated (members that have to install the holder's certificate).
  type: dict
  returned: success
"""
