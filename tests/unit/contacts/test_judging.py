"""What of users' contacts a gateway carries, and what is counted as left out."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from ansible.module_utils.fedgate.contacts import judging
from ansible.module_utils.fedgate.contacts.userdata import Contact, UserData

PARTNERS = ["partner.example", "asia.partner.example", "xn--bcher-kva.example"]
DOMAINS = ["contoso.example"]


def contact(address: str, name: str = "", *groups: str, subscribed: bool = True) -> Contact:
    return Contact(address, name, groups, subscribed)


def judged(*data: UserData) -> judging.Carried:
    return judging.judge(data, PARTNERS, DOMAINS)


def left(carried: judging.Carried) -> dict[tuple[str, str, str], int]:
    return {(item["what"], item["domain"], item["why"]): item["count"] for item in carried.left_out}


def row(jid: str, subscription: str = "both", name: str = "", *groups: str) -> dict[str, Any]:
    return {"jid": jid, "subscription": subscription, "name": name, "groups": list(groups)}


def test_partners_only() -> None:
    carried = judged(
        UserData(
            "Alice@Contoso.example",
            [
                contact("bob@partner.example", "Bob", "A", "B"), contact("stored@partner.example", subscribed=False),
                contact("dora@contoso.example"), contact("x@fabrikam.example"), contact("y@fabrikam.example"),
                contact("z@other.partner.example"), contact("not an address"),
            ],
        ),
        UserData("someone@elsewhere.example", [contact("bob@partner.example")]),
        UserData("dora@contoso.example"),
    )  # fmt: skip
    assert carried.users == [
        {
            "jid": "alice@contoso.example",
            "contacts": [row("bob@partner.example", "both", "Bob", "A", "B"), row("stored@partner.example", "none")],
            "blocked": [],
        }
    ]
    assert left(carried) == {
        ("contacts", "contoso.example", judging.OURS): 1,
        ("contacts", "fabrikam.example", judging.STRANGERS): 2,
        ("contacts", "other.partner.example", judging.STRANGERS): 1,
        ("contacts", "", judging.MALFORMED): 1,
        ("users", "elsewhere.example", judging.ELSEWHERE): 1,
    }
    assert (carried.read, carried.empty) == (3, 1)


def test_who_is_blocked_is_no_contact() -> None:
    carried = judged(
        UserData(
            "alice@contoso.example",
            [contact("Eve@partner.example"), contact("x@asia.partner.example"), contact("bob@partner.example")],
            ["sip:eve@PARTNER.example", "y@nobody.example"],
            ["asia.partner.example", "nobody.example"],
        )
    )
    assert carried.users == [
        {
            "jid": "alice@contoso.example",
            "contacts": [row("bob@partner.example")],
            "blocked": ["asia.partner.example", "eve@partner.example"],
        }
    ]
    assert left(carried) == {("blocks", "nobody.example", judging.STRANGERS): 2}


def test_a_user_in_two_archives() -> None:
    carried = judged(
        UserData("alice@contoso.example", [contact("bob@partner.example", "", "A", subscribed=False)]),
        UserData("ALICE@contoso.example", [contact("BOB@partner.example", "Bob", "B")], ["carol@partner.example"]),
    )
    assert carried.users == [
        {
            "jid": "alice@contoso.example",
            "contacts": [row("bob@partner.example", "both", "Bob", "A", "B")],
            "blocked": ["carol@partner.example"],
        }
    ]
    assert carried.read == 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("bob@partner.example", ("bob", "partner.example")),
        ("SIP:Bob.Ross@Partner.Example", ("bob.ross", "partner.example")),
        ("sip:bob@partner.example;transport=tls?a=b", ("bob", "partner.example")),
        ("b%C3%A4r@partner.example", ("bär", "partner.example")),
        ("100%@partner.example", ("100%", "partner.example")),
        ("Straße@partner.example", ("strasse", "partner.example")),
        ("ＢＯＢ@partner.example", ("bob", "partner.example")),
        ("bob@Bücher.example", ("bob", "xn--bcher-kva.example")),
        ("bob@xn--bcher-kva.example", ("bob", "xn--bcher-kva.example")),
        ("bob smith@partner.example", None),
        ("b%20b@partner.example", None),
        ("a@b@partner.example", None),
        ("bob\x00@partner.example", None),
        ("@partner.example", None),
        ("bob@", None),
        ("bob", None),
        ("tel:+15551234", None),
        ("bob@[10.0.0.1]", None),
        ("x" * 1024 + "@partner.example", None),
        ("", None),
    ],
)
def test_addresses(text: str, address: Optional[tuple[str, str]]) -> None:
    assert judging.parse(text) == address


def test_domains_are_spelled_as_addresses_have_them() -> None:
    carried = judged(UserData("alice@contoso.example", [contact("bob@xn--bcher-kva.example")], [], ["bücher.example"]))
    assert carried.users == [{"jid": "alice@contoso.example", "contacts": [], "blocked": ["bücher.example"]}]
