"""A partner's server for tests, with exactly the manners that a test gives it.

It plays both parts: it listens for streams of the gateway, and opens streams to it. What happened is kept, to be asked.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import queue
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Optional

from ..pki import Served
from .wire import BIDI, DIALBACK, SASL, SERVER, STREAMS, TLS, Closed, Element, Stream, offered

PROCEED = f"<proceed xmlns='{TLS}'/>"
MECHANISMS = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
DIALBACK_FEATURE = "<dialback xmlns='urn:xmpp:features:dialback'/>"


@dataclasses.dataclass(frozen=True)
class Manners:
    """What a listening peer does.

    :ivar tls: offers STARTTLS; :ivar demands_tls: does nothing before it.
    :ivar external: offers SASL EXTERNAL.
    :ivar accepts_external: answers EXTERNAL with success, else with failure.
    :ivar dialback: answers dialback keys with valid, else ends the stream.
    :ivar direct: TLS from the first byte.
    :ivar version: of the stream header; empty for a server older than XMPP 1.0.
    :ivar hangs_up: closes the connection after the TLS handshake, as one does that minds the certificate.
    :ivar bidi: offers bidirectional streams (XEP-0288).
    :ivar rude: says this right after its stream header, before anything else.
    """

    tls: bool = True
    demands_tls: bool = False
    external: bool = True
    accepts_external: bool = True
    dialback: bool = True
    direct: bool = False
    version: str = "1.0"
    hangs_up: bool = False
    bidi: bool = False
    rude: str = ""


def server_context(served: Served) -> ssl.SSLContext:
    """Return a TLS context that shows a certificate and asks for none."""
    return served.context()


def client_context(served: Optional[Served]) -> ssl.SSLContext:
    """Return a TLS context that believes everything, and shows a certificate when there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if served is not None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "all.pem"
            file.write_text(served.key + served.chain)
            context.load_cert_chain(file)
    return context


