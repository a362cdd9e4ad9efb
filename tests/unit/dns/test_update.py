"""UPDATE messages: whole, conditional, signed, and never larger than TCP takes."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import pytest
from ansible.module_utils.fedgate.dns.changes import RRsetChange, changes
from ansible.module_utils.fedgate.dns.records import RRset, Wanted
from ansible.module_utils.fedgate.dns.rfc2136 import rcodes, update
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.errors import Refused, WorldMoved
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = dns.tsig.Key("fedgate", b"secret", "hmac-sha512")
ZONE = "contoso.example"


def wanted(name: str, rtype: str, *texts: str) -> Wanted:
    return Wanted(name, rtype, 300, tuple(sorted({parse(rtype, text) for text in texts})))


def found(name: str, rtype: str, *texts: str) -> RRset:
    values = [parse(rtype, text) for text in texts]
    return RRset.of(name, rtype, 300, values, tuple(update.rdata(rtype, value) for value in values))


def sent(plan: list[RRsetChange]) -> list[dns.update.UpdateMessage]:
    """Return the messages as the server reads them, their signatures verified."""
    ring = {KEY.name: KEY}
    wires = [wire for _message, wire, _part in update.messages(ZONE, plan, KEY)]
    assert all(len(wire) <= 65535 for wire in wires)
    return [dns.message.from_wire(wire, keyring=ring) for wire in wires]


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 900), st.integers(1, 2), st.integers(0, 59))
def test_every_change_is_sent_once_and_whole(count: int, values: int, padding: int) -> None:
    plan = changes(
        {},
        [
            wanted(f"_x._tcp.d{number}{'x' * padding}.{ZONE}", "SRV", *(f"{v} 0 5269 e.{ZONE}" for v in range(values)))
            for number in range(count)
        ],
    )
    messages = sent(plan)
    owners = [[rrset.name for rrset in message.update] for message in messages]
    assert sum(len(set(names)) for names in owners) == count, "no name is torn apart"
    assert sum(len(names) for names in owners) == count * values


def test_a_creation_asks_that_there_is_none_and_no_alias() -> None:
    (message,) = sent(changes({}, [wanted(f"a.{ZONE}", "A", "192.0.2.1")]))
    assert [(rrset.deleting.name, rrset.rdtype.name) for rrset in message.prerequisite] == [
        ("NONE", "A"),
        ("NONE", "CNAME"),
    ]


def test_a_new_alias_asks_that_the_name_is_free() -> None:
    (message,) = sent(changes({}, [wanted(f"a.{ZONE}", "CNAME", "b.example")]))
    assert [(rrset.deleting.name, rrset.rdtype.name) for rrset in message.prerequisite] == [("NONE", "ANY")]


def test_a_change_asks_for_exactly_what_was_found() -> None:
    before = found(f"a.{ZONE}", "A", "192.0.2.1", "192.0.2.2")
    (message,) = sent(changes({before.key: before}, [wanted(f"a.{ZONE}", "A", "192.0.2.3")]))
    assert sorted(str(rrset[0]) for rrset in message.prerequisite) == ["192.0.2.1", "192.0.2.2"]
    assert all(rrset.ttl == 0 and rrset.deleting is None for rrset in message.prerequisite)
    assert [rrset.deleting and rrset.deleting.name for rrset in message.update] == ["ANY", None]


def test_an_alias_goes_before_others_come() -> None:
    before = found(f"a.{ZONE}", "CNAME", "b.example")
    plan = changes({before.key: before}, [wanted(f"a.{ZONE}", "A", "192.0.2.1"), Wanted(f"a.{ZONE}", "CNAME")])
    (message,) = sent(plan)
    assert [rrset.rdtype.name for rrset in message.update] == ["CNAME", "A"]


def test_txt_is_cut_into_strings() -> None:
    data = update.rdata("TXT", parse("TXT", "x" * 600))
    assert [len(string) for string in data.strings] == [255, 255, 90]


@pytest.mark.parametrize("rtype", ["SRV", "CNAME"])
def test_names_are_absolute(rtype: str) -> None:
    text = {"SRV": "1 1 1 edge.contoso.example", "CNAME": "edge.contoso.example"}[rtype]
    assert update.rdata(rtype, parse(rtype, text)).target == dns.name.from_text("edge.contoso.example.")


@pytest.mark.parametrize("text", ["NXRRSET", "YXRRSET", "YXDOMAIN", "NXDOMAIN"])
def test_a_failed_condition_is_a_moved_world(text: str) -> None:
    error = rcodes.explain(dns.rcode.from_text(text), "the update")
    assert isinstance(error, WorldMoved) and text in str(error) and "Run again" in str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("REFUSED", "update-policy"),
        ("NOTAUTH", "primary"),
        ("NOTZONE", "does not lie in that zone"),
        ("SERVFAIL", "log"),
        ("NOTIMP", "dynamic updates"),
        ("FORMERR", "could not read"),
        ("XRRSET", "log"),
    ],
)
def test_every_rcode_is_explained(text: str, says: str) -> None:
    rcode = 23 if text == "XRRSET" else dns.rcode.from_text(text)
    error = rcodes.explain(rcode, "the update of zone z")
    assert isinstance(error, Refused) and says in str(error) and "the update of zone z" in str(error)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (dns.tsig.PeerBadKey, "tsig_name"),
        (dns.tsig.PeerBadSignature, "tsig_secret"),
        (dns.tsig.BadSignature, "tsig_secret"),
        (dns.tsig.PeerBadTime, "NTP"),
        (dns.tsig.BadTime, "NTP"),
        (dns.tsig.PeerBadTruncation, "cannot be trusted"),
    ],
)
def test_every_trouble_with_signatures_is_explained(kind: type, says: str) -> None:
    assert says in str(rcodes.explain_signature(kind(), "the update", "fedgate (hmac-sha256)"))


def test_only_signed_answers_count() -> None:
    answer = dns.message.make_response(dns.update.UpdateMessage(ZONE))
    with pytest.raises(Refused, match="is not signed"):
        rcodes.demand_signed(answer, "the update")
    answer.set_rcode(dns.rcode.REFUSED)
    with pytest.raises(Refused, match="REFUSED"):
        rcodes.demand_signed(answer, "the update")
