"""Domain names: one form, and a sentence for everything else."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.model.domains import domain_name, is_under
from hypothesis import assume, given
from hypothesis import strategies as st

LABELS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda label: not label.lower().startswith("xn--")
)
NAMES = st.lists(LABELS, min_size=2, max_size=5).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("contoso.example", "contoso.example"),
        ("Contoso.EXAMPLE.", "contoso.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),  # the umlaut as a combining mark
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("4711.example", "4711.example"),
        ("a-b.c--d.example", "a-b.c--d.example"),
    ],
)
def test_one_form(typed: str, name: str) -> None:
    assert domain_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "missing"),
        (".", "missing"),
        ("contoso", "only one label"),
        ("192.0.2.1", "is an IP address"),
        ("2001:db8::1", "is an IP address"),
        ("contoso.42", "ends in a number"),
        ("*.contoso.example", "is a wildcard"),
        ("alice@contoso.example", "an address of a user"),
        ("xmpp://contoso.example", "not a bare domain name"),
        ("contoso.example:5269", "not a bare domain name"),
        ("contoso.example/room", "not a bare domain name"),
        ("contoso example.com", "white space"),
        ("_xmpp-server._tcp.contoso.example", "underscore"),
        ("contoso..example", "empty label"),
        (".contoso.example", "empty label"),
        ("contoso.example..", "empty label"),
        ("-contoso.example", "not a domain name"),
        ("contoso-.example", "not a domain name"),
        ("cont!oso.example", "not a domain name"),
        ("a" * 64 + ".example", "64 characters"),
        (".".join(["a" * 60] * 5), "304 characters"),
        ("straße.example", "encode differently"),
        ("☃.example", "cannot be encoded"),
        ("xn--bcher-kv.example", "no valid encoded name"),
        ("xn--abc-.example", "not a domain name"),
    ],
)
def test_refused(typed: str, why: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        domain_name(typed)
    assert why in caught.value.message
    assert caught.value.hint


@given(NAMES)
def test_normalising_twice_is_normalising_once(name: str) -> None:
    once = domain_name(name)
    assert domain_name(once) == once == domain_name(name.upper() + ".")


@given(st.text(min_size=1, max_size=30))
def test_any_text_is_a_name_or_an_explanation(text: str) -> None:
    try:
        once = domain_name(text)
    except InvalidValue as error:
        assert error.hint
    else:
        assert domain_name(once) == once
        assert once.isascii() and once == once.lower() and not once.endswith(".")


def test_below_means_whole_labels() -> None:
    assert is_under("conference.contoso.example", "contoso.example")
    assert not is_under("notcontoso.example", "contoso.example")
    assert not is_under("contoso.example", "contoso.example")


@given(st.one_of(NAMES, st.from_regex(r"(xn--|[a-z0-9-]{0,64})([.][a-z0-9_-]{0,64}){0,4}\n?", fullmatch=True)))
def test_names_in_that_form_already_are_judged_like_others(typed: str) -> None:
    """A trailing dot takes the longer way, and changes nothing else."""
    assume(typed and not typed.endswith("."))
    assert outcome(typed) == outcome(f"{typed}.")


def outcome(typed: str) -> str:
    try:
        return domain_name(typed)
    except InvalidValue:
        return "invalid"
