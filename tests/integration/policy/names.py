"""A name server for tests: says where each test domain's server listens, and that nothing else exists."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Optional

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

#: With what is not there: that it may be there the next moment. Without it a resolver keeps such an answer for seconds,
#: beyond the test that asked.
_SOA = "ns.example. nobody.example. 1 0 0 0 0"


class Names:
    """An authoritative server on UDP.

    :param address: the address that it listens on, and that all SRV targets have.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.services: dict[str, tuple[str, int]] = {}
        #: Domains about which nothing is answered at all.
        self.silent: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def put(self, domain: str, port: int, address: Optional[str] = None, direct: bool = False) -> None:
        """Say that the server of a domain listens on a port; with ``direct`` for direct TLS (XEP-0368)."""
        kind = "_xmpps-server" if direct else "_xmpp-server"
        self.services[f"{kind}._tcp.{domain}."] = (address or self.address, port)

    def forget(self, domain: str) -> None:
        """Let a domain have no server."""
        for kind in ("_xmpps-server", "_xmpp-server"):
            self.services.pop(f"{kind}._tcp.{domain}.", None)

    def close(self) -> None:
        """Stop."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(4096)
            except OSError:
                return
            with contextlib.suppress(Exception):
                query = dns.message.from_wire(data)
                if not query.question[0].name.to_text().lower().endswith(tuple(self.silent)):
                    self._socket.sendto(self._answer(query).to_wire(), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        name, kind = query.question[0].name.to_text().lower(), query.question[0].rdtype
        if name in self.services and kind == dns.rdatatype.SRV:
            address, port = self.services[name]
            target = f"a{address.replace('.', '-')}.hosts.example."
            answer.answer.append(dns.rrset.from_text(name, 0, "IN", "SRV", f"0 0 {port} {target}"))
        elif name.endswith(".hosts.example."):
            if kind == dns.rdatatype.A:
                address = name.split(".")[0][1:].replace("-", ".")
                answer.answer.append(dns.rrset.from_text(name, 0, "IN", "A", address))
        elif name not in self.services:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if not answer.answer:
            answer.authority.append(dns.rrset.from_text(f"{name.split('.')[-2]}.", 0, "IN", "SOA", _SOA))
        return answer
