"""Values survive the way to Route 53 and back, and odd ones that others wrote are read as what they mean."""

from __future__ import annotations

import re

import pytest
from ansible.module_utils.fedgate.dns import txt
from ansible.module_utils.fedgate.dns.route53 import data
from ansible.module_utils.fedgate.dns.values import parse
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

#: What a TXT value may look like (Developer Guide): quoted strings of at most 255 octets, octal escapes.
_STRING = r'"(?:[ !#-\[\]-~]|\\"|\\[0-3][0-7]{2})*"'


@given(st.binary(max_size=600))
def test_text_survives(octets: bytes) -> None:
    value = parse("TXT", txt.quoted(octets))
    written = data.write("TXT", value)
    assert data.read("TXT", written) == value
    assert re.fullmatch(f"{_STRING}(?: {_STRING})*", written)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_caa_survives(text: str) -> None:
    value = parse("CAA", f"0 issue {txt.quoted(text.encode())}")
    assert data.read("CAA", data.write("CAA", value)) == value


@pytest.mark.parametrize(
    ("rtype", "ours", "theirs"),
    [
        ("SRV", "10 0 5269 Edge.Contoso.Example", "10 0 5269 edge.contoso.example."),
        ("SRV", "0 0 0 .", "0 0 0 ."),
        ("CNAME", "edge.contoso.example", "edge.contoso.example."),
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("CAA", '128 ISSUE "ca.example"', '128 issue "ca.example"'),
        ("TLSA", "3 1 1 " + "AB" * 32, "3 1 1 " + "ab" * 32),
        ("TXT", 'a "b" \\', '"a \\"b\\" \\134"'),
    ],
)
def test_how_values_are_written(rtype: str, ours: str, theirs: str) -> None:
    value = parse(rtype, ours)
    assert data.write(rtype, value) == theirs and data.read(rtype, theirs) == value


@pytest.mark.parametrize(
    ("rtype", "theirs", "ours"),
    [
        ("TXT", '"\\101\\040b" "c"', '"A bc"'),
        ("TXT", "plain", '"plain"'),
        ("TXT", '"\\\\"', '"\\\\"'),
        ("CAA", "0 issue ca.example", '0 issue "ca.example"'),
        ("SRV", "1  2 3 \\145dge.example", "1 2 3 edge.example"),
        ("CNAME", "\\052.example.", "*.example"),
    ],
)
def test_what_others_wrote(rtype: str, theirs: str, ours: str) -> None:
    assert data.read(rtype, theirs) == parse(rtype, ours)


@pytest.mark.parametrize(("rtype", "theirs"), [("SRV", ""), ("CAA", "0"), ("A", "x"), ("MX", "10 mail.example.")])
def test_what_cannot_be_read(rtype: str, theirs: str) -> None:
    with pytest.raises(InvalidValue):
        data.read(rtype, theirs)
    assert data.known(rtype) == (rtype != "MX")
