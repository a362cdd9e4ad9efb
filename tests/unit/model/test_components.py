"""Components, and which types of partners reach them."""

from __future__ import annotations

from typing import Any

import pytest

from .inventories import only_error_of, read, two_sites

ROOMS = "conference.contoso.example"


@pytest.mark.parametrize(
    ("typed", "facts"),
    [
        (False, False),
        ([], False),
        (True, True),
        (["federated"], True),
        (["public_verified", "federated"], ["federated", "public_verified"]),
        (["public_unverified"], ["public_unverified"]),
    ],
)
def test_a_component_names_the_types_of_partners_that_reach_it(typed: Any, facts: Any) -> None:
    component = {"domain": ROOMS, "federated": typed}
    host = read(two_sites(federation_xmpp_components=[component])).as_facts()["hosts"]["edge1.london"]
    assert host["components"] == [{"domain": ROOMS, "kind": "muc", "federated": facts}]
    assert (ROOMS in host["federated_hosts"]) == bool(facts)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("yes", ["[0].federated: true, false or a list is needed here, not the text 'yes'", "public_verified"]),
        (["public-verified"], ["[0].federated[0]: the text 'public-verified'", "Did you mean public_verified?"]),
        ([True], ["[0].federated[0]: true is not allowed here"]),
    ],
)
def test_who_reaches_a_component_is_checked(typed: Any, said: list[str]) -> None:
    error = only_error_of(two_sites(federation_xmpp_components=[{"domain": ROOMS, "federated": typed}]))
    assert all(part in error for part in said), error
