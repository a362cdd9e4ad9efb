"""XML streams that the load goes over: opened to the gateway, accepted from it, and one of a user of ours.

What comes is not parsed but searched: the generator must be far faster than the gateway.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from typing import Optional

from ..errors import BenchError

NS_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
FEATURES = rb"</stream:features>|<stream:features/>"
HEADER = rb"<stream:stream[^>]*>"
#: What one answer may take, in seconds.
PATIENCE = 20.0
_CHUNK = 262144


class Refused(BenchError):
    """The gateway ended a stream."""


class Stream:
    """One stream, with what came over it and was not looked at yet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._buffer = b""

    def send(self, text: str) -> None:
        """Send text as it is."""
        self.writer.write(text.encode())

    def open(self, namespace: str, **attributes: str) -> None:
        """Send a stream header."""
        names = "".join(f" {name.rstrip('_')}='{value}'" for name, value in attributes.items())
        self.send(
            f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams'"
            f" xmlns:db='jabber:server:dialback' version='1.0'{names}>"
        )

    async def until(self, pattern: bytes) -> bytes:
        """Wait for a pattern; return what it matched. :raises Refused: when the stream ends instead."""
        while True:
            found = re.search(pattern, self._buffer)
            if found:
                self._buffer = self._buffer[found.end() :]
                return found.group()
            data = await asyncio.wait_for(self.reader.read(_CHUNK), PATIENCE)
            self._buffer += data
            if not data or b"<stream:error>" in self._buffer:
                raise Refused(f"the gateway ended a stream: {self._buffer[-300:].decode(errors='replace')}")

    async def secure(self, context: ssl.SSLContext) -> None:
        """Go on over TLS, in whichever part this side plays."""
        self._buffer = b""
        await self.writer.start_tls(context)

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        """Give all that comes to a function, until the stream ends."""
        if self._buffer:
            heard(self._buffer)
        while data := await self.reader.read(_CHUNK):
            heard(data)

    def close(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()


async def _starttls(stream: Stream, context: ssl.SSLContext) -> None:
    stream.send(f"<starttls xmlns='{NS_TLS}'/>")
    await stream.until(rb"<proceed[^>]*>")
    await stream.secure(context)


async def to_gateway(address: str, domain: str, host: str, context: ssl.SSLContext) -> Stream:
    """Return a stream from a partner's server to the gateway, authenticated by its certificate.

    :raises Refused: when the gateway does not let it in.
    """
    stream = Stream(*await asyncio.open_connection(address, 5269))
    try:
        stream.open("jabber:server", from_=domain, to=host)
        await stream.until(FEATURES)
        await _starttls(stream, context)
        stream.open("jabber:server", from_=domain, to=host)
        await stream.until(FEATURES)
        identity = base64.b64encode(domain.encode()).decode()
        stream.send(f"<auth xmlns='{NS_SASL}' mechanism='EXTERNAL'>{identity}</auth>")
        await stream.until(rb"<success[^>]*>")
        stream.open("jabber:server", from_=domain, to=host)
        await stream.until(FEATURES)
    except BaseException:
        stream.close()
        raise
    return stream


async def as_user(address: str, jid: str, password: str, context: ssl.SSLContext) -> Stream:
    """Return the stream of a user of ours, online."""
    stream = Stream(*await asyncio.open_connection(address, 5222))
    user, host = jid.split("@")
    stream.open("jabber:client", to=host)
    await stream.until(FEATURES)
    await _starttls(stream, context)
    stream.open("jabber:client", to=host)
    await stream.until(FEATURES)
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    stream.send(f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{secret}</auth>")
    await stream.until(rb"<success[^>]*>")
    stream.open("jabber:client", to=host)
    await stream.until(FEATURES)
    stream.send(f"<iq type='set' id='bind'><bind xmlns='{NS_BIND}'/></iq>")
    await stream.until(rb"</iq>")
    stream.send("<presence/>")
    return stream


async def from_gateway(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> tuple[str, Stream]:
    """Accept a stream of the gateway's, as the server of whichever partner it asks for; return that name and it."""
    stream = Stream(reader, writer)
    domain = await _greet(stream, f"<starttls xmlns='{NS_TLS}'><required/></starttls>")
    await stream.until(rb"<starttls[^>]*>")
    stream.send(f"<proceed xmlns='{NS_TLS}'/>")
    await writer.drain()
    await stream.secure(context)
    await _greet(stream, f"<mechanisms xmlns='{NS_SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>")
    await stream.until(rb"<auth[^>]*>[^<]*</auth>|<auth[^>]*/>")
    stream.send(f"<success xmlns='{NS_SASL}'/>")
    await _greet(stream, "")
    return domain, stream


async def _greet(stream: Stream, features: str) -> str:
    """Answer a header; return whom it is for."""
    header = await stream.until(HEADER)
    to, from_ = _attribute(header, b"to"), _attribute(header, b"from")
    stream.open("jabber:server", from_=to or "", to=from_ or "", id=f"s{id(stream)}")
    stream.send(f"<stream:features>{features}</stream:features>")
    return to or ""


def _attribute(header: bytes, name: bytes) -> Optional[str]:
    found = re.search(rb"\s" + name + rb"=['\"]([^'\"]*)['\"]", header)
    return found.group(1).decode() if found else None
