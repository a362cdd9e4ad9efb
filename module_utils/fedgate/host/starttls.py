"""The certificate that a running server shows after STARTTLS, asked over the loopback with the standard library.

Source: RFC 6120, sections 4.2 (opening a stream) and 5.4 (STARTTLS negotiation).
"""

from __future__ import annotations

import re
import socket
import ssl
from xml.sax.saxutils import quoteattr

from ..errors import Refused, Unreachable

SERVER = "jabber:server"
CLIENT = "jabber:client"
_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_LIMIT = 65536


def served_certificate(address: str, port: int, domain: str, namespace: str, timeout: float = 5.0) -> bytes:
    """Return the leaf certificate (DER) that is served for a domain.

    :param address: IP address to ask.
    :param port: 5269 for servers, 5222 for clients.
    :param domain: whose certificate to ask for: stream header and SNI. No ``from`` is given, as nobody is identified.
    :param namespace: ``jabber:server`` or ``jabber:client``.
    :param timeout: seconds for each step.
    :raises Unreachable: when nobody answers.
    :raises Refused: when the server ends the stream before TLS.
    """
    try:
        with socket.create_connection((address, port), timeout=timeout) as plain:
            _ask_for_tls(plain, domain, namespace)
            return _handshake(plain, domain)
    except OSError as error:
        raise Unreachable(f"{domain} at {address} port {port}: {error}") from None


def _ask_for_tls(plain: socket.socket, domain: str, namespace: str) -> None:
    header = (
        f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' "
        f"to={quoteattr(domain)} version='1.0'>"
    )
    plain.sendall(header.encode())
    _read_until(plain, rb"</stream:features>", domain)
    plain.sendall(f"<starttls xmlns='{_TLS}'/>".encode())
    _read_until(plain, rb"<proceed[\s/>][^>]*>?", domain)


def _read_until(plain: socket.socket, wanted: bytes, domain: str) -> None:
    seen = b""
    while len(seen) < _LIMIT:
        piece = plain.recv(4096)
        seen += piece
        error = re.search(rb"<stream:error>\s*<([a-z-]+)", seen)
        if error:
            raise Refused(f"{domain}: the server ended the stream: {error.group(1).decode()}")
        if re.search(wanted, seen):
            return
        if not piece:
            break
    raise Refused(f"{domain}: the server ended the stream before TLS")


def _handshake(plain: socket.socket, domain: str) -> bytes:
    # What is served is compared with the file, byte by byte; whether it is trusted is the probe's question.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(plain, server_hostname=domain) as secure:
        certificate = secure.getpeercert(binary_form=True)
    if not certificate:
        raise Refused(f"{domain}: the server showed no certificate")
    return certificate


def leaf_of(chain: str) -> bytes:
    """Return the first certificate of a PEM text, as DER. :raises ValueError: when there is none."""
    found = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", chain, re.DOTALL)
    if not found:
        raise ValueError("no certificate")
    return ssl.PEM_cert_to_DER_cert(found.group(0))
