"""Documentation that the changing modules share; the code is in ``module_utils/fedgate/module.py``."""

from __future__ import annotations


class ModuleDocFragment:
    """``extends_documentation_fragment: [fedgate]``."""

    DOCUMENTATION = r"""
options:
  expect_plan:
    description:
      - The digest of the plan that was reviewed, as an earlier run in check mode returned it in RV(plan_digest).
      - When what would be done now is anything else, nothing is done and the task fails.
    type: str
    version_added: "0.1.0"
attributes:
  check_mode:
    description: Names in check mode exactly the changes (action, kind and name) that the real run makes.
    support: full
  diff_mode:
    description: Shows the fields that change, one entry for each change; never a secret.
    support: full
"""

    #: ``extends_documentation_fragment: [fedgate.info]``, for modules that only look.
    INFO = r"""
attributes:
  check_mode:
    description: Changes nothing, in check mode or not.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: N/A
"""

    #: ``extends_documentation_fragment: [fedgate.gateway]``, for modules that look which certificate is served.
    GATEWAY = r"""
options:
  gateway:
    description:
      - The gateway of this host, where it has one. The module looks which certificate it serves, by STARTTLS on port
        5269 (on 5222 while federation is closed), and lets it reload when that has to be another one.
      - A gateway whose configuration does not name this certificate is not touched, nor is one that does not run.
    type: dict
    suboptions:
      unit:
        description: Its systemd service.
        type: str
        default: prosody.service
      config:
        description: Its main configuration; all C(*.cfg.lua) files in the same folder and below count too.
        type: path
        default: /etc/prosody/prosody.cfg.lua
      addresses:
        description: Addresses on which it listens; the loopback when none are given, or for V(*).
        type: list
        elements: str
        default: []
      domains:
        description: Domains whose certificate is looked at.
        type: list
        elements: str
        required: true
      timeout:
        description: Seconds that it may take to serve another certificate after a reload.
        type: int
        default: 15
"""
