"""A proxy in front of moto that counts, and that limits and fails as AWS does.

For tests and benchmarks: an HTTP endpoint without TLS on the loopback, to be used as ``endpoint_url``.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .answers import Answer, denied, error
from .asked import Request

CHANGE = "ChangeResourceRecordSets"
#: What one request may hold. Amazon Route 53 Developer Guide, Quotas: maximums on API requests.
MAX_VALUES = 1000
MAX_CHARACTERS = 32000
#: Faults that are no answer: the connection ends before the request was passed on, or after (the answer is lost).
CUT, LOST = "cut", "lost"
USER = "arn:aws:iam::123456789012:user/fedgate"


class Proxy:
    """One proxy; started by ``with`` or ``start``. All that follows may be set while it runs.

    :ivar url: where it listens.
    :ivar counts: operation → requests that came in, whatever became of them.
    :ivar errors: error code → how often the proxy itself answered it (or ``cut``, ``lost``).
    :ivar rate: requests per second that the account has in all, of Route 53; None: any number.
    :ivar limits: whether what one ChangeResourceRecordSets may hold is held to.
    :ivar pending: how many times GetChange says PENDING of each change; ``math.inf``: for ever.
    :ivar policy: says of a request whether IAM allows it; None: everything. See ``iam.allows``.
    :ivar largest: the largest ChangeResourceRecordSets seen: values, and characters of values, as AWS counts them.
    :ivar delay: seconds that each request takes longer.
    """

    def __init__(self, upstream_url: str, port: int = 0) -> None:
        upstream = urlsplit(upstream_url)
        self.upstream = (upstream.hostname or "", upstream.port or 80)
        self.rate: float | None = None
        self.limits = True
        self.pending: float = 0
        self.policy: Callable[[Request], bool] | None = None
        self.delay = 0.0
        self._lock = threading.Lock()
        self._hooks: dict[str, deque[Callable[[Request], object]]] = defaultdict(deque)
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self.reset()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in threads of this process."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the port; connections that are open end with their clients."""
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """Forget what was counted, and faults and hooks that were not used; the options stay."""
        with self._lock:
            self.counts: Counter[str] = Counter()
            self.errors: Counter[str] = Counter()
            self.largest = {"values": 0, "characters": 0}
            self._hooks.clear()
            self._faults.clear()
            self._passed: deque[float] = deque()
            self._asked: Counter[str] = Counter()
            self._changes = 0

    def fail(self, operation: str, *faults: str) -> None:
        """Queue what the next requests of an operation (``*``: of any) get: an error code of ``answers.ERRORS``,
        ``AccessDenied``, ``cut`` or ``lost``; an empty one lets a request pass."""
        self._faults[operation].extend(faults)

    def before(self, operation: str, function: Callable[[Request], object]) -> None:
        """Have a function called once, before the next request of an operation is looked at."""
        self._hooks[operation].append(function)

    def answer(self, request: Request) -> Answer | None:
        """Return the answer to a request; None to end the connection without one."""
        with self._lock:
            self.counts[request.operation] += 1
            hook = self._hooks[request.operation].popleft() if self._hooks.get(request.operation) else None
        if hook is not None:
            hook(request)
        if self.delay:
            time.sleep(self.delay)
        refusal, fault = self._refusal(request)
        if refusal is not None or fault == CUT:
            return refusal
        answer = self._pass_on(request)
        return None if fault == LOST else self._changed(request, answer)

    def _refusal(self, request: Request) -> tuple[Answer | None, str]:
        """Return the error that comes instead of an answer, if any, and the fault that is due."""
        with self._lock:
            if not self._within_rate(request):
                return self._error(request, "Throttling"), ""
            fault = self._next_fault(request.operation)
        if fault in (CUT, LOST):
            self.errors[fault] += 1
            return None, fault
        if fault:
            return self._error(request, fault), ""
        if self.policy is not None and not self.policy(request):
            return self._error(request, "AccessDenied"), ""
        return self._too_large(request), ""

    def _within_rate(self, request: Request) -> bool:
        if self.rate is None or request.service != "route53":
            return True
        now = time.monotonic()
        # Fewer than one a second: one in so many seconds.
        window = max(1.0, 1 / self.rate)
        while self._passed and self._passed[0] <= now - window:
            self._passed.popleft()
        if len(self._passed) >= max(1, int(self.rate * window)):
            return False
        self._passed.append(now)
        return True

    def _next_fault(self, operation: str) -> str:
        for queue in (self._faults.get(operation), self._faults.get("*")):
            if queue:
                return queue.popleft()
        return ""

    def _error(self, request: Request, code: str, message: str = "") -> Answer:
        self.errors[code] += 1
        if code == "AccessDenied":
            resource = f"arn:aws:route53:::hostedzone/{request.target}" if "zone/" in request.path else ""
            return denied(request.service, request.operation, resource, USER)
        return error(request.service, code, message)

    def _too_large(self, request: Request) -> Answer | None:
        if request.operation != CHANGE:
            return None
        values, characters = request.values, request.characters
        with self._lock:
            self.largest = {
                "values": max(self.largest["values"], values),
                "characters": max(self.largest["characters"], characters),
            }
        if self.limits and values > MAX_VALUES:
            return self._error(request, "InvalidChangeBatch", f"[Number of records limit of {MAX_VALUES} exceeded.]")
        if self.limits and characters > MAX_CHARACTERS:
            return self._error(request, "InvalidChangeBatch", f"[RDATA character limit of {MAX_CHARACTERS} exceeded.]")
        return None

    def _pass_on(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(*self.upstream, timeout=60)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            found = connection.getresponse()
            return Answer(found.status, found.read(), found.getheader("Content-Type", "text/xml"))
        finally:
            connection.close()

    def _changed(self, request: Request, answer: Answer) -> Answer:
        """Give every change an id of its own, and have it pending as long as it shall be; moto does neither."""
        if answer.status != 200 or request.operation not in (CHANGE, "GetChange"):
            return answer
        with self._lock:
            if request.operation == CHANGE:
                self._changes += 1
                identity, status = f"/change/C{self._changes:013}", "PENDING"
            else:
                self._asked[request.target] += 1
                pending = self._asked[request.target] <= self.pending
                identity, status = f"/change/{request.target}", "PENDING" if pending else "INSYNC"
        body = re.sub(rb"<Id>[^<]*</Id>", f"<Id>{identity}</Id>".encode(), answer.body, count=1)
        body = re.sub(rb"<Status>[^<]*</Status>", f"<Status>{status}</Status>".encode(), body, count=1)
        return Answer(answer.status, body, answer.content_type)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away in the middle is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    proxy: Proxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self._headers(), body)
        answer = self.proxy.answer(request)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_DELETE = _serve

    def _headers(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "expect")}

    def log_message(self, format: str, *args: Any) -> None:
        """Keep no log."""
