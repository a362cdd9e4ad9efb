"""XML streams over plain sockets: what a server-to-server peer with exactly one manner needs, and no more."""

from __future__ import annotations

import contextlib
import socket
import ssl
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Optional

STREAMS = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
DIALBACK = "jabber:server:dialback"
FEATURE = "urn:xmpp:features:dialback"
BIDI = "urn:xmpp:features:bidi"
SERVER = "jabber:server"
CLIENT = "jabber:client"
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"

Element = ElementTree.Element


class Closed(Exception):
    """The other side ended the stream, with a stream error or without a word.

    :ivar condition: the stream error's name, such as ``policy-violation``; empty when there was none.
    """

    def __init__(self, condition: str = "", text: str = "") -> None:
        super().__init__(f"{condition or 'closed'}: {text}")
        self.condition = condition
        self.text = text


class Stream:
    """One side of one XML stream.

    :param connection: a connected socket.
    :param namespace: ``jabber:server`` or ``jabber:client``.
    :ivar blanks: how often nothing but white space came: signs of life.
    """

    def __init__(self, connection: socket.socket, namespace: str = SERVER) -> None:
        self.connection = connection
        self.namespace = namespace
        self.header: dict[str, str] = {}
        self.blanks = 0
        self._restart()

    def _restart(self) -> None:
        self._parser = ElementTree.XMLPullParser(["start", "end"])
        self._depth = 0
        self._came = b""

    def send(self, text: str) -> None:
        """Send text as it is."""
        self.connection.sendall(text.encode())

    def open(self, identifier: Optional[str] = None, version: str = "1.0", **names: str) -> None:
        """Send a stream header with ``from_`` and ``to`` as given, on a new stream."""
        attributes = "".join(f" {key.rstrip('_')}='{value}'" for key, value in names.items() if value)
        if identifier:
            attributes += f" id='{identifier}'"
        if version:
            attributes += f" version='{version}'"
        self.send(
            f"<?xml version='1.0'?><stream:stream xmlns='{self.namespace}' xmlns:stream='{STREAMS}' "
            f"xmlns:db='{DIALBACK}'{attributes}>"
        )

    def read_header(self) -> dict[str, str]:
        """Wait for the other side's stream header; return its attributes."""
        self._restart()
        while True:
            for _, element in self._events():
                self._depth = 1
                self.header = dict(element.attrib)
                return self.header
            self._feed()

    def read(self) -> Element:
        """Wait for the next child of the stream. :raises Closed: when the stream ends instead, or says an error."""
        while True:
            for event, element in self._events():
                self._depth += 1 if event == "start" else -1
                if event == "end" and self._depth == 0:
                    raise Closed()
                if event == "end" and self._depth == 1:
                    return self._checked(element)
            self._feed()

    def _events(self) -> Iterator[tuple[str, Element]]:
        try:
            yield from self._parser.read_events()
        except ElementTree.ParseError as error:
            raise AssertionError(f"not XML: {error}: the last of it: {self._came!r}") from error

    @staticmethod
    def _checked(element: Element) -> Element:
        if element.tag == f"{{{STREAMS}}}error":
            names = [child.tag.split("}")[-1] for child in element]
            text = element.findtext(f"{{{ERRORS}}}text") or ""
            raise Closed(next((name for name in names if name != "text"), "undefined-condition"), text)
        return element

    def _feed(self) -> None:
        try:
            data = self.connection.recv(65536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(text=str(error)) from error
        if not data:
            raise Closed(text="end of file")
        self.blanks += data.isspace()
        self._came = (self._came + data)[-4096:]
        self._parser.feed(data)

    def expect(self, namespace: str, *names: str) -> Element:
        """Wait for a child with one of these names, passing over others. :raises Closed: as ``read``."""
        while True:
            element = self.read()
            if element.tag in {f"{{{namespace}}}{name}" for name in names}:
                return element

    def secure(self, context: ssl.SSLContext, server_side: bool = False) -> None:
        """Go on over TLS."""
        try:
            self.connection = context.wrap_socket(self.connection, server_side=server_side)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(text=str(error)) from error
        self._restart()

    def close(self) -> None:
        """Close the socket, without manners."""
        # At once: closing alone tells the other side nothing as long as a thread still waits for what comes.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
        # OpenSSL knows its file by number only: a thread that still reads would go on with whatever gets that number
        # next, steal from it and write alerts into it. So who lets go of a TLS connection last closes it.
        if not isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()


def offered(features: Element) -> set[str]:
    """Name what a features element offers: starttls, external, dialback, bidi."""
    found = set()
    if features.find(f"{{{TLS}}}starttls") is not None:
        found.add("starttls")
    if any(item.text == "EXTERNAL" for item in features.iter(f"{{{SASL}}}mechanism")):
        found.add("external")
    if features.find(f"{{{FEATURE}}}dialback") is not None:
        found.add("dialback")
    if features.find(f"{{{BIDI}}}bidi") is not None:
        found.add("bidi")
    return found
