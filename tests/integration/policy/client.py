"""A user of the gateway's, over a plain client stream: sends messages and reads what comes back."""

from __future__ import annotations

import base64
import socket
import time

from .wire import CLIENT, SASL, STREAMS, Element, Stream

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class Client:
    """One session of one user. The test gateway takes PLAIN without TLS.

    :param gateway: address of the gateway.
    :param address: bare JID.
    :ivar full: the full JID that the gateway gave.
    """

    def __init__(self, gateway: str, address: str, password: str) -> None:
        self.address = address
        self._counter = 0
        user, self.domain = address.split("@")
        self._stream = Stream(socket.create_connection((gateway, 5222), 20), CLIENT)
        self._open()
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._stream.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
        self._stream.expect(SASL, "success")
        self._open()
        self._stream.send(f"<iq type='set' id='bind'><bind xmlns='{BIND}'/></iq><presence/>")
        bound = self._stream.expect(CLIENT, "iq")
        self.full = bound.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid") or ""

    def _open(self) -> None:
        self._stream.open(to=self.domain)
        self._stream.read_header()
        self._stream.expect(STREAMS, "features")

    def send(self, to: str, body: str = "hello") -> str:
        """Send a message; return its id."""
        self._counter += 1
        identifier = f"m{self._counter}-{time.monotonic_ns()}"
        self._stream.send(f"<message to='{to}' type='chat' id='{identifier}'><body>{body}</body></message>")
        return identifier

    def bounce(self, identifier: str) -> tuple[str, str]:
        """Wait until a message comes back; return the error's condition and text."""
        while True:
            message = self._stream.expect(CLIENT, "message")
            error = message.find(f"{{{CLIENT}}}error")
            if message.get("id") == identifier and error is not None:
                names = [child.tag.split("}")[-1] for child in error]
                return names[0], error.findtext(f"{{{STANZAS}}}text") or ""

    def message(self) -> Element:
        """Wait for the next message."""
        return self._stream.expect(CLIENT, "message")

    def presence(self) -> Element:
        """Wait for the next presence of somebody else."""
        while True:
            found = self._stream.expect(CLIENT, "presence")
            if not (found.get("from") or "").startswith(self.address):
                return found

    def write(self, text: str) -> None:
        """Send stanzas as they are."""
        self._stream.send(text)

    def drain(self) -> list[Element]:
        """Return what came until now, in order. Asks for the roster, so roster pushes come from then on."""
        self._counter += 1
        identifier = f"r{self._counter}"
        self.write(f"<iq type='get' id='{identifier}'><query xmlns='jabber:iq:roster'/></iq>")
        found = []
        while True:
            element = self._stream.read()
            if element.get("id") == identifier and element.tag == f"{{{CLIENT}}}iq":
                return found
            found.append(element)

    def timeout(self, seconds: float) -> None:
        """Wait no longer for what is read from now on; then ``TimeoutError``."""
        self._stream.connection.settimeout(seconds)

    def close(self) -> None:
        """End the session."""
        self._stream.close()
