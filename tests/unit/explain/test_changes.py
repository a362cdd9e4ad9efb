"""What would change between two inventories: held against rules that are said once more here."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible.module_utils.fedgate.explain.changes import explain_changes
from ansible.module_utils.fedgate.explain.text import changes_text
from ansible.module_utils.fedgate.model import negotiation
from ansible.module_utils.fedgate.model.partner import KEYS, TYPES
from hypothesis import given, settings
from hypothesis import strategies as st

from ..model.inventories import two_sites
from ..model.test_access import GLOBAL, GROUP, SALES, sites
from .sources import inventory, with_partners

DOMAIN = "fabrikam.example"
ROWS = [
    {"tls": tls, "sasl": sasl, "dialback": dialback, "dialback_certificate": certificate, "allow_plaintext": agreed}
    for tls, sasl, dialback, certificate, agreed in itertools.product(
        negotiation.LEVELS, negotiation.LEVELS, (True, False), ("any", "valid"), (True, False)
    )
    if negotiation.certain(negotiation.methods(tls, sasl, dialback), certificate)
    and (agreed or negotiation.PLAINTEXT not in negotiation.methods(tls, sasl, dialback))
]
STREAMS = list(itertools.product(("external", "dialback"), (True, False), ("valid", "invalid", "none")))
LISTED = st.one_of(st.none(), st.tuples(st.sampled_from(ROWS), st.sampled_from(TYPES)))


def permitted(row: dict[str, Any]) -> set[tuple[str, bool, str]]:
    """Return which streams a row lets in, from the specification: method, encrypted, the certificate's verdict."""
    found = set()
    for method, secure, certificate in STREAMS:
        fits = row["tls"] != ("not_supported" if secure else "required")
        if method == "external":
            fits = fits and secure and row["sasl"] != "not_supported" and certificate == "valid"
        else:
            fits = fits and row["dialback"] and (row["tls"], row["sasl"]) != ("required", "required")
            fits = fits and (secure or row["allow_plaintext"])
            fits = fits and (row["dialback_certificate"] == "any" or (secure and certificate == "valid"))
        if fits:
            found.add((method, secure, certificate))
    return found


def listed(*partners: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"domain": DOMAIN, **partner} for partner in partners]


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, Any]:
    return explain_changes(with_partners(*before), with_partners(*after))


def entry(what: tuple[dict[str, Any], str] | None) -> list[dict[str, Any]]:
    return [] if what is None else listed({**what[0], "type": what[1]})


@settings(max_examples=400, deadline=None)
@given(LISTED, LISTED)
def test_what_opens_is_what_passes_now_and_did_not(
    before: tuple[dict[str, Any], str] | None, after: tuple[dict[str, Any], str] | None
) -> None:
    found = changes(entry(before), entry(after))
    old, new = (permitted(what[0]) if what else set() for what in (before, after))
    types = [TYPES.index(what[1]) if what else None for what in (before, after)]
    wider = types[0] is not None and types[1] is not None and types[1] < types[0]
    narrower = types[0] is not None and types[1] is not None and types[1] > types[0]
    assert (found["counts"]["opens"] > 0) is (bool(new - old) or wider)
    assert (found["counts"]["closes"] > 0) is (bool(old - new) or narrower)
    back = changes(entry(after), entry(before))
    assert back["counts"]["opens"] == found["counts"]["closes"]
    assert back["counts"]["closes"] == found["counts"]["opens"]
    assert back["counts"]["neither"] == found["counts"]["neither"]
    assert (not any(found["counts"].values())) is (before == after)


@given(st.sampled_from(ROWS), st.sampled_from(TYPES))
def test_nothing_changes_between_equals(row: dict[str, Any], kind: str) -> None:
    found = changes(listed({**row, "type": kind}), listed({**row, "type": kind}))
    assert found == {"partners": [], "ours": [], "counts": {"opens": 0, "closes": 0, "neither": 0}}
    assert changes_text(found) == "Nothing changes: the same partners may do the same."


