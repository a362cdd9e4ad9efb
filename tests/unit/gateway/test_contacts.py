"""The plan of xmpp_gateway_contacts, its arguments, and the portions in which the server is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue
from ansible.module_utils.fedgate.gateway.contacts import PORTION, Contacts, Wanted, portions, wanted_users

USER = {
    "jid": "alice@contoso.example",
    "contacts": [{"jid": "bob@partner.example", "name": "Bob", "groups": ["A"]}, {"jid": "carol@partner.example"}],
    "blocked": ["eve@partner.example"],
}


def reconciler(*users: dict[str, Any]) -> Contacts:
    return Contacts({"archives": [], "users": list(users), "socket": "/nowhere"}, None)  # type: ignore[arg-type]


def known(contacts: dict[str, str]) -> dict[str, Any]:
    return {
        "alice@contoso.example": {"exists": True, "contacts": contacts, "blocked": {"eve@partner.example": "absent"}}
    }


@pytest.mark.parametrize("state", ["there", "refused", "carried", "invalid"])
def test_what_is_left_alone(state: str) -> None:
    observed = {
        "alice@contoso.example": {
            "exists": True,
            "contacts": {"bob@partner.example": state, "carol@partner.example": state},
            "blocked": {"eve@partner.example": state},
        }
    }
    assert not reconciler(USER).plan(observed)


def test_what_is_carried() -> None:
    plan = reconciler(USER).plan(known({"bob@partner.example": "absent", "carol@partner.example": "asked"}))
    assert [change.as_dict() for change in plan.changes] == [
        {
            "action": "update",
            "kind": "roster",
            "name": "alice@contoso.example",
            "before": {"contacts": ["carol@partner.example (asked)"], "blocked": []},
            "after": {
                "contacts": ["bob@partner.example (both)", "carol@partner.example (both)"],
                "blocked": ["eve@partner.example"],
            },
        }
    ]
    assert plan.changes[0].subject.contacts["bob@partner.example"] == {
        "subscription": "both",
        "name": "Bob",
        "groups": ["A"],
    }


def test_answers_are_in_the_order_of_the_question() -> None:
    user = next(iter(wanted_users([USER])))
    assert user.as_question("look")["contacts"] == ["bob@partner.example", "carol@partner.example"]
    assert user.known({"exists": True, "contacts": ["there", "absent"], "blocked": []}) == {
        "exists": True,
        "contacts": {"bob@partner.example": "there", "carol@partner.example": "absent"},
        "blocked": {},
    }
    assert user.known({"exists": False}) == {"exists": False, "contacts": {}, "blocked": {}}


def test_portions_are_of_like_work_and_lose_nobody() -> None:
    users = [Wanted(f"u{i}@contoso.example", {f"c{n}@p.example": {} for n in range(i % 40)}, ()) for i in range(500)]
    found = list(portions(users))
    assert [user for portion in found for user in portion] == users
    assert all(sum(1 + len(user.contacts) for user in portion) < PORTION + 41 for portion in found)


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ([{**USER, "jid": "alice"}], "users[0].jid: 'alice' is not an address"),
        ([{**USER, "jid": "a b@c"}], "users[0].jid: 'a b@c' is not an address"),
        ([USER, USER], "users[1].jid: alice@contoso.example is listed twice"),
        ([{**USER, "contacts": ["bob@partner.example"]}], "users[0].contacts[0]: 'bob@partner.example' is no contact"),
        ([{**USER, "contacts": [{"jid": "x@y", "ask": 1}]}], "users[0].contacts[0]: "),
        ([{**USER, "contacts": [{"jid": "x"}]}], "users[0].contacts[0].jid: 'x' is not an address"),
        ([{**USER, "contacts": [{}]}], "users[0].contacts[0].jid: None is not an address"),
        ([{**USER, "contacts": [{"jid": "x@y", "subscription": "to"}]}], "contacts[0].subscription: 'to' is no"),
        ([{**USER, "contacts": [{"jid": "x@y", "groups": "A"}]}], "users[0].contacts[0]: name is a text"),
        ([{**USER, "contacts": {"a": 1}}], "users[0].contacts: a list is needed"),
        ([{**USER, "blocked": ["a b"]}], "users[0].blocked[0]: 'a b' is not an address"),
    ],
)
def test_bad_arguments(users: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        list(wanted_users(users))
    assert message in str(caught.value)
