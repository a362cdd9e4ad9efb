"""octoDNS is optional: a controller without it has nothing to test here."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("octodns") else ["test_*.py"]
