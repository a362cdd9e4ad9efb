"""How fast requests may follow each other (Developer Guide, Quotas: five a second for all of an account)."""

from __future__ import annotations

import random
import time
from collections import deque

#: The pace never falls below this many requests a second.
_SLOWEST = 0.5
#: Seconds of the first pause after a refusal, and of the longest.
_FIRST, _LONGEST = 0.5, 8.0


class Pace:
    """Lets through as many requests as allowed in any stretch of one second, without a pause before the first ones.

    Counted from the end of a request: whatever the network does, the server never sees more of them in such a stretch.

    :param per_second: requests a second, above 0.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._most = per_second
        self._ends: deque[float] = deque(maxlen=max(1, int(per_second)))

    def wait(self) -> None:
        """Sleep until the next request may be sent."""
        count = max(1, int(self.per_second))
        if len(self._ends) >= count:
            pause = self._ends[-count] + count / self.per_second - time.monotonic()
            if pause > 0:
                time.sleep(pause)

    def sent(self) -> None:
        """Note that a request has been answered, or has failed."""
        self._ends.append(time.monotonic())

    def slow_down(self) -> None:
        """Heed that it was too fast: others use the same account."""
        self.per_second = max(min(_SLOWEST, self._most), self.per_second * 0.7)

    def speed_up(self) -> None:
        """Come back to the allowed pace, little by little."""
        self.per_second = min(self._most, self.per_second * 1.05)


def pause(turn: int) -> float:
    """Return the seconds to wait after the nth refusal in a row, counted from 0: growing, and never the same."""
    return float(min(_LONGEST, _FIRST * 2**turn) * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets
