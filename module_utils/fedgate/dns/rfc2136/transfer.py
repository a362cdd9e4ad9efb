"""A zone by transfer (AXFR, RFC 5936), verified (RFC 8945 §5.3.1); only what is sought is taken out of it.

The messages are walked by hand: to build objects of records that nobody asked for takes twenty times as long.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from ...errors import Unreachable
from ..wire import Wire

NS, CNAME, SOA, DNAME, TSIG, ANY = 2, 5, 6, 39, 250, 255
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
#: How many messages in a row may be unsigned (RFC 8945 §5.3.1).
_UNSIGNED = 99


class NoTransfer(Exception):
    """The zone is not to be had, or not worth having, in this way; the text says why."""


class Contents:
    """What a transfer showed of the sought names.

    :ivar sets: name (in lower-case wire form) and type → time to live and data.
    :ivar records: how many records came in all.
    """

    def __init__(self, zone: str, sought: Mapping[bytes, frozenset[int]], most: int) -> None:
        self.sets: dict[tuple[bytes, int], tuple[int, list[Any]]] = {}
        self.records = 0
        self._apex = wire_name(zone)
        self._sought = sought
        self._most = most
        self._cuts: set[bytes] = set()
        self._aliased: set[bytes] = set()
        self._serial: int | None = None
        self.complete = False

    def speaks_for(self, name: bytes) -> bool:
        """Tell whether the zone itself answers for a name: neither at or below a delegation, nor below a DNAME."""
        if name in self._cuts:
            return False
        while name != self._apex and name:
            name = name[name[0] + 1 :]
            if name in self._aliased or name in self._cuts:
                return False
        return True

    def take(self, wire: bytes, position: int, count: int) -> int:
        """Walk the records of an answer section; return where it ends."""
        self.records += count
        if self.records > self._most:
            raise NoTransfer(f"given up: more than {self._most} records")
        for name, rtype, ttl, start, length in _records(wire, position, count):
            position = start + length
            if self.complete:
                raise NoTransfer("not usable: there is more after its end")
            if rtype == SOA and name == self._apex:
                self._bound(wire, start, length)
            elif self._serial is None:
                raise NoTransfer("not usable: it does not begin with the zone's SOA")
            elif rtype == NS and name != self._apex:
                self._cuts.add(name)
            elif rtype == DNAME:
                self._aliased.add(name)
            types = self._sought.get(name)
            if types and (rtype in types or ANY in types):
                self._keep(name, rtype, ttl, wire, start, length)
        return position

    def _bound(self, wire: bytes, start: int, length: int) -> None:
        """The zone's SOA comes first and last, both times the same."""
        serial = dns.rdata.from_wire(dns.rdataclass.IN, SOA, wire, start, length).serial
        if self._serial is None:
            self._serial = serial
        elif self._serial != serial:
            raise NoTransfer("not usable: the zone changed meanwhile")
        else:
            self.complete = True

    def _keep(self, name: bytes, rtype: int, ttl: int, wire: bytes, start: int, length: int) -> None:
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, rtype, wire, start, length)
        lowest, rdatas = self.sets.get((name, rtype), (ttl, []))
        self.sets[name, rtype] = min(lowest, ttl), rdatas if rdata in rdatas else [*rdatas, rdata]


def wire_name(name: str) -> bytes:
    """Return a name as it is sent, in lower case. The lengths in it are below the letters."""
    return bytes(dns.name.from_text(name).to_wire()).lower()