class Peer:
    """The server of one domain.

    :param domain: its domain.
    :param address: the address that it listens on.
    :param gateway: the gateway's address.
    :param served: the certificate that it shows in both directions; None shows none as a client.
    :param port: the port that it listens on, 0 for any.
    :ivar headers: of the streams that were opened to it; :ivar asked_for: the names in TLS handshakes (SNI).
    """

    #: Seconds for which a stream of the gateway's may be idle before the peer drops it.
    patience = 20

    def __init__(
        self, domain: str, address: str, gateway: str, served: Served, manners: Manners, port: int = 0
    ) -> None:
        self.domain, self.gateway, self.served, self.manners = domain, gateway, served, manners
        self.events: queue.Queue[tuple[str, str]] = queue.Queue()
        self.stanzas: queue.Queue[Element] = queue.Queue()
        self.headers: list[dict[str, str]] = []
        self.asked_for: list[str | None] = []
        self._streams: list[Stream] = []
        self._listener = socket.create_server((address, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    # Listening --------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(self.patience)
            threading.Thread(target=self._treat, args=(connection,), daemon=True).start()

    def _treat(self, connection: socket.socket) -> None:
        stream = Stream(connection)
        self._streams.append(stream)
        self.note("connected", "")
        with contextlib.suppress(OSError):
            try:
                self._serve(stream)
            except Closed as error:
                self.note("closed", error.condition)
            finally:
                stream.close()

    def _context(self) -> ssl.SSLContext:
        context = server_context(self.served)
        context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        return context

    def note(self, what: str, detail: str) -> None:
        """Keep an event."""
        self.events.put((what, detail))

    def _serve(self, stream: Stream) -> None:
        if self.manners.direct:
            stream.secure(self._context(), server_side=True)
            self.note("tls", "direct")
        secure = self.manners.direct
        self._greet(stream, secure, False)
        while True:
            element = stream.read()
            name = element.tag
            if name == f"{{{TLS}}}starttls":
                stream.send(PROCEED)
                stream.secure(self._context(), server_side=True)
                self.note("tls", "starttls")
                if self.manners.hangs_up:
                    return
                secure = True
                self._greet(stream, secure, False)
            elif name == f"{{{SASL}}}auth":
                self._answer_external(stream)
            elif name == f"{{{DIALBACK}}}result":
                self._answer_key(stream, element, secure)
            elif name == f"{{{DIALBACK}}}verify":
                self._answer_verify(stream, element)
            elif name == "{urn:xmpp:bidi}bidi":
                self.note("bidi", "")
            elif name.startswith(f"{{{SERVER}}}"):
                self.note("stanza", name.split("}")[-1])
                self.stanzas.put(element)

    def _greet(self, stream: Stream, secure: bool, authenticated: bool) -> None:
        header = stream.read_header()
        self.headers.append(header)
        self.note("stream", header.get("from", ""))
        stream.open(
            f"id{time.monotonic_ns()}", version=self.manners.version, from_=self.domain, to=header.get("from", "")
        )
        if self.manners.rude:
            stream.send(self.manners.rude)
        if not self.manners.version:
            return
        offer = ""
        if not authenticated:
            demand = "<required/>" if self.manners.demands_tls else ""
            offer += f"<starttls xmlns='{TLS}'>{demand}</starttls>" if self.manners.tls and not secure else ""
            offer += MECHANISMS if self.manners.external and secure else ""
            offer += DIALBACK_FEATURE if self.manners.dialback else ""
            offer += f"<bidi xmlns='{BIDI}'/>" if self.manners.bidi and (secure or not self.manners.tls) else ""
        stream.send(f"<stream:features>{offer}</stream:features>")

    def _answer_external(self, stream: Stream) -> None:
        self.note("external", "")
        if self.manners.accepts_external:
            stream.send(f"<success xmlns='{SASL}'/>")
            self._greet(stream, True, True)
            self.note("authenticated", "external")
        else:
            stream.send(f"<failure xmlns='{SASL}'><not-authorized/></failure>")

    def _answer_key(self, stream: Stream, element: Element, secure: bool) -> None:
        self.note("dialback", "")
        if not self.manners.dialback or (self.manners.demands_tls and not secure):
            stream.send("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
            raise Closed()
        stream.send(f"<db:result from='{self.domain}' to='{element.get('from')}' type='valid'/>")
        self.note("authenticated", "dialback")

    def _answer_verify(self, stream: Stream, element: Element) -> None:
        self.note("verify", element.get("from", ""))
        stream.send(
            f"<db:verify from='{element.get('to')}' to='{element.get('from')}' id='{element.get('id')}' type='valid'/>"
        )

    # Asking -----------------------------------------------------------------------------------------------------

    def wait(self, what: str, seconds: float = 5) -> str:
        """Wait for an event and return its detail; events before it are passed over. :raises TimeoutError:"""
        seen = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                event, detail = self.events.get(timeout=0.05)
                if event == what:
                    return detail
                seen.append((event, detail))
        raise TimeoutError(f"{what} did not happen at {self.domain}; but: {seen}")

    def happened(self) -> list[str]:
        """Return what happened until now, and forget it."""
        seen = []
        with contextlib.suppress(queue.Empty):
            while True:
                seen.append(self.events.get_nowait()[0])
        return seen

    def latest(self) -> Stream:
        """Return the stream that was opened last, by whomever."""
        return self._streams[-1]

    def drop_latest(self) -> None:
        """Close the stream that was opened last and forget it: for who opens thousands."""
        self._streams.pop().close()

    def blanks(self) -> int:
        """Return how many signs of life came, on all streams."""
        return sum(stream.blanks for stream in self._streams)

    def accepted(self) -> Stream:
        """Return the stream that the gateway opened last."""
        return self._streams[-1]

    def close(self) -> None:
        """Stop listening and drop every stream."""
        self._listener.close()
        for stream in self._streams:
            stream.close()

    # Opening streams --------------------------------------------------------------------------------------------

    def connect(self, direct: bool = False) -> Stream:
        """Open a connection to the gateway; with TLS at once when ``direct``."""
        stream = Stream(socket.create_connection((self.gateway, 5270 if direct else 5269), 20))
        self._streams.append(stream)
        if direct:
            stream.secure(client_context(self.served))
        return stream

    def greet(self, stream: Stream, to: str, from_: Optional[str] = None) -> set[str]:
        """Send a header, wait for header and features; return what is offered. ``from_`` "" sends none."""
        stream.open(from_=self.domain if from_ is None else from_, to=to)
        stream.read_header()
        return offered(stream.expect(STREAMS, "features"))

    def starttls(self, stream: Stream) -> None:
        """Ask for TLS and go on over it."""
        stream.send(f"<starttls xmlns='{TLS}'/>")
        stream.expect(TLS, "proceed")
        stream.secure(client_context(self.served))

    def encrypted(self, to: str) -> tuple[Stream, set[str]]:
        """Open a stream and take it over TLS; return it and what is offered then."""
        stream = self.connect()
        self.greet(stream, to)
        self.starttls(stream)
        return stream, self.greet(stream, to)

    def admitted(self, to: str) -> Stream:
        """Open a stream and authenticate it by SASL EXTERNAL."""
        stream, _ = self.encrypted(to)
        self.external(stream, to)
        return stream

    def external(self, stream: Stream, to: str) -> None:
        """Authenticate by SASL EXTERNAL, and open the stream anew."""
        identity = base64.b64encode(self.domain.encode()).decode()
        stream.send(f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{identity}</auth>")
        stream.expect(SASL, "success")
        self.greet(stream, to)

    def dialback(self, stream: Stream, to: str, domain: Optional[str] = None) -> str:
        """Ask to be known by dialback; return the answer's type, ``valid`` or another."""
        stream.send(f"<db:result from='{domain or self.domain}' to='{to}'>any-key</db:result>")
        return stream.expect(DIALBACK, "result").get("type", "")

    def send_message(self, stream: Stream, to: str, body: str) -> None:
        """Send a message from bob."""
        stream.send(f"<message from='bob@{self.domain}' to='{to}' type='chat'><body>{body}</body></message>")


def closing(action: Callable[[], object]) -> Closed:
    """Run what must end in the other side's closing; return how it closed."""
    try:
        result = action()
    except Closed as error:
        return error
    raise AssertionError(f"the stream was not closed, but gave {result!r}")
