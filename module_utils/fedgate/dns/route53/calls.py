"""Requests to Route 53: paced, counted, and sent again where that can do no harm."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ...errors import FedgateError, Refused, Unreachable
from . import failures
from .pace import Pace, pause
from .session import Account, Clients, connect

CHANGE = "ChangeResourceRecordSets"
#: How often a request is sent in all when nothing comes back, or an error of the service itself (HTTP 5xx).
_TRIES = 4
_UNAVAILABLE = 503
#: What proxies on the way answer in the place of AWS's own ``Throttling`` (RFC 6585 §4).
_TOO_MANY = 429


class Calls:
    """One account's Route 53.

    :param account: how to come into it.
    :param pace: how fast.
    :param requests: counts every request by operation, second tries too.
    :ivar patience: seconds for which refusals for the sake of speed are borne with, for each request.
    """

    def __init__(self, account: Account, pace: Pace, requests: Counter[str]) -> None:
        self._account = account
        self._pace = pace
        self._requests = requests
        self._clients: Clients | None = None
        self.patience = 180.0

    def __str__(self) -> str:
        return f"Route 53 at {self._account.endpoint_url}" if self._account.endpoint_url else "Route 53"

    def list_zones(self, about: str, **query: Any) -> dict[str, Any]:
        """ListHostedZonesByName."""
        return self._send("ListHostedZonesByName", about, self._client.list_hosted_zones_by_name, query)

    def get_zone(self, about: str, **query: Any) -> dict[str, Any]:
        """GetHostedZone."""
        return self._send("GetHostedZone", about, self._client.get_hosted_zone, query)

    def list_sets(self, about: str, **query: Any) -> dict[str, Any]:
        """ListResourceRecordSets."""
        return self._send("ListResourceRecordSets", about, self._client.list_resource_record_sets, query)

    def change_sets(self, about: str, **query: Any) -> dict[str, Any]:
        """ChangeResourceRecordSets.

        :raises Unreachable: no answer; it may have been carried out.
        """
        return self._send(CHANGE, about, self._client.change_resource_record_sets, query)

    def get_change(self, about: str, **query: Any) -> dict[str, Any]:
        """GetChange."""
        return self._send("GetChange", about, self._client.get_change, query)

    def close(self) -> None:
        """Let go of the connection."""
        if self._clients is not None:
            self._clients.route53.close()
            self._clients = None

    @property
    def _client(self) -> Any:
        if self._clients is None:
            self._clients = connect(self._account, self._count)
        return self._clients.route53

    def _count(self, operation: str) -> None:
        self._requests[operation] += 1

    def _send(self, operation: str, about: str, method: Any, query: dict[str, Any]) -> dict[str, Any]:
        """Send one request until there is an answer.

        :param about: which zone, change or names, for messages.
        :raises FedgateError: what the answer says.
        """
        where = f"{operation} of {about} at {self}"
        began, turn, failed = time.monotonic(), 0, 0
        while True:
            self._pace.wait()
            self._count(operation)
            try:
                answer: dict[str, Any] = method(**query)
            except (BotoCoreError, ClientError, ResponseParserError, OSError, ValueError) as error:
                self._pace.sent()
                if self._too_fast(error):
                    self._bear(error, where, time.monotonic() - began)
                else:
                    failed += 1
                    self._demand_another(error, operation, where, failed)
            else:
                self._pace.sent()
                self._pace.speed_up()
                return answer
            time.sleep(pause(turn))
            turn += 1

    def _too_fast(self, error: Exception) -> bool:
        """Tell whether it was refused for the sake of speed, and heed that."""
        code = failures.code_of(error)
        throttled = code in failures.THROTTLED or failures.status_of(error) == _TOO_MANY
        if throttled:
            self._pace.slow_down()
        return throttled or code == failures.BUSY

    def _bear(self, error: Exception, where: str, seconds: float) -> None:
        """Return as long as there is patience."""
        if seconds < self.patience:
            return
        code = failures.code_of(error)
        reason = "the zone is busy with other changes" if code == failures.BUSY else "throttled"
        raise Refused(
            f"{where}: {reason} for {seconds:.0f} s ({code}); this request changed nothing",
            hint="Look what else uses Route 53 in this account (its limit is five requests a second for all), lower "
            "`requests_per_second`, or run again later.",
        ) from error

    def _demand_another(self, error: Exception, operation: str, where: str, failed: int) -> None:
        """Return if the request may be sent again; raise what the error means otherwise."""
        status = failures.status_of(error)
        lost = failures.no_answer(error) or status >= 500
        harmless = operation != CHANGE or failures.not_sent(error) or status == _UNAVAILABLE
        if lost and harmless and failed < _TRIES:
            return
        raise self._meaning(error, operation, where, lost, harmless) from error

    def _meaning(self, error: Exception, operation: str, where: str, lost: bool, harmless: bool) -> FedgateError:
        if lost and not harmless:
            # Not sent again: if it was carried out, its own repetition would be refused as somebody else's change.
            reason = failures.code_of(error) or type(error).__name__
            return Unreachable(
                f"{where}: the answer was lost ({reason}); whether it was carried out is not known",
                hint="Run again: it looks what is there, and does what is left.",
            )
        if lost and failures.status_of(error):
            return Unreachable(
                f"{where}: {failures.code_of(error) or 'error'} (HTTP {failures.status_of(error)}), {_TRIES} times",
                hint="The service has a problem of its own; run again later.",
            )
        key_id = self._clients.key_id if self._clients else ""
        return failures.explain(error, operation, where, key_id)
