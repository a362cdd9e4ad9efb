"""What goes wrong at Route 53 is said, nothing is half done unsaid, and nobody's edit is lost."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.fedgate.dns.route53.provider import Route53
from ansible.module_utils.fedgate.errors import (
    FedgateError,
    InvalidValue,
    NotConverged,
    Refused,
    Unreachable,
    WorldMoved,
)

from lab.route53.moto import Moto
from lab.servers import free_port

from .route53 import KEY_ID, LONDON, SECRET, SRV, TOKYO, ZONE, World, absent, names_of, record, services

CHANGE, LIST = "ChangeResourceRecordSets", "ListResourceRecordSets"
ASIA = "contoso-asia.example"
#: How often somebody comes in between; FEDGATE_REPEAT says which part of the full number.
TURNS = max(1, round(100 * float(os.environ.get("FEDGATE_REPEAT", "0.1"))))
RECORDS = [record(LONDON, "A", "192.0.2.10"), record(SRV, "SRV", f"10 0 5269 {LONDON}")]


def failing(call: Callable[[], object], *kinds: type[FedgateError]) -> FedgateError:
    """Return the error of a call, which shows no secret."""
    with pytest.raises(kinds) as caught:
        call()
    assert SECRET not in str(caught.value) and "canary" not in str(caught.value)
    return caught.value


EDITS: dict[str, tuple[str, list[tuple[str, str, str, int, list[str]]]]] = {
    "a value added": (
        SRV,
        [
            ("DELETE", SRV, "SRV", 300, [f"10 0 5269 {LONDON}."]),
            ("CREATE", SRV, "SRV", 300, [f"10 0 5269 {LONDON}.", "7 7 7777 theirs.example."]),
        ],
    ),
    "the set removed": (SRV, [("DELETE", SRV, "SRV", 300, [f"10 0 5269 {LONDON}."])]),
    "a set that we would create": (f"new.{ZONE}", [("CREATE", f"new.{ZONE}", "A", 60, ["203.0.113.1"])]),
    "an alias where we would create": (f"new.{ZONE}", [("CREATE", f"new.{ZONE}", "CNAME", 60, ["x.example."])]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_concurrent_edit_is_never_overwritten(route53: World, edit: str) -> None:
    zone = route53.moto.zone(ZONE)
    route53.publish(RECORDS)
    edited, changes = EDITS[edit]
    theirs: dict[Any, Any] = {}

    def somebody(_: object) -> None:
        route53.edit(zone, *changes)
        theirs.update({key: found for key, found in route53.sets(zone).items() if key[0] == f"{edited}."})

    route53.proxy.before(CHANGE, somebody)
    wanted = [
        record(SRV, "SRV", f"30 0 5269 {LONDON}"),
        record(f"new.{ZONE}", "A", "192.0.2.50"),
        record(LONDON, "A", "192.0.2.7"),
    ]
    error = failing(lambda: route53.publish(wanted), WorldMoved)
    assert f"somebody else changed {edited} between look and change" in str(error)
    assert error.details["moved"] == [edited] and error.details["changed"]
    now = route53.sets(zone)
    assert {key: found for key, found in now.items() if key[0] == f"{edited}."} == theirs
    assert now[f"{LONDON}.", "A"] == (300, ("192.0.2.7",))
    if "alias" not in edit:
        assert [change.split()[1] for change in names_of(route53.publish(wanted))] == [edited]


def test_an_edit_to_what_we_want_is_fine(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.before(CHANGE, lambda _: route53.edit(zone, ("CREATE", LONDON, "A", 300, ["192.0.2.10"])))
    route53.publish(RECORDS)
    assert len(route53.sets(zone)) == 2 and not route53.publish(RECORDS)


def test_no_edit_is_lost_however_often_somebody_comes_in_between(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    names = [f"h{number}.{ZONE}" for number in range(20)]
    wanted = [record(name, "A", "192.0.2.1") for name in names]
    chance = random.Random(7)

    def edit(name: str, address: str) -> None:
        found = route53.sets(zone).get((f"{name}.", "A"))
        removal = [("DELETE", name, "A", found[0], list(found[1]))] if found else []
        route53.edit(zone, *removal, ("CREATE", name, "A", 60, [address]))

    for turn in range(TURNS):
        name, address = chance.choice(names), f"203.0.113.{turn % 250}"
        route53.proxy.before(CHANGE, lambda _, name=name, address=address: edit(name, address))
        for one in wanted:
            one["values"] = [f"192.0.2.{turn % 250}"]
        assert failing(lambda: route53.publish(wanted), WorldMoved).details["moved"] == [name]
        there = route53.sets(zone)
        assert there.pop((f"{name}.", "A")) == (60, (address,))
        assert set(there.values()) == {(300, (f"192.0.2.{turn % 250}",))} and len(there) == len(names) - 1


def test_no_credentials(route53: World) -> None:
    route53.moto.zone(ZONE)
    error = failing(lambda: route53.publish(RECORDS, access_key_id=None, secret_access_key=None), Refused)
    assert all(word in str(error) for word in ("no AWS credentials", "profile", "AWS_ACCESS_KEY_ID", "access_key_id"))
    assert not route53.proxy.counts


def test_the_usual_chain_of_credentials(route53: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    route53.moto.zone(ZONE)
    none = {"access_key_id": None, "secret_access_key": None}
    (tmp_path / "credentials").write_text(f"[edge]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert route53.publish(RECORDS, profile="edge", **none)
    error = failing(lambda: route53.publish(RECORDS, profile="nobody", **none), InvalidValue)
    assert "nobody" in str(error) and "`profile`" in str(error)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert not route53.publish(RECORDS, **none)


def test_a_role_to_assume(route53: World) -> None:
    zone = route53.moto.zone(ZONE, account="111122223333")
    role = "arn:aws:iam::111122223333:role/dns"
    assert route53.publish(RECORDS, role_arn=role, external_id="canary-external")
    assert route53.proxy.counts["AssumeRole"] == 1 == route53.results["requests"]["AssumeRole"]
    assert route53.results["zones"][ZONE]["id"] == zone
    route53.proxy.fail("AssumeRole", "AccessDenied")
    error = failing(lambda: route53.publish(RECORDS, role_arn=role, external_id="canary-external"), Refused)
    assert f"assuming the role {role}" in str(error) and "sts:AssumeRole" in str(error)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"secret_access_key": None}, "no secret_access_key"),
        ({"access_key_id": None}, "no access_key_id"),
        ({"profile": "edge"}, "an access key and a profile (edge)"),
        ({"access_key_id": None, "secret_access_key": None, "session_token": "canary"}, "session_token but no access"),
        ({"ca_file": "/nonexistent/ca.pem"}, "ca_file '/nonexistent/ca.pem' cannot be read"),
        ({"external_id": "canary"}, "external_id but no role_arn"),
        ({"endpoint_url": "localhost:4566"}, "endpoint_url 'localhost:4566' is no address"),
        ({"endpoint_url": "https://me:canary@aws.example"}, "endpoint_url of the DNS provider holds a user"),
        ({"requests_per_second": 0.0}, "requests_per_second is 0"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(route53: World, options: dict[str, Any], says: str) -> None:
    error = failing(lambda: route53.work(RECORDS, **options), InvalidValue)
    assert says in str(error) and error.hint


def test_a_region_that_is_none(route53: World) -> None:
    error = failing(lambda: route53.publish(RECORDS, region="not a region!"), InvalidValue)
    assert "not a region!" in str(error)


def test_an_endpoint_that_speaks_no_tls(route53: World) -> None:
    url = route53.proxy.url.replace("http:", "https:")
    error = failing(lambda: route53.publish(RECORDS, endpoint_url=url), Unreachable)
    assert url in str(error) and "ca_file" in str(error)


@pytest.mark.parametrize("operation", ["ListHostedZonesByName", LIST, CHANGE, "GetChange"])
def test_an_action_that_no_policy_allows(route53: World, operation: str) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.policy = lambda request: request.operation != operation
    error = failing(lambda: route53.publish(RECORDS), Refused)
    assert f"route53:{operation}" in str(error) and "Let a policy allow the action" in str(error)
    assert (zone in str(error)) == (operation in (LIST, CHANGE))
    assert bool(route53.sets(zone)) == (operation == "GetChange")
    route53.proxy.policy = None
    assert bool(route53.publish(RECORDS)) == (operation != "GetChange")


@pytest.mark.parametrize(
    ("code", "says", "hint"),
    [
        ("ExpiredToken", "the session of the AWS credentials has expired", "Sign in again"),
        ("InvalidClientTokenId", f"AWS does not know the access key {KEY_ID}", "access_key_id"),
        ("SignatureDoesNotMatch", f"the secret access key is not that of the access key {KEY_ID}", "secret_access_key"),
    ],
)
@pytest.mark.parametrize("operation", ["ListHostedZonesByName", CHANGE])
def test_credentials_that_aws_does_not_take(route53: World, code: str, says: str, hint: str, operation: str) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.fail(operation, code)
    error = failing(lambda: route53.publish(RECORDS), Refused)
    assert says in str(error) and hint in str(error) and code in str(error)
    assert not route53.sets(zone) and route53.publish(RECORDS)


def test_an_unknown_zone_id(route53: World) -> None:
    error = failing(lambda: route53.publish(RECORDS, zone_id="Z0UNKNOWN"), Refused)
    assert "NoSuchHostedZone" in str(error) and "Z0UNKNOWN" in str(error) and "zone_id" in str(error)


def test_a_value_that_route53_refuses(route53: World) -> None:
    route53.moto.zone(ZONE)
    route53.proxy.fail(CHANGE, "InvalidChangeBatch")
    error = failing(lambda: route53.publish(RECORDS), Refused)
    assert not isinstance(error, WorldMoved) and "none of these changes" in str(error)


@pytest.mark.parametrize("code", ["Throttling", "PriorRequestNotComplete", "ServiceUnavailable"])
def test_refusals_that_pass(route53: World, code: str) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.fail(CHANGE, code, code)
    route53.proxy.fail(LIST, code)
    assert route53.publish(RECORDS) and len(route53.sets(zone)) == 2
    assert route53.proxy.counts[CHANGE] == 3 and route53.proxy.errors[code] == 3
    assert route53.results["zones"][ZONE]["messages"] == 1


@pytest.mark.parametrize(
    ("code", "says"), [("Throttling", "throttled"), ("PriorRequestNotComplete", "the zone is busy with other changes")]
)
def test_refusals_that_do_not_pass(route53: World, code: str, says: str) -> None:
    zone = route53.moto.zone(ZONE)
    work = route53.work(RECORDS)
    (place,) = work._places
    assert isinstance(place.provider, Route53)
    place.provider.calls.patience = 1.0  # minutes, for users
    observed = work.observe()
    plan = work.plan(observed)
    route53.proxy.fail(CHANGE, *[code] * 20)
    error = failing(lambda: work.apply(plan, observed), Refused)
    assert f"{says} for " in str(error) and code in str(error) and "this request changed nothing" in str(error)
    assert 2 <= route53.proxy.counts[CHANGE] <= 6 and not route53.sets(zone)


def test_others_who_use_up_the_rate(route53: World) -> None:
    """With half of the account's requests gone, ours slow down until they fit, and all is done."""
    zone = route53.moto.zone(ZONE, records=3000)
    route53.proxy.rate = 2
    labels = [f"pc{number:05}" for number in range(0, 3000, 600)]
    assert route53.publish(services(*labels), requests_per_second=5.0)
    assert len(route53.sets(zone)) == 3005
    assert route53.proxy.errors["Throttling"] < sum(route53.proxy.counts.values()) / 2


