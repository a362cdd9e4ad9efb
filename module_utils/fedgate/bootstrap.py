"""Makes ``ansible.module_utils.fedgate`` importable on the controller, as it is on targets.

Plug-ins of every kind run this file first: ``runpy.run_path(".../module_utils/fedgate/bootstrap.py")``. It imports
nothing of the package, for it is what makes that possible.
"""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

_FOLDER = str(Path(__file__).resolve().parent.parent)
if _FOLDER not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_FOLDER)
