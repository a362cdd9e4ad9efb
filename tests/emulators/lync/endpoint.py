"""The HTTPS endpoint: authentication, WSMan messages, and the faults of networks on request.

Basic and NTLM (alone or inside Negotiate), as WinRM and IIS offer them; NTLM belongs to a connection, not a request.
"""

from __future__ import annotations

import base64
import os
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import spnego

from . import soap
from .shells import Shells

_TYPE = "application/soap+xml;charset=UTF-8"
#: What a client with a certificate says instead of a password (MS-WSMV; DMTF DSP0226, security profiles).
_MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"


class Endpoint:
    """One server: a Front End's OcsPowershell, or the WinRM of an Edge.

    :param shells: what is behind it.
    :param accounts: passwords by account; NTLM takes ``DOMAIN\\name`` or ``name``.
    :param certificate: PEM files (chain, key) of the server.
    :param path: of the URL, ``/OcsPowershell`` or ``/wsman``.
    :param methods: what it offers: Basic, NTLM, Negotiate.
    :param folder: for the file of accounts that the NTLM library reads.
    :param address: where it listens; :param port: a free one by default.
    :param tls: sets further bounds on TLS, such as an old version.
    :param clients: certificates (PEM files) of clients, each with the account that it stands for (WinRM's mappings of
        client certificates); a certificate is asked for when there are any.
    """

    def __init__(
        self,
        shells: Shells,
        accounts: Mapping[str, str],
        certificate: tuple[Path, Path],
        *,
        path: str,
        methods: tuple[str, ...] = ("Negotiate", "NTLM", "Basic"),
        folder: Path,
        tls: Callable[[ssl.SSLContext], None] = lambda context: None,
        address: str = "127.0.0.1",
        port: int = 0,
        clients: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        self.shells = shells
        self.accounts = dict(accounts)
        self.path = path
        self.methods = methods
        self.requests = 0
        #: Accounts whose password has expired: the right one is refused like a wrong one, with 401 and no reason
        #: (guessed of IIS and WinRM: HTTP has no way to say it).
        self.expired: set[str] = set()
        #: How often a login was refused; a directory locks accounts by such a count.
        self.refused = 0
        #: Called with each message before it is answered; returns ``drop`` (the connection is cut with the answer
        #: unsaid), ``refuse`` (cut before anything is done), or None.
        self.trouble: Callable[[soap.Request], str | None] = lambda request: None
        #: Called with each answer that is sent.
        self.said: Callable[[bytes], None] = lambda answer: None
        _let_ntlm_know(self.accounts, folder)
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self.server = _Server((address, port), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.clients = {ssl.PEM_cert_to_DER_cert(path.read_text()): account for path, account in clients.items()}
        if clients:
            context.verify_mode = ssl.CERT_OPTIONAL
            for path in clients:
                context.load_verify_locations(path)
        tls(context)
        self.server.context = context
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and cut what is connected."""
        self.server.shutdown()
        self.server.server_close()

    def knows(self, account: str, password: str) -> bool:
        """Tell whether a password is an account's, and has not expired."""
        return self.admitted(account if self.accounts.get(account) == password else None) is not None

    def admitted(self, account: str | None) -> str | None:
        """Return an account that gave its password; None, and count it, for nobody or an expired password."""
        if account is None or account in self.expired:
            self.refused += 1
            return None
        return account

    def named(self, account: str) -> str | None:
        """Return the account of that name in any case; None when it is not one of this server's."""
        name = account.lstrip("\\").lower()
        return next((known for known in self.accounts if known.lower() == name), None)


def _let_ntlm_know(accounts: Mapping[str, str], folder: Path) -> None:
    """The NTLM library reads accounts from a file, one ``DOMAIN:name:password`` a line."""
    lines = []
    for account, password in accounts.items():
        domain, _, name = account.rpartition("\\")
        lines.append(f"{domain}:{name}:{password}\n")
    path = folder / "ntlm-accounts"
    known = path.read_text() if path.exists() else ""
    path.write_text(known + "".join(lines))
    path.chmod(0o600)
    os.environ["NTLM_USER_FILE"] = str(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make TLS in the connection's own thread: a client that stalls stalls only itself."""
        request.settimeout(120)
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        try:
            self.RequestHandlerClass(wrapped, client_address, self)
        finally:
            wrapped.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are ordinary here; anything else is a defect of the emulator, and shown."""
        if not isinstance(sys.exc_info()[1], (OSError, EOFError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, the second would wait for the first's acknowledgement.
    wbufsize = -1
    endpoint: Endpoint

    def setup(self) -> None:
        super().setup()
        self.account: str | None = None
        self.context: Any = None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one HTTP request."""
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != self.endpoint.path:
            self._say(404, b"", {})
            return
        account, challenge = self._who()
        if account is None:
            self._say(401, b"", {"WWW-Authenticate": challenge})
            return
        self._answer(account, data)

    def _answer(self, account: str, data: bytes) -> None:
        self.endpoint.requests += 1
        try:
            request = soap.read(data)
        except soap.Malformed:
            self._say(400, b"", {})
            return
        trouble = self.endpoint.trouble(request)
        if trouble == "refuse":
            self.close_connection = True
            return
        try:
            status, body = 200, self.endpoint.shells.answer(account, request)
        except soap.Fault as fault:
            status, body = 500, fault.envelope(request.message_id)
        if trouble == "drop":
            self.close_connection = True
            return
        self.endpoint.said(body)
        self._say(status, body, {})

    def _who(self) -> tuple[str | None, list[str]]:
        """Return the account behind the request, or what to challenge it with."""
        method, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if method in ("NTLM", "Negotiate") and method in self.endpoint.methods and token:
            return self._ntlm(method, base64.b64decode(token))
        if method == "Basic" and "Basic" in self.endpoint.methods:
            account, _, password = base64.b64decode(token).decode().partition(":")
            return (account, []) if self.endpoint.knows(account, password) else (None, self._offers())
        if self.headers.get("Authorization") == _MUTUAL:
            return self.endpoint.clients.get(self.connection.getpeercert(True) or b""), self._offers()
        return self.account, [] if self.account else self._offers()

    def _offers(self) -> list[str]:
        return [f'{name} realm="WSMAN"' if name == "Basic" else name for name in self.endpoint.methods]

    def _ntlm(self, method: str, token: bytes) -> tuple[str | None, list[str]]:
        if self.context is None or self.context.complete:
            self.context = spnego.server(protocol=method.lower())
        try:
            out = self.context.step(token)
        except Exception:
            self.context = None
            return self.endpoint.admitted(None), self._offers()
        if not self.context.complete:
            return None, [f"{method} {base64.b64encode(out or b'').decode()}"]
        # All endpoints of this process read one file of accounts: this server may not know that one.
        self.account = self.endpoint.admitted(self.endpoint.named(str(self.context.client_principal)))
        return self.account, [] if self.account else self._offers()

    def _say(self, status: int, body: bytes, headers: Mapping[str, list[str]]) -> None:
        self.send_response(status)
        for name, values in headers.items():
            for value in values:
                self.send_header(name, value)
        self.send_header("Content-Type", _TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
