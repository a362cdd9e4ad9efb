"""Prosody's administration socket, spoken as the server itself speaks it: XML elements, no commands made of text.

Source: Prosody's util.adminstream and mod_admin_socket, 0.12 and 13.0. Only root and the server's own user can open it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any, Optional, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser
from xml.sax.saxutils import escape

from ..errors import CheckFailed, MissingDependency, Refused, Unreachable

SOCKET = "/var/lib/prosody/prosody.sock"
#: Seconds; the server does nothing else while it answers, and a directory may be asked for each user.
TIMEOUT = 120.0
_HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='xmpp:prosody.im/admin'>"
)
_NAMESPACE = "{xmpp:prosody.im/admin}"
_BLOCK = 65536


class AdminSocket:
    """A conversation with a running Prosody; close it.

    :param path: of the socket. :param timeout: seconds that one answer may take.
    :raises Unreachable: when no server listens there. :raises Refused: when this user may not.
    """

    def __init__(self, path: str = SOCKET, timeout: float = TIMEOUT) -> None:
        self.path = path
        self._parser: XMLPullParser[Element] = XMLPullParser(["start", "end"])
        self._depth = 0
        self._root: Optional[Element] = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
            self._socket.sendall(_HEADER.encode())
        except PermissionError:
            self.close()
            raise Refused(f"{path} may not be opened", hint="Run as root (become: true).") from None
        except OSError as error:
            self.close()
            raise Unreachable(
                f"no Prosody listens at {path} ({error.strerror or error})",
                hint="Run gateway.yml for this host first; the server needs mod_admin_shell.",
            ) from None

    def ask(self, name: str, question: Any) -> Any:
        """Send an element with JSON inside, and return the JSON of the answer, an element of the same name.

        :raises MissingDependency: when nothing in the server knows such an element.
        :raises CheckFailed: when the server ends the conversation, or does not answer in time.
        """
        text = escape(json.dumps(question))
        try:
            self._socket.sendall(f"<{name}>{text}</{name}>".encode())
            answer = self._next()
        except socket.timeout:
            raise CheckFailed(f"Prosody did not answer at {self.path} in time", hint=_AGAIN) from None
        except (OSError, ParseError) as error:
            raise CheckFailed(f"the conversation with Prosody at {self.path} broke ({error})", hint=_AGAIN) from None
        if answer.tag != _NAMESPACE + name:
            raise MissingDependency(
                f"the Prosody at {self.path} does not know how to answer: {(answer.text or answer.tag)[:200]}",
                hint="Fedgate's policy module is not loaded there, or is older; run gateway.yml for this host first.",
            )
        return json.loads(answer.text or "null")

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def _next(self) -> Element:
        """Return the next element of the stream."""
        while True:
            for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
                self._depth += 1 if event == "start" else -1
                if event == "start" and self._root is None:
                    self._root = element
                elif event == "end" and self._depth == 1 and self._root is not None:
                    self._root.clear()
                    return element
            block = self._socket.recv(_BLOCK)
            if not block:
                raise ConnectionResetError("it was closed")
            self._parser.feed(block)


_AGAIN = "Look at Prosody's log on that host; then run again: what is in place already stays."
