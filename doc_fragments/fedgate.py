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
