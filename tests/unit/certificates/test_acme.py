"""The parts of the issuer acme that ask nobody: settings, words, chains, CAA, moments of renewal, notes."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Optional

import pytest

pytest.importorskip("cryptography.x509.verification", reason="only controllers issue")
messages = pytest.importorskip("acme.messages", reason="only controllers ask a CA")

from ansible.module_utils.fedgate.certificates import keys, requests  # noqa: E402
from ansible.module_utils.fedgate.certificates.acme import caa, kept, renewal, words  # noqa: E402
from ansible.module_utils.fedgate.certificates.acme.settings import AcmeSettings  # noqa: E402
from ansible.module_utils.fedgate.certificates.acme.state import State  # noqa: E402
from ansible.module_utils.fedgate.certificates.issue import IssueReconciler  # noqa: E402
from ansible.module_utils.fedgate.certificates.issuers.base import Order  # noqa: E402
from ansible.module_utils.fedgate.certificates.settings import KeySettings, RequestSettings  # noqa: E402
from ansible.module_utils.fedgate.errors import InvalidValue  # noqa: E402

from .world import DAY, ECDSA, NAMES, NOW, POOL, Authority, Here, walk  # noqa: E402

RIGHT: dict[str, Any] = {"directory_url": "https://ca.example/dir", "state_directory": "/srv/acme"}

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"directory_url": "http://ca.example/dir"}, ["issuer.acme.directory_url", "begins with https://"]),
    ({"directory_url": ""}, ["'' is not the address of an ACME directory"]),
    ({"contact": ["a@contoso.example", "nobody"]}, ["issuer.acme.contact", "'nobody' is not a mail address"]),
    ({"contact": ["a@contoso.example,b@contoso.example"]}, ["is not a mail address"]),
    ({"eab_kid": "k"}, ["eab_kid is given without eab_hmac_key", "gives out both together"]),
    ({"eab_hmac_key": "Y2FuYXJ5"}, ["eab_hmac_key is given without eab_kid"]),
    ({"eab_kid": "k", "eab_hmac_key": "canary$"}, ["issuer.acme.eab_hmac_key", "not in base64url"]),
    ({"timeout": 0}, ["issuer.acme.timeout", "0 seconds are not allowed"]),
    ({"propagation_timeout": 100000}, ["issuer.acme.propagation_timeout", "1 to 86400"]),
]


@pytest.mark.parametrize(("change", "parts"), WRONG, ids=lambda value: str(value)[:50])
def test_settings(change: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidValue) as caught:
        AcmeSettings.of({"acme": {**RIGHT, **change}})
    for part in parts:
        assert part in str(caught.value)
    assert "canary" not in str(caught.value)


def test_settings_that_are_right() -> None:
    found = AcmeSettings.of(
        {"acme": {**RIGHT, "contact": ["mailto:a@b.example"], "eab_kid": "k", "eab_hmac_key": "YQ=="}}
    )
    assert found.contact == ("mailto:a@b.example",) and found.eab_hmac_key == "YQ" and found.renewal_info
    assert "YQ" not in repr(found)
    with pytest.raises(InvalidValue, match="needs its settings"):
        AcmeSettings.of({})


NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("90", NOON + timedelta(seconds=90)),
        (" 0 ", NOON),
        ("99999999999999999999", NOON + timedelta(seconds=10**9)),
        ("Wed, 25 Nov 2026 03:00:00 GMT", datetime(2026, 11, 25, 3, tzinfo=timezone.utc)),
        ("Wednesday", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(header: Optional[str], expected: Optional[datetime]) -> None:
    assert words.retry_time(header, NOON) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3599, "1 h"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
        (200000, "2 days 7 h"),
    ],
)
def test_spans(seconds: int, text: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == text


def test_every_problem_of_the_library_has_words() -> None:
    revocation = {"alreadyRevoked", "badRevocationReason"}  # nothing is revoked here
    deprecated = {"invalidEmail", "unknownHost"}
    # Explained where they are a part of others.
    parts = {"compound"}
    assert set(messages.ERROR_CODES) - set(words._MEANINGS) == revocation | deprecated | parts


def test_a_problem_without_type() -> None:
    error = words.explain(messages.Error(detail="gone fishing"), "the order")
    assert str(error).startswith("the order: it refused (about:blank: gone fishing)")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["contoso.example", "conference.contoso.example"], ["contoso.example"]),
        (["edge.contoso.example"], ["edge.contoso.example"]),
        (["B.example", "a.b.example", "xb.example"], ["b.example", "xb.example"]),
        ([], []),
    ],
)
def test_caa_names(names: list[str], expected: list[str]) -> None:
    account = {"url": "https://ca.example/acct/1", "caa_identities": ["ca.example"]}
    found = caa.records(names, account)
    assert [each["name"] for each in found] == expected
    value = '0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"'
    assert {each["value"] for each in found} <= {value}
    assert caa.records(names, {"url": "https://ca.example/acct/1"}) == []


def test_the_moment_of_renewal_is_in_the_window_and_spread() -> None:
    moments = [renewal.chosen(bytes([number]), NOON, NOON + DAY) for number in range(200)]
    assert all(NOON <= moment <= NOON + DAY for moment in moments)
    early = sum(moment < NOON + DAY / 2 for moment in moments)
    assert 60 < early < 140
    assert moments == [renewal.chosen(bytes([number]), NOON, NOON + DAY) for number in range(200)]


CA = Authority("Root")


def an_order(name: str = "edge1.london", pool: str = POOL) -> Order:
    settings = RequestSettings.of({"names": NAMES, "key": ECDSA})
    pem = requests.build(keys.generate(KeySettings.of(ECDSA)), settings).decode()
    return Order(name, pool, tuple(NAMES), requests.read(pem, name))


def kept_one(state: State, order: Order, start: timedelta, end: timedelta) -> kept.Kept:
    settings = AcmeSettings.of({"acme": {**RIGHT, "state_directory": state.folder}})
    leaf = CA.sign(order.asked().public, start=NOW + start, end=NOW + end)
    kept.keep(state, settings, order, [leaf])
    found = kept.of_order(state, order, print)
    assert found
    return found


class TestKept:
    @pytest.fixture
    def state(self, tmp_path: Path) -> State:
        return State(str(tmp_path / "state"))

    def test_it_says_whose_it_is(self, state: State) -> None:
        found = kept_one(state, an_order("edge1.tokyo"), -DAY, 60 * DAY)
        assert (found.directory, found.pool, found.name) == ("https://ca.example/dir", POOL, "edge1.tokyo")

    def test_the_newest_of_each_request(self, state: State) -> None:
        old = kept_one(state, an_order(), -60 * DAY, 30 * DAY)
        new = kept_one(state, an_order(), -DAY, 89 * DAY)
        over = kept_one(state, an_order("edge1.paris"), -90 * DAY, -DAY)
        other = kept_one(state, an_order("edge1.tokyo", "edge.tokyo"), -30 * DAY, 60 * DAY)
        found = renewal.newest([old, new, over, other], NOW)
        assert {each.facts.serial for each in found} == {new.facts.serial, other.facts.serial}

    def test_what_has_expired_is_removed(self, state: State) -> None:
        over = kept_one(state, an_order(), -90 * DAY, -DAY)
        good = kept_one(state, an_order(), -DAY, 60 * DAY)
        damaged = Path(state.path("issued", "damaged.pem"))
        damaged.write_text("no certificate")
        warnings: list[str] = []
        kept.prune(state, NOW, warnings.append)
        assert not os.path.exists(state.path(over.file)) and os.path.exists(state.path(good.file))
        assert damaged.exists() and "damaged.pem holds no certificate" in warnings[0]

    @pytest.mark.parametrize(
        ("start", "end", "replaced", "part"),
        [
            (-60 * DAY, 29 * DAY, False, "two thirds of the certificate's life are gone"),
            (-DAY, 60 * DAY, True, "gave the certificate that serves already"),
            (-DAY, 60 * DAY, False, None),
        ],
    )
    def test_what_is_still_good(
        self, state: State, start: timedelta, end: timedelta, replaced: bool, part: Optional[str]
    ) -> None:
        order = an_order()
        found = kept_one(state, order, start, end)
        wanted = Order(
            order.name,
            order.pool,
            order.names,
            order.request,
            replaces=found.facts.serial.upper() if replaced else None,
        )
        settings = AcmeSettings.of({"acme": RIGHT})
        fault = kept.fault(found.chain, settings, wanted, NOW, [CA.certificate])
        assert (fault is None) if part is None else (part in str(fault))

    def test_other_names_than_asked_for(self, state: State) -> None:
        order = an_order()
        found = kept_one(state, order, -DAY, 60 * DAY)
        wanted = Order(order.name, order.pool, ("contoso.example",), order.request)
        fault = kept.fault(found.chain, AcmeSettings.of({"acme": RIGHT}), wanted, NOW, [CA.certificate])
        assert "certified other names than were asked for" in str(fault)


class TestNotes:
    def test_orders_that_are_over_are_forgotten(self, tmp_path: Path) -> None:
        from ansible.module_utils.fedgate.certificates.acme import notes

        state, done, old, open_one = State(str(tmp_path)), an_order(), an_order(), an_order()
        for order in (done, old, open_one):
            notes.note(state, "https://ca.example/dir", order, "https://ca.example/order/1")
        kept_one(state, done, -DAY, 60 * DAY)
        later = time.time() + 60
        os.utime(state.path("issued", f"{done.asked().fingerprint}.pem"), (later, later))
        content = state.load("orders.json")
        content[old.asked().fingerprint]["since"] -= 2 * 86400
        state.save("orders.json", content)
        notes.forget(state, [])
        assert list(state.load("orders.json")) == [open_one.asked().fingerprint]
        notes.forget(state, [open_one])
        assert not (tmp_path / "orders.json").exists()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "acme.client", None)
    settings = {**RIGHT, "state_directory": str(tmp_path)}
    given = {"name": "a", "pool": POOL, "names": NAMES, "csr": an_order().asked().pem}
    issuers = [{"name": "default", "kind": "acme", "acme": settings}]
    _, results = walk(IssueReconciler({"issuers": issuers, "requests": [given]}, Here()))  # type: ignore[arg-type]
    error = results["certificates"]["a"]["error"]
    assert "the Python library acme is missing" in error and "requirements/acme.txt" in error
    here = Here()
    assert renewal.look({"issuers": issuers}, here) == {"due": {}}  # type: ignore[arg-type]
    assert "the Python library acme is missing" in here.warnings[0]
