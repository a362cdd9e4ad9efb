"""The scan finds all that a sorted list holds of some names, in as few pages as that takes, in every order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible.module_utils.fedgate.dns.route53.scan import Page, Position, escape, orders, scan, unescape
from ansible.module_utils.fedgate.errors import Refused
from hypothesis import given
from hypothesis import strategies as st

LABEL = st.text("ab-_*z1", min_size=1, max_size=3)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
HELD = st.dictionaries(NAME, st.integers(1, 4), max_size=25)
#: Orders that servers have: AWS's own; without the last dot; with escapes undone.
ORDERS: list[Callable[[str], str]] = [
    lambda name: orders(name)[0],
    lambda name: orders(name)[0].removesuffix("."),
    lambda name: ".".join(reversed(name.split("."))) + ".",
    lambda name: ".".join(reversed(name.split("."))),
]


class Listing:
    """A list of record sets, by name: so many of each."""

    def __init__(self, held: dict[str, int], size: int, order: Callable[[str], str]) -> None:
        self.rows = [(name, number) for name in sorted(held, key=order) for number in range(held[name])]
        self.size, self.order = size, order
        self.pages = 0

    def page(self, start: Position) -> Page:
        self.pages += 1
        first = (self.order(start.name), start.token or 0)
        left = [row for row in self.rows if (self.order(row[0]), row[1]) >= first]
        after = left[self.size] if len(left) > self.size else None
        return Page(left[: self.size], Position(after[0], after[1] or None) if after else None)


@given(HELD, st.sets(NAME, max_size=12), st.integers(1, 6), st.integers(0, 3))
def test_finds_everything_of_what_is_sought(held: dict[str, int], sought: set[str], size: int, number: int) -> None:
    listing = Listing(held, size, ORDERS[number])
    wanted = {name: list(range(held[name])) for name in sought if name in held}
    assert scan(sought, listing.page) == wanted


@given(HELD, st.sets(NAME, max_size=12), st.integers(4, 9))
def test_never_asks_more_than_once_a_name(held: dict[str, int], sought: set[str], size: int) -> None:
    listing = Listing(held, size, ORDERS[0])
    scan(sought, listing.page)
    assert listing.pages <= 2 * len(sought)  # twice where a name lies across the end of a page


@given(st.sets(st.text("abc1", min_size=1, max_size=4), min_size=1, max_size=40), st.integers(2, 9))
def test_never_reads_a_page_twice(names: set[str], size: int) -> None:
    """Where no two orders differ, all pages of the list are enough, whatever is sought."""
    held = dict.fromkeys((f"{name}.zone" for name in names), 1)
    listing = Listing(held, size, ORDERS[0])
    scan({*held, "zone"}, listing.page)
    assert listing.pages <= -(-len(held) // size) + sum(1 for name in names for more in names if more.startswith(name))


def test_leaps_over_what_is_not_sought() -> None:
    listing = Listing(dict.fromkeys((f"h{number:04}.zone" for number in range(1000)), 1), 300, ORDERS[0])
    assert len(scan({"h0000.zone", "h0999.zone", "gone.zone"}, listing.page)) == 2
    assert listing.pages == 2
    assert scan((), listing.page) == {} and listing.pages == 2


def test_a_server_that_repeats_itself() -> None:
    page = Page([("a.zone", 1)], Position("a.zone"))
    with pytest.raises(Refused, match=r"the same page again and again \(at a\.zone\)"):
        scan({"a.zone"}, lambda _: page)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("\\052.contoso.example.", "*.contoso.example"),
        ("WWW.Contoso.Example", "www.contoso.example"),
        ("\\101\\142.example.", "ab.example"),
        ("a\\056b.example.", "a\\056b.example"),
        ("a\\134b.example.", "a\\134b.example"),
        ("_xmpp-server._tcp.example.", "_xmpp-server._tcp.example"),
        (".", "."),
    ],
)
def test_names_of_route53(theirs: str, ours: str) -> None:
    assert unescape(theirs) == ours
    assert unescape(escape(ours)) == ours


@given(NAME)
def test_escapes_are_undone(name: str) -> None:
    assert unescape(escape(name) + ".") == name and set(escape(name)) <= set("ab-_z1.\\052")


def test_the_dash_sorts_before_the_dot() -> None:
    names = ["contoso-asia.example", "contoso.example", "www.contoso.example", "contoso1.example"]
    assert sorted(set(names), key=orders) == names
