# Documentation only: the action plug-in of the same name does the work, on the controller.
from __future__ import annotations

DOCUMENTATION = r"""
module: federation_explain
short_description: Tell what the inventory means, what a change of it would open, and who is knocking
version_added: "0.1.0"
description:
  - With O(who) and O(whom) it tells what somebody at a partner and somebody of ours may do to each other, over which
    authentication, and which line of the inventory says so.
  - With O(before) and O(after) it tells what would change between two inventories, partner by partner, in sentences,
    each marked with whether it opens something or closes it; for the review of a change.
  - With O(gateways) it tells who was refused at the gateways, how often, and gives entries for the inventory.
  - One question a task. Nothing is changed, and no host is contacted; the playbook C(explain.yml) asks the gateways.
  - As with M(federation_model), the inventory and C(-e) count, with all gateways, also those outside C(--limit). An
    inventory with errors fails. Secrets that cannot be opened do not matter here.
options:
  who:
    description: Address of a user at a partner, or a domain for any of its users.
    type: str
  whom:
    description: Address of a user or a chat room of ours, or a domain of ours.
    type: str
  before:
    description:
      - The inventory as it is; files and folders, as after C(-i), relative to where the command was started.
    type: list
    elements: path
  after:
    description: The inventory as it would be.
    type: list
    elements: path
  gateways:
    description:
      - By the gateways' names in the inventory, what M(xmpp_gateway_info) returned for each; empty for silent ones.
    type: dict
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
seealso:
  - module: federation_model
  - module: xmpp_gateway_info
author: Fedgate authors
"""

EXAMPLES = r"""
- name: Ask what Bob may do to Alice
  federation_explain:
    who: bob@fabrikam.example
    whom: alice@contoso.example
  run_once: true
  register: explained

- name: Show it
  ansible.builtin.debug:
    msg: "{{ explained.text }}"
  run_once: true

- name: Look at a gateway
  xmpp_gateway_info:
  register: gateway

- name: Ask who was refused there
  federation_explain:
    gateways: "{{ {inventory_hostname: gateway} }}"
"""

RETURN = r"""
text:
  description: The explanation for people, several lines.
  type: str
  returned: success
pair:
  description: What two sides may do to each other.
  type: dict
  returned: when O(who) and O(whom) are given
  contains:
    who:
      description: The address at the partner, as addresses are compared.
      type: str
      returned: success
    whom:
      description: Our address, likewise.
      type: str
      returned: success
    allowed:
      description: Whether the two domains federate.
      type: bool
      returned: success
    reason:
      description:
        - V(own-domain), V(not-a-partner), V(expired), V(component-closed), V(no-access) (our user may not federate at
          all), or null where they federate.
      type: str
      returned: success
    because:
      description: The same as a sentence, with lines of the inventory.
      type: str
      returned: success
    partner:
      description: Which partner it is, and the line that names this domain; null when none does.
      type: dict
      returned: success
    ours:
      description: Our domain or component, and the line that names it.
      type: dict
      returned: success
    gateways:
      description: Who serves our side; the one that does so now comes first.
      type: list
      elements: dict
      returned: success
    settings:
      description:
        - Each setting with I(name), I(value), I(place), I(origin) and I(source); V(default) where nothing says it.
      type: list
      elements: dict
      returned: success
    methods:
      description: For V(incoming) and V(outgoing) the methods that are left with their transports, the strongest first.
      type: dict
      returned: success
    rights:
      description:
        - What passes, I(what) by I(direction), and I(because) of which line. I(verdict) is V(yes), V(partly),
          V(contact) (only where our user has added the contact) or V(no).
      type: list
      elements: dict
      returned: success
    access:
      description:
        - The access policy that counts for our side, whether it lets them federate (I(allowed)), and the line that says
          so; in I(otherwise) policies of groups that say the contrary. Null for rooms, and where there is no partner.
      type: dict
      returned: success
    components:
      description: Our services, and whether they are open to the partner's type.
      type: list
      elements: dict
      returned: success
    further:
      description: The limits that hold, the partner's own or those of all partners, each with its line.
      type: list
      elements: dict
      returned: success
changes:
  description:
    - What would change. I(partners) and I(ours), each a list of I(differences) with I(effect) (V(opens), V(closes),
      V(neither)), I(what), I(before), I(after), I(sentence) and I(source); I(counts) by effect.
  type: dict
  returned: when O(before) and O(after) are given
knocking:
  description:
    - Who was refused, over all gateways. I(strangers) are not listed; I(partners) were refused for another reason, or
      are listed by now, or blocked; I(invalid) are no domain names. Of I(silent) gateways nothing is known, I(full)
      ones have forgotten some. I(snippet) is YAML with an entry for each stranger, commented out.
  type: dict
  returned: when O(gateways) is given
error:
  description: Kind of error, such as C(InvalidValue).
  type: str
  returned: failure
"""
