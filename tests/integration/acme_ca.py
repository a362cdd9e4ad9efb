"""A real ACME CA of a test's own (Pebble), and a wire in front of it that counts, changes and refuses messages."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Optional

from lab import servers

from .pki import Authority

PEBBLE = shutil.which("pebble") or "/usr/bin/pebble"
HOST = "localhost"
#: Key id → HMAC key that a CA with external account binding knows.
BINDINGS = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}


class Pebble:
    """One ``pebble`` process. It keeps everything in memory: its root is another one after each start.

    :param dns: address and port of the server at which it validates.
    :param binding: whether accounts need an external account binding.
    :param environment: further variables, ``PEBBLE_…``.
    """

    def __init__(self, folder: Path, dns: str, binding: bool = False, **environment: str) -> None:
        self.folder = folder
        self._dns = dns
        self._binding = binding
        # No chance: what it does at random by default is tested where a test asks for it.
        quiet = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}
        self._environment = {**quiet, **environment}
        self.port, self.management = servers.free_port(), servers.free_port()
        self.https = Authority("HTTPS of the CA")
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "https-root.pem"
        self.ca_file.write_text(self.https.pem)

    def start(self) -> None:
        """Start, wait until it answers, and fetch its roots."""
        self._configure()
        log = (self.folder / "pebble.log").open("ab")
        argv = [PEBBLE, "-config", str(self.folder / "pebble.json"), "-dnsserver", self._dns]
        self._process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, **self._environment})
        if not servers.comes_up(self._process, self._answers):
            raise RuntimeError(f"pebble does not run:\n{(self.folder / 'pebble.log').read_text()[-4000:]}")

    def stop(self) -> None:
        """End the process."""
        servers.end(self._process)
        self._process = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            self.roots = [self.root(0)]
            return True
        return False

    def root(self, number: int) -> str:
        """Return one of its roots as PEM; also written to ``root-<number>.pem``."""
        context = ssl.create_default_context(cadata=self.https.pem)
        url = f"https://{HOST}:{self.management}/roots/{number}"
        with urllib.request.urlopen(url, context=context, timeout=5) as answer:
            pem: str = answer.read().decode()
        (self.folder / f"root-{number}.pem").write_text(pem)
        return pem

    def _configure(self) -> None:
        served = self.https.issue(HOST)
        (self.folder / "https.pem").write_text(served.chain)
        (self.folder / "https.key").write_text(served.key)
        settings: dict[str, Any] = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.folder / "https.pem"),
            "privateKey": str(self.folder / "https.key"),
            "httpPort": 5002,
            "tlsPort": 5001,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self._binding,
            "externalAccountMACKeys": BINDINGS if self._binding else {},
            # Ninety days, as public CAs have it; its own default is five years.
            "certificateValidityPeriod": 90 * 86400,
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))


#: The first part of Pebble's paths → what RFC 8555 calls it.
_KINDS = {
    "dir": "directory", "nonce-plz": "newNonce", "sign-me-up": "newAccount", "order-plz": "newOrder",
    "authZ": "authorization", "chalZ": "challenge", "my-order": "order", "finalize-order": "finalize",
    "certZ": "certificate", "my-account": "account",
}  # fmt: skip


class Message:
    """One message to the CA.

    :ivar kind: what it asks for, such as ``newOrder``; the first part of the path where the directory has no name.
    :ivar payload: what a signed message holds, None for POST-as-GET and plain ones.
    """

    def __init__(self, method: str, path: str, body: bytes) -> None:
        self.method, self.path, self.body = method, path, body
        first = path.strip("/").split("/")[0]
        self.kind = _KINDS.get(first, first)
        self.payload: Any = None
        with contextlib.suppress(ValueError, KeyError):
            packed = json.loads(body)["payload"]
            self.payload = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))


class Answer:
    """One answer of the CA, or one in its place."""

    def __init__(self, status: int, body: bytes, **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    @json.setter
    def json(self, value: Any) -> None:
        self.body = json.dumps(value).encode()


def problem(status: int, kind: str, detail: str, **headers: str) -> Answer:
    """Return an answer with a problem document (RFC 7807)."""
    said = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": status}
    return Answer(status, json.dumps(said).encode(), Content_Type="application/problem+json", **headers)


class Wire:
    """Stands before a CA and passes messages on; a test may count them, answer in its place, or change its answers.

    :ivar messages: all that came, in order.
    :ivar instead: asked first; whatever it returns is the answer, and the CA gets nothing.
    :ivar afterwards: may change each answer that is no error.
    """

    def __init__(self, pebble: Pebble) -> None:
        self.pebble = pebble
        self.messages: list[Message] = []
        self.instead: Callable[[Message], Optional[Answer]] = lambda message: None
        self.afterwards: Callable[[Message, Answer], None] = lambda message, answer: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = pebble.https.issue(HOST).context().wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def directory_url(self) -> str:
        """Where the CA's directory is, through this wire."""
        return f"https://{HOST}:{self.port}/dir"

    def count(self, kind: str) -> int:
        """Return how many messages of a kind came."""
        return sum(message.kind == kind for message in self.messages)

    def forget(self) -> None:
        """Begin to count anew, and change nothing any more."""
        self.messages = []
        self.instead = lambda message: None
        self.afterwards = lambda message, answer: None

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, message: Message, headers: dict[str, str]) -> Answer:
        """Ask the CA itself. It makes its addresses of the Host header, so that they lead through this wire."""
        context = ssl.create_default_context(cadata=self.pebble.https.pem)
        connection = http.client.HTTPSConnection(HOST, self.pebble.port, context=context, timeout=30)
        connection.request(message.method, message.path, message.body or None, headers)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.read())
        for name, value in answer.getheaders():
            found.headers[name] = f"{found.headers[name]}, {value}" if name in found.headers else value
        connection.close()
        return found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Otherwise each answer goes out in two parts, the second of which waits for the first one's receipt.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                message = Message(self.command, self.path, body)
                wire.messages.append(message)
                answer = wire.instead(message)
                if answer is None:
                    answer = wire.pass_on(message, dict(self.headers.items()))
                if answer.status < 400:
                    wire.afterwards(message, answer)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(OSError):  # whoever asked was killed meanwhile
                        self.wfile.write(answer.body)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                return

        return Handler
