"""Which hosted zone of Route 53 a name lies in, and what is said where there is none, or more than one."""

from __future__ import annotations

import pytest
from ansible.module_utils.fedgate.errors import InvalidValue, Refused

from .route53 import LONDON, ZONE, World, absent, record


def test_zones_are_found_among_many_without_listing_all(route53: World) -> None:
    for number in range(250):
        route53.moto.zone(f"a{number:03}.example")
    deep = route53.moto.zone(f"deep.{ZONE}")
    near, upper = route53.moto.zone(f"contoso-asia.{ZONE}"), route53.moto.zone(ZONE)
    private = route53.moto.zone("corp", private=True)
    records = [
        record(f"x.deep.{ZONE}", "A", "192.0.2.1"),
        record(f"x.contoso-asia.{ZONE}", "A", "192.0.2.2"),
        record(f"x.notdeep.{ZONE}", "A", "192.0.2.3"),
    ]
    _, plan = route53.cost(records)
    assert len(plan.changes) == 3 and route53.proxy.counts["ListHostedZonesByName"] == 1
    assert [len(route53.sets(each)) for each in (deep, near, upper)] == [1, 1, 1]
    route53.cost([record("edge.corp", "A", "192.0.2.4")], private=True)
    assert len(route53.sets(private)) == 1


def test_public_and_private_zones_of_one_name(route53: World) -> None:
    public, private = route53.moto.zone(ZONE), route53.moto.zone(ZONE, private=True)
    route53.publish([record(LONDON, "A", "192.0.2.10")])
    route53.proxy.reset()
    route53.publish([record(LONDON, "A", "10.0.0.10")], private=True)
    assert route53.sets(public)[f"{LONDON}.", "A"] == (300, ("192.0.2.10",))
    assert route53.sets(private)[f"{LONDON}.", "A"] == (300, ("10.0.0.10",))


def test_two_zones_of_one_name_need_an_id(route53: World) -> None:
    one, other = route53.moto.zone(ZONE), route53.moto.zone(ZONE)
    with pytest.raises(InvalidValue) as caught:
        route53.publish([record(LONDON, "A", "192.0.2.10")])
    assert all(word in str(caught.value) for word in (one, other, ZONE, "zone_id"))
    for zone_id in (other, f"/hostedzone/{other}"):
        _, plan = route53.cost([record(LONDON, "A", "192.0.2.10")], zone_id=zone_id)
        assert "ListHostedZonesByName" not in route53.proxy.counts
    assert not plan and len(route53.sets(other)) == 1 and not route53.sets(one)
    with pytest.raises(Refused, match=rf"^edge\.elsewhere\.example does not lie in the hosted zone {ZONE} \({other}\)"):
        route53.publish([record("edge.elsewhere.example", "A", "192.0.2.10")], zone_id=other)


def test_a_name_without_a_zone(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.moto.zone("inside.example", private=True)
    with pytest.raises(Refused, match=r"^edge\.elsewhere\.example lies in no public hosted zone of Route 53 at http"):
        route53.publish([record("edge.elsewhere.example", "A", "192.0.2.10"), record(LONDON, "A", "192.0.2.10")])
    with pytest.raises(Refused, match=r"There is a private one, inside\.example \(\w+\); .* private: true"):
        route53.publish([record("edge.inside.example", "A", "192.0.2.10")])
    assert not route53.sets(zone)
    route53.proxy.reset()
    work = route53.work([absent("edge.elsewhere.example", "A")])
    observed = work.observe()
    plan = work.plan(observed)
    assert not plan and work.results(observed, plan)
    assert work.context.warnings[0].startswith("edge.elsewhere.example: not in any zone")


def test_a_delegated_name_is_not_this_zones(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.edit(zone, ("CREATE", f"ad.{ZONE}", "NS", 60, ["ns.elsewhere.example."]))
    for name in (f"edge.ad.{ZONE}", f"ad.{ZONE}"):
        with pytest.raises(Refused, match=rf"delegates ad\.{ZONE} to other name servers"):
            route53.publish([record(name, "A", "192.0.2.10")])
    assert not route53.sets(zone)
