"""Servers on the far side of the wire: real sockets and real TLS, with manners from good to hostile."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Optional

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from .pki import Served

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:db='jabber:server:dialback' from='{domain}' id='4711' version='1.0' xml:lang='en'>"
)
STARTTLS = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
OFFER = (
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
    "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>524288</max-bytes></limits></stream:features>"
)

Manners = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(manners: Manners, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Listen on an address of loopback and treat each connection with ``manners``. :returns: the port."""
    listener = socket.create_server((address, port))
    listener.settimeout(0.1)
    stop = threading.Event()

    def treat(connection: socket.socket) -> None:
        # What the other side does to a server with bad manners does not matter here.
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            manners(connection)

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        listener.close()


def read_until(connection: socket.socket, end: bytes) -> str:
    """Read until ``end`` has come in."""
    data = b""
    while end not in data:
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return data.decode()


def linger(connection: socket.socket) -> None:
    """Read until the other side closes."""
    while connection.recv(4096):
        pass


def honest(
    served: Served, domain: str = "contoso.example", offer: str = OFFER, heard: Optional[list[str]] = None
) -> Manners:
    """A server as it should be. ``heard`` receives the stream headers that came in."""
    context = served.context()

    def manners(connection: socket.socket) -> None:
        header = HEADER.format(domain=domain)
        seen = read_until(connection, b"'1.0' xml:lang")
        connection.sendall((header + STARTTLS).encode())
        read_until(connection, b"starttls")
        connection.sendall(PROCEED.encode())
        try:
            secured = context.wrap_socket(connection, server_side=True)
        except ssl.SSLError:
            return
        with secured:
            seen += read_until(secured, b"xml:lang")
            if heard is not None:
                heard.append(seen)
            secured.sendall((header + offer).encode())
            linger(secured)

    return manners


def says(text: str, then: Optional[str] = None, after_tls: bool = False) -> Manners:
    """A server that sends ``text`` once it has read a header, and ``then`` once it has read more."""

    def manners(connection: socket.socket) -> None:
        read_until(connection, b"<stream:stream")
        connection.sendall(text.encode())
        if then is not None:
            read_until(connection, b"starttls")
            connection.sendall(then.encode())
        linger(connection)

    return manners


@contextlib.contextmanager
def name_server(records: dict[tuple[str, str], list[str]], silent: bool = False) -> Iterator[int]:
    """A DNS server on UDP, 127.0.0.1, that knows exactly these records; all else is NXDOMAIN. :returns: the port.

    :param records: (name, type) to values in zone file syntax; may be changed while it runs.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                wire, peer = listener.recvfrom(4096)
                if not silent:
                    listener.sendto(_answer(dns.message.from_wire(wire), records), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        listener.close()


def _answer(query: dns.message.Message, records: dict[tuple[str, str], list[str]]) -> bytes:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    question = query.question[0]
    name, kind = str(question.name).rstrip("."), question.rdtype.name
    alias = records.get((name, "CNAME"))
    if alias:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "CNAME", alias[0]))
        name = alias[0].rstrip(".")
    values = records.get((name, kind))
    if values:
        response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *values))
    elif not any(known == name for known, _ in records):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()
