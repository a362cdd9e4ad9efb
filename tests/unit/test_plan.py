"""Plans as values: digest, diff, and nothing secret in either."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.plan import CHANGED_SECRET, KNOWN_AFTER_APPLY, SECRET, Change, Pending, Plan
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.edge

NAMES = st.text(min_size=1, max_size=8)
FIELDS = st.none() | st.dictionaries(NAMES, st.integers() | NAMES | st.lists(NAMES, max_size=3), max_size=3)
CHANGES = st.builds(
    Change,
    action=st.sampled_from(["create", "update", "delete", "run"]),
    kind=NAMES,
    name=NAMES,
    before=FIELDS,
    after=FIELDS,
    subject=st.integers(),
)


def test_an_empty_plan_is_false() -> None:
    assert not Plan()
    assert not Plan.of([], [Pending("certificate", "edge", "the CA")])
    assert Plan.of([Change("create", "file", "/etc/x")])


@given(st.lists(CHANGES, max_size=5), st.randoms())
def test_digest_does_not_depend_on_order(changes: list[Change], random: object) -> None:
    shuffled = list(changes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Plan.of(changes).digest() == Plan.of(shuffled).digest()


@given(st.lists(CHANGES, max_size=3), CHANGES)
def test_digest_tells_plans_apart(changes: list[Change], one_more: Change) -> None:
    assert Plan.of(changes).digest() != Plan.of([*changes, one_more]).digest()


@given(CHANGES, st.integers())
def test_subject_is_neither_shown_nor_counted(change: Change, subject: int) -> None:
    other = Change(change.action, change.kind, change.name, change.before, change.after, subject)
    assert other == change
    assert Plan.of([other]).digest() == Plan.of([change]).digest()
    assert "subject" not in repr(other) and "subject" not in other.as_dict()


def test_change_as_plain_data() -> None:
    change = Change("update", "rrset", "_xmpp-server._tcp.contoso.example SRV", {"ttl": 300}, {"ttl": 60}, object())
    assert change.as_dict() == {
        "action": "update",
        "kind": "rrset",
        "name": "_xmpp-server._tcp.contoso.example SRV",
        "before": {"ttl": 300},
        "after": {"ttl": 60},
    }
    assert str(change) == "update rrset _xmpp-server._tcp.contoso.example SRV"


def test_diff_goes_field_by_field() -> None:
    changes = [
        Change("create", "certificate", "edge", None, {"names": ["a", "b"], "serial": KNOWN_AFTER_APPLY}),
        Change("update", "user", "alice", {"password": SECRET}, {"password": CHANGED_SECRET}),
        Change("delete", "file", "/etc/x", {"mode": "0640"}, None),
    ]
    assert Plan.of(changes).as_diff() == [
        {
            "before_header": "certificate edge (absent)",
            "after_header": "certificate edge",
            "before": "",
            "after": "names:\n  - a\n  - b\nserial: known after apply\n",
        },
        {
            "before_header": "user alice",
            "after_header": "user alice",
            "before": "password: secret\n",
            "after": "password: changed (secret)\n",
        },
        {
            "before_header": "file /etc/x",
            "after_header": "file /etc/x (absent)",
            "before": "mode: 0640\n",
            "after": "",
        },
    ]


def test_pending_as_plain_data() -> None:
    pending = Pending("certificate", "edge", "the CA: put the chain there")
    assert pending.as_dict() == {"kind": "certificate", "name": "edge", "waiting_for": "the CA: put the chain there"}
