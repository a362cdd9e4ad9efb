"""Questions and answers as octets, against dnspython, which reads all of them."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest
from ansible.module_utils.fedgate.dns.messages import Answer, Malformed, Question, text_name, type_name, wire_name
from ansible.module_utils.fedgate.errors import Unreachable
from hypothesis import given
from hypothesis import strategies as st

LABELS = st.text("abcxyzABC-_0129", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "Contoso.example."]))
DATA = {"A": "192.0.2.1", "SRV": "1 2 3 Edge.contoso.example.", "CNAME": "x.contoso.example.", "TXT": '"a" "b"'}
SOA = "ns.contoso.example. hostmaster.contoso.example. 7 1 2 3 4"


def answered(name: str, *rrsets: dns.rrset.RRset) -> dns.message.Message:
    message = dns.message.make_response(dns.message.make_query(name, "A", id=7, flags=0))
    message.answer += rrsets
    message.authority.append(dns.rrset.from_text("contoso.example.", 60, "IN", "SOA", SOA))
    return message


def test_a_question_is_what_dnspython_asks() -> None:
    for name, rtype in (("edge.contoso.example", "A"), ("_xmpp-server._tcp.contoso.example", "SRV"), ("a.b", "ANY")):
        assert Question.of(name, rtype).wire(99) == dns.message.make_query(name, rtype, id=99, flags=0).to_wire()


@given(NAMES, st.lists(st.tuples(NAMES, st.sampled_from(sorted(DATA)), st.integers(0, 2**31 - 1)), max_size=5))
def test_an_answer_is_what_dnspython_reads(name: str, records: list[tuple[str, str, int]]) -> None:
    rrsets = [dns.rrset.from_text(owner, ttl, "IN", rtype, DATA[rtype]) for owner, rtype, ttl in records]
    wire = answered(name, *rrsets).to_wire()
    answer = Answer(wire)
    assert answer.is_to(Question(wire_name(name), 1), 7) and not answer.is_to(Question(wire_name(name), 1), 8)
    assert not answer.is_to(Question(wire_name(name), 28), 7)
    found = [(text_name(one.owner), type_name(one.rtype), one.ttl, answer.data(one)) for one in answer.answer]
    read = dns.message.from_wire(wire, one_rr_per_rrset=True).answer
    assert found == [(one.name.to_text(True).lower(), one.rdtype.name, one.ttl, one[0]) for one in read]
    (soa,) = answer.authority
    assert (text_name(soa.owner), answer.data(soa).serial) == ("contoso.example", 7)


WHOLE = answered(
    "edge.contoso.example.", dns.rrset.from_text("edge.contoso.example.", 1, "IN", "A", "192.0.2.1")
).to_wire()


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_half_an_answer_cannot_be_read(length: int) -> None:
    with pytest.raises(Malformed, match="cannot be read"):
        Answer(WHOLE[:length])


@pytest.mark.parametrize("pointer", [b"\xc0\x0c", b"\xc0\xff", b"\x80\x00", b"\xff\xff"])
def test_a_name_that_leads_nowhere(pointer: bytes) -> None:
    with pytest.raises(Unreachable, match="cannot be read"):
        Answer(b"\0\1\x84\0\0\1\0\0\0\0\0\0" + pointer + b"\0\1\0\1")


def test_data_of_another_type() -> None:
    wire = WHOLE.replace(bytes([0, 4, 192, 0, 2, 1]), bytes([0, 3, 192, 0, 2]))
    message = Answer(wire)
    with pytest.raises(Malformed, match=r"the DNS server's answer for edge\.contoso\.example A cannot be read"):
        message.data(message.answer[0])


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.REFUSED])
def test_an_error_may_come_without_the_question(rcode: int) -> None:
    message = answered("edge.contoso.example.")
    message.set_rcode(rcode)
    message.question = []
    assert Answer(message.to_wire()).is_to(Question.of("edge.contoso.example", "A"), 7)
    message.set_rcode(dns.rcode.NOERROR)
    assert not Answer(message.to_wire()).is_to(Question.of("edge.contoso.example", "A"), 7)
