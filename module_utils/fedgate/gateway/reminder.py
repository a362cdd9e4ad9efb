"""Telling a server a second time to read its files.

Prosody 0.12 forgets a SIGHUP that comes just as it has dealt with the one before (``sighook`` in its
``util-src/signal.c``): the server goes on, the file is in place, and nothing reads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Reminder:
    """Does something once more, when a while has passed; to be asked while waiting.

    :param action: what tells the server; to be told twice must do no harm.
    :param seconds: how long the server has before it is told again.
    :param clock: gives seconds.
    """

    def __init__(
        self, action: Callable[[], object], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._action, self._clock = action, clock
        self._due = clock() + seconds
        self._done = False

    def ask(self) -> None:
        """Do it if it is time, and if it was not done before."""
        if not self._done and self._clock() >= self._due:
            self._done = True
            self._action()
