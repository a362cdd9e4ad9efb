"""Reading what an unknown server sends as an XMPP stream: bounded, without DTD, entities or processing instructions.

The whole buffer is read anew after each packet. Streams that are looked at here are a few kilobytes, and a parser that
keeps state between packets may hold back a complete tag (expat 2.6 and patched older ones defer small pieces).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional
from xml.parsers import expat  # bounded and without DTD, see below

STREAMS = "http://etherx.jabber.org/streams"
SERVER = "jabber:server"
DIALBACK = "jabber:server:dialback"
#: An XMPP server's header and features are one or two KiB; what is longer comes from no honest server.
MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
MAX_ELEMENTS = 500


class StreamFault(Exception):
    """What came in is not an XMPP stream, or one that no honest server sends; the text says which."""


@dataclass
class Element:
    """One element: name and namespace apart, attributes (with a namespace as ``"namespace name"``), text, children."""

    namespace: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, namespace: str, name: str) -> Optional[Element]:
        """Return the first such child, or None."""
        return next((item for item in self.children if (item.namespace, item.name) == (namespace, name)), None)


@dataclass
class Stream:
    """What a buffer holds.

    :ivar header: the opening tag, None while it is not complete.
    :ivar declared: namespaces declared on the opening tag.
    :ivar children: complete elements inside it, in order.
    :ivar ends: for each child the index of the byte after it.
    :ivar closed: whether the closing tag came.
    """

    header: Optional[Element] = None
    declared: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    closed: bool = False


def read_stream(buffer: bytes) -> Stream:
    """Read the beginning of a stream.

    :param buffer: all bytes since the stream began.
    :raises StreamFault: when it is no XML, no stream, too long, too deep, or has a DTD.
    """
    if len(buffer) > MAX_BYTES:
        raise StreamFault(f"more than {MAX_BYTES // 1024} KiB before the stream was ready")
    if b"\0" in buffer:  # UTF-16, which expat would still take when it begins with its mark
        raise StreamFault("not well-formed XML (zero bytes)")
    reader = _Reader(buffer)
    try:
        reader.parser.Parse(buffer, False)
    except expat.ExpatError as error:
        raise StreamFault(f"not well-formed XML ({expat.ErrorString(error.code)})") from error
    return reader.stream


class _Reader:
    def __init__(self, buffer: bytes) -> None:
        self.stream = Stream()
        self._buffer = buffer
        self._open: list[Element] = []
        self._count = 0
        # UTF-8 whatever the server declares: RFC 6120 §11.6 allows nothing else.
        self.parser = expat.ParserCreate("UTF-8", " ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartNamespaceDeclHandler = self._declare
        # RFC 6120 §11.1: comments, processing instructions, DTDs and entity references are not XMPP.
        for handler in ("StartDoctypeDeclHandler", "EntityDeclHandler", "ExternalEntityRefHandler"):
            setattr(self.parser, handler, self._forbid_dtd)
        self.parser.ProcessingInstructionHandler = self._forbid_instruction

    def _forbid_dtd(self, *_: Any) -> None:
        raise StreamFault("sends a document type declaration, which XMPP forbids (RFC 6120 §11.1)")

    def _forbid_instruction(self, *_: Any) -> None:
        raise StreamFault("sends a processing instruction, which XMPP forbids (RFC 6120 §11.1)")

    def _declare(self, _prefix: Optional[str], uri: Optional[str]) -> None:
        if self.stream.header is None and uri:
            self.stream.declared.append(uri)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        element = Element(namespace, local, dict(attributes))
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise StreamFault("XML nested too deeply or with too many elements")
        if self.stream.header is None:
            if (namespace, local) != (STREAMS, "stream"):
                raise StreamFault(f"the first element is {local!r}, not an XMPP stream")
            self.stream.header = element
        elif len(self._open) > 1:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1:
            self.stream.children.append(element)
            self.stream.ends.append(self._position())
        elif not self._open:
            self.stream.closed = True

    def _position(self) -> int:
        """Return the index after the element that just ended; expat points at an end tag or behind an empty element."""
        index = self.parser.CurrentByteIndex
        return self._buffer.index(b">", index) + 1 if self._buffer.startswith(b"</", index) else index

    def _text(self, text: str) -> None:
        if len(self._open) > 1:
            self._open[-1].text += text
