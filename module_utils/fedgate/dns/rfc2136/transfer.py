"""A zone by transfer (AXFR, RFC 5936), verified (RFC 8945 §5.3.1); only what is sought is taken out of it.

The messages are walked by hand: to build objects of records that nobody asked for takes twenty times as long.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
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
from .. import messages
from ..messages import ANY, DNAME, NS, SOA, Malformed, Record, wire_name
from ..wire import Wire

_TSIG = 250
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
        self.sets: dict[tuple[bytes, int], tuple[int, dict[Any, None]]] = {}
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
        for record in messages.records(wire, position, count):
            name, rtype = record.owner, record.rtype
            position = record.start + record.length
            if self.complete:
                raise NoTransfer("not usable: there is more after its end")
            if rtype == SOA and name == self._apex:
                self._bound(wire, record)
            elif self._serial is None:
                raise NoTransfer("not usable: it does not begin with the zone's SOA")
            elif rtype == NS and name != self._apex:
                self._cuts.add(name)
            elif rtype == DNAME:
                self._aliased.add(name)
            types = self._sought.get(name)
            if types and (rtype in types or ANY in types):
                self._keep(wire, record)
        return position

    def _bound(self, wire: bytes, record: Record) -> None:
        """The zone's SOA comes first and last, both times the same."""
        serial = messages.rdata(wire, record).serial
        if self._serial is None:
            self._serial = serial
        elif self._serial != serial:
            raise NoTransfer("not usable: the zone changed meanwhile")
        else:
            self.complete = True

    def _keep(self, wire: bytes, record: Record) -> None:
        ttl, rdatas = self.sets.get((record.owner, record.rtype), (record.ttl, {}))
        rdatas[messages.rdata(wire, record)] = None
        self.sets[record.owner, record.rtype] = min(ttl, record.ttl), rdatas


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
    except (struct.error, IndexError, RecursionError, Malformed) as error:
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
        _number, flags, questions, answers, authorities, others = messages.HEADER.unpack_from(message)
        rcode = flags & 15
        position = messages.HEADER.size
        for _ in range(questions):
            position = messages.read_name(message, position, {})[1] + 4
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
        for number, record in enumerate(messages.records(message, position, count), 1):
            if record.rtype == _TSIG and number == count:
                rdata = dns.rdata.from_wire(dns.rdataclass.ANY, _TSIG, message, record.start, record.length)
                return dns.name.from_wire(record.owner, 0)[0], rdata, position
            position = record.start + record.length
        return None


def _said(rcode: int, signature: tuple[Any, Any, int] | None) -> str:
    text = dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
    error = signature[1].error if signature is not None else 0
    return f"{text} ({dns.rcode.to_text(error, tsig=True)})" if error else text
