"""Typed record data: one text for equal data, and errors that name the record."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.dns import txt
from ansible.module_utils.fedgate.dns.records import RRset
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.dns.wanted import wanted_from
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st


def record(rtype: str, *values: str, **other: Any) -> dict[str, Any]:
    return {"name": "a.contoso.example", "type": rtype, "ttl": 300, "values": list(values), **other}


@pytest.mark.parametrize(
    ("rtype", "one", "other"),
    [
        ("SRV", "10 0 5269 Edge.Contoso.example.", "010  0 5269 edge.contoso.example"),
        ("SRV", "0 0 0 .", "0 0 0 . "),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "Edge.Contoso.Example.", "edge.contoso.example"),
        ("CNAME", "bücher.example", "xn--bcher-kva.example"),
        ("TXT", "plain", '"pl" "ain"'),
        ("TXT", 'a"b', r'"a\"b"'),
        ("TXT", "ü", r'"\195\188"'),
        (
            "CAA",
            '0 ISSUE "ca.example; accounturi=https://ca.example/1"',
            '0 issue "ca.example" "; accounturi=https://ca.example/1"',
        ),
        ("CAA", '128 issue ";"', "128  issue ;"),
        ("TLSA", "3 1 1 " + "AB" * 32, "3 1 1 " + "ab" * 16 + " " + "ab" * 16),
        ("TLSA", "2 0 0 3082", "2 0 0 30 82"),
    ],
)
def test_equal_data_has_one_form(rtype: str, one: str, other: str) -> None:
    assert parse(rtype, one) == parse(rtype, other)
    assert parse(rtype, one).text == parse(rtype, parse(rtype, one).text).text


def test_txt_keeps_case_and_spaces() -> None:
    assert parse("TXT", "A b ") != parse("TXT", "a b")
    assert parse("TXT", "A b ") != parse("TXT", "A b")


def test_srv_sorts_by_number() -> None:
    values = [parse("SRV", text) for text in ("10 0 1 b.c", "9 0 1 b.c", "10 0 1 a.c")]
    rrset = RRset.of("a.example", "SRV", 60, values)
    assert rrset.fields()["values"] == ["9 0 1 b.c", "10 0 1 a.c", "10 0 1 b.c"]


@given(st.binary(max_size=1000))
def test_any_bytes_survive_quoting_and_cutting(data: bytes) -> None:
    assert txt.parse(txt.quoted(data)) == data
    assert b"".join(txt.strings(data)) == data
    assert all(len(string) <= 255 for string in txt.strings(data))


@given(st.text(max_size=300).filter(lambda text: not text.lstrip().startswith('"')))
def test_plain_text_is_taken_as_it_is(text: str) -> None:
    assert txt.parse(text) == text.encode()


@pytest.mark.parametrize(
    ("rtype", "value", "says"),
    [
        ("SRV", "10 0 5269", "priority weight port target"),
        ("SRV", "10 0 70000 a.contoso.example", "port '70000'"),
        ("SRV", "-1 0 5269 a.contoso.example", "priority '-1'"),
        ("SRV", "10 x 5269 a.contoso.example", "weight 'x'"),
        ("SRV", "10 0 5269 192.0.2.1", "is an address where a host name must stand"),
        ("SRV", "10 0 5269 2001:db8::1", "is an address where a host name must stand"),
        ("SRV", "10 0 5269 under_score.contoso.example", "underscore"),
        ("A", "192.0.2.300", "not an IPv4 address"),
        ("A", "2001:db8::1", "not an IPv4 address"),
        ("AAAA", "192.0.2.1", "not an IPv6 address"),
        ("AAAA", "fe80::1%eth0", "interface"),
        ("CNAME", "a..b", "empty label"),
        ("TXT", '"open', "do not close"),
        ("TXT", r'"\999"', "above 255"),
        ("TXT", "x" * 65001, "too long"),
        ("CAA", "0 issue", 'flags tag "value"'),
        ("CAA", '256 issue "ca.example"', "flags '256'"),
        ("CAA", '0 no-tag "ca.example"', 'flags tag "value"'),
        ("CAA", '0 issue "open', "do not close"),
        ("TLSA", "3 1 1", "hexadecimal"),
        ("TLSA", "4 1 1 " + "ab" * 32, "usage '4'"),
        ("TLSA", "3 2 1 " + "ab" * 32, "selector '2'"),
        ("TLSA", "3 1 1 abcd", "64 digits"),
        ("TLSA", "3 1 1 xyz", "hexadecimal"),
        ("SRV", f"10 0 5269 {'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}.example.org", "characters long"),
    ],
)
def test_bad_data_names_the_record(rtype: str, value: str, says: str) -> None:
    good = {"name": "ok.contoso.example", "type": "A", "ttl": 60, "values": ["192.0.2.1"]}
    fine = {"SRV": "1 1 1 b.contoso.example", "A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": "x"}
    fine |= {"CAA": '0 issue "ca.example"', "TLSA": "3 1 1 " + "00" * 32}
    values = [fine[rtype], value] if rtype in fine else [value]
    with pytest.raises(InvalidValue) as caught:
        wanted_from([good, record(rtype, *values)])
    text = str(caught.value)
    assert f"records[1].values[{len(values) - 1}]" in text and says in text and "a.contoso.example" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "a..example"}, "records[0].name"),
        ({"ttl": None}, "records[0].ttl"),
        ({"ttl": -1}, "records[0].ttl"),
        ({"ttl": 2**31}, "records[0].ttl"),
        ({"values": []}, "state: absent"),
        ({"type": "MX"}, "'MX' is not supported"),
        ({"type": "CNAME", "values": ["a.example", "b.example"]}, "one value only"),
        ({"type": "SRV", "values": ["0 0 0 .", "1 1 1 b.example.org"]}, "one value only"),
        ({"state": "retired"}, "records[0].state: a.contoso.example A cannot be retired"),
    ],
)
def test_bad_records(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        wanted_from([{**record("A", "192.0.2.1"), **change}])
    assert says in str(caught.value)


def test_one_record_for_a_name_and_type() -> None:
    again = record("A", "192.0.2.2", name="A.Contoso.example.")
    with pytest.raises(InvalidValue, match=r"records\[1\]: a\.contoso\.example A stands already in records\[0\]"):
        wanted_from([record("A", "192.0.2.1"), again])


def test_views_are_apart() -> None:
    one, other = wanted_from([record("A", "192.0.2.1"), record("A", "10.0.0.1", view="internal")])
    assert (one.view, other.view) == ("external", "internal")


def test_a_retired_service_says_that_there_is_none() -> None:
    (one,) = wanted_from([record("SRV", name="_xmpp-server._tcp.contoso.example", state="retired")])
    assert [value.text for value in one.values] == ["0 0 0 ."] and one.where_possible and one.ttl == 300


def test_an_alias_stands_alone() -> None:
    with pytest.raises(InvalidValue, match="cannot be A and CNAME at once"):
        wanted_from([record("CNAME", "b.contoso.example"), record("A", "192.0.2.1")])
    assert wanted_from([record("CNAME", "b.contoso.example"), record("A", state="absent")])


def test_srv_targets() -> None:
    srv = record("SRV", "1 1 1 edge.contoso.example", name="_x._tcp.contoso.example")
    edge = {"name": "edge.contoso.example", "ttl": 60}
    with pytest.raises(InvalidValue, match=r"records\[0\]\.values: the SRV target edge\.contoso\.example is a CNAME"):
        wanted_from([srv, {**edge, "type": "CNAME", "values": ["b.example"]}])
    with pytest.raises(InvalidValue, match="has no address"):
        wanted_from([srv, {**edge, "type": "A", "state": "absent"}])
    assert wanted_from([srv, {**edge, "type": "A", "state": "absent"}, {**edge, "type": "AAAA", "values": ["::1"]}])
    assert wanted_from([srv]), "a host whose addresses others manage"