CASES: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ({"sasl": "required"}, {"sasl": "optional"}, [("opens", "gains dialback over TLS")]),
    (
        {"tls": "optional", "sasl": "not_supported", "allow_plaintext": True},
        {"sasl": "not_supported"},
        [("closes", "loses dialback without TLS")],
    ),
    (
        {"sasl": "optional"},
        {"sasl": "optional", "dialback_certificate": "valid"},
        [("closes", "dialback over TLS needs a valid certificate now")],
    ),
    (
        {"sasl": "optional", "dialback_certificate": "valid"},
        {"sasl": "optional"},
        [("opens", "dialback over TLS takes any certificate now")],
    ),
    ({}, {"dialback": False}, [("neither", "another row that leaves the same: SASL EXTERNAL (certificates)")]),
    ({}, {"type": "federated"}, [("opens", "its type becomes federated, from public_unverified")]),
    (
        {"type": "public_verified"},
        {"type": "public_unverified"},
        [("closes", "its type becomes public_unverified, from public_verified")],
    ),
    ({}, {"expires": "2027-01-31"}, [("closes", "is let in until 2027-01-31, before without an end")]),
    (
        {"expires": "2027-01-31"},
        {"expires": "2027-02-28"},
        [("opens", "is let in until 2027-02-28, before until 2027-01-31")],
    ),
    ({"connection_limit": 5}, {}, [("opens", "its connection_limit becomes 20, as for everybody, from 5")]),
    ({"connection_limit": 5}, {"connection_limit": 4}, [("closes", "its connection_limit becomes 4, from 5")]),
    ({}, {"stanza_rate": 20}, [("closes", "its stanza_rate becomes 20, from 1000, as for everybody")]),
    ({"stanza_size": 10000}, {"stanza_size": 20000}, [("opens", "its stanza_size becomes 20000, from 10000")]),
    ({}, {"stanza_rate": 1000}, [("neither", "its stanza_rate becomes 1000, from 1000, as for everybody")]),
    ({}, {"waive": ["keepalive"]}, [("opens", "the loss of keepalive is agreed to")]),
    ({"waive": ["keepalive"]}, {}, [("closes", "the loss of keepalive is not agreed to")]),
    ({}, {"proxy_fqdn": "gate.example"}, [("neither", "proxy_fqdn becomes gate.example, from none")]),
    ({}, {"allow_plaintext": True}, [("neither", "allow_plaintext becomes true, from false")]),
    ({}, {"dialback_certificate": "valid"}, [("neither", "dialback_certificate becomes valid, from any")]),
    ({}, {"keepalive": False}, [("neither", "keepalive becomes false, from true")]),
    ({"description": "Ann"}, {"description": "Bob"}, []),
]


