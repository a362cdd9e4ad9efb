"""An authoritative name server that answers what a Route 53 API holds at that moment."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .moto import client
from .zone_view import Held, ZoneView

NEGATIVE_TTL = 1
_ATTEMPTS = 20
_UDP_SIZE = 512


class Front:
    """One name server, UDP and TCP on the same port; started by ``with`` or ``start``.

    Each zone has one name server, ``ns.ZONE``, at an address of the caller's choice.

    :param api_url: moto, or a proxy before it (whose counts then hold its requests too).
    :param port: 0 for any that is free.
    :param server_address: IPv4 address of ``ns.ZONE``; where it listens, unless given.
    :param private: show private hosted zones instead of public ones.
    :ivar asked: (name, type) → queries.
    """

    def __init__(
        self,
        api_url: str,
        address: str = "127.0.0.1",
        port: int = 0,
        server_address: str = "",
        private: bool = False,
        **options: Any,
    ) -> None:
        self.address = address
        self.server_address = server_address or address
        self.asked: Counter[tuple[str, str]] = Counter()
        self._view = ZoneView(client(api_url, **options), private)
        self._udp, self._tcp = _bound(address, port, self)
        self.port = self._udp.server_address[1]

    def __enter__(self) -> Front:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in threads of this process."""
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close both ports."""
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def answer(self, wire: bytes) -> dns.message.Message | None:
        """Return the answer to a query; None if it is none."""
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        self.asked[question.name.to_text(True), dns.rdatatype.to_text(question.rdtype)] += 1
        response = dns.message.make_response(query)
        try:
            self._fill(response, question.name, question.rdtype)
        except Exception:
            # Whatever the API did: a name server answers.
            response.set_rcode(dns.rcode.SERVFAIL)
        return response

    def _fill(self, response: dns.message.Message, name: dns.name.Name, rtype: dns.rdatatype.RdataType) -> None:
        found = self._view.zone_of(name)
        if found is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        zone, zone_id = found
        response.flags |= dns.flags.AA
        held = self._held(zone, zone_id, name)
        wanted = [dns.rdatatype.to_text(rtype), "CNAME"]
        answers = [held.rrsets[each] for each in dict.fromkeys(wanted) if each in held.rrsets][:1]
        response.answer.extend(answers)
        if not answers:
            response.authority.append(self._soa(zone))
            if not held.exists:
                response.set_rcode(dns.rcode.NXDOMAIN)

    def _held(self, zone: dns.name.Name, zone_id: str, name: dns.name.Name) -> Held:
        own = self._own(zone, name)
        held = self._view.held(zone_id, name)
        if own is not None:
            return Held({**held.rrsets, **own}, True)
        return held if held.exists or name == zone else self._wildcard(zone, zone_id, name)

    def _wildcard(self, zone: dns.name.Name, zone_id: str, name: dns.name.Name) -> Held:
        """Return what a wildcard below the closest name that exists says of a name (RFC 4592 §3.3.1)."""
        parent = name.parent()
        while parent != zone and not self._view.held(zone_id, parent).exists:
            parent = parent.parent()
        found: Held = self._view.held(zone_id, dns.name.Name([b"*", *parent.labels]))
        renamed = {
            rtype: dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset)) for rtype, rrset in found.rrsets.items()
        }
        return Held(renamed, found.exists)

    def _own(self, zone: dns.name.Name, name: dns.name.Name) -> dict[str, dns.rrset.RRset] | None:
        """Return what stands for the records that AWS makes of its own name servers."""
        server = dns.name.Name([b"ns", *zone.labels])
        if name == server:
            return {"A": dns.rrset.from_text(name, 60, "IN", "A", self.server_address)}
        if name == zone:
            return {"SOA": self._soa(zone), "NS": dns.rrset.from_text(zone, 60, "IN", "NS", server.to_text())}
        return None

    @staticmethod
    def _soa(zone: dns.name.Name) -> dns.rrset.RRset:
        # Route 53 never changes the serial number.
        data = f"ns.{zone} hostmaster.{zone} 1 7200 900 1209600 {NEGATIVE_TTL}"
        return dns.rrset.from_text(zone, NEGATIVE_TTL, "IN", "SOA", data)


class _UDP(socketserver.ThreadingUDPServer):
    daemon_threads = True
    front: Front


class _TCP(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    front: Front


class _OverUDP(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        answer = self.server.front.answer(wire)  # type: ignore[attr-defined]
        if answer is not None:
            sock.sendto(_cut(answer), self.client_address)


class _OverTCP(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self) -> None:
        while len(head := self.rfile.read(2)) == 2:
            answer = self.server.front.answer(self.rfile.read(int.from_bytes(head, "big")))  # type: ignore[attr-defined]
            if answer is None:
                return
            wire = answer.to_wire()
            self.wfile.write(len(wire).to_bytes(2, "big") + wire)


def _cut(answer: dns.message.Message) -> bytes:
    wire: bytes = answer.to_wire()
    if len(wire) > max(_UDP_SIZE, answer.request_payload):
        answer.flags |= dns.flags.TC
        answer.answer, answer.authority, answer.additional = [], [], []
        wire = answer.to_wire()
    return wire


def _bound(address: str, port: int, front: Front) -> tuple[_UDP, _TCP]:
    """Return both servers on one port; a free one may be taken for one kind only, so several are tried."""
    for attempt in range(_ATTEMPTS):
        udp = _UDP((address, port), _OverUDP)
        try:
            tcp = _TCP((address, udp.server_address[1]), _OverTCP)
        except OSError:
            udp.server_close()
            if port or attempt == _ATTEMPTS - 1:
                raise
            continue
        udp.front = tcp.front = front
        return udp, tcp
    raise OSError(f"no port of {address} is free for UDP and TCP")
