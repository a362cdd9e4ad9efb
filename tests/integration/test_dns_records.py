"""Record sets at a real BIND, through the package."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible.module_utils.fedgate.errors import FedgateError, InvalidValue, Refused, Unreachable, WorldMoved

from .bind import BROKEN, CLOSED, KEYS, NAMED, STATIC, Bind
from .dns_world import LONDON, SRV, TOKYO, a, absent, names_of, publish, reconciler, srv, zones_of

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
ASIA = "_xmpp-server._tcp.contoso-asia.example"


BOTH = [
    srv(f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"),
    a(LONDON, "192.0.2.10"),
    a(TOKYO, "192.0.2.20", "192.0.2.21"),
    {"name": TOKYO, "type": "AAAA", "ttl": 300, "values": ["2001:db8::20"]},
    {"name": "im.contoso.example", "type": "CNAME", "ttl": 300, "values": [LONDON]},
    {"name": "note.contoso.example", "type": "TXT", "ttl": 300, "values": ['say "hi"', "x" * 700]},
    srv(f"10 0 5269 {TOKYO}", name=ASIA),
    a("deep.contoso.example", "192.0.2.30"),
    srv(f"10 0 5269 {TOKYO}", name="_xmpp-server._tcp.deep.contoso.example"),
]


def test_creates_everything_once_and_touches_nothing_else(bind: Bind) -> None:
    zones = ("contoso.example", "contoso-asia.example", "deep.contoso.example")
    before = {zone: bind.everything(zone) for zone in zones}
    plan = publish(bind, BOTH)
    assert len(plan.changes) == 9 and all(change.action == "create" for change in plan.changes)
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})
    assert bind.look("_xmpp-server._tcp.deep.contoso.example", "SRV") is not None
    assert all(before[zone] <= bind.everything(zone) for zone in zones)
    assert not publish(bind, BOTH)
    shuffled = [
        {**record, "values": [v.upper() if record["type"] != "TXT" else v for v in record["values"][::-1]]}
        for record in BOTH[::-1]
    ]
    assert not publish(bind, shuffled)
    gone = publish(bind, [absent(record["name"], record["type"]) for record in BOTH])
    assert len(gone.changes) == 9
    assert {zone: bind.everything(zone) for zone in zones} == before


def test_names_zones_serials_and_messages(bind: Bind) -> None:
    work = reconciler(bind.provider(), BOTH)
    observed = work.observe()
    plan = work.plan(observed)
    facts = {"server": bind.address, "read_by": "queries"}
    assert zones_of(work.results(observed, plan))["contoso.example"] == {**facts, "messages": 0, "serial": 1}
    work.apply(plan, observed)
    assert zones_of(work.results(observed, plan))["contoso.example"] == {**facts, "messages": 1, "serial": 2}


def test_changes_values_and_time_to_live(bind: Bind) -> None:
    publish(bind, BOTH)
    plan = publish(bind, [srv(f"10 0 5269 {LONDON}", ttl=900)])
    assert names_of(plan) == [f"update {SRV} SRV"]
    assert plan.changes[0].before == {"ttl": 300, "values": [f"10 0 5269 {LONDON}", f"20 0 5269 {TOKYO}"]}
    assert bind.look(SRV, "SRV") == (900, {f"10 0 5269 {LONDON}."})


def test_other_types_and_names_beside_ours_stay(bind: Bind) -> None:
    bind.edit(
        "contoso.example",
        ("add", LONDON, "60", "TXT", "theirs"),
        ("add", "_sip._tls.contoso.example", "60", "SRV", "1 1 1 x.contoso.example."),
    )
    publish(bind, BOTH)
    publish(bind, [absent(LONDON, "A"), absent(SRV, "SRV")])
    assert bind.look(LONDON, "TXT") == (60, {'"theirs"'})
    assert bind.look("_sip._tls.contoso.example", "SRV") is not None
    assert bind.look(LONDON, "A") is None


def test_hold_leaves_a_site_as_it_is(bind: Bind) -> None:
    publish(bind, BOTH)
    plan = publish(
        bind,
        [srv(f"10 0 5269 {LONDON}", f"30 0 5269 {TOKYO}"), a(LONDON, "192.0.2.11"), a(TOKYO, "192.0.2.99")],
        [TOKYO],
    )
    assert names_of(plan) == [f"update {LONDON} A"]
    assert bind.look(SRV, "SRV") == (300, {f"10 0 5269 {LONDON}.", f"20 0 5269 {TOKYO}."})


def test_a_hold_that_is_no_name(bind: Bind) -> None:
    with pytest.raises(InvalidValue, match=r"hold\[1\]: "):
        reconciler(bind.provider(), BOTH, [TOKYO, "192.0.2.1"])


@pytest.mark.parametrize("key", ["fedgate", "strong"])
def test_algorithms(bind: Bind, key: str) -> None:
    assert publish(bind, [a(LONDON, "192.0.2.10")], key=key)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tsig_secret": base64.b64encode(b"wrong").decode()}, ["BADSIG", "tsig_secret", "fedgate"]),
        ({"tsig_name": "nobody"}, ["BADKEY", "nobody", "tsig_name"]),
        ({"tsig_algorithm": "hmac-sha512"}, ["BAD", "hmac-sha512", "tsig_algorithm"]),
    ],
)
def test_a_wrong_key_is_refused_before_any_change(bind: Bind, options: dict[str, str], says: list[str]) -> None:
    before = bind.everything("contoso.example")
    with pytest.raises(Refused) as caught:
        publish(bind, BOTH, **options)
    assert all(word in str(caught.value) for word in says), str(caught.value)
    assert options.get("tsig_secret", "\0") not in str(caught.value)
    assert bind.everything("contoso.example") == before


def test_a_wrong_key_does_not_matter_when_nothing_has_to_change(bind: Bind) -> None:
    publish(bind, [a(LONDON, "192.0.2.10")])
    assert not publish(bind, [a(LONDON, "192.0.2.10")], tsig_name="nobody")


@pytest.mark.parametrize("secret", ["not base64!", "", "YWJj="])
def test_a_secret_that_is_not_base64_is_not_shown(bind: Bind, secret: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        reconciler(bind.provider(tsig_secret=secret), BOTH)
    assert "base64" in str(caught.value) and (not secret or secret not in str(caught.value))


def test_a_policy_that_does_not_allow_the_type(bind: Bind) -> None:
    with pytest.raises(Refused) as caught:
        publish(bind, BOTH[:2], key="limited")
    assert "REFUSED" in str(caught.value) and "update-policy" in str(caught.value)
    assert bind.look(LONDON, "A") is None


@pytest.mark.parametrize("zone", [CLOSED, STATIC])
def test_a_zone_that_takes_no_updates_from_us(bind: Bind, zone: str) -> None:
    with pytest.raises(Refused) as caught:
        publish(bind, [a(f"edge.{zone}", "192.0.2.10")])
    assert "REFUSED" in str(caught.value) and zone in str(caught.value)


@pytest.mark.parametrize("name", ["edge.elsewhere.example", "host.com", "a.b.c.d.test"])
def test_a_zone_the_server_does_not_own(bind: Bind, name: str) -> None:
    with pytest.raises(Refused) as caught:
        publish(bind, [a(LONDON, "192.0.2.10"), a(name, "192.0.2.10")])
    assert f"not authoritative for {name}" in str(caught.value) and "primary" in str(caught.value)
    assert bind.look(LONDON, "A") is None


def test_what_shall_go_from_a_zone_that_is_gone_is_a_warning(bind: Bind) -> None:
    work = reconciler(bind.provider(), [a(LONDON, "192.0.2.10"), absent("edge.elsewhere.example", "A")])
    observed = work.observe()
    plan = work.plan(observed)
    assert names_of(plan) == [f"create {LONDON} A"]
    work.results(observed, plan)
    (warning,) = work.context.warnings
    assert warning.startswith("edge.elsewhere.example: not in any zone")


def test_a_copy_of_the_root_zone_owns_nothing(tmp_path: Path) -> None:
    server = Bind(tmp_path, root=True)
    server.start()
    try:
        with pytest.raises(Refused, match=r"not authoritative for edge\.elsewhere\.example \(its answer: NXDOMAIN\)"):
            publish(server, [a("edge.elsewhere.example", "192.0.2.10")])
        assert publish(server, BOTH)
    finally:
        server.stop()


def test_a_name_below_a_delegation_is_not_ours(bind: Bind) -> None:
    bind.edit("contoso.example", ("add", "sub.contoso.example", "60", "NS", "ns.elsewhere.example."))
    with pytest.raises(Refused, match=r"not authoritative for edge\.sub\.contoso\.example"):
        publish(bind, [a("edge.sub.contoso.example", "192.0.2.10")])


def test_what_was_applied_before_a_zone_failed_is_reported(bind: Bind) -> None:
    records = [
        a(LONDON, "192.0.2.10"),
        srv(f"10 0 5269 {LONDON}"),
        srv(f"10 0 5269 {LONDON}", name=ASIA),
    ]
    work = reconciler(bind.provider(), records)
    observed = work.observe()
    plan = work.plan(observed)
    bind.edit("contoso-asia.example", ("add", ASIA, "60", "SRV", "1 1 1 x.example."))
    with pytest.raises(WorldMoved) as caught:
        work.apply(plan, observed)
    assert caught.value.details["zones_applied"] == ["contoso.example"]
    assert caught.value.details["moved"] == [ASIA] and ASIA in str(caught.value)
    assert bind.look(SRV, "SRV") and bind.look(ASIA, "SRV") == (60, {"1 1 1 x.example."})
    assert names_of(publish(bind, records)) == [f"update {ASIA} SRV"]


EDITS = {
    "a value added": [("add", SRV, "300", "SRV", "7 7 7777 theirs.contoso.example.")],
    "a value removed": [("delete", SRV, "SRV", f"10 0 5269 {LONDON}.")],
    "the set removed": [("delete", SRV, "SRV")],
    "a set that we would create": [("add", "new.contoso.example", "300", "A", "203.0.113.1")],
    "an alias where we would create": [("add", "new.contoso.example", "300", "CNAME", "www.contoso.example.")],
}


#: What the next run, which has seen the edit, does about it.
AFTER: dict[str, list[str]] = {
    "a value added": [f"update {SRV} SRV"],
    "a value removed": [f"update {SRV} SRV"],
    "the set removed": [f"create {SRV} SRV"],
    "a set that we would create": ["update new.contoso.example A"],
}


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_a_concurrent_edit_is_never_overwritten(bind: Bind, edit: str) -> None:
    publish(bind, BOTH)
    records = [srv(f"10 0 5269 {LONDON}"), a("new.contoso.example", "192.0.2.50"), a(LONDON, "192.0.2.77")]
    work = reconciler(bind.provider(), records)
    observed = work.observe()
    plan = work.plan(observed)
    bind.edit("contoso.example", *EDITS[edit])
    theirs = bind.everything("contoso.example")
    edited = EDITS[edit][0][1]
    with pytest.raises(WorldMoved, match=f"somebody else changed {edited} "):
        work.apply(plan, observed)
    # What was edited is as they left it; all the rest is done.
    now = bind.everything("contoso.example")
    assert {line for line in now if line.startswith(edited)} == {line for line in theirs if line.startswith(edited)}
    assert bind.look(LONDON, "A") == (300, {"192.0.2.77"})
    if edit == "an alias where we would create":
        with pytest.raises(InvalidValue, match="cannot get A records: it has CNAME"):
            publish(bind, records)
    else:
        assert names_of(publish(bind, records)) == AFTER[edit]


def test_a_concurrent_edit_that_is_what_we_want_is_fine(bind: Bind) -> None:
    publish(bind, BOTH)
    work = reconciler(bind.provider(), [srv(f"10 0 5269 {LONDON}"), a(LONDON, "192.0.2.77")])
    observed = work.observe()
    plan = work.plan(observed)
    bind.edit("contoso.example", ("delete", SRV, "SRV", f"20 0 5269 {TOKYO}."))
    work.apply(plan, observed)
    assert not work.plan(work.observe_again(plan))
    assert bind.look(LONDON, "A") == (300, {"192.0.2.77"})


def test_large_updates_are_cut_by_bytes(bind: Bind) -> None:
    records = [
        srv(f"10 0 5269 {LONDON}", name=f"_xmpp-server._tcp.domain-{number}.contoso.example") for number in range(1500)
    ]
    work = reconciler(bind.provider(), records)
    observed = work.observe()
    plan = work.plan(observed)
    work.apply(plan, observed)
    assert not work.plan(work.observe_again(plan))
    assert zones_of(work.results(observed, plan))["contoso.example"]["messages"] == 3
    assert not publish(bind, records)
    changed = [{**record, "ttl": 600} for record in records]
    assert len(publish(bind, changed).changes) == 1500
    assert len(publish(bind, [absent(record["name"], "SRV") for record in records]).changes) == 1500


def test_what_was_applied_of_a_zone_that_failed_is_reported(bind: Bind) -> None:
    owners = [f"_xmpp-server._tcp.domain-{number:04}.contoso.example" for number in range(1000)]
    work = reconciler(bind.provider(), [srv(f"10 0 5269 {LONDON}", name=owner) for owner in owners])
    observed = work.observe()
    plan = work.plan(observed)
    bind.edit("contoso.example", ("add", owners[-1], "60", "SRV", "1 1 1 theirs.contoso.example."))
    with pytest.raises(WorldMoved, match=owners[-1]):
        work.apply(plan, observed)
    assert bind.look(owners[0], "SRV") and bind.look(owners[-2], "SRV")
    assert bind.look(owners[-1], "SRV") == (60, {"1 1 1 theirs.contoso.example."})


def test_a_zone_that_did_not_load(bind: Bind) -> None:
    with pytest.raises(Refused, match=r"cannot answer for edge\.broken\.example A \(SERVFAIL\)"):
        publish(bind, [a(f"edge.{BROKEN}", "192.0.2.10")])


def test_a_set_larger_than_a_message(bind: Bind) -> None:
    with pytest.raises(InvalidValue, match="do not fit one message"):
        publish(bind, [a(LONDON, *(f"10.{i >> 8}.{i & 255}.1" for i in range(6000)))])


def test_a_server_that_is_not_there(bind: Bind) -> None:
    bind.stop()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 port \d+ does not answer.*`server`"):
        publish(bind, BOTH)


def test_a_server_that_dies_between_look_and_change(bind: Bind) -> None:
    work = reconciler(bind.provider(), BOTH)
    observed = work.observe()
    plan = work.plan(observed)
    bind.stop()
    with pytest.raises(Unreachable):
        work.apply(plan, observed)


def test_a_server_restarted_between_look_and_change(bind: Bind) -> None:
    work = reconciler(bind.provider(), BOTH)
    observed = work.observe()
    plan = work.plan(observed)
    bind.stop()
    bind.start()
    work.apply(plan, observed)
    assert not publish(bind, BOTH)


def test_a_name_of_a_server_that_does_not_resolve(bind: Bind) -> None:
    with pytest.raises(Unreachable, match=r"no-such-server\.invalid"):
        publish(bind, BOTH, server="no-such-server.invalid")


def test_an_alias_where_a_service_shall_be(bind: Bind) -> None:
    bind.edit("contoso.example", ("add", SRV, "60", "CNAME", "www.contoso.example."))
    with pytest.raises(InvalidValue) as caught:
        publish(bind, [srv(f"10 0 5269 {LONDON}")])
    assert SRV in str(caught.value) and "CNAME" in str(caught.value)
    plan = publish(bind, [srv(f"10 0 5269 {LONDON}"), absent(SRV, "CNAME")])
    assert names_of(plan) == [f"create {SRV} SRV", f"delete {SRV} CNAME"]


def test_an_alias_cannot_join_other_records(bind: Bind) -> None:
    alias = {"name": "www.contoso.example", "type": "CNAME", "ttl": 300, "values": [LONDON]}
    with pytest.raises(InvalidValue, match=r"www\.contoso\.example cannot get CNAME records: it has A"):
        publish(bind, [alias])
    plan = publish(bind, [alias, absent("www.contoso.example", "A")])
    assert len(plan.changes) == 2 and bind.look("www.contoso.example", "CNAME") is not None
    back = publish(bind, [a("www.contoso.example", "192.0.2.80"), absent("www.contoso.example", "CNAME")])
    assert len(back.changes) == 2


def test_what_a_wildcard_makes_up_is_not_there(bind: Bind) -> None:
    bind.edit("contoso.example", ("add", "*.contoso.example", "300", "A", "192.0.2.10"))
    assert names_of(publish(bind, [a("edge.contoso.example", "192.0.2.10")])) == ["create edge.contoso.example A"]
    assert not publish(bind, [a("edge.contoso.example", "192.0.2.10")])
    assert not publish(bind, [absent("other.contoso.example", "A")])
    assert bind.look("*.contoso.example", "A") == (300, {"192.0.2.10"})


def test_an_alias_that_a_wildcard_makes_up_is_not_there(bind: Bind) -> None:
    bind.edit("contoso.example", ("add", "*.contoso.example", "300", "CNAME", "www.contoso.example."))
    records = [srv(f"10 0 5269 {LONDON}"), a(LONDON, "192.0.2.10")]
    assert len(publish(bind, records).changes) == 2 and not publish(bind, records)
    gone = [absent(record["name"], record["type"]) for record in records]
    assert len(publish(bind, gone).changes) == 2 and not publish(bind, gone)
    assert bind.look("*.contoso.example", "CNAME") == (300, {"www.contoso.example."})


def test_txt_cut_otherwise_is_equal(bind: Bind) -> None:
    bind.edit("contoso.example", ("add", "note.contoso.example", "300", "TXT", '"v=spf1 " "-all"'))
    record = {"name": "note.contoso.example", "type": "TXT", "ttl": 300, "values": ["v=spf1 -all"]}
    assert not publish(bind, [record])
    plan = publish(bind, [{**record, "values": ["v=spf1 ~all"]}])
    assert names_of(plan) == ["update note.contoso.example TXT"]


def test_every_key_is_a_canary(bind: Bind) -> None:
    """No error shows a secret."""
    for options in ({"tsig_name": "nobody"}, {"port": 1}, {"tsig_algorithm": "hmac-md5"}):
        with pytest.raises(FedgateError) as caught:
            publish(bind, BOTH, **options)
        assert KEYS["fedgate"][1] not in str(caught.value)