@pytest.mark.parametrize(("before", "after", "wanted"), CASES)
def test_each_key(before: dict[str, Any], after: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    found = changes(listed(before), listed(after))
    told = [(item["effect"], item["sentence"]) for group in found["partners"] for item in group["differences"]]
    assert told == wanted
    mark = {"opens": "OPENS ", "closes": "closes", "neither": "      "}
    for effect, sentence in wanted:
        assert f"{mark[effect]}  {DOMAIN}: {sentence} (" in changes_text(found)


def test_every_key_of_a_partner_was_thought_of() -> None:
    compared = {key for before, after, wanted in CASES for key in {*before, *after} if wanted}
    # Domains have tests of their own, below; the last two decide on nothing.
    assert compared | {"domain", "additional_domains", "description", "echo_address"} == set(KEYS)


def test_who_comes_and_who_goes() -> None:
    found = changes([{"domain": "old.example"}], [{"domain": "new.example", "type": "federated", "sasl": "optional"}])
    told = {group["partner"]: group["differences"][0] for group in found["partners"]}
    assert told["new.example"]["effect"] == "opens"
    assert told["new.example"]["source"] == "inventory.yml:federation_partners/0/domain"
    assert told["new.example"]["after"] == {"type": "federated", "methods": ["sasl_over_tls", "tls_dialback"]}
    assert told["old.example"]["effect"] == "closes"
    assert "nothing lists it any more" in told["old.example"]["sentence"]


def test_an_entry_that_expires_and_one_that_is_renewed() -> None:
    day = listed({"expires": "2026-11-22"})
    closed, opened = changes(listed({}), day), changes(day, listed({"expires": "2026-11-23"}))
    difference = closed["partners"][0]["differences"][0]
    assert (closed["counts"]["closes"], closed["counts"]["opens"]) == (1, 0)
    assert "expired after 2026-11-22" in difference["sentence"]
    assert difference["source"] == "inventory.yml:federation_partners/0/expires"
    assert (opened["counts"]["closes"], opened["counts"]["opens"]) == (0, 1)


def test_domains_of_a_partner_that_change_alike_are_told_together() -> None:
    several = {"additional_domains": [f"d{number}.example" for number in range(5)]}
    found = changes(listed({**several}), listed({**several, "sasl": "optional"}))
    assert len(found["partners"]) == 1 and len(found["partners"][0]["domains"]) == 6
    assert "d0.example, d1.example, d2.example and 3 more (of fabrikam.example): gains" in changes_text(found)
    moved = changes(listed({**several}), [*listed({}), {"domain": "d0.example"}])
    told = {tuple(group["domains"]): group["differences"][0]["sentence"] for group in moved["partners"]}
    assert told["d0.example",] == "belongs to the partner d0.example, before to fabrikam.example"
    assert "is a partner no more" in told["d1.example", "d2.example", "d3.example", "d4.example"]


def test_our_domains_services_and_gateways() -> None:
    before = two_sites(federation_xmpp_domains=["contoso.example"])
    before["edge1.tokyo"]["edge_pool_xmpp_domains"] = []
    after = two_sites(
        federation_xmpp_components=[
            {"domain": "conference.contoso.example", "kind": "muc", "federated": ["public_verified"]}
        ]
    )
    for host in ("edge1.london", "edge2.london"):
        after[host]["edge_pool_active_member"] = "edge2.london"
    found = explain_changes(inventory(before), inventory(after))
    told = [
        (group["name"], item["effect"], item["sentence"]) for group in found["ours"] for item in group["differences"]
    ]
    assert told == [
        ("contoso-asia.example", "opens", "becomes a domain of ours: every partner may reach its users"),
        ("conference.contoso.example", "opens", "opens to public_verified partners"),
        ("conference.contoso.example", "closes", "closes to federated partners"),
        (
            "contoso.example",
            "neither",
            "moves to edge2.london (edge.london.contoso.example), from edge1.london (edge.london.contoso.example)",
        ),
    ]
    back = explain_changes(inventory(after), inventory(before))
    assert back["counts"] == {"opens": 1, "closes": 2, "neither": 1}


def test_limits_of_all_partners_are_told_once() -> None:
    limits = {"stanza_rate": 500, "stream_inactivity_timeout": 900, "keepalive": False, "stanza_size": 524288}
    found = explain_changes(inventory(), inventory(federation_limits=limits))
    assert found["partners"] == [] and [group["name"] for group in found["ours"]] == ["every partner"]
    told = {
        item["what"]: (item["effect"], item["sentence"], item["source"]) for item in found["ours"][0]["differences"]
    }
    assert told == {
        "stanza_rate": ("closes", "stanza_rate becomes 500, from 1000", "inventory.yml:federation_limits/stanza_rate"),
        "stream_inactivity_timeout": (
            "opens",
            "stream_inactivity_timeout becomes 900, from 600",
            "inventory.yml:federation_limits/stream_inactivity_timeout",
        ),
        "keepalive": ("neither", "keepalive becomes false, from true", "inventory.yml:federation_limits/keepalive"),
    }
    back = explain_changes(inventory(federation_limits=limits), inventory())
    assert {item["source"] for item in back["ours"][0]["differences"]} == {"default"}


ASIA = "users of contoso-asia.example without a policy of their own"
LONDON = "users of contoso.example without a policy of their own"
ALLOW = {"name": "global", "xmpp_access": True}
DENIED = {"name": "denied", "xmpp_access": False, "users": ["alice@contoso.example"], "groups": [GROUP]}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ([], [ALLOW], {}),
        ([], [GLOBAL], {ASIA: "closes", LONDON: "closes"}),
        ([GLOBAL], [], {ASIA: "opens", LONDON: "opens"}),
        ([GLOBAL], [GLOBAL, SALES], {"alice@contoso.example": "opens"}),
        ([], [GLOBAL, SALES], {ASIA: "closes", LONDON: "closes"}),
        ([GLOBAL], [GLOBAL, {"name": "site:Tokyo", "xmpp_access": True}], {ASIA: "opens"}),
        ([ALLOW], [ALLOW, DENIED], {"alice@contoso.example": "closes", f"members of {GROUP}": "closes"}),
        ([ALLOW, DENIED], [ALLOW], {"alice@contoso.example": "opens", f"members of {GROUP}": "opens"}),
        (
            [ALLOW, DENIED],
            [ALLOW, {**DENIED, "xmpp_access": True}],
            {"alice@contoso.example": "opens", f"members of {GROUP}": "opens"},
        ),
    ],
)
def test_access_policies(before: list[Any], after: list[Any], wanted: dict[str, str]) -> None:
    found = explain_changes(inventory(sites(*before)), inventory(sites(*after)))
    assert {group["name"]: group["differences"][0]["effect"] for group in found["ours"]} == wanted
