"""Questions and answers (RFC 1035 §4) in as little as it takes: thousands of them are under way in one run.

Objects are made of the data that is wanted only; to make them of everything takes five times as long.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from ..errors import Unreachable
from . import names

NS, CNAME, SOA, DNAME, ANY = 2, 5, 6, 39, 255
AUTHORITATIVE = 0x0400
HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_QUESTION = struct.Struct("!HH")
_RESPONSE, _OPCODE, _RCODE = 0x8000, 0x7800, 0x000F
#: With these a server may leave the question out.
_WITHOUT_QUESTION = {dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED}


class Malformed(Unreachable):
    """A message, or a record in it, that cannot be read: as good as no answer."""


class Record(NamedTuple):
    """One record of a message.

    :ivar owner: its name in wire form, lower case.
    :ivar start: where its data begins, of ``length`` octets.
    """

    owner: bytes
    rtype: int
    ttl: int
    start: int
    length: int


class Question(NamedTuple):
    """A name, in wire form and lower case, and a type."""

    name: bytes
    rtype: int

    @classmethod
    def of(cls, name: str, rtype: str) -> Question:
        """Make a question of text."""
        return cls(wire_name(name), int(dns.rdatatype.from_text(rtype)))

    def wire(self, number: int) -> bytes:
        """Return the message that asks it: not recursive, as the server's own word counts."""
        return HEADER.pack(number, 0, 1, 0, 0, 0) + self.name + _QUESTION.pack(self.rtype, dns.rdataclass.IN)


class Answer:
    """A message that answers a question.

    :raises Malformed: it cannot be read.
    """

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        try:
            self.number, self.flags, questions, answers, authorities, _others = HEADER.unpack_from(wire)
            position, known = HEADER.size, {}  # type: int, dict[int, bytes]
            self.question: Question | None = None
            for _ in range(questions):
                name, position = read_name(wire, position, known)
                self.question = Question(name, _QUESTION.unpack_from(wire, position)[0])
                position += _QUESTION.size
            self.answer = list(records(wire, position, answers, known))
            if self.answer:
                position = self.answer[-1].start + self.answer[-1].length
            self.authority = list(records(wire, position, authorities, known))
        except (struct.error, IndexError, RecursionError) as error:
            raise Malformed(f"a message of {len(wire)} octets cannot be read") from error

    @property
    def rcode(self) -> int:
        """The response code."""
        return int(self.flags & _RCODE)

    def is_to(self, question: Question, number: int) -> bool:
        """Tell whether it answers that question, which was sent by that number."""
        if self.number != number or self.flags & (_RESPONSE | _OPCODE) != _RESPONSE:
            return False
        return self.question == question or (self.question is None and self.rcode in _WITHOUT_QUESTION)

    def data(self, record: Record) -> Any:
        """Return a record's data. :raises Malformed: it is not of its type."""
        return rdata(self._wire, record)


def rdata(wire: bytes, record: Record) -> Any:
    """Return the data of a record as dnspython's rdata. :raises Malformed: it is not of its type."""
    try:
        return dns.rdata.from_wire(dns.rdataclass.IN, record.rtype, wire, record.start, record.length)
    except (dns.exception.DNSException, ValueError) as error:
        name, rtype = text_name(record.owner), type_name(record.rtype)
        raise Malformed(
            f"the DNS server's answer for {name} {rtype} cannot be read ({type(error).__name__})"
        ) from error


def wire_name(name: str) -> bytes:
    """Return a name as it is sent, in lower case. The lengths in it are below the letters."""
    return bytes(dns.name.from_text(name).to_wire()).lower()


@functools.lru_cache(maxsize=1024)
def text_name(name: bytes) -> str:
    """Return the folded text of a name in wire form."""
    return names.fold(dns.name.from_wire(name, 0)[0].to_text())


@functools.lru_cache(maxsize=256)
def type_name(rtype: int) -> str:
    """Return the text of a record type."""
    return str(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype)))


def records(wire: bytes, position: int, count: int, known: dict[int, bytes] | None = None) -> Iterator[Record]:
    """Yield the records of a section.

    :param known: names that were read in this message, by where they begin.
    :raises IndexError, struct.error, RecursionError: it cannot be read.
    """
    known = {} if known is None else known
    size = len(wire)
    for _ in range(count):
        owner, position = read_name(wire, position, known)
        rtype, _rclass, ttl, length = _RECORD.unpack_from(wire, position)
        position += _RECORD.size
        if position + length > size:
            raise IndexError("a record ends after its message")
        yield Record(owner, rtype, ttl, position, length)
        position += length


def read_name(wire: bytes, start: int, known: dict[int, bytes]) -> tuple[bytes, int]:
    """Read a name, compressed or not (RFC 1035 §4.1.4). :returns: it in lower case, and where it ends."""
    position = start
    while (length := wire[position]) and length < 64:
        position += length + 1
    if not length:
        name = known[start] = wire[start : position + 1].lower()
        return name, position + 1
    target = (length & 63) << 8 | wire[position + 1]
    if length < 192 or target >= start:
        raise IndexError("a name that leads nowhere")
    rest = known.get(target)
    if rest is None:
        rest = known[target] = read_name(wire, target, known)[0]
    if position == start:
        return rest, position + 2
    name = known[start] = wire[start:position].lower() + rest
    return name, position + 2
