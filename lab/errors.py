"""The one exception that ``bin/lab`` shows to its user as a single line."""

from __future__ import annotations


class LabError(Exception):
    """The lab could not do what was asked; the message is one line that says what to do. Exit code 2."""