def transfer(wire: Wire, zone: str, key: Any, sought: Mapping[bytes, frozenset[int]], most: int) -> Contents:
    """Transfer a zone.

    :param key: the ``dns.tsig.Key`` that transfers are allowed to.
    :param sought: names → types (numbers) that are wanted of each; ``ANY`` for all.
    :param most: the transfer is given up when it has more records.
    :raises NoTransfer: it was refused, given up, cut off or is not to be trusted.
    """
    query = dns.message.make_query(dns.name.from_text(zone), "AXFR", flags=0)
    query.use_tsig(key)
    contents = Contents(zone, sought, most)
    stream = wire.transfer(query.to_wire())
    signed = _Signed(key, query.mac)
    try:
        for message in stream:
            signed.verify(message, contents)
            if contents.complete:
                return contents
    except Unreachable as error:
        raise NoTransfer(f"not usable: {error.message}") from error
    except dns.exception.DNSException as error:
        raise NoTransfer(f"not usable: its signature or form is wrong ({type(error).__name__})") from error
    except (struct.error, IndexError, RecursionError) as error:
        raise NoTransfer("not usable: a message cannot be read") from error
    finally:
        stream.close()  # type: ignore[attr-defined]
    raise NoTransfer("not usable: it has no end")


class _Signed:
    """Verifies the messages of one transfer, each together with those before it."""

    def __init__(self, key: Any, request_mac: bytes) -> None:
        self._key = key
        self._request_mac = request_mac
        self._context: Any = None
        self._unsigned = 0

    def verify(self, message: bytes, contents: Contents) -> None:
        """Take a message's records, and check its signature; the last one must have one of its own."""
        _number, flags, questions, answers, authorities, others = _HEADER.unpack_from(message)
        rcode = flags & 15
        position = _HEADER.size
        for _ in range(questions):
            position = _name(message, position, {})[1] + 4
        if rcode == dns.rcode.NOERROR:
            position = contents.take(message, position, answers)
        signature = self._signature(message, position, authorities + others)
        if rcode != dns.rcode.NOERROR:
            raise NoTransfer(f"refused: {_said(rcode, signature)}")
        if signature is not None:
            owner, rdata, start = signature
            now = int(time.time())
            self._context = dns.tsig.validate(
                message, self._key, owner, rdata, now, self._request_mac, start, self._context, multi=True
            )
            self._unsigned = 0
            return
        self._unsigned += 1
        if self._context is None or contents.complete or self._unsigned > _UNSIGNED:
            raise NoTransfer("not usable: it is not signed")
        self._context.update(message)

    @staticmethod
    def _signature(message: bytes, position: int, count: int) -> tuple[Any, Any, int] | None:
        """Return the name of the key, the TSIG record and where it begins, if the message ends in one."""
        for number, (name, rtype, _ttl, start, length) in enumerate(_records(message, position, count), 1):
            if rtype == TSIG and number == count:
                rdata = dns.rdata.from_wire(dns.rdataclass.ANY, TSIG, message, start, length)
                return dns.name.from_wire(name, 0)[0], rdata, position
            position = start + length
        return None


def _said(rcode: int, signature: tuple[Any, Any, int] | None) -> str:
    text = dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
    error = signature[1].error if signature is not None else 0
    return f"{text} ({dns.rcode.to_text(error, tsig=True)})" if error else text


def _records(wire: bytes, position: int, count: int) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Yield owner, type, time to live, and begin and length of the data of each record."""
    known: dict[int, bytes] = {}
    size = len(wire)
    for _ in range(count):
        name, position = _name(wire, position, known)
        rtype, _rclass, ttl, length = _RECORD.unpack_from(wire, position)
        position += _RECORD.size
        if position + length > size:
            raise IndexError("a record ends after its message")
        yield name, rtype, ttl, position, length
        position += length


def _name(wire: bytes, start: int, known: dict[int, bytes]) -> tuple[bytes, int]:
    """Read a name, compressed or not (RFC 1035 §4.1.4). :returns: it in lower case, and where it ends."""
    position = start
    while (length := wire[position]) and length < 64:
        position += length + 1
    if not length:
        return wire[start : position + 1].lower(), position + 1
    target = (length & 63) << 8 | wire[position + 1]
    if length < 192 or target >= start:
        raise IndexError("a name that leads nowhere")
    rest = known.get(target)
    if rest is None:
        rest = known[target] = _name(wire, target, known)[0]
    if position == start:
        return rest, position + 2
    name = known[start] = wire[start:position].lower() + rest
    return name, position + 2
