"""Several DNS providers in one call: who is given what, all planned before any is changed, and the brake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible.module_utils.fedgate.dns.reconciler import DnsRecords
from ansible.module_utils.fedgate.errors import InvalidValue, NeedsForce, Refused, Unreachable
from ansible.module_utils.fedgate.plan import Plan

from .bind import NAMED, Bind
from .dns_world import Warnings

pytestmark = pytest.mark.skipif(not Path(NAMED).exists(), reason="BIND is not installed (package bind9)")
SRV = "_xmpp-server._tcp.contoso.example"
ASIA = "_xmpp-server._tcp.contoso-asia.example"
DEEP = "edge.deep.contoso.example"
LONDON = "edge.london.contoso.example"


class Two(NamedTuple):
    first: Bind
    second: Bind


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    two = Two(Bind(tmp_path_factory.mktemp("first")), Bind(tmp_path_factory.mktemp("second")))
    for server in two:
        server.start()
    yield two
    for server in two:
        server.stop()


@pytest.fixture
def two(servers: Two) -> Iterator[Two]:
    """Both servers, with what a test adds taken away again."""
    yield servers
    for server in servers:
        for zone in ("contoso.example", "contoso-asia.example", "deep.contoso.example"):
            for name in {line.split()[0] for line in server.everything(zone)}:
                if any(part in name for part in ("_xmpp", "edge", "site")):
                    server.edit(zone, ("delete", f"{name}."))


def record(name: str, rtype: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": rtype, "ttl": 300, "values": list(values), "state": "present", **more}


def work(
    providers: list[dict[str, Any]], records: list[dict[str, Any]], check: bool = False, **more: Any
) -> DnsRecords:
    given = {"hold": [], "force": False, "wait": "provider", "providers": providers, "records": records}
    context = Warnings()
    context.check_mode = check
    return DnsRecords({**given, **more}, context)


def publish(one: DnsRecords) -> Plan:
    """Walk the steps as ``module.run`` does, and return what was done."""
    observed = one.observe()
    plan = one.plan(observed)
    if plan:
        one.apply(plan, observed)
        observed = one.observe_again(plan)
        assert not one.plan(observed)
    one.found = one.results(observed, plan)  # type: ignore[attr-defined]
    return plan


def test_each_zone_goes_to_who_names_it(two: Two) -> None:
    providers = [
        two.first.provider(name="rest"),
        two.second.provider(name="asia", zones=["Contoso-Asia.Example."]),
        two.second.provider(name="deep", zones=["deep.contoso.example"]),
    ]
    records = [record(SRV, "SRV", f"10 0 5269 {LONDON}"), record(LONDON, "A", "192.0.2.10")]
    records += [record(ASIA, "SRV", f"10 0 5269 {LONDON}"), record(DEEP, "A", "192.0.2.20")]
    one = work(providers, records)
    plan = publish(one)
    assert [change.name for change in plan.changes] == [
        f"{DEEP} A at deep", f"{LONDON} A at rest", f"{ASIA} SRV at asia", f"{SRV} SRV at rest",
    ]  # fmt: skip
    assert two.first.look(LONDON, "A") and two.first.look(SRV, "SRV") and not two.first.look(ASIA, "SRV")
    assert two.second.look(ASIA, "SRV") and two.second.look(DEEP, "A") and not two.second.look(SRV, "SRV")
    zones = {name: sorted(found["zones"]) for name, found in one.found["providers"].items()}  # type: ignore[attr-defined]
    assert zones == {"rest": ["contoso.example"], "asia": ["contoso-asia.example"], "deep": ["deep.contoso.example"]}
    assert not publish(work(providers, records[::-1]))


def test_two_providers_of_one_zone_get_the_same(two: Two) -> None:
    providers = [two.first.provider(name="one"), two.second.provider(name="other")]
    assert len(publish(work(providers, [record(LONDON, "A", "192.0.2.10")])).changes) == 2
    two.second.edit("contoso.example", ("add", LONDON, "300", "A", "192.0.2.99"))
    plan = publish(work(providers, [record(LONDON, "A", "192.0.2.10")]))
    assert [change.name for change in plan.changes] == [f"{LONDON} A at other"]
    assert two.first.look(LONDON, "A") == two.second.look(LONDON, "A") == (300, {"192.0.2.10"})


def test_each_view_has_its_own_addresses(two: Two) -> None:
    providers = [two.first.provider(name="outside"), two.second.provider(name="inside", view="internal")]
    records = [record(LONDON, "A", "192.0.2.10"), record(LONDON, "A", "10.0.0.10", view="internal")]
    publish(work(providers, records))
    assert two.first.look(LONDON, "A") == (300, {"192.0.2.10"})
    assert two.second.look(LONDON, "A") == (300, {"10.0.0.10"})


def test_nothing_is_changed_when_one_of_them_cannot_be_planned(two: Two) -> None:
    providers = [two.first.provider(name="one"), two.second.provider(name="other", port=1, server="127.0.0.1")]
    one = work(providers, [record(LONDON, "A", "192.0.2.10")])
    with pytest.raises(Unreachable):
        publish(one)
    providers[1] = two.second.provider(key="limited", name="other")
    with pytest.raises(Refused, match="REFUSED"):  # found when it is applied: a key that may not change SRV
        publish(work(providers, [record(SRV, "SRV", f"10 0 5269 {LONDON}")]))
    assert not two.second.look(SRV, "SRV")
    assert not two.first.look(LONDON, "A")


def test_what_one_provider_got_before_another_failed_is_reported(two: Two) -> None:
    providers = [two.first.provider(name="one"), two.second.provider(key="limited", name="other")]
    records = [record(SRV, "SRV", f"10 0 5269 {LONDON}")]
    with pytest.raises(Refused) as caught:
        publish(work(providers, records))
    assert caught.value.details["zones_applied"] == ["contoso.example at one"]
    assert caught.value.details["zone_failed"] == "contoso.example at other"
    assert "Applied: contoso.example at one" in str(caught.value)
    providers[1] = two.second.provider(name="other")
    assert [change.name for change in publish(work(providers, records)).changes] == [f"{SRV} SRV at other"]


@pytest.mark.parametrize(
    ("providers", "says"),
    [
        ([], "no DNS provider is given"),
        ([{}, {}], "providers[1]: two DNS providers are called 'rfc2136'"),
        ([{"zones": ["no such_zone"]}], "providers[0].zones[0]: "),
        ([{"zones": ["contoso-asia.example"]}], f"no DNS provider takes {LONDON} A (view external)"),
        ([{"view": "internal"}], f"no DNS provider takes {LONDON} A (view external)"),
    ],
)
def test_providers_that_do_not_fit(two: Two, providers: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        work([two.first.provider(**options) for options in providers], [record(LONDON, "A", "192.0.2.10")])
    assert says in str(caught.value)


def _ten(ttl: int = 300) -> list[dict[str, Any]]:
    return [record(f"site{number}.contoso.example", "A", "192.0.2.10", ttl=ttl) for number in range(10)]


def test_a_large_change_needs_force(two: Two) -> None:
    publish(work([two.first.provider()], _ten()))
    four = _ten()[4:] + _ten(600)[:4]
    with pytest.raises(NeedsForce) as caught:
        publish(work([two.first.provider()], four))
    for words in ("4 of our 10 record sets there (40 %)", "30 %", "nothing was changed", "force: true"):
        assert words in str(caught.value)
    assert two.first.look("site0.contoso.example", "A") == (300, {"192.0.2.10"})
    checked = work([two.first.provider()], four, check=True)
    assert len(checked.plan(checked.observe()).changes) == 4
    assert "4 of our 10" in checked.context.warnings[0] and "force" in checked.context.warnings[0]
    assert len(publish(work([two.first.provider()], _ten()[3:] + _ten(600)[:3])).changes) == 3
    assert len(publish(work([two.first.provider()], four, force=True)).changes) == 1


def test_what_is_new_needs_no_force_and_neither_do_two_of_few(two: Two) -> None:
    publish(work([two.first.provider()], _ten()[:2]))
    assert len(publish(work([two.first.provider()], _ten(600))).changes) == 10


@pytest.mark.parametrize("end", [{"state": "absent", "values": []}, {"state": "retired", "values": []}], ids=str)
def test_the_last_srv_record_of_a_domain_needs_force(two: Two, end: dict[str, Any]) -> None:
    publish(work([two.first.provider()], [record(SRV, "SRV", f"10 0 5269 {LONDON}"), *_ten()]))
    with pytest.raises(NeedsForce, match=f"the last SRV record of {SRV} would go"):
        publish(work([two.first.provider()], [record(SRV, "SRV", **end), *_ten()]))
    assert two.first.look(SRV, "SRV")
    publish(work([two.first.provider()], [record(SRV, "SRV", **end), *_ten()], force=True))
    assert two.first.look(SRV, "SRV") == ((300, {"0 0 0 ."}) if end["state"] == "retired" else None)
    assert not publish(work([two.first.provider()], [record(SRV, "SRV", **end), *_ten()]))


def test_a_retired_domain_whose_zone_is_gone_is_a_warning(two: Two) -> None:
    gone = record("_xmpp-server._tcp.elsewhere.example", "SRV", state="retired")
    one = work([two.first.provider()], [gone, record(LONDON, "A", "192.0.2.10")])
    assert [change.name for change in publish(one).changes] == [f"{LONDON} A"]
    assert one.context.warnings[0].startswith("_xmpp-server._tcp.elsewhere.example: not in any zone")
