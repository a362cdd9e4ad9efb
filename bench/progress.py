"""Progress on standard output: which of all runs is under way, and how far it has come."""

from __future__ import annotations

import time


class Progress:
    """Count runs and say what happens.

    :param total: how many runs there will be.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._number = 0
        self._what = ""
        self._began = time.monotonic()

    def begin(self, what: str) -> None:
        """Note the next run; ``done`` or ``underway`` names it."""
        self._number += 1
        self._what = what

    def underway(self, how_far: str) -> None:
        """Say how far a run has come that takes long."""
        self._say(f"… {how_far}")

    def done(self, seconds: float) -> None:
        """Say that a run has ended, and how long it took."""
        self._say(f"{seconds:.1f} s")

    def _say(self, text: str) -> None:
        so_far = time.monotonic() - self._began
        print(f"{so_far:7.1f}s  run {self._number} of {self.total}: {self._what}: {text}", flush=True)
