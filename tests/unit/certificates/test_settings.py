"""What a request may say; each mistake with the sentence that the user reads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.certificates.names import covers, missing, normalise_all
from ansible.module_utils.fedgate.certificates.settings import KeySettings, RequestSettings, Subject
from ansible.module_utils.fedgate.errors import InvalidValue
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge


@pytest.mark.parametrize("country", ["GBR", "G", "1A", "Japan", "G B"])
def test_a_country_has_two_letters(country: str) -> None:
    with pytest.raises(
        InvalidValue, match=rf"subject.country: '{country}' is not a country code of two letters.*GB, DE"
    ):
        Subject.of({"country": country})


def test_a_country_may_be_small() -> None:
    assert Subject.of({"country": "gb"}).country == "GB"


@pytest.mark.parametrize(
    ("field", "most"), [("organization", 64), ("organizational_unit", 64), ("city", 128), ("state", 128)]
)
def test_fields_have_the_lengths_of_the_standard(field: str, most: int) -> None:
    assert Subject.of({field: "x" * most})
    with pytest.raises(InvalidValue, match=rf"subject.{field}: .* has {most + 1} characters. At most {most}"):
        Subject.of({field: "x" * (most + 1)})


def test_control_characters_are_refused() -> None:
    with pytest.raises(InvalidValue, match="contains a control character"):
        Subject.of({"organization": "Contoso\nLtd"})


def test_empty_fields_are_left_out() -> None:
    assert Subject.of({"organization": "", "city": None, "country": "GB"}).as_dict() == {"country": "GB"}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"type": "rsa", "size": 1024}, "key.size: an RSA key of 1024 bits is not allowed. Allowed: 2048, 3072, 4096"),
        ({"type": "ecdsa", "curve": "p224"}, "key.curve: curve 'p224' is not allowed. Allowed: p256, p384, p521"),
        ({"type": "dsa"}, "key.type: 'dsa' is not a type of key. Allowed: rsa, ecdsa"),
    ],
)
def test_keys_that_are_not_made(key: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        KeySettings.of(key)


def test_what_does_not_belong_to_the_type_makes_no_difference() -> None:
    assert KeySettings.of({"type": "ecdsa", "size": 4096}) == KeySettings.of({"type": "ecdsa", "curve": "P-256"})
    assert KeySettings.of(None) == KeySettings.of({"type": "rsa", "size": 2048, "curve": "p256"})


def test_names_become_one_form() -> None:
    assert normalise_all(["Contoso.Example.", "contoso.example", "bücher.example"]) == (
        "contoso.example",
        "xn--bcher-kva.example",
    )


@pytest.mark.parametrize(
    "name", ["192.0.2.1", "2001:db8::1", "*.contoso.example", "a b.example", "contoso", "", "-a.example"]
)
def test_names_that_nobody_certifies(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"names\[1\]: "):
        normalise_all(["contoso.example", name])


def test_a_hundred_names_and_no_more() -> None:
    names = [f"n{number}.example" for number in range(101)]
    assert len(normalise_all([*names[:100], names[0]])) == 100
    with pytest.raises(
        InvalidValue, match="names: 101 names are too many for one certificate. Issuers take 100 at most"
    ):
        RequestSettings.of({"names": names})


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("x" * 65, "template: 'x+' has 65 characters. At most 64"),
        ("Web\x00Server", r"template: 'Web.x00Server' is no name of a template. Write the template's name"),
        ("Web\U0001f600", "is no name of a template"),
    ],
)
def test_templates_that_no_request_can_name(template: str, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        RequestSettings.of({"names": ["a.example"], "template": template})


def test_there_is_at_least_one_name() -> None:
    with pytest.raises(InvalidValue, match="there is no name to certify"):
        normalise_all([])


def test_a_wildcard_covers_one_label_and_not_the_domain() -> None:
    assert covers(["*.contoso.example"], "edge.contoso.example")
    assert missing(["*.contoso.example"], ["contoso.example", "a.b.contoso.example"]) == [
        "contoso.example",
        "a.b.contoso.example",
    ]


_NAMES = st.lists(st.sampled_from(["a.example", "b.example", "c.example", "d.example"]), min_size=1, unique=True)


@given(_NAMES, st.randoms())
def test_the_order_of_names_is_no_difference(names: list[str], random: Any) -> None:
    other = list(names)
    random.shuffle(other)
    assert not RequestSettings.of({"names": names}).differences(RequestSettings.of({"names": other}))


@given(_NAMES, _NAMES)
def test_differences_name_every_name(old: list[str], new: list[str]) -> None:
    text = " ".join(RequestSettings.of({"names": old}).differences(RequestSettings.of({"names": new})))
    assert {name for name in {*old, *new} if name in text} == set(old) ^ set(new)


def test_every_setting_but_the_friendly_name_is_a_difference() -> None:
    old = RequestSettings.of({"names": ["a.example"]})
    assert not old.differences(RequestSettings.of({"names": ["a.example"], "friendly_name": "another"}))
    assert not old.differences(RequestSettings.of({"names": ["a.example"], "exportable": False}))
    for other in (
        {"key": {"type": "ecdsa"}},
        {"subject": {"country": "GB"}},
        {"client_auth": True},
        {"template": "WebServer"},
    ):
        assert len(old.differences(RequestSettings.of({"names": ["a.example"], **other}))) == 1
