"""What goes over the wire of providers that speak HTTP by ``requests``: counted, and never waited for without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from requests.adapters import HTTPAdapter


class Counting(HTTPAdapter):  # type: ignore[misc]
    """Sends the requests of a session.

    :param counts: HTTP method → requests sent; counted up.
    :param timeout: seconds for a connection, and for each answer.
    :ivar writes: requests that may have changed something and were answered with success.
    :ivar status: the last answer's; None when there was none.
    """

    def __init__(self, counts: Counter[str], timeout: float) -> None:
        super().__init__()
        self._counts = counts
        self._timeout = timeout
        self.writes = 0
        self.status: int | None = None

    def send(self, request: Any, **options: Any) -> Any:
        """Send one request; see the base class."""
        self._counts[request.method] += 1
        self.status = None
        answer = super().send(request, **{**options, "timeout": self._timeout})
        self.status = answer.status_code
        if answer.ok and request.method not in ("GET", "HEAD", "OPTIONS"):
            self.writes += 1
        return answer


def count(sessions: Iterable[Any], counts: Counter[str], timeout: float) -> Counting:
    """Count the requests of these sessions from now on."""
    adapter = Counting(counts, timeout)
    for session in sessions:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    return adapter