def test_name_servers_that_never_get_it(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.pending = math.inf
    error = failing(lambda: route53.publish(RECORDS, insync_timeout=1), NotConverged)
    assert "after 1 s: C0000000000001 PENDING" in str(error) and "insync_timeout" in str(error)
    assert error.details["changed"] and len(route53.sets(zone)) == 2
    assert not route53.publish(RECORDS)


@pytest.mark.parametrize(("fault", "done"), [("lost", True), ("cut", False), ("InternalFailure", False)])
def test_an_answer_that_is_lost(route53: World, fault: str, done: bool) -> None:
    zone = route53.moto.zone(ZONE)
    route53.proxy.fail(CHANGE, fault)
    error = failing(lambda: route53.publish(RECORDS), Unreachable)
    assert "whether it was carried out is not known" in str(error) and ZONE in str(error)
    assert route53.proxy.counts[CHANGE] == 1 and bool(route53.sets(zone)) == done
    assert bool(route53.publish(RECORDS)) != done and len(route53.sets(zone)) == 2


def test_lost_answers_to_questions_are_asked_for_again(route53: World) -> None:
    route53.moto.zone(ZONE)
    for operation, fault in (("ListHostedZonesByName", "cut"), (LIST, "lost"), ("GetChange", "InternalFailure")):
        route53.proxy.fail(operation, fault)
    assert route53.publish(RECORDS) and route53.proxy.counts["GetChange"] == 2
    route53.proxy.fail(LIST, *["InternalFailure"] * 4)
    error = failing(lambda: route53.publish(RECORDS), Unreachable)
    assert "InternalFailure (HTTP 500), 4 times" in str(error)


def test_what_took_effect_before_a_batch_failed_is_reported(route53: World) -> None:
    one, other = route53.moto.zone(ZONE), route53.moto.zone(ASIA)
    records = [record(f"h{number}.{ZONE}", "A", "192.0.2.1") for number in range(1200)]
    route53.proxy.fail(CHANGE, "", "", "ExpiredToken")
    error = failing(lambda: route53.publish([*records, record(f"a.{ASIA}", "A", "192.0.2.1")]), Refused)
    assert "1 earlier messages of this zone were applied" in str(error) and f"Applied: {ASIA}" in str(error)
    assert error.details["changed"] and (len(route53.sets(one)), len(route53.sets(other))) == (1000, 1)
    assert len(route53.publish(records).changes) == 200
    assert not route53.publish(records)


def test_nobody_at_the_endpoint(route53: World) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    error = failing(lambda: route53.publish(RECORDS, endpoint_url=url), Unreachable)
    assert url in str(error) and "endpoint_url" in str(error)


def test_an_endpoint_that_is_none(route53: World) -> None:
    route53.moto.zone(ZONE)
    error = failing(lambda: route53.publish(RECORDS, endpoint_url=f"{route53.proxy.url}/elsewhere"), Refused)
    assert "none of Route 53's" in str(error) and "endpoint_url" in str(error)


def test_a_server_that_dies_between_look_and_change(route53: World) -> None:
    with Moto() as moto:
        moto.zone(ZONE)
        work = route53.work(RECORDS, endpoint_url=moto.url)
        observed = work.observe()
        plan = work.plan(observed)
        moto.stop()
        error = failing(lambda: work.apply(plan, observed), Unreachable)
        assert moto.url in str(error) and not error.details["changed"]


def test_removed_records_go_even_if_their_addresses_are_somebody_elses(route53: World) -> None:
    zone = route53.moto.zone(ZONE)
    route53.publish([*RECORDS, record(TOKYO, "A", "192.0.2.20")])
    route53.publish([absent(SRV, "SRV"), absent(LONDON, "A")])
    assert route53.sets(zone) == {(f"{TOKYO}.", "A"): (300, ("192.0.2.20",))}
