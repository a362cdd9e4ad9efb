"""Names of records: one form, and nothing that DNS would not take."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.dns import names
from ansible.module_utils.fedgate.errors import InvalidValue


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Contoso.Example.", "contoso.example"),
        ("_XMPP-Server._TCP.Contoso.example", "_xmpp-server._tcp.contoso.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_xmpp-server._tcp.Bücher.example.", "_xmpp-server._tcp.xn--bcher-kva.example"),
        ("*.contoso.example", "*.contoso.example"),
        ("s1._domainkey.contoso.example", "s1._domainkey.contoso.example"),
    ],
)
def test_owner_names(typed: str, folded: str) -> None:
    assert names.owner_name(typed) == folded
    assert names.fold(typed) == folded


@pytest.mark.parametrize(
    "typed",
    [
        "", ".", "..", "contoso..example", "-a.example", "a b.example", "a.*.example", "_" * 64 + ".contoso.example",
        ".".join(["_abcdefgh"] * 28) + ".contoso.example", "192.0.2.1",
    ],
)  # fmt: skip
def test_not_an_owner(typed: str) -> None:
    with pytest.raises(InvalidValue):
        names.owner_name(typed)


@pytest.mark.parametrize("typed", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_a_host_is_not_an_address(typed: str) -> None:
    with pytest.raises(InvalidValue, match="is an address where a host name must stand"):
        names.host_name(typed)


def test_a_host_has_no_underscore() -> None:
    with pytest.raises(InvalidValue):
        names.host_name("edge_1.contoso.example")


def test_the_root_folds_to_itself() -> None:
    assert names.fold(".") == "."


def test_ancestors() -> None:
    assert names.ancestors("a.b.example") == ["a.b.example", "b.example", "example"]
